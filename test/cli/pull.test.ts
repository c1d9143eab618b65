/** Downloading as a script sees it, from a hub on this machine that has the embedded model under another name. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bytes } from "../../src/cli/output.ts";
import { type HubServer, sha256, startHub } from "../support/hub-server.js";

const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
const nano = fileURLToPath(new URL("../../models/zeroth-nano", import.meta.url));
const files = Object.fromEntries(readdirSync(nano).map((name) => [name, readFileSync(join(nano, name))]));
const size = bytes(Object.values(files).reduce((sum, { length }) => sum + length, 0));
const folder = mkdtempSync(join(tmpdir(), "zeroth-cli-pull-"));
let hub: HubServer;
beforeAll(async () => {
  hub = await startHub({
    "acme/nano": { files },
    "acme/broken": { files, hostile: [{ rfilename: "config.json", size: -1 }] },
  });
});
beforeEach(() => {
  hub.requests.length = 0;
  hub.setFault(() => undefined);
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Not spawnSync: the hub lives in this process. */
function zeroth(
  args: string[],
  more: Record<string, string> = {},
  onStart?: (stop: () => void) => void,
): Promise<Life> {
  const env = { ...process.env, HF_HOME: join(folder, "hf"), HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: "", NO_COLOR: "1" };
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env: { ...env, ...more } });
  const life: Life = { status: null, stdout: "", stderr: "" };
  child.stdin.end();
  child.stdout.on("data", (data) => {
    life.stdout += data;
  });
  child.stderr.on("data", (data) => {
    life.stderr += data;
  });
  onStart?.(() => child.kill("SIGINT"));
  return new Promise((resolve) => child.on("close", (status) => resolve({ ...life, status })));
}
const rowsOf = ({ stdout }: Life) =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const errorOf = ({ stderr }: Life) =>
  (JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { code: string; message: string; hint?: string } }).error;

describe("pull", () => {
  test("a row a file and a last one; talk on stderr", async () => {
    const life = await zeroth(["pull", "acme/nano", "--json"]);
    expect(life.status).toBe(0);
    const rows = rowsOf(life);
    const sorted = (list: unknown[][]) => list.sort((a, b) => String(a[0]).localeCompare(String(b[0])));
    expect(sorted(rows.slice(0, -1).map((row) => [row.file, row.bytes, row.sha256]))).toEqual(
      sorted(Object.entries(files).map(([name, data]) => [name, data.length, sha256(data)])),
    );
    expect(Object.keys(rows[0]!)).toEqual(["file", "bytes", "sha256"]);
    expect(rows.at(-1)).toMatchObject({ done: true, model: "acme/nano", files: Object.keys(files).length });
    expect(life.stderr).toMatch(/acme\/nano at [0-9a-f]{7}: 6 files, /);
    expect(life.stderr).toContain(` 6 files, ${size}, ${size} to download\n`);
    // No live line where no terminal is.
    expect(life.stderr).not.toContain("\r");
    const again = await zeroth(["pull", "acme/nano"]);
    expect(again.stderr).toMatch(/all here/);
    expect(again.stdout).toMatch(/snapshots\/[0-9a-f]{40}\n$/);
  });

  test("two processes at once: each file is served once, and both have the whole model", async () => {
    const more = { HF_HOME: join(folder, "both") };
    hub.setFault(({ kind }) => (kind === "store" || kind === "file" ? { throttle: 8_000_000 } : undefined));
    const lives = await Promise.all([1, 2].map(() => zeroth(["pull", "acme/nano", "--json"], more)));
    expect(lives.map(({ status }) => status)).toEqual([0, 0]);
    for (const life of lives) {
      expect(rowsOf(life).at(-1)).toMatchObject({ done: true, files: Object.keys(files).length });
      for (const row of rowsOf(life).slice(0, -1)) expect(row.sha256).toBe(sha256(files[String(row.file)]!));
    }
    // A large file is a redirect of the hub's and a body of its store's.
    const asked = hub.requests.filter(({ kind }) => kind !== "api");
    expect(new Set(asked.map(({ file }) => file))).toEqual(new Set(Object.keys(files)));
    expect(new Set(asked.map(({ kind, file }) => `${kind} ${file}`)).size).toBe(asked.length);
  });

  test("wrong use, missing models, hostile listings and offline mode have their codes", async () => {
    const code = async (args: string[], more?: Record<string, string>) => {
      const life = await zeroth([...args, "--json"], more);
      return [life.status, errorOf(life).code];
    };
    expect(await code(["pull"])).toEqual([2, "wrong_use"]);
    expect(await code(["pull", "a/b@x", "--revision", "y"])).toEqual([2, "wrong_use"]);
    expect(await code(["pull", "./folder"])).toEqual([1, "bad_input"]);
    expect(await code(["pull", "acme/none"])).toEqual([3, "not_found"]);
    expect(await code(["pull", "acme/nano@nowhere"])).toEqual([3, "not_found"]);
    expect(await code(["pull", "acme/broken"])).toEqual([1, "corrupt_file"]);
    hub.requests.length = 0;
    expect(await code(["pull", "acme/nano"], { HF_HUB_OFFLINE: "1" })).toEqual([3, "not_found"]);
    expect(hub.requests).toEqual([]);
  });

  test("Ctrl-C keeps what came and says how to go on", async () => {
    hub.setFault(({ kind }) => (kind === "store" ? { throttle: 1_000_000 } : undefined));
    const home = join(folder, "stopped");
    const life = await zeroth(["pull", "acme/nano"], { HF_HOME: home }, (stop) => {
      const look = setInterval(() => {
        if (!hub.requests.some(({ file }) => file === "model.safetensors")) return;
        clearInterval(look);
        setTimeout(stop, 400);
      }, 20);
    });
    expect(life.status).toBe(130);
    expect(life.stderr).toMatch(/go on with: zeroth pull acme\/nano/);
    hub.setFault(() => undefined);
    hub.requests.length = 0;
    expect((await zeroth(["pull", "acme/nano"], { HF_HOME: home })).status).toBe(0);
    const asked = hub.requests.find(({ kind, file }) => kind === "store" && file === "model.safetensors");
    expect(asked?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("through a proxy", async () => {
    const through: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket, head) => {
      through.push(request.url!);
      const [host, port] = request.url!.split(":");
      const onward = connect(Number(port), host === "localhost" ? "127.0.0.1" : host!, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const life = await zeroth(["pull", "acme/nano"], { HF_HOME: join(folder, "proxied"), HTTP_PROXY: address });
    proxy.close();
    proxy.closeAllConnections();
    expect([life.status, life.stderr.includes("Warning")]).toEqual([0, false]);
    expect(through).toContain(new URL(hub.url).host);
    expect(through).toContain(new URL(hub.storeUrl).host);
  });
});

test("generate downloads what is not here, visibly, and asks nobody the next time", async () => {
  const home = { HF_HOME: join(folder, "generated") };
  const ask = (more: string[] = []) =>
    zeroth(
      ["generate", "--model", "acme/nano", "Is this a fact or an opinion? Snow is cold.", "--json", ...more],
      home,
    );
  const first = await ask();
  expect(first.status).toBe(0);
  expect(first.stderr).toMatch(/acme\/nano is not on this machine yet\n.* MB to download\n.*every file checked/);
  hub.requests.length = 0;
  const second = await ask();
  expect([second.stdout, second.stderr]).toEqual([first.stdout, ""]);
  expect(hub.requests).toEqual([]);
  expect(errorOf(await zeroth(["generate", "x", "--model", "acme/none", "--json"], home)).code).toBe("not_found");
});

test("cache: list and remove", async () => {
  const home = { HF_HOME: join(folder, "cached"), ZEROTH_HOME: join(folder, "kept") };
  await zeroth(["pull", "acme/nano"], home);
  const [row] = rowsOf(await zeroth(["cache", "list", "--json"], home));
  expect(row).toMatchObject({ repo: "acme/nano", revision: "main", refs: ["main"], files: Object.keys(files).length });
  expect(new Date(row!.last_used as string).getTime()).toBeGreaterThan(Date.now() - 3_600_000);
  expect((await zeroth(["cache", "list"], home)).stdout).toMatch(
    new RegExp(`^acme/nano {2}main {2}.*${size} {2}used \\d{4}-`),
  );
  // Nobody is at the terminal, so nothing goes without --yes.
  expect((await zeroth(["cache", "remove", "acme/nano"], home)).status).toBe(2);
  expect((await zeroth(["cache", "remove", "acme/none", "--yes"], home)).status).toBe(3);
  expect((await zeroth(["cache", "prune"], home)).status).toBe(2);
  const removed = await zeroth(["cache", "remove", "acme/nano", "--yes", "--json"], home);
  expect(rowsOf(removed).at(-1)).toMatchObject({ done: true, repo: "acme/nano" });
  expect(existsSync(join(folder, "cached/hub/models--acme--nano"))).toBe(false);
  expect((await zeroth(["cache", "list"], home)).stderr).toMatch(/no models in/);
});
