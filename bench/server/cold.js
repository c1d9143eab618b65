/**
 * The first token of a server that is not running yet: node bench/server/cold.js URL MODEL [--repeats 5] -- COMMAND…
 * Starts the command, asks for one token as soon as its port answers, and prints the median milliseconds from the start
 * of the process to the address that answers, and to the token. Files are in the operating system's cache after the
 * first round, which is not counted.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

const cut = process.argv.indexOf("--");
const { values: flags, positionals } = parseArgs({
  args: process.argv.slice(2, cut < 0 ? undefined : cut),
  allowPositionals: true,
  options: { repeats: { type: "string", default: "5" } },
});
const [url, model] = positionals;
const [program, ...args] = cut < 0 ? [] : process.argv.slice(cut + 1);
if (!url || !model || !program) {
  console.error("usage: node bench/server/cold.js URL MODEL [--repeats N] -- COMMAND...");
  process.exit(2);
}

const body = JSON.stringify({ model, prompt: "The sky is", max_tokens: 1, temperature: 0, ignore_eos: true });

/** Asks until there is an answer; a server that is still loading refuses or says 503. */
async function untilAnswered(child, ask) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const answer = await ask().catch(() => undefined);
    if (answer?.ok) return answer.text();
    if (answer && answer.status !== 503) throw new Error(`${answer.status} ${await answer.text()}`);
    await delay(5);
  }
}

async function round() {
  const start = performance.now();
  const child = spawn(program, args, { stdio: "ignore" });
  try {
    await untilAnswered(child, () => fetch(`${url}/health`));
    const ready = performance.now() - start;
    const headers = { "content-type": "application/json" };
    await untilAnswered(child, () => fetch(`${url}/v1/completions`, { method: "POST", headers, body }));
    return { ready, token: performance.now() - start };
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  }
}

await round();
const rounds = [];
for (let i = 0; i < Number(flags.repeats); i++) rounds.push(await round());
const median = (key) => {
  const sorted = rounds.map((one) => one[key]).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)]);
};
console.log(JSON.stringify({ model, rounds: rounds.length, ready: median("ready"), token: median("token") }));
