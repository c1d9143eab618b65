/**
 * An engine that is killed in the middle of its answers: node bench/server/killed.js URL MODEL --pid PID [--streams 4].
 * PID is the server's, on Linux. Answers are streamed and waited for, its child gets SIGKILL, and one more is asked for,
 * again where it is told to (one that comes before the end is noticed dies with the process).
 * Prints one JSON line: how each ended, and milliseconds from the kill to the next answer. Exits with 1 where a stream
 * ended without an error, or the next answer did not come.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { streams: { type: "string", default: "4" }, pid: { type: "string" } },
});
const [url, model] = positionals;
if (!url || !model || !flags.pid) {
  console.error("usage: node bench/server/killed.js URL MODEL --pid PID [--streams N]");
  process.exit(2);
}
const post = (body) =>
  fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "Count: one, two, three,", temperature: 0, ...body }),
  });
const status = async () => (await fetch(`${url}/api/status`)).json();

const engine = () => Number(readFileSync(`/proc/${flags.pid}/task/${flags.pid}/children`, "utf8").trim().split(" ")[0]);
const pid = engine();
const { restarts } = await status();
let begun = 0;
let all;
const everyBegan = new Promise((resolve) => {
  all = resolve;
});
const streams = Array.from({ length: Number(flags.streams) }, async () => {
  const answer = await post({ max_tokens: 1000, min_tokens: 1000, stream: true });
  let text = "";
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    if (text === "" && ++begun === Number(flags.streams)) all();
    text += part;
  }
  const error = /^data: (\{"error":.*)$/m.exec(text)?.[1];
  return { error: error && JSON.parse(error).error.code, done: text.includes("[DONE]") };
});
const waited = post({ max_tokens: 1000, min_tokens: 1000 }).then(async (answer) => ({
  ...{ status: answer.status, retry: answer.headers.get("x-should-retry") },
  code: (await answer.json()).error?.code,
}));
await everyBegan;
const killed = performance.now();
process.kill(pid, "SIGKILL");
let text;
let again = 0;
while (text === undefined && performance.now() - killed < 60_000) {
  const next = await post({ max_tokens: 1 });
  text = (await next.json()).choices?.[0]?.text;
  if (text === undefined) again++;
  if (text === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
}
const ms = Math.round(performance.now() - killed);
const told = await Promise.all(streams);
const after = await status();
const lives = (await fetch(`${url}/health`)).status;
const line = {
  ...{ streams: told, waited: await waited, next_after_ms: ms, sent_again: again },
  ...{ restarts: after.restarts - restarts, other_process: engine() !== pid, health: lives },
};
console.log(JSON.stringify(line));
const right = told.every(({ error, done }) => error === "engine_failed" && !done) && text !== undefined;
process.exitCode = right ? 0 : 1;
