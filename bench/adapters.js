/**
 * Many adapters over one model: what changing between them costs, what a hundred of them take, and how a batch of eight
 * different ones does beside the same batch without any. Adapters are drawn. Build first (npm run build).
 *
 *   node bench/adapters.js [MODEL] [--rounds 5] [--tokens 64] [--prefix 20] [--rank 8] [--resident 100]
 */
import { parseArgs } from "node:util";
import { createRowFeeds, rowAdapter } from "../dist/models/adapters/rows.js";
import { names } from "../dist/models/adapters/settings.js";
import { survey } from "../dist/models/adapters/survey.js";
import { createFronts } from "../dist/models/kinds/live/fronts.js";
import { openLive } from "../dist/text/live/live.js";
import { openLanguageModel } from "../dist/text/open-node.js";
import { ids, median } from "./shared.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    tokens: { type: "string", default: "64" },
    prefix: { type: "string", default: "20" },
    rank: { type: "string", default: "8" },
    resident: { type: "string", default: "100" },
  },
});
const [name = "zeroth-nano"] = positionals;
const [rounds, tokens, length, rank, resident] = ["rounds", "tokens", "prefix", "rank", "resident"].map((key) =>
  Number(values[key]),
);
const opened = await openLanguageModel(name);
const { architecture } = opened;
const found = survey(architecture);
const { attentions, products } = found;
const { vocabulary } = opened.model;

let state = 1;
const drawn = (shape, deviation) => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = deviation * (state / 2 ** 31 - 1);
  }
  return { dtype: "float32", shape, data };
};

const sites = architecture.kind === "decoder" ? ["decoder"] : ["encoder", "decoder"];

function prefix() {
  const each = sites.map((site) => {
    const { layers, kvHeads, headWidth } = attentions[site];
    return [names.matrix(site), drawn([length, 2 * layers * kvHeads * headWidth], 0.5)];
  });
  const settings = { method: "prefix", length, sites, counted: architecture.kind === "decoder" };
  return rowAdapter({ settings, values: new Map(each) }, architecture);
}

const targets = [...products].filter(([path]) => /(^|\.)(q|v|q_proj|v_proj|c_attn|query|value)$/.test(path));

function lora() {
  const factors = targets.flatMap(([path, { in: width, out }]) => {
    const [a, b] = names.lora(path);
    return [
      [a, drawn([rank, width], width ** -0.5)],
      [b, drawn([out, rank], 0.02)],
    ];
  });
  const settings = { method: "lora", products: new Map(targets.map(([path]) => [path, { rank, scale: 1 }])) };
  return rowAdapter({ settings, values: new Map(factors) }, architecture);
}

async function answer(live, prompt, adapter, count) {
  const start = performance.now();
  const settings = { maxNewTokens: count, minNewTokens: count };
  let first;
  for await (const event of live.ask({ prompt, settings, ...(adapter && { adapter }) })) {
    if (event.kind === "piece") first ??= performance.now() - start;
  }
  return first;
}

const prompts = ids(8, 24, vocabulary);

/** Tokens a second of eight answers at once. */
async function batch(live, adapters) {
  const start = performance.now();
  await Promise.all(prompts.map((prompt, i) => answer(live, prompt, adapters[i], tokens)));
  return (8 * tokens * 1000) / (performance.now() - start);
}

/**
 * Milliseconds of all that another adapter in a row of eight adds to a run: a prefix's keys and values laid out for the
 * row's cache, or matrices written in the place of the row's.
 */
async function switching(adapters) {
  const times = [];
  await withClosed(
    createFronts(() => found, opened.compile),
    async (fronts) => {
      const feeds = createRowFeeds(
        targets.map(([path]) => path),
        products,
      );
      const rows = [...adapters];
      for (let round = 0; round < 8 * rounds; round++) {
        rows[round % 8] = adapters[(3 * round + (round >> 3)) % 8];
        const start = performance.now();
        await fronts.of(rows[round % 8]);
        if (rows[0].paths.length > 0) feeds(rows);
        if (round >= 8) times.push(performance.now() - start);
      }
    },
  );
  return times;
}

async function withClosed(resource, work) {
  try {
    await work(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const rss = () => {
  globalThis.gc?.();
  return process.memoryUsage.rss();
};

async function measured(kind, make) {
  // What was read of prompts is not kept: every request reads its own.
  const [plain, live] = [0, 1].map(() => openLive(opened, { rows: 8, heldBytes: 0 }));
  const eight = Array.from({ length: 8 }, make);
  await batch(plain, []);
  await batch(live, eight);
  const [without, having] = [[], []];
  for (let round = 0; round < rounds; round++) {
    without.push(await batch(plain, []));
    having.push(await batch(live, eight));
  }
  const times = await switching(eight);
  const before = rss();
  const all = Array.from({ length: resident }, make);
  const after = rss();
  const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
  await batch(live, all.slice(-8));
  for (const one of [plain, live]) await one[Symbol.asyncDispose]();
  return {
    kind,
    "tokens/s without": median(without).toFixed(1),
    "tokens/s with 8": median(having).toFixed(1),
    ratio: median(having.map((value, i) => value / without[i])).toFixed(2),
    "another adapter (ms)": median(times).toFixed(2),
    "at most (ms)": Math.max(...times).toFixed(2),
    [`${resident} of them (MiB)`]: mib(bytes),
    "grown by (MiB)": mib(after - before),
  };
}

console.log(`${name}: prefixes of ${length}, additions of rank ${rank} beside ${targets.length} products`);
const rows = [await measured("prefix", prefix), await measured("lora", lora)];
const columns = Object.keys(rows[0]);
console.log(`| ${columns.join(" | ")} |\n|${" --- |".repeat(columns.length)}`);
for (const row of rows) console.log(`| ${columns.map((column) => row[column]).join(" | ")} |`);
await opened[Symbol.asyncDispose]();
