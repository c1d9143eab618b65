/** Adapters as models of a server, by every route that takes one; seen, taken out and told of. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localEngine } from "../../src/host/local-node.ts";
import { createServer } from "../../src/server/app.ts";
import { writeDrawn } from "../support/adapter-folders.ts";
import { fixtures } from "../support/fixtures.ts";
import { drawnLora, drawnPrefix } from "../support/random-adapters.ts";
import { asDescribed } from "./clients.ts";

const chatty = join(fixtures, "chat/model");
const reader = join(fixtures, "readers/mean");
const root = mkdtempSync(join(tmpdir(), "zeroth-serve-adapters-"));
const many = join(root, "many");
const env = { HF_HOME: join(root, "hub"), HF_HUB_OFFLINE: "1" };
const engine = localEngine({
  ...{ env, threads: 1, folders: { chatty, reader }, pinned: ["chatty"], adapterFolder: many },
  adapters: { "reader:mood": join(root, "mood") },
});
const keys = {
  find: async (key: string) => (key === "" ? undefined : { owner: key, admin: key === "admin" }),
};
const server = createServer({ engine, keys });

beforeAll(async () => {
  await writeDrawn(join(many, "brief"), chatty, (found) => drawnPrefix(found, ["decoder"], 3, 1));
  await writeDrawn(join(many, "low"), chatty, (found) => drawnLora(found, 2, 2));
  await writeDrawn(join(root, "mood"), reader, (found) => drawnPrefix(found, ["encoder"], 2, 3), {
    ...{ head: "sequence", labels: ["good", "bad", "so"], seed: 4 },
  });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** What the tests look at of an answer. */
interface Told {
  readonly data: { id: string; label: string; best: number; choices: { label: string; share: number }[] }[];
  readonly models: { id: string; parent: string | null }[];
  readonly adapters: { id: string }[];
  readonly error: { message: string };
  readonly choices: unknown;
  readonly model: string;
}

async function call(method: string, path: string, body?: object, key = "admin") {
  const url = `http://localhost${path}`;
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const request = new Request(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const answer = await asDescribed(server, method, url, await server.fetch(request));
  return { status: answer.status, json: (await answer.json()) as Told };
}
const post = (path: string, body: object, key?: string) => call("POST", path, body, key);

test("are listed with the model they are of", async () => {
  const { json } = await call("GET", "/v1/models");
  const ids = ["chatty:brief", "chatty:low", "reader:mood"];
  const found = json.data.filter(({ id }) => id.includes(":"));
  expect(found.map(({ id }) => id).sort()).toEqual(ids);
  for (const one of found) {
    const base = one.id.split(":")[0];
    expect(one).toMatchObject({ object: "model", parent: base, root: base });
    expect((await call("GET", `/v1/models/${encodeURIComponent(one.id)}`)).json).toEqual(one);
  }
  const managed = (await call("GET", "/api/models")).json.models;
  expect(managed.find(({ id }) => id === "chatty:low")).toMatchObject({ parent: "chatty" });
});

test("are asked by every route that takes a model", async () => {
  for (const model of ["chatty:brief", "chatty:low"]) {
    const greedy = { model, max_tokens: 6, temperature: 0 };
    const told = { ...greedy, prompt: "hello there", logprobs: 0 };
    const text = (await post("/v1/completions", told)).json.choices;
    const base = (await post("/v1/completions", { ...told, model: "chatty" })).json.choices;
    expect(text).not.toEqual(base);
    const messages = [{ role: "user", content: "hello" }];
    const answers = [
      await post("/v1/chat/completions", { ...greedy, messages }),
      await post("/v1/responses", { model, input: "hello", max_output_tokens: 16, temperature: 0 }),
      await post("/v1/completions", { model, prompt: "hello", target: " there", logprobs: 0 }),
      await post("/v1/embeddings", { model, input: "hello" }),
      await post("/v1/score", { model, input: "hello", choices: ["a", "b"] }),
      await post("/tokenize", { model, prompt: "hello" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const { json } of answers.slice(0, 5)) expect(json.model).toBe(model);
  }
});

test("one that is not there is a 404 that names near ones", async () => {
  const asked = { model: "chatty:breif", prompt: "hello" };
  const { status, json } = await post("/v1/completions", asked);
  expect(status).toBe(404);
  expect(json.error).toMatchObject({ code: "model_not_found", param: "model" });
  expect(json.error.message).toContain("chatty:brief");
});

test("one with classes tells them as shares, of all or of some", async () => {
  const { json } = await post("/v1/score", { model: "reader:mood", rows: [{ input: "snow" }, { input: "the house" }] });
  const [one] = json.data;
  expect(one!.choices.map(({ label }) => label)).toEqual(["good", "bad", "so"]);
  expect(one!.choices.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(one!.label).toBe(one!.choices[one!.best]!.label);
  const some = await post("/v1/score", { model: "reader:mood", input: "snow", choices: ["bad", "good"] });
  expect(some.json.data[0]).toMatchObject({ choices: [{ label: "bad" }, { label: "good" }] });
  for (const wrong of [{ choices: ["fine"] }, { messages: [{ role: "user", content: "x" }] }, { context: "x" }]) {
    expect((await post("/v1/score", { model: "reader:mood", input: "snow", ...wrong })).status).toBe(400);
  }
  expect((await post("/v1/completions", { model: "reader:mood", prompt: "snow" })).status).toBe(400);
  expect((await post("/v1/score", { model: "chatty:low", input: "a", choices: ["b"], pair: "c" })).status).toBe(400);
});

test("come and go by keys that manage the server alone", async () => {
  expect((await post("/api/adapters/scan", {}, "somebody")).status).toBe(403);
  expect((await post("/api/adapters/remove", { model: "chatty:low" }, "somebody")).status).toBe(403);
  expect((await call("DELETE", "/v1/models/chatty:low", undefined, "somebody")).status).toBe(403);
  cpSync(join(many, "brief"), join(many, "copy"), { recursive: true });
  expect((await post("/api/adapters/scan", {})).json).toEqual({ added: ["chatty:copy"], removed: [], refused: [] });
  expect((await post("/v1/completions", { model: "chatty:copy", prompt: "hello" })).status).toBe(200);
  const { adapters } = (await call("GET", "/api/adapters")).json;
  expect(adapters.find(({ id }) => id === "chatty:copy")).toMatchObject({ held: true, method: "prefix", head: null });
  expect((await post("/api/models/close", { model: "chatty:copy" })).status).toBe(200);
  expect((await post("/api/adapters/remove", { model: "chatty:copy" })).json).toEqual({ removed: "chatty:copy" });
  expect((await post("/v1/completions", { model: "chatty:copy", prompt: "hello" })).status).toBe(404);
  const gone = await call("DELETE", "/v1/models/chatty:low");
  expect(gone.json).toEqual({ id: "chatty:low", object: "model", deleted: true });
  expect((await call("GET", "/v1/models/chatty:low")).status).toBe(404);
  expect((await call("DELETE", "/v1/models/chatty")).status).toBe(403);
});
