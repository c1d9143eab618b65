/**
 * Answers in a batch that rows join and leave: their number a second beside one at a time, and whether they are those
 * alone. Build first (npm run build).
 *
 *   node bench/live.js [MODEL]                  tokens a second with 1, 4, 8 and 16 requests at once
 *   node bench/live.js [MODEL] --equal 1000     so many random interleavings; prints how many were equal
 */
import { parseArgs } from "node:util";
import { openLive } from "../dist/text/live/live.js";
import { openLanguageModel } from "../dist/text/open-node.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    equal: { type: "string" },
    tokens: { type: "string", default: "64" },
    requests: { type: "string", default: "32" },
    seed: { type: "string", default: "1" },
  },
});
const [name = "zeroth-nano"] = positionals;
const opened = await openLanguageModel(name);
const { vocabulary } = opened.model;

/** Numbers from 0 to 1 that depend on the seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const promptOf = (random, length) =>
  Array.from({ length }, () => 3 + Math.floor(random() * (Math.min(vocabulary, 8000) - 3)));

async function answer(live, request, { events = Infinity, signal, stop } = {}) {
  const tokens = [];
  let count = 0;
  try {
    for await (const event of live.ask(request, signal)) {
      if (event.kind === "piece") tokens.push(...event.tokens.map(({ id }) => id));
      if (++count < events) continue;
      if (!stop) break;
      stop.abort();
    }
  } catch (error) {
    if (error.code !== "interrupted") throw error;
  }
  return tokens;
}

/** Random requests that come and leave at any time; every complete answer must be the one alone, others its beginning. */
async function equal(count) {
  const random = randomFrom(Number(values.seed));
  const alone = openLive(opened, { rows: 1, heldBytes: 0 });
  let [same, answers] = [0, 0];
  for (let round = 0; round < count; round++) {
    const live = openLive(opened, { rows: 2 + Math.floor(random() * 15) });
    const begin = promptOf(random, 100);
    const requests = Array.from({ length: 2 + Math.floor(random() * 8) }, () => ({
      prompt: [...begin.slice(0, Math.floor(random() * 100)), ...promptOf(random, 1 + Math.floor(random() ** 2 * 120))],
      settings: { maxNewTokens: 1 + Math.floor(random() * 24) },
      owner: random() < 0.5 ? "a" : "b",
    }));
    const leaving = requests.map(() => (random() < 0.2 ? 1 + Math.floor(random() * 8) : Infinity));
    const waits = requests.map(() => Math.floor(random() * 40));
    const got = await Promise.all(
      requests.map(async (request, i) => {
        for (let turn = 0; turn < waits[i]; turn++) await new Promise((resolve) => setImmediate(resolve));
        const stop = i % 2 ? new AbortController() : undefined;
        return answer(live, request, { events: leaving[i], stop, ...(stop && { signal: stop.signal }) });
      }),
    );
    await live[Symbol.asyncDispose]();
    let all = true;
    for (const [i, request] of requests.entries()) {
      const expected = await answer(alone, request);
      const upTo = leaving[i] === Infinity ? expected.length : got[i].length;
      const isSame = got[i].join() === expected.slice(0, upTo).join();
      if (!isSame) console.log(`round ${round}, request ${i}: ${got[i].join()} is not ${expected.join()}`);
      all &&= isSame;
      answers++;
    }
    same += all;
  }
  console.log(`${name}: ${same} of ${count} interleavings equal, ${answers} answers`);
  await alone[Symbol.asyncDispose]();
}

/** Tokens a second of a number of requests, so many at once. */
async function throughput() {
  const [tokens, requests] = [Number(values.tokens), Number(values.requests)];
  const live = openLive(opened, { rows: 16, heldBytes: 0 });
  const settings = { minNewTokens: tokens, maxNewTokens: tokens };
  const random = randomFrom(7);
  const all = Array.from({ length: requests }, () => ({
    prompt: promptOf(random, 16 + Math.floor(random() * 48)),
    settings,
  }));
  await answer(live, all[0]);
  await Promise.all(all.slice(0, 2).map((request) => answer(live, request)));
  console.log(`${name}: ${requests} requests of 16 to 63 tokens, answers of ${tokens}`);
  let first;
  for (const at of [1, 4, 8, 16]) {
    const waiting = [...all];
    const begin = performance.now();
    const used = process.cpuUsage();
    const times = [];
    await Promise.all(
      Array.from({ length: at }, async () => {
        for (let request = waiting.shift(); request; request = waiting.shift()) {
          const from = performance.now();
          await answer(live, request);
          times.push(performance.now() - from);
        }
      }),
    );
    const rate = (requests * tokens * 1000) / (performance.now() - begin);
    const { user, system } = process.cpuUsage(used);
    const perCpu = (requests * tokens * 1e6) / (user + system);
    first ??= rate;
    times.sort((a, b) => a - b);
    const p = (q) => Math.round(times[Math.floor(q * (times.length - 1))]);
    console.log(
      `${String(at).padStart(2)} at once: ${rate.toFixed(0).padStart(6)} tokens/s, ${(rate / first).toFixed(2)} times one, ${perCpu.toFixed(0)} a second of processor time; an answer takes ${p(0.5)} ms (median), ${p(0.99)} ms (p99)`,
    );
  }
  await live[Symbol.asyncDispose]();
}

await (values.equal === undefined ? throughput() : equal(Number(values.equal)));
await opened[Symbol.asyncDispose]();
