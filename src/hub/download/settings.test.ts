import { describe, expect, test } from "vitest";
import { ZerothError } from "../../errors.ts";
import { isPrivateHost } from "./hosts.ts";
import { proxyFor } from "./proxies.ts";
import { hubSettings } from "./settings.ts";

const none = () => undefined;
const thrown = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof ZerothError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

describe("environment", () => {
  test("what is not set has Python's defaults", () => {
    expect(hubSettings({}, none)).toEqual({
      endpoint: "https://huggingface.co",
      token: undefined,
      offline: false,
      timeout: 10_000,
      progress: true,
      symlinks: true,
      proxies: {},
    });
  });

  test("booleans are Python's", () => {
    for (const yes of ["1", "ON", "yes", "True"]) {
      expect(hubSettings({ HF_HUB_OFFLINE: yes }, none).offline).toBe(true);
      expect(hubSettings({ TRANSFORMERS_OFFLINE: yes }, none).offline).toBe(true);
      expect(hubSettings({ HF_HUB_DISABLE_PROGRESS_BARS: yes }, none).progress).toBe(false);
    }
    for (const no of ["", "0", "off", "no", "2"]) expect(hubSettings({ HF_HUB_OFFLINE: no }, none).offline).toBe(false);
    expect(hubSettings({ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }, none).offline).toBe(false);
  });

  test("the endpoint", () => {
    expect(hubSettings({ HF_ENDPOINT: "https://mirror.example/hub//" }, none).endpoint).toBe(
      "https://mirror.example/hub",
    );
    for (const HF_ENDPOINT of [
      "hub",
      "ftp://hub.example",
      "https://u:p@hub.example",
      "https://hub.example/?x",
      "file:///x",
    ]) {
      expect(thrown(() => hubSettings({ HF_ENDPOINT }, none)).code).toBe("bad_input");
    }
    const secret = thrown(() => hubSettings({ HF_ENDPOINT: "https://user:hf_secret@hub.example" }, none));
    expect(`${secret.message} ${secret.hint}`).not.toContain("hf_secret");
  });

  test("the token: the variable, its old name, then a file", () => {
    const asked: string[] = [];
    const file = (path: string) => {
      asked.push(path);
      return "hf_file\n";
    };
    expect(hubSettings({ HF_TOKEN: " hf_a\n", HUGGING_FACE_HUB_TOKEN: "hf_b" }, file).token).toBe("hf_a");
    expect(hubSettings({ HUGGING_FACE_HUB_TOKEN: "hf_b" }, file).token).toBe("hf_b");
    expect(asked).toEqual([]);
    expect(hubSettings({ HF_TOKEN_PATH: "~/t", HOME: "/home/me" }, file).token).toBe("hf_file");
    hubSettings({ HF_HOME: "/hf" }, file);
    hubSettings({ XDG_CACHE_HOME: "/cache" }, file);
    hubSettings({ HOME: "/home/me" }, file);
    expect(asked).toEqual(["/home/me/t", "/hf/token", "/cache/huggingface/token", "/home/me/.cache/huggingface/token"]);
    expect(hubSettings({ HF_TOKEN: "hf_a", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, file).token).toBeUndefined();
    expect(hubSettings({ HF_TOKEN: "hf_a", HF_HUB_OFFLINE: "1" }, file).token).toBeUndefined();
  });

  test("a token that fits no header is refused without being shown", () => {
    const error = thrown(() => hubSettings({ HF_TOKEN: "hf_se\ncret" }, none));
    expect(error.code).toBe("bad_input");
    expect(`${error.message} ${error.hint}`).not.toContain("cret");
  });

  test("the time limit", () => {
    const timeout = (seconds: string) => hubSettings({ HF_HUB_DOWNLOAD_TIMEOUT: seconds }, none).timeout;
    expect([timeout("30"), timeout("x"), timeout("-1"), timeout("0"), timeout("1e9")]).toEqual([
      30_000, 10_000, 10_000, 10_000, 3_600_000,
    ]);
  });
});

test("which hosts are inside", () => {
  for (const address of [
    ...["localhost", "a.localhost", "LOCALHOST.", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "10.1.2.3"],
    ...[
      "172.16.0.1",
      "172.31.9.9",
      "192.168.1.1",
      "169.254.169.254",
      "100.64.0.1",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
    ],
    ...["[::ffff:a00:1]", "[fd00::1]", "[fc12::]", "[fe80::1]"],
  ]) {
    expect([address, isPrivateHost(new URL(`http://${address}/`).hostname)]).toEqual([address, true]);
  }
  for (const address of [
    "huggingface.co",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "[2001:db8::1]",
    "localhost.example",
  ]) {
    expect([address, isPrivateHost(new URL(`http://${address}/`).hostname)]).toEqual([address, false]);
  }
});

test("which proxy", () => {
  const proxies = {
    http: "http://h:1",
    https: "http://s:2",
    none: "localhost, .corp.example plain.example:8443,*.star.example",
  };
  const cases = {
    "http://a.example/x": "http://h:1",
    "https://a.example/x": "http://s:2",
    "http://localhost:9/": undefined,
    "https://corp.example/": undefined,
    "https://a.corp.example/": undefined,
    "https://acorp.example/": "http://s:2",
    "https://plain.example/": "http://s:2",
    "https://plain.example:8443/": undefined,
    "https://b.star.example/": undefined,
  };
  for (const [address, proxy] of Object.entries(cases))
    expect([address, proxyFor(address, proxies)]).toEqual([address, proxy]);
  expect(proxyFor("https://a.example/", { ...proxies, none: "*" })).toBeUndefined();
  expect(proxyFor("https://a.example/", { http: "http://h:1" })).toBeUndefined();
});
