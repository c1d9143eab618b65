/** Downloads from a server on this machine that does what networks do. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  commitOf,
  type Fault,
  gitSha1,
  type HubRepo,
  type HubRequest,
  type HubServer,
  sha256,
  startHub,
} from "../../../test/support/hub-server.js";
import { ZerothError } from "../../errors.ts";
import { createFileHash } from "./cache-node.ts";
import { type PullOptions, pull } from "./pull-node.ts";
import { retryTimes } from "./retry.ts";
import { transfer } from "./transfer.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-pull-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let hub: HubServer | undefined;
afterEach(async () => {
  await hub?.close();
  hub = undefined;
});

const noise = (bytes: number, seed = 1): Buffer => {
  const data = Buffer.alloc(bytes);
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return data;
};

const files: Record<string, Buffer> = {
  "config.json": Buffer.from('{"model_type":"t5"}'),
  "tokenizer.json": noise(3_000, 2),
  "generation_config.json": Buffer.from("{}"),
  "model.safetensors": noise(400_000, 3),
  "pytorch_model.bin": noise(2_000, 4),
  "tf_model.h5": noise(2_000, 5),
  "flax_model.msgpack": noise(2_000, 6),
  "onnx/model.onnx": noise(2_000, 7),
};
const wanted = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];
const weights = files["model.safetensors"]!;
const commit = commitOf(files);
const repo: HubRepo = { files, revisions: ["v1"] };

type FaultOf = (request: HubRequest & { count: number }) => Fault | undefined;
/** Only for the bytes of the weights, the n-th time they are asked for. */
const onWeights =
  (faults: (count: number, request: HubRequest) => Fault | undefined): FaultOf =>
  (request) =>
    request.kind === "store" && request.file === "model.safetensors" ? faults(request.count, request) : undefined;

let homes = 0;
async function start(fault?: FaultOf, repos: Record<string, HubRepo> = { "acme/tiny": repo }) {
  hub = await startHub(repos, fault ? { fault } : {});
  const home = join(root, `home-${homes++}`);
  const env: Record<string, string | undefined> = { HF_HOME: home, HF_ENDPOINT: hub.url, HF_HUB_DOWNLOAD_TIMEOUT: "5" };
  const cache = join(home, "hub", "models--acme--tiny");
  const retries: string[] = [];
  const go = (name = "acme/tiny", options: PullOptions = {}) =>
    pull(name, {
      env,
      times: { wait: 5, longestWait: 20, worthwhile: 50_000, poll: 10 },
      events: { retry: ({ why }) => retries.push(why) },
      ...options,
    });
  const served = (file: string) => hub!.requests.filter((one) => one.kind === "store" && one.file === file).length;
  return { hub, home, env, cache, go, retries, served };
}

const failure = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    return error as Error & { code: string; hint: string };
  }
  throw new Error("it did not fail");
};

/** The snapshot is whole and nothing else lies about. */
function expectWhole(cache: string): void {
  const snapshot = join(cache, "snapshots", commit);
  expect(readdirSync(snapshot).sort()).toEqual(wanted);
  for (const name of wanted) expect(readFileSync(join(snapshot, name)).equals(files[name]!), name).toBe(true);
  expect(readdirSync(join(cache, "blobs")).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
}

describe("a good connection", () => {
  test("the cache is laid out as Python has it", async () => {
    const { hub, home, cache, go } = await start();
    const planned: object[] = [];
    const { files: rows, path } = await go("acme/tiny", { events: { planned: (plan) => planned.push(plan) } });
    expectWhole(cache);
    const bytes = wanted.reduce((sum, name) => sum + files[name]!.length, 0);
    expect(planned).toEqual([{ repo: "acme/tiny", commit, files: 4, bytes, missing: bytes }]);
    expect(path).toBe(join(cache, "snapshots", commit));
    expect(readFileSync(join(cache, "refs", "main"), "utf8")).toBe(commit);
    expect(readlinkSync(join(path, "model.safetensors"))).toBe(`../../blobs/${sha256(weights)}`);
    expect(readlinkSync(join(path, "config.json"))).toBe(`../../blobs/${gitSha1(files["config.json"]!)}`);
    expect(readdirSync(join(cache, ".no_exist", commit)).sort()).toEqual([
      "model.safetensors.index.json",
      "special_tokens_map.json",
      "spiece.model",
      "tokenizer_config.json",
    ]);
    expect(readdirSync(join(home, "hub", ".locks", "models--acme--tiny"))).toContain(`${sha256(weights)}.lock`);
    expect(rows.map(({ file, sha256: hash, bytes: size, fetched }) => [file, hash, size, fetched]).sort()).toEqual(
      wanted.map((name) => [name, sha256(files[name]!), files[name]!.length, true]).sort(),
    );
    // A second time, nothing but the listing is asked for.
    const before = hub.requests.length;
    const again = await go();
    expect(hub.requests.slice(before).map(({ kind }) => kind)).toEqual(["api"]);
    expect(again.files.every(({ fetched }) => !fetched)).toBe(true);
  });
});

describe("the network breaks", () => {
  test("cut in the middle: goes on where it ended, under the same name in the store", async () => {
    const { hub, cache, go, served, retries } = await start(
      onWeights((count) => (count < 4 ? { cut: 100_000 } : undefined)),
    );
    await go();
    expectWhole(cache);
    expect(served("model.safetensors")).toBe(4);
    const asked = hub.requests.filter((one) => one.kind === "store" && one.file === "model.safetensors").slice(1);
    for (const { headers } of asked) {
      expect(headers.range).toMatch(/^bytes=[1-9]\d*-$/);
      expect(headers["if-range"]).toMatch(/^"store-/);
    }
    expect(retries.length).toBe(3);
  });

  test.each<[string, Fault, Fault?]>([
    ["a server that ignores ranges", { cut: 100_000 }, { ignoreRange: true }],
    ["a range that begins elsewhere", { cut: 100_000 }, { shiftRange: 7 }],
    ["a range of a whole of another size", { cut: 100_000 }, { total: 400_001 }],
    ["no such range", { cut: 100_000 }, { status: 416 }],
    ["another name in the store half-way", { cut: 100_000 }, { etag: '"other"', headers: { etag: '"changed"' } }],
    ["other bytes than listed", { corrupt: true }],
    ["other bytes from a range on", { cut: 100_000 }, { corrupt: true }],
    ["more bytes than listed", { extra: 5, chunked: true }],
    ["a length that is too long", { extra: 5 }],
    ["a length that is too short", { announce: 100 }],
    ["fewer bytes than announced", { cut: 399_999 }],
    ["nothing at all", { cut: 0 }],
    ["a store that has run out of patience with the address", { status: 403 }],
    ["errors of the store", { status: 500 }, { status: 503 }],
  ])("%s", async (_, first, second) => {
    const { cache, go } = await start(onWeights((count) => (count === 1 ? first : count === 2 ? second : undefined)));
    await go();
    expectWhole(cache);
  });

  test("another hash in the hub's own answer is not fetched at all", async () => {
    const { cache, go, served } = await start((request) =>
      request.kind === "file" && request.file === "model.safetensors" && request.count === 1
        ? { headers: { "x-linked-etag": `"${"0".repeat(64)}"` } }
        : undefined,
    );
    await go();
    expectWhole(cache);
    expect(served("model.safetensors")).toBe(2);
  });

  test("a connection that stands still is ended and asked anew", async () => {
    const { env, cache, go, retries } = await start(
      onWeights((count) => (count === 1 ? { stall: 60_000 } : undefined)),
    );
    env.HF_HUB_DOWNLOAD_TIMEOUT = "0.3";
    await go();
    expectWhole(cache);
    expect(retries.join()).toMatch(/no byte came for 0.3 s/);
  });

  test("a connection that only drips is ended too, one that is merely slow is not", async () => {
    const slow = await start(onWeights((count) => (count === 1 ? { drip: { bytes: 1, pause: 20 } } : undefined)));
    slow.env.HF_HUB_DOWNLOAD_TIMEOUT = "0.1";
    await slow.go();
    expectWhole(slow.cache);
    expect(slow.retries.join()).toMatch(/only \d+ bytes came in/);
    await slow.hub.close();
    const steady = await start(onWeights(() => ({ drip: { bytes: 40_000, pause: 60 } })));
    steady.env.HF_HUB_DOWNLOAD_TIMEOUT = "2";
    await steady.go();
    expectWhole(steady.cache);
    expect(steady.retries).toEqual([]);
  });

  test("429 is waited for as long as the server says, 500 for longer each time", async () => {
    const { hub, cache, go } = await start(({ kind, count }) =>
      kind === "api" && count === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined,
    );
    await go();
    expectWhole(cache);
    const [first, second] = hub.requests.filter(({ kind }) => kind === "api");
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
  });

  test("a wait longer than anybody's patience is an error at once", async () => {
    const { go } = await start(() => ({ status: 429, headers: { "retry-after": "7200" } }));
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/asks to wait 7200 s/),
    });
  });

  test("a server that never recovers is given up with the next step", async () => {
    const { go, cache, served } = await start(onWeights(() => ({ status: 502 })));
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/fails with 502/),
      hint: expect.stringMatching(/try again later/),
    });
    expect(served("model.safetensors")).toBe(6);
    expect(existsSync(join(cache, "snapshots"))).toBe(false);
    // What came is kept, so a later pull asks for the weights alone.
    hub!.setFault(() => undefined);
    const before = hub!.requests.length;
    await go();
    expectWhole(cache);
    expect(hub!.requests.slice(before).map(({ kind, file }) => file ?? kind)).toEqual([
      "api",
      "model.safetensors",
      "model.safetensors",
    ]);
  });

  test("a server that keeps sending something else is refused, and nothing of it kept", async () => {
    for (const fault of [{ corrupt: true }, { extra: 1 }, { announce: 3 }] as Fault[]) {
      const { go, cache } = await start(onWeights(() => fault));
      expect(await failure(go())).toMatchObject({
        code: "corrupt_file",
        message: expect.stringMatching(/keeps sending something else/),
      });
      expect(existsSync(join(cache, "blobs", sha256(weights)))).toBe(false);
      expect(existsSync(join(cache, "refs"))).toBe(false);
      await hub!.close();
    }
  });

  test("a hub that is not there is said soon, with the ways out", async () => {
    const { go, env } = await start();
    await hub!.close();
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)/),
      hint: expect.stringMatching(/HTTPS_PROXY.*HF_ENDPOINT.*HF_HUB_OFFLINE/),
    });
    env.HF_ENDPOINT = "http://127.0.0.1:1";
  });

  test("stopped on request: what came is kept, and the next pull goes on", async () => {
    const { hub, cache, go } = await start(onWeights(() => ({ throttle: 400_000 })));
    const stop = new AbortController();
    const progress = () => stop.abort();
    expect(await failure(go("acme/tiny", { signal: stop.signal, events: { progress } }))).toMatchObject({
      code: "interrupted",
    });
    const [left] = readdirSync(join(cache, "blobs")).filter((name) => name.endsWith(".incomplete"));
    expect(left).toBe(`${sha256(weights)}.incomplete`);
    hub.setFault(() => undefined);
    const before = hub.requests.length;
    await go();
    expectWhole(cache);
    const asked = hub.requests.slice(before).find(({ kind }) => kind === "store");
    expect(asked!.headers.range).toMatch(/^bytes=[1-9]/);
  });
});

describe("the disk breaks", () => {
  const file = { name: "x", bytes: 3_000, etag: sha256(noise(3_000)), hash: "sha256" } as const;
  const asked = { repo: "acme/tiny", revision: "main", endpoint: "http://hub.example", token: false, file: "x" };

  test.each([0, 1, 2])("the write number %i fails: said at once, not tried again", async (nth) => {
    let [writes, requests] = [0, 0];
    const draft = {
      size: async () => 0,
      clear: async () => {},
      async write() {
        if (writes++ === nth) throw new ZerothError("bad_input", "cannot be written (ENOSPC)");
      },
      async *read() {},
    };
    const fetch = async () => {
      requests++;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < 3_000; at += 1_000) controller.enqueue(noise(3_000).subarray(at, at + 1_000));
          controller.close();
        },
      });
      return new Response(body);
    };
    const work = transfer("http://hub.example/x", file, asked, draft, {
      fetch,
      settings: { endpoint: "http://hub.example", token: undefined, timeout: 5_000 },
      times: retryTimes,
      random: Math.random,
      now: () => performance.now(),
      createHash: createFileHash,
    });
    expect(await failure(work)).toMatchObject({ code: "bad_input", message: expect.stringMatching(/ENOSPC/) });
    expect(requests).toBe(1);
  });

  test("a cache that cannot be written", async () => {
    const { home, go } = await start();
    writeFileSync(home, "a file where the cache should be");
    expect((await failure(go())).code).toBe("bad_input");
  });
});

describe("what was left", () => {
  test.each([
    ["a draft of other bytes", (draft: string) => writeFileSync(draft, noise(200_000, 99)), 2],
    ["a draft that is too long", (draft: string) => writeFileSync(draft, noise(500_000, 3)), 1],
    ["a draft that is whole", (draft: string) => writeFileSync(draft, weights), 0],
    ["a draft that is whole but wrong", (draft: string) => writeFileSync(draft, noise(400_000, 98)), 1],
  ])("%s", async (_, leave, times) => {
    const { cache, go, served } = await start();
    mkdirSync(join(cache, "blobs"), { recursive: true });
    leave(join(cache, "blobs", `${sha256(weights)}.incomplete`));
    await go();
    expectWhole(cache);
    expect(served("model.safetensors")).toBe(times);
  });

  test("a blob cut short by something else is fetched again", async () => {
    const { cache, go } = await start();
    await go();
    writeFileSync(join(cache, "blobs", sha256(weights)), "short");
    await go();
    expectWhole(cache);
  });
});

describe("who may read", () => {
  test("the token goes to the hub, and to no other host or port", async () => {
    const { hub, env, cache, go } = await start();
    env.HF_TOKEN = "hf_secret";
    await go();
    expectWhole(cache);
    for (const { kind, headers } of hub.requests) {
      expect([kind, headers.authorization]).toEqual([kind, kind === "store" ? undefined : "Bearer hf_secret"]);
    }
  });

  test.each<[string, Fault, RegExp, RegExp]>([
    [
      "gated",
      { status: 403, headers: { "x-error-code": "GatedRepo" } },
      /access is restricted/,
      /ask for access on http.*set HF_TOKEN/,
    ],
    [
      "gated, unnamed",
      { status: 401, headers: { "x-error-code": "GatedRepo" } },
      /access is restricted/,
      /ask for access/,
    ],
    [
      "private or missing",
      { status: 401, headers: { "x-error-code": "RepoNotFound" } },
      /no such repository, or a private one/,
      /HF_TOKEN/,
    ],
    ["missing", { status: 404, headers: { "x-error-code": "RepoNotFound" } }, /no such repository/, /check the name/],
    [
      "no such revision",
      { status: 404, headers: { "x-error-code": "RevisionNotFound" } },
      /no revision "main"/,
      /branches and tags/,
    ],
  ])("%s", async (_, fault, message, hint) => {
    const { hub, env, go } = await start(({ kind }) => (kind === "api" ? fault : undefined));
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(hub.requests.length).toBe(1);
    env.HF_TOKEN = "hf_secret";
    const refused = await failure(go());
    expect(refused.code).toBe("not_found");
    expect(`${refused.message} ${refused.hint}`).not.toContain("hf_secret");
  });

  test("a file that is listed and not there", async () => {
    const { go } = await start(({ kind, file }) =>
      kind === "file" && file === "model.safetensors"
        ? { status: 404, headers: { "x-error-code": "EntryNotFound" } }
        : undefined,
    );
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/model\.safetensors: the file is not there/),
    });
  });

  test("a redirect from the open network into this machine is not followed", async () => {
    const { env, go } = await start();
    env.HF_ENDPOINT = "https://hub.example";
    for (const location of ["https://127.0.0.1/x", "http://store.example/x", "https://[::1]/x", "file:///etc/passwd"]) {
      const asked: string[] = [];
      const fetch = async (address: string) => {
        asked.push(address);
        return new Response(null, { status: 302, headers: { location } });
      };
      expect((await failure(go("acme/tiny", { fetch }))).message).toMatch(/is not followed/);
      expect(asked.length).toBe(1);
    }
  });

  test("a redirect in a circle ends", async () => {
    const { hub, go } = await start(({ kind }) =>
      kind === "api" ? { status: 302, headers: { location: "?again" } } : undefined,
    );
    expect(await failure(go())).toMatchObject({ code: "corrupt_file", message: expect.stringMatching(/without end/) });
    expect(hub.requests.length).toBe(6);
  });
});

describe("what is listed", () => {
  test("hostile names never reach the disk", async () => {
    const names = [
      "../../evil",
      "/etc/evil",
      "a/../../evil",
      "C:\\evil",
      "..\\evil",
      "evil\u0000",
      "CON",
      "aux.json",
      "a//b",
      "a/./b",
      "x".repeat(300),
      "evil.",
      "evil ",
      "\u202eevil",
      "a:b",
      "nul/x",
    ];
    const hostile = names.map((rfilename) => ({ rfilename, size: 4, blobId: gitSha1(Buffer.from("evil")) }));
    const { home, cache, go } = await start(undefined, { "acme/tiny": { ...repo, hostile } });
    await go();
    expectWhole(cache);
    expect(await failure(go("acme/tiny", { include: ["*evil*"] }))).toMatchObject({ code: "corrupt_file" });
    expect(readdirSync(home, { recursive: true }).filter((name) => String(name).includes("evil"))).toEqual([]);
  });

  test.each<
    [
      string,
      (answer: {
        sha: unknown;
        siblings: { rfilename: string; size?: unknown; blobId?: unknown; lfs?: object }[];
      }) => unknown,
    ]
  >([
    ["a commit that leads away", (answer) => ({ ...answer, sha: "../../../evil" })],
    ["no commit", ({ siblings }) => ({ siblings })],
    ["no files", ({ sha }) => ({ sha, siblings: "none" })],
    [
      "a hash that leads away",
      (answer) => ({
        ...answer,
        siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, blobId: "../../evil" })),
      }),
    ],
    [
      "a large file's hash that leads away",
      (answer) => ({ ...answer, siblings: [{ rfilename: "config.json", lfs: { sha256: "/etc/x", size: 3 } }] }),
    ],
    [
      "a negative size",
      (answer) => ({ ...answer, siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, size: -1 })) }),
    ],
    [
      "a size that is no number",
      (answer) => ({ ...answer, siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, size: "1e9" })) }),
    ],
    [
      "two files of one name",
      (answer) => ({
        ...answer,
        siblings: [...answer.siblings, { rfilename: "Config.json", size: 3, blobId: "0".repeat(40) }],
      }),
    ],
    ["an array", () => []],
    ["a name that is none", ({ sha }) => ({ sha, siblings: [{ rfilename: 7 }] })],
  ])("%s is refused before anything is written", async (_, answer) => {
    const { hub, cache, go } = await start(({ kind }) => (kind === "api" ? { answer } : undefined));
    expect((await failure(go())).code).toBe("corrupt_file");
    expect(existsSync(cache)).toBe(false);
    expect(hub.requests.length).toBe(1);
  });

  test("PyTorch's weights when there are no others, shards with their index, never other frameworks", async () => {
    const shard = (n: number) => `pytorch_model-0000${n}-of-00002.bin`;
    const sharded = {
      "config.json": files["config.json"]!,
      "spiece.model": noise(2000, 9),
      "pytorch_model.bin.index.json": Buffer.from("{}"),
      [shard(1)]: noise(5000, 10),
      [shard(2)]: noise(5000, 11),
      "tf_model.h5": noise(2000, 12),
      "rust_model.ot": noise(2000, 13),
    };
    const { go } = await start(undefined, { "acme/tiny": { files: sharded } });
    const { files: rows } = await go();
    expect(rows.map(({ file }) => file).sort()).toEqual(
      ["config.json", "spiece.model", "pytorch_model.bin.index.json", shard(1), shard(2)].sort(),
    );
  });

  test("what is asked for by pattern, folders too", async () => {
    const { cache, go } = await start();
    await go("acme/tiny@v1", { include: ["onnx/*", "*.h5"] });
    const snapshot = join(cache, "snapshots", commit);
    expect(readdirSync(snapshot, { recursive: true }).sort()).toEqual(["onnx", "onnx/model.onnx", "tf_model.h5"]);
    expect(readlinkSync(join(snapshot, "onnx", "model.onnx"))).toBe(
      `../../../blobs/${sha256(files["onnx/model.onnx"]!)}`,
    );
    expect(readFileSync(join(cache, "refs", "v1"), "utf8")).toBe(commit);
    expect(await failure(go("acme/tiny", { include: ["*.gguf"] }))).toMatchObject({
      code: "not_found",
      hint: expect.stringMatching(/config\.json/),
    });
  });
});

describe("this machine", () => {
  test("a disk that is too small is said before the first byte", async () => {
    const { hub, cache, go } = await start();
    expect(await failure(go("acme/tiny", { freeSpace: async () => 100_000 }))).toMatchObject({
      code: "bad_input",
      message: expect.stringMatching(/bytes are to come, the disk has room for 100000/),
      hint: expect.stringMatching(/HF_HOME/),
    });
    expect(hub.requests.length).toBe(1);
    expect(existsSync(cache)).toBe(false);
  });

  test("offline, nothing is asked", async () => {
    const { hub, env, go } = await start();
    for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
      env[name] = "yes";
      expect(await failure(go())).toMatchObject({ code: "not_found", message: expect.stringMatching(/offline/) });
      delete env[name];
    }
    expect(hub.requests).toEqual([]);
  });

  test("without links the files themselves lie in the snapshot, and are not fetched again", async () => {
    const { hub, env, cache, go } = await start();
    env.HF_HUB_DISABLE_SYMLINKS = "1";
    await go();
    const snapshot = join(cache, "snapshots", commit);
    expect(() => readlinkSync(join(snapshot, "config.json"))).toThrow();
    expectWhole(cache);
    const before = hub.requests.length;
    await go();
    expect(hub.requests.length).toBe(before + 1);
  });

  test("a proxy of the environment is used, and left aside where it says so", async () => {
    const { hub, env, cache, go } = await start();
    env.HTTP_PROXY = "http://127.0.0.1:1";
    expect((await failure(go())).message).toMatch(/cannot be reached/);
    expect(hub.requests).toEqual([]);
    env.NO_PROXY = "127.0.0.1, localhost";
    await go();
    expectWhole(cache);
  });
});
