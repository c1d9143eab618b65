/** Listing, removing and finding what was downloaded. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { commitOf, type HubRepo, type HubServer, sha256, startHub } from "../../../test/support/hub-server.js";
import { openModelFolder } from "../../folders/open-node.ts";
import { cachedName, listCached, planRemoval } from "./cached-node.ts";
import { ensureModel } from "./ensure-node.ts";
import { pull } from "./pull-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-cached-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let hub: HubServer | undefined;
afterEach(async () => {
  await hub?.close();
  hub = undefined;
});

const first: Record<string, Buffer> = {
  "config.json": Buffer.from("{}"),
  "model.safetensors": Buffer.alloc(5000, 1),
  "tokenizer.json": Buffer.alloc(2000, 2),
};
const second = { ...first, "model.safetensors": Buffer.alloc(7000, 3) };

let homes = 0;
async function start(repos: Record<string, HubRepo>) {
  hub = await startHub(repos);
  const home = join(root, `home-${homes++}`);
  const env: Record<string, string | undefined> = { HF_HOME: home, HF_ENDPOINT: hub.url };
  return { hub, env, cache: join(home, "hub") };
}

/** Two commits of one model that share a tokenizer, and another model. */
async function twoCommits() {
  const repos: Record<string, HubRepo> = { "acme/tiny": { files: first, revisions: ["v1"] }, other: { files: first } };
  const { env, cache } = await start(repos);
  await pull("acme/tiny@v1", { env });
  repos["acme/tiny"]!.files = second;
  await pull("acme/tiny", { env });
  await pull("other", { env });
  return { env, cache, folder: join(cache, "models--acme--tiny") };
}

test("list: repository, revision, size", async () => {
  const { cache } = await twoCommits();
  const rows = listCached(cache).map(({ path, lastUsed, ...row }) => row);
  const size = (files: Record<string, Buffer>) => Object.values(files).reduce((sum, { length }) => sum + length, 0);
  expect(rows.sort((a, b) => a.bytes - b.bytes)).toEqual([
    { repo: "acme/tiny", kind: "model", commit: commitOf(first), refs: ["v1"], bytes: size(first), files: 3 },
    { repo: "other", kind: "model", commit: commitOf(first), refs: ["main"], bytes: size(first), files: 3 },
    { repo: "acme/tiny", kind: "model", commit: commitOf(second), refs: ["main"], bytes: size(second), files: 3 },
  ]);
  expect(Math.abs(Date.now() - listCached(cache)[0]!.lastUsed)).toBeLessThan(600_000);
  expect(listCached(join(root, "none"))).toEqual([]);
});

test("remove one revision: what the other uses stays", async () => {
  const { env, cache, folder } = await twoCommits();
  const removal = planRemoval(cache, "acme/tiny@v1");
  expect([removal.bytes, removal.snapshots.length]).toEqual([5000, 1]);
  removal.remove();
  expect(readdirSync(join(folder, "refs"))).toEqual(["main"]);
  expect(readdirSync(join(folder, "snapshots"))).toEqual([commitOf(second)]);
  expect(existsSync(join(folder, "blobs", sha256(first["model.safetensors"]!)))).toBe(false);
  for (const [name, data] of Object.entries(second)) {
    expect(readFileSync(join(folder, "snapshots", commitOf(second), name)).equals(data)).toBe(true);
  }
  expect((await ensureModel("acme/tiny", { env })).revision).toBe(commitOf(second));
});

test("remove by the beginning of a commit, or all of a model", async () => {
  const { cache, folder } = await twoCommits();
  planRemoval(cache, `acme/tiny@${commitOf(second).slice(0, 9)}`).remove();
  expect(readdirSync(join(folder, "refs"))).toEqual(["v1"]);
  writeFileSync(join(folder, "blobs", `${"0".repeat(64)}.incomplete`), "half");
  const removal = planRemoval(cache, "acme/tiny");
  expect(removal.bytes).toBe(7002 + 4);
  removal.remove();
  expect(readdirSync(cache).sort()).toEqual([".locks", "CACHEDIR.TAG", "models--other"]);
  expect(readdirSync(join(cache, ".locks"))).toEqual(["models--other"]);
});

test("data sets stand beside models, under names of their own", async () => {
  const files = { "train.jsonl": Buffer.alloc(300, 4) };
  const { env, cache } = await start({ "acme/tiny": { files: first }, "datasets/acme/tiny": { files } });
  await pull("acme/tiny", { env });
  await pull("acme/tiny", { env, kind: "dataset", choose: (names) => names });
  const [model, data] = listCached(cache);
  expect([model!, data!].map(cachedName)).toEqual(["acme/tiny", "datasets/acme/tiny"]);
  expect(data).toMatchObject({ kind: "dataset", refs: ["main"], bytes: 300, files: 1 });
  const removal = planRemoval(cache, "datasets/acme/tiny");
  expect(removal).toMatchObject({ name: "datasets/acme/tiny", bytes: 300 });
  removal.remove();
  expect(listCached(cache)).toEqual([model]);
  expect(() => planRemoval(cache, "datasets/acme/tiny@main")).toThrow(/datasets\/acme\/tiny is not in the cache/);
});

test("remove what is not there", async () => {
  const { cache } = await twoCommits();
  for (const [name, code, message] of [
    ["acme/none", "not_found", /not in the cache/],
    ["acme/tiny@v9", "not_found", /not at v9/],
    ["acme/tiny@abc", "not_found", /not at abc/],
    ["../x", "bad_input", /paths are not allowed/],
  ] as const) {
    expect(() => planRemoval(cache, name)).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  }
});

test("blobs that Python shares between repositories open, and go with the last that uses them", async () => {
  const { cache } = await twoCommits();
  const hash = "ab".repeat(32);
  const store = join(cache, "blobs", "ab", hash);
  mkdirSync(join(cache, "blobs", "ab"), { recursive: true });
  const etag = sha256(first["model.safetensors"]!);
  const links = ["models--acme--tiny", "models--other"].map((name) => join(cache, name, "blobs", etag));
  const safetensors = new Uint8Array(10);
  safetensors.set([2, 0, 0, 0, 0, 0, 0, 0, 123, 125]);
  writeFileSync(store, safetensors);
  for (const link of links) {
    rmSync(link);
    symlinkSync(`../../blobs/ab/${hash}`, link);
  }
  const [, other] = listCached(cache).filter(({ commit }) => commit === commitOf(first));
  expect(openModelFolder(other!.path).weights.size).toBe(0);
  const one = planRemoval(cache, "acme/tiny@v1");
  expect(one.bytes).toBe(0);
  one.remove();
  expect(existsSync(store)).toBe(true);
  const last = planRemoval(cache, "other");
  expect(last.bytes).toBe(10 + 2002);
  last.remove();
  expect(existsSync(store)).toBe(false);
});

test("a name is found here first, and downloaded only when it is not", async () => {
  const { hub, env, cache } = await start({ "acme/tiny": { files: first } });
  const told: [string, string | undefined][] = [];
  const find = (name: string) => ensureModel(name, { env, onDownload: (...told_) => told.push(told_) });
  expect((await find("zeroth-nano")).source).toBe("shipped");
  expect(hub.requests).toEqual([]);
  const found = await find("acme/tiny");
  expect(found).toEqual({
    path: join(cache, "models--acme--tiny", "snapshots", commitOf(first)),
    name: "acme/tiny",
    revision: commitOf(first),
    source: "cache",
  });
  expect(told).toEqual([["acme/tiny", undefined]]);
  const before = hub.requests.length;
  expect(await find("acme/tiny")).toEqual(found);
  expect(hub.requests.length).toBe(before);
});

test("a snapshot that Python fetched in part is made whole", async () => {
  const { hub, env, cache } = await start({ "acme/tiny": { files: first } });
  await pull("acme/tiny", { env, include: ["tokenizer*"] });
  const told: unknown[] = [];
  const offline = { ...env, HF_HUB_OFFLINE: "1" };
  const before = hub.requests.length;
  expect((await ensureModel("acme/tiny", { env: offline })).source).toBe("cache");
  expect(hub.requests.length).toBe(before);
  await ensureModel("acme/tiny", { env, onDownload: (_, lacks) => told.push(lacks) });
  expect(told).toEqual(["config.json"]);
  expect(listCached(cache)[0]!.files).toBe(3);
});

test("a name nobody has: where it was looked for, near names and the hub's answer", async () => {
  const { hub, env } = await start({ "acme/tiny": { files: first } });
  await pull("acme/tiny", { env });
  await expect(ensureModel("acme/tinny", { env })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringMatching(/no model "acme\/tinny" on this machine; .*no such repository/),
    hint: expect.stringMatching(/did you mean acme\/tiny\?/),
  });
  const before = hub.requests.length;
  await expect(ensureModel("acme/tinny", { env: { ...env, HF_HUB_OFFLINE: "1" } })).rejects.toMatchObject({
    code: "not_found",
    hint: expect.stringMatching(/HF_HUB_OFFLINE is set/),
  });
  await expect(ensureModel("./nothing", { env })).rejects.toMatchObject({ code: "not_found" });
  await expect(ensureModel("../../nothing/here", { env })).rejects.toMatchObject({ code: "not_found" });
  expect(hub.requests.length).toBe(before);
});
