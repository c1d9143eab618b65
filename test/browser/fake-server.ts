/** A server that speaks the routes the page asks, with answers that tests decide. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type FakeTuning, fakeTuning, tuningRoute } from "./fake-tuning.ts";
import { pageHeaders } from "./playground.ts";
import { typeOf } from "./serve.ts";

export interface FakeModel {
  readonly id: string;
  /** Tokens of every answer. */
  readonly says: readonly string[];
  /** Breaks with this error after so many tokens. */
  readonly fails?: { readonly after: number; readonly code: string; readonly message: string };
  /** Refuses log-probabilities, as an engine that does not count them. */
  readonly plain?: true;
  /** Milliseconds between two tokens. */
  readonly pause?: number;
  /** What its makers recommend. */
  readonly defaults?: object;
  state?: "closed" | "opening" | "ready";
  progress?: { done: number; total: number };
}

export interface FakeServer extends AsyncDisposable {
  readonly address: string;
  readonly models: Map<string, FakeModel>;
  /** Bodies that came, by path. */
  readonly came: { path: string; body: Record<string, unknown>; key: string | undefined }[];
  /** Answers whose reader left early. */
  left: number;
  key: string | undefined;
  /** Downloads, as the page is told of them. */
  readonly jobs: Map<string, FakeJob>;
  /** Without steps, as a server that does not teach. */
  readonly tuning: FakeTuning;
}

interface FakeJob {
  readonly id: string;
  readonly title: string;
  state: "running" | "done" | "stopped";
  done: number;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? {} : (JSON.parse(Buffer.concat(parts).toString("utf8")) as Record<string, unknown>);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function managed({ id, state = "ready", progress, defaults }: FakeModel) {
  return {
    ...{ id, kind: "decoder", family: "llama", bytes: 269_000_000, parameters: 134_515_008, longest: 8192 },
    ...{ chat: true, tools: false, can: ["generate", "score"], state, progress: progress ?? null },
    defaults: defaults ?? null,
    ...{ closes_after: 300_000, live: state === "ready" ? { bytes: 12_000_000, rows: 0, waiting: 0 } : null },
  };
}

/** Chunks of one of the two routes. */
function chunkOf(path: string, token: string, body: Record<string, unknown>) {
  const other = { token: " else", logprob: -2.5 };
  const choice =
    path === "/v1/chat/completions"
      ? {
          delta: { content: token },
          logprobs: body.logprobs
            ? { content: [{ token, logprob: -0.1, bytes: null, top_logprobs: [{ token, logprob: -0.1 }, other] }] }
            : null,
        }
      : {
          text: token,
          logprobs:
            body.logprobs === undefined
              ? null
              : {
                  ...{ tokens: [token], token_logprobs: [-0.1], text_offset: [0] },
                  top_logprobs: [{ [token]: -0.1, [other.token]: other.logprob }],
                },
        };
  return { id: "a", choices: [{ index: 0, finish_reason: null, ...choice }], usage: null };
}

async function stream(server: FakeServer, path: string, body: Record<string, unknown>, response: ServerResponse) {
  const model = server.models.get(String(body.model))!;
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (data: unknown) => response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  response.on("close", () => {
    if (!response.writableFinished) server.left++;
  });
  const tokens =
    typeof body.grammar === "string"
      ? [JSON.parse(/"(?:[^"\\]|\\.)*"(?= \.\*|$)/.exec(body.grammar)![0]), " went on"]
      : model.says;
  for (const [i, token] of tokens.entries()) {
    if (response.destroyed) return;
    if (model.fails?.after === i) {
      send({ error: { message: model.fails.message, type: "server_error", param: null, code: model.fails.code } });
      response.end();
      return;
    }
    send(chunkOf(path, token, body));
    if (model.pause) await wait(model.pause);
  }
  send({ id: "a", choices: [{ index: 0, finish_reason: "stop", text: "", delta: {}, logprobs: null }], usage: null });
  send({ id: "a", choices: [], usage: { prompt_tokens: 7, completion_tokens: tokens.length, total_tokens: 9 } });
  send("[DONE]");
  response.end();
}

const planned = [
  { file: "model.safetensors", bytes: 260_000_000, kind: "safetensors" },
  { file: "tokenizer.json", bytes: 2_000_000, kind: "json" },
  { file: "config.json", bytes: 1_000, kind: "json" },
];
const wholeDownload = planned.reduce((sum, { bytes }) => sum + bytes, 0);

function shownJob({ id, title, state, done }: FakeJob) {
  const files = planned.map(({ file, bytes }, i) => ({ file, bytes, done: i === 0 ? Math.min(done, bytes) : bytes }));
  const scan = state === "done" ? { verdict: "safe", findings: [] } : null;
  return {
    ...{ id, object: "job", kind: "download", title, state, started: 1_700_000_000_000, error: null, scan, files },
    ...{ ended: state === "running" ? null : 1_700_000_003_000, rate: 42_000_000, seconds_left: 4 },
    progress: { done: Math.min(done + 2_001_000, wholeDownload), total: wholeDownload, unit: "bytes" },
  };
}

type Handler = (server: FakeServer, body: Record<string, unknown>) => unknown;

const routes: Readonly<Record<string, Handler>> = {
  "GET /api/status": () => ({
    ...{ device: "cpu", threads: 4, memory: 321_000_000, restarts: 0, downloads: true, models: [] },
  }),
  "GET /api/jobs": ({ jobs }) => ({ jobs: [...jobs.values()].map(shownJob) }),
  "GET /api/models/plan"(_, { name }) {
    const model = String(name);
    if (model.startsWith("nobody/"))
      return { status: 404, error: { message: `no model "${model}"`, code: "model_not_found" } };
    const large = model.endsWith("/large");
    return {
      ...{ model, repo: model, commit: "0".repeat(40), bytes: wholeDownload, missing: wholeDownload },
      ...{ free: large ? 1_000_000 : 50_000_000_000, fits: !large, outlook: "data" },
      files: planned.map((one) => ({ ...one, here: false, outlook: "data" })),
    };
  },
  async "POST /api/models/download"({ jobs, models }, { model }) {
    const title = String(model);
    const job: FakeJob = { id: `job_${jobs.size}`, title, state: "running", done: 130_000_000 };
    jobs.set(job.id, job);
    setTimeout(() => {
      if (job.state !== "running" || title.endsWith("/slow")) return;
      Object.assign(job, { state: "done", done: 260_000_000 });
      models.set(title, { id: title, says: ["hello"], state: "closed" });
    }, 1500);
    return { job: shownJob(job) };
  },
  "GET /api/models": ({ models }) => ({ models: [...models.values()].map(managed) }),
  "POST /tokenize": () => ({ tokens: [1, 2, 3], count: 3, max_model_len: 8192, text: "", token_strs: null }),
  "POST /v1/score"(_, { choices }) {
    const scored = (choices as string[]).map((_text, index) => ({ index, sum: -14.7 - index, tokens: 2 }));
    return { data: [{ index: 0, choices: scored }] };
  },
  async "POST /api/models/open"({ models }, { model }) {
    const id = String(model);
    if (id.startsWith("nobody/"))
      return { status: 404, error: { message: `no model "${id}"`, code: "model_not_found" } };
    const opening: FakeModel = { id, says: ["opened"], state: "opening", progress: { done: 0, total: 100_000_000 } };
    models.set(id, opening);
    for (let done = 1; done <= 4; done++) {
      opening.progress = { done: done * 25_000_000, total: 100_000_000 };
      await wait(500);
    }
    models.set(id, { id, says: ["opened"], state: "ready" });
    return { model: managed(models.get(id)!) };
  },
  "POST /api/models/close"({ models }, { model }) {
    models.get(String(model))!.state = "closed";
    return { model: {} };
  },
};

const stopJob =
  (id: string): Handler =>
  ({ jobs }) => {
    const job = jobs.get(id)!;
    job.state = "stopped";
    return { job: shownJob(job) };
  };

/** Serves the built page and the routes. */
export async function fakeServer(folder: string, models: readonly FakeModel[]): Promise<FakeServer> {
  const http = createServer(async (request, response) => {
    if (await tuningRoute(server.tuning, request, response)) return;
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const query = Object.fromEntries(new URL(request.url ?? "/", "http://localhost").searchParams);
    const body = request.method === "POST" ? await bodyOf(request) : query;
    const stopped = /^\/api\/jobs\/(\w+)\/stop$/.exec(path)?.[1];
    const handler = stopped ? stopJob(stopped) : routes[`${request.method} ${path}`];
    const streams = request.method === "POST" && /^\/v1\/(chat\/)?completions$/.test(path);
    if (handler || streams) {
      const key = request.headers.authorization;
      server.came.push({ path, body, key });
      const json = (status: number, value: unknown) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
      if (server.key !== undefined && key !== `Bearer ${server.key}`) {
        return json(401, {
          error: { message: "a key is needed", type: "authentication_error", code: "invalid_api_key" },
        });
      }
      if (streams && body.logprobs !== undefined && server.models.get(String(body.model))?.plain) {
        return json(400, {
          error: { message: "log-probabilities", type: "invalid_request_error", code: "unsupported" },
        });
      }
      if (streams) return void stream(server, path, body, response);
      const { status = 200, ...value } = (await handler!(server, body)) as { status?: number };
      return json(status, value);
    }
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": typeOf(file), "content-length": stat.size, ...pageHeaders });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: FakeServer = {
    address: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    models: new Map(models.map((model) => [model.id, model])),
    came: [],
    left: 0,
    key: undefined,
    jobs: new Map(),
    tuning: fakeTuning(),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
