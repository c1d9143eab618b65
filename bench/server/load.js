/**
 * Load on a server that speaks OpenAI's completions: node bench/server/load.js URL MODEL [--clients 64] [--seconds 300]
 * [--pid PID] [--cancel 0.1] [--seed 1] [--most 96]. Each client asks one thing after another: prompts of 5 to 200 words,
 * answers of 8 to `most` tokens, half of them streamed, some cancelled in the middle (the connection is closed). Prints
 * one JSON line: requests, tokens of answers a second, latencies, errors, /health beside it, and the server's memory.
 */
import { Agent, get, request } from "node:http";
import { parseArgs } from "node:util";
import { memoryOf } from "./memory.js";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "64" },
    seconds: { type: "string", default: "300" },
    pid: { type: "string" },
    cancel: { type: "string", default: "0.1" },
    seed: { type: "string", default: "1" },
    most: { type: "string", default: "96" },
    health: { type: "string", default: "/health" },
  },
});
const [url, model] = positionals;
if (!url || !model) {
  console.error("usage: node bench/server/load.js URL MODEL [--clients N] [--seconds N] [--pid PID]");
  process.exit(2);
}
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const words =
  "the a good film slow but last hour is worth wait because team won game after late goal market fell today".split(" ");

/** Numbers in [0, 1) that every run repeats. */
function numbers(seed) {
  let state = (seed * 7919 + 12345) % 2147483647;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const seen = { done: 0, cancelled: 0, refused: 0, errors: [], tokens: 0, latencies: [], firsts: [] };
const end = performance.now() + Number(flags.seconds) * 1000;

/** One request; resolves when it has ended or has been given up. */
function ask(next) {
  const count = 5 + Math.floor(next() ** 2 * 195);
  const prompt = Array.from({ length: count }, () => words[Math.floor(next() * words.length)]).join(" ");
  const most = 8 + Math.floor(next() * (Number(flags.most) - 7));
  const stream = next() < 0.5;
  const cancelled = next() < Number(flags.cancel) ? 20 + next() * 2000 : undefined;
  const body = JSON.stringify({
    // Answers have the length that is asked for, whatever the model says.
    ...{ model, prompt, max_tokens: most, temperature: 0, stream, ignore_eos: true },
    ...(stream && { stream_options: { include_usage: true } }),
  });
  return new Promise((resolve) => {
    const start = performance.now();
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(`${url}/v1/completions`, { method: "POST", agent, headers });
    let given = false;
    const timer =
      cancelled !== undefined &&
      setTimeout(() => {
        given = true;
        sent.destroy();
      }, cancelled);
    const over = (what) => {
      clearTimeout(timer);
      if (given) seen.cancelled++;
      else if (what === undefined) seen.done++;
      else if (what === 429) seen.refused++;
      else seen.errors.push(String(what).slice(0, 200));
      resolve();
    };
    sent.on("error", (error) => over(error.message));
    sent.on("response", (response) => {
      let text = "";
      let first;
      response.setEncoding("utf8");
      response.on("data", (part) => {
        first ??= performance.now() - start;
        text += part;
      });
      response.on("error", (error) => over(error.message));
      response.on("end", () => {
        if (response.statusCode === 429) return over(429);
        if (response.statusCode !== 200) return over(`${response.statusCode} ${text}`);
        if (stream && (!text.includes("[DONE]") || text.includes('"error"')))
          return over(`stream: ${text.slice(-200)}`);
        const told = [...text.matchAll(/"completion_tokens":\s*(\d+)/g)].at(-1);
        seen.tokens += told ? Number(told[1]) : 0;
        seen.latencies.push(performance.now() - start);
        if (stream) seen.firsts.push(first);
        return over();
      });
    });
    sent.end(body);
  });
}

async function client(number) {
  const next = numbers(Number(flags.seed) * 1000 + number);
  while (performance.now() < end) {
    await ask(next);
    if (seen.errors.length > 1000) return;
  }
}

const health = [];
const memory = [];
let gone = false;
const watch = setInterval(() => {
  const start = performance.now();
  get(`${url}${flags.health}`, (response) => {
    response.resume();
    response.on("end", () => health.push(performance.now() - start));
  }).on("error", () => health.push(Infinity));
  if (!flags.pid || gone) return;
  const now = memoryOf(flags.pid);
  if (now === undefined) {
    gone = true;
    console.error(`process ${flags.pid} is not there any more: its memory is known until now`);
  } else memory.push(now);
}, 200);

const start = performance.now();
await Promise.all(Array.from({ length: Number(flags.clients) }, (_, number) => client(number)));
clearInterval(watch);
agent.destroy();

const at = (values, share) => {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN);
};
const seconds = (performance.now() - start) / 1000;
const quarter = Math.ceil(memory.length / 4);
console.log(
  JSON.stringify({
    clients: Number(flags.clients),
    seconds: Math.round(seconds),
    ...{ done: seen.done, cancelled: seen.cancelled, refused: seen.refused, errors: seen.errors.length },
    tokens_per_second: Math.round((10 * seen.tokens) / seconds) / 10,
    ...{ p50_ms: at(seen.latencies, 0.5), p99_ms: at(seen.latencies, 0.99) },
    ...{ first_p50_ms: at(seen.firsts, 0.5), first_p99_ms: at(seen.firsts, 0.99) },
    ...{ health_p50_ms: at(health, 0.5), health_p99_ms: at(health, 0.99) },
    // Flat where the greatest of the second quarter and of the last are alike.
    memory_mib: {
      second_quarter: at(memory.slice(quarter, 2 * quarter), 1),
      last_quarter: at(memory.slice(-quarter), 1),
      ...(gone && { until_the_server_was_gone: true }),
    },
    first_errors: [...new Set(seen.errors)].slice(0, 5),
  }),
);
