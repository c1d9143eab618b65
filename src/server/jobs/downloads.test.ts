import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterEach, expect, test } from "vitest";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { fixtures } from "../../../test/support/fixtures.ts";
import type { HubRepo } from "../../../test/support/hub-server.js";
import { type FaultOf, noise, onWeights, pulls } from "../../../test/support/pull.ts";
import { openState } from "../../state/open-node.ts";
import type { Keys } from "../context.ts";
import { type ServeOptions, type Serving, serve } from "../serve-node.ts";
import { openHub } from "./hub-node.ts";

const start = pulls("downloads");
const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close(0);
});

const folder = join(fixtures, "llama/grouped");
const files = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => /^(config|tokenizer|model)\.(json|safetensors)$/.test(file))
    .map((file) => [file, readFileSync(join(folder, file))]),
);
const repos: Record<string, HubRepo> = {
  "acme/tiny": { files },
  "acme/pickled": { files: { "config.json": files["config.json"]!, "pytorch_model.bin": noise(2_000) } },
  "acme/large": { files: { ...files, "model.safetensors": noise(400_000) } },
};
const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);

interface Body {
  readonly job: { readonly id: string };
  readonly jobs: readonly { readonly progress: { readonly done: number } | null }[];
  readonly files: readonly object[];
}

async function served(options: Partial<ServeOptions> & { fault?: FaultOf; room?: number } = {}) {
  const { fault, room, ...rest } = options;
  const { env, home } = await start(fault, repos);
  const hub = openHub({
    env,
    times: { wait: 5, longestWait: 20, poll: 10, tries: 2 },
    ...(room !== undefined && { freeSpace: async () => room }),
  });
  const serving = await serve({ engine: fakeEngine(), port: 0, hub, ...rest });
  open.push(serving);
  const ask = async (path: string, body?: object, key?: string) => {
    const answer = await fetch(`${serving.url}${path}`, {
      method: body ? "POST" : "GET",
      headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Body };
  };
  return { ask, url: serving.url, home, serving };
}

/** The states of a job as its events tell them. */
async function eventsOf(url: string, id: string) {
  const text = await (await fetch(`${url}/api/jobs/${id}/events`)).text();
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, one]) => one!);
  expect(data.at(-1)).toBe("[DONE]");
  return data.slice(0, -1).map((one) => JSON.parse(one));
}

test("a plan tells files, bytes, free disk and what the names promise, and fetches nothing", async () => {
  const { ask, home } = await served({ room: 1_000_000 });
  const { status, body } = await ask("/api/models/plan?name=acme/tiny");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    ...{ model: "acme/tiny", repo: "acme/tiny", bytes: total, missing: total, free: 1_000_000, fits: true },
    outlook: "data",
  });
  expect(body.files).toContainEqual({
    ...{ file: "model.safetensors", bytes: files["model.safetensors"]!.length, here: false },
    ...{ kind: "safetensors", outlook: "data" },
  });
  expect(existsSync(join(home, "hub"))).toBe(false);
});

test("a plan says where the disk is too small and where files may hold code", async () => {
  const { ask } = await served({ room: 100 });
  expect((await ask("/api/models/plan?name=acme/pickled")).body).toMatchObject({
    fits: false,
    outlook: "may_hold_code",
  });
});

test.each([
  ["/etc/passwd", 400, "invalid_value"],
  ["a/b/c/d", 400, "invalid_value"],
  ["nobody/nothing", 404, "model_not_found"],
])("no plan for %s", async (name, status, code) => {
  const { ask } = await served();
  expect(await ask(`/api/models/plan?name=${encodeURIComponent(name)}`)).toMatchObject({
    status,
    body: { error: { code } },
  });
});

test("a download is a job that tells each file, and ends with a scan", async () => {
  const slow = onWeights(() => ({ drip: { bytes: Math.ceil(files["model.safetensors"]!.length / 6), pause: 60 } }));
  const { ask, url } = await served({ fault: slow });
  const { job } = (await ask("/api/models/download", { model: "acme/tiny" })).body;
  // Asked for twice it is one job.
  expect((await ask("/api/models/download", { model: "acme/tiny" })).body).toMatchObject({ job: { id: job.id } });
  const states = await eventsOf(url, job.id);
  const weights = states.map(
    ({ files: all }) => all.find(({ file }: { file: string }) => file === "model.safetensors")?.done,
  );
  expect(new Set(weights).size).toBeGreaterThan(2);
  expect(states.at(-1)).toMatchObject({
    ...{ kind: "download", title: "acme/tiny", state: "done", error: null },
    progress: { done: total, total, unit: "bytes" },
    scan: { verdict: "safe", findings: [] },
  });
  expect((await ask("/api/models/plan?name=acme/tiny")).body).toMatchObject({ missing: 0 });
});

test("a stopped one keeps what has come", async () => {
  const { ask, url, home } = await served({ fault: onWeights(() => ({ drip: { bytes: 20_000, pause: 50 } })) });
  const { job } = (await ask("/api/models/download", { model: "acme/large" })).body;
  await expect.poll(async () => (await ask("/api/jobs")).body.jobs[0]?.progress?.done ?? 0).toBeGreaterThan(20_000);
  expect((await ask(`/api/jobs/${job.id}/stop`, {})).body).toMatchObject({ job: { state: "stopped", error: null } });
  expect((await eventsOf(url, job.id)).map(({ state }) => state)).toEqual(["stopped"]);
  const blobs = readdirSync(join(home, "hub", "models--acme--large", "blobs"));
  expect(blobs.some((name) => name.endsWith(".incomplete"))).toBe(true);
});

test("one that fails says why, and a scan says what it found", async () => {
  const { ask, url } = await served();
  const begin = async (model: string) => (await ask("/api/models/download", { model })).body.job.id;
  const failed = (await eventsOf(url, await begin("nobody/nothing"))).at(-1);
  expect(failed).toMatchObject({ state: "failed", error: { code: "model_not_found" } });
  const scanned = (await eventsOf(url, await begin("acme/pickled"))).at(-1);
  expect(scanned).toMatchObject({ state: "done", scan: { findings: [{ file: "pytorch_model.bin" }] } });
  expect(scanned.scan.verdict).not.toBe("safe");
});

test("a server that stops ends its downloads", async () => {
  const { ask, serving } = await served({ fault: onWeights(() => ({ stall: 1000 })) });
  await ask("/api/models/download", { model: "acme/large" });
  const begun = performance.now();
  await serving.close();
  expect(performance.now() - begun).toBeLessThan(3000);
});

test("keys that do not manage the server may neither plan, download, see jobs nor stop them", async () => {
  const keys: Keys = { find: async (key) => ({ owner: key, admin: key === "admin" }) };
  const { ask } = await served({ keys });
  const all = [
    ["/api/models/plan?name=acme/tiny"],
    ["/api/models/download", { model: "acme/tiny" }],
    ["/api/jobs"],
    ["/api/jobs/job_1"],
    ["/api/jobs/job_1/events"],
    ["/api/jobs/job_1/stop", {}],
  ] as const;
  for (const [path, body] of all) expect((await ask(path, body, "guest")).status, path).toBe(403);
  expect((await ask("/api/jobs", undefined, "admin")).body).toEqual({ jobs: [] });
  expect((await ask("/api/jobs/job_1/stop", {}, "admin")).status).toBe(404);
});

test("batches of who asks are jobs, and end when they are stopped", async () => {
  const state = await openState({ ZEROTH_HOME: mkdtempSync(join(tmpdir(), "zeroth-jobs-")) });
  try {
    const keys: Keys = { find: async (key) => ({ owner: key, admin: true }) };
    const serving = await serve({ engine: fakeEngine({ wait: 60_000 }), port: 0, state, keys });
    open.push(serving);
    const client = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: "one", maxRetries: 0 });
    const body = { model: "fake/decoder", prompt: "a" };
    const line = JSON.stringify({ custom_id: "1", method: "POST", url: "/v1/completions", body });
    const input = await client.files.create({ file: await toFile(Buffer.from(line), "a.jsonl"), purpose: "batch" });
    const { id } = await client.batches.create({
      ...{ input_file_id: input.id, endpoint: "/v1/completions", completion_window: "24h" },
    });
    const jobs = async (key: string) =>
      (
        (await (await fetch(`${serving.url}/api/jobs`, { headers: { authorization: `Bearer ${key}` } })).json()) as {
          jobs: object[];
        }
      ).jobs;
    expect(await jobs("one")).toMatchObject([{ id, kind: "batch", title: "/v1/completions" }]);
    expect(await jobs("another")).toEqual([]);
    const stop = await fetch(`${serving.url}/api/jobs/${id}/stop`, {
      ...{ method: "POST", headers: { authorization: "Bearer one", "content-type": "application/json" }, body: "{}" },
    });
    expect(stop.status).toBe(200);
    await expect.poll(() => jobs("one"), { timeout: 10_000 }).toMatchObject([{ state: "stopped" }]);
    await serving.close(0);
  } finally {
    await state.close();
  }
});

test("a server without a hub downloads nothing, and says so", async () => {
  const serving = await serve({ engine: fakeEngine(), port: 0 });
  open.push(serving);
  const status = await (await fetch(`${serving.url}/api/status`)).json();
  expect(status).toMatchObject({ downloads: false });
  expect((await fetch(`${serving.url}/api/models/plan?name=acme/tiny`)).status).toBe(404);
  expect(await (await fetch(`${serving.url}/api/jobs`)).json()).toEqual({ jobs: [] });
});
