/** A hub with one small model, and pulls from it into a cache of their own. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect } from "vitest";
import { type PullOptions, pull } from "../../src/hub/download/pull-node.ts";
import { commitOf, type Fault, type HubRepo, type HubRequest, type HubServer, startHub } from "./hub-server.js";

/** Bytes that compress badly and are the same each time. */
export const noise = (bytes: number, seed = 1): Buffer => {
  const data = Buffer.alloc(bytes);
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return data;
};

export const files: Record<string, Buffer> = {
  "config.json": Buffer.from('{"model_type":"t5"}'),
  "tokenizer.json": noise(3_000, 2),
  "generation_config.json": Buffer.from("{}"),
  "model.safetensors": noise(400_000, 3),
  "pytorch_model.bin": noise(2_000, 4),
  "tf_model.h5": noise(2_000, 5),
  "flax_model.msgpack": noise(2_000, 6),
  "onnx/model.onnx": noise(2_000, 7),
};
export const wanted = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];
export const weights = files["model.safetensors"]!;
export const commit = commitOf(files);
export const repo: HubRepo = { files, revisions: ["v1"] };

export type FaultOf = (request: HubRequest & { count: number }) => Fault | undefined;

/** Only for the bytes of the weights, the n-th time they are asked for. */
export const onWeights =
  (faults: (count: number, request: HubRequest) => Fault | undefined): FaultOf =>
  (request) =>
    request.kind === "store" && request.file === "model.safetensors" ? faults(request.count, request) : undefined;

/** What a test file starts its hubs with; they end with each test. */
export function pulls(name: string) {
  const root = mkdtempSync(join(tmpdir(), `zeroth-${name}-`));
  const hubs: HubServer[] = [];
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  afterEach(async () => {
    await Promise.all(hubs.splice(0).map((hub) => hub.close()));
  });
  let homes = 0;
  return async function start(fault?: FaultOf, repos: Record<string, HubRepo> = { "acme/tiny": repo }) {
    const hub = await startHub(repos, fault ? { fault } : {});
    hubs.push(hub);
    const home = join(root, `home-${homes++}`);
    const env: Record<string, string | undefined> = {
      HF_HOME: home,
      HF_ENDPOINT: hub.url,
      HF_HUB_DOWNLOAD_TIMEOUT: "5",
    };
    const cache = join(home, "hub", "models--acme--tiny");
    const retries: string[] = [];
    const go = (name = "acme/tiny", options: PullOptions = {}) =>
      pull(name, {
        env,
        times: { wait: 5, longestWait: 20, worthwhile: 50_000, poll: 10 },
        events: { retry: ({ why }) => retries.push(why) },
        ...options,
      });
    const served = (file: string) => hub.requests.filter((one) => one.kind === "store" && one.file === file).length;
    return { hub, home, env, cache, go, retries, served };
  };
}

export const failure = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    return error as Error & { code: string; hint: string };
  }
  throw new Error("it did not fail");
};

/** The snapshot is whole and nothing else lies about. */
export function expectWhole(cache: string): void {
  const snapshot = join(cache, "snapshots", commit);
  expect(readdirSync(snapshot).sort()).toEqual(wanted);
  for (const name of wanted) expect(readFileSync(join(snapshot, name)).equals(files[name]!), name).toBe(true);
  expect(readdirSync(join(cache, "blobs")).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
}
