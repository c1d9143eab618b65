/**
 * Summarising one book on one endpoint, beside LangChain.js' map-reduce and LlamaIndex.TS' TreeSummarize: calls, seconds,
 * prompts that were too long, and which of the answers are there after a kill.
 * node bench/summarize.js --book BOOK.txt --endpoint http://127.0.0.1:8080/v1 --model NAME --peers DIR
 *   [--contestants zeroth,langchain,llamaindex] [--chunk 2400] [--window 2048] [--kill-after SECONDS] [--out results.json]
 *
 * --peers is a folder where `npm install @langchain/classic @langchain/openai @langchain/textsplitters llamaindex
 * @llamaindex/openai` was run. Everybody asks through a counter between them and the endpoint, so calls, tokens and refused
 * prompts are counted alike. With --kill-after each is killed once after so many seconds and started again: the calls of
 * the second life say what the first one left.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    book: { type: "string" },
    endpoint: { type: "string" },
    model: { type: "string" },
    peers: { type: "string" },
    contestants: { type: "string", default: "zeroth,langchain,llamaindex" },
    chunk: { type: "string", default: "2400" },
    window: { type: "string", default: "2048" },
    "kill-after": { type: "string" },
    out: { type: "string" },
  },
});
const { book, endpoint, model, peers, chunk, window } = options;
if (!book || !endpoint || !model) throw new Error("--book, --endpoint and --model are needed");
const folder = mkdtempSync(join(tmpdir(), "bench-summarize-"));

/** Counts what passes to the endpoint. */
async function counter() {
  const counts = { calls: 0, refused: 0, prompt_tokens: 0, completion_tokens: 0 };
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    try {
      const answer = await fetch(endpoint.replace(/\/v1\/?$/, "") + request.url, {
        method: request.method,
        headers: { "content-type": "application/json", authorization: request.headers.authorization ?? "" },
        signal: gone.signal,
        ...(parts.length > 0 && { body: Buffer.concat(parts) }),
      });
      const text = await answer.text();
      counts.calls++;
      if (answer.status === 400) counts.refused++;
      const { prompt_tokens = 0, completion_tokens = 0 } = JSON.parse(text).usage ?? {};
      counts.prompt_tokens += prompt_tokens;
      counts.completion_tokens += completion_tokens;
      response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
    } catch (error) {
      if (!response.headersSent) response.writeHead(502).end(JSON.stringify({ error: { message: String(error) } }));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { counts, url: `http://127.0.0.1:${server.address().port}/v1`, close: () => server.close() };
}

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const peer = (name) => (url) => [here("peers/summarize.mjs"), name, peers ?? "", book, url, model, chunk];
const programs = {
  zeroth: (url) => [
    ...[here("../bin/zeroth.js"), "summarize", book, "--endpoint", url, "--model", model, "--window", window],
    ...["--concurrency", "8", "--out", join(folder, "zeroth"), "--json"],
  ],
  langchain: peer("langchain"),
  llamaindex: peer("llamaindex"),
};

/** One life of a contestant. */
function live(args, seconds) {
  return new Promise((settle) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, OPENAI_API_KEY: "none" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [said, errors] = ["", ""];
    child.stdout.on("data", (data) => {
      said += data;
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    const timer = seconds === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), 1000 * seconds);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      settle({ code, signal, said, errors: errors.slice(-400) });
    });
  });
}

const results = [];
try {
  for (const name of options.contestants.split(",")) {
    const gate = await counter();
    const args = programs[name](gate.url);
    const first = options["kill-after"] && (await live(args, Number(options["kill-after"])));
    const killed = first?.signal ? { ...gate.counts } : undefined;
    const began = performance.now();
    const { code, said, errors } = await live(args);
    const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
    const last = said.trim().split("\n").at(-1) ?? "";
    const told = code === 0 ? JSON.parse(last) : undefined;
    const row = {
      ...{ contestant: name, seconds, ...gate.counts },
      ...(killed && { calls_before_kill: killed.calls, calls_after_kill: gate.counts.calls - killed.calls }),
      ...{ summary_words: told?.summary?.match(/\S+/g)?.length ?? 0, links: told?.links ?? 0 },
      ...(name === "zeroth" && told && { links: told.sentences - told.unsupported }),
      ...(code !== 0 && { failed: errors }),
    };
    results.push(row);
    console.log(JSON.stringify(row));
    gate.close();
  }
  if (options.out)
    writeFileSync(options.out, `${JSON.stringify({ book, bytes: readFileSync(book).length, results }, null, 1)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
