/**
 * Search of many vectors: how long it takes to build, to ask, what is found and what it takes of memory, beside usearch
 * alone and a plain loop; and beside LanceDB where ZEROTH_PEERS names a folder of node_modules that has it.
 * node bench/retrieve.js [--count 200000] [--width 384] [--queries 200]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exactSearch } from "../dist/retrieve/dense/exact.js";
import { buildGraph, graphSearch, usearch } from "../dist/retrieve/dense/graph-node.js";
import { compile } from "../dist/runtime/compile-node.js";

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "200000" },
    width: { type: "string", default: "384" },
    queries: { type: "string", default: "200" },
    threads: { type: "string", default: "2" },
  },
});
const [count, width, queries, threads] = ["count", "width", "queries", "threads"].map((name) => Number(options[name]));
const k = 10;

let state = 9;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Of the shape that texts have: clusters in 48 directions, and a little of everything else. */
const inner = 48;
const basis = Float32Array.from({ length: inner * width }, normal);
const centres = Array.from({ length: 2000 }, () => Float32Array.from({ length: inner }, normal));
function vectors(n) {
  const values = new Float32Array(n * width);
  for (let row = 0; row < n; row++) {
    const centre = centres[Math.floor(random() * centres.length)];
    const own = values.subarray(row * width, (row + 1) * width);
    for (let j = 0; j < inner; j++) {
      const x = centre[j] + 0.6 * normal();
      for (let i = 0; i < width; i++) own[i] += x * basis[j * width + i];
    }
    let squares = 0;
    for (let i = 0; i < width; i++) {
      own[i] += 0.5 * normal();
      squares += own[i] * own[i];
    }
    for (let i = 0; i < width; i++) own[i] /= Math.sqrt(squares);
  }
  return values;
}

const values = vectors(count);
const asked = vectors(queries);
const questions = Array.from({ length: queries }, (_, i) => asked.slice(i * width, (i + 1) * width));
const memory = () => process.memoryUsage().rss;
const folder = mkdtempSync(join(tmpdir(), "bench-retrieve-"));
const rows = [];

/** @param make gives what answers a question with rows */
async function measure(name, make, truth) {
  const [before, began, cpu] = [memory(), performance.now(), process.cpuUsage()];
  const { ask, close = async () => {} } = await make();
  const used = process.cpuUsage(cpu);
  const built = performance.now() - began;
  const found = [await ask(questions[0])];
  const times = [];
  for (const [i, question] of questions.entries()) {
    const start = performance.now();
    found[i] = await ask(question);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const hits = truth ? found.map((own, i) => own.filter((row) => truth[i].includes(row)).length) : [k * queries];
  rows.push({
    name,
    "build s": (built / 1000).toFixed(1),
    "build CPU s": ((used.user + used.system) / 1e6).toFixed(1),
    "recall@10": (hits.reduce((a, b) => a + b, 0) / (k * queries)).toFixed(4),
    "p50 ms": times[times.length >> 1].toFixed(2),
    "p99 ms": times[Math.floor(0.99 * times.length)].toFixed(2),
    "grew MB": ((memory() - before) / 1e6).toFixed(0),
  });
  await close();
  return found;
}

const plainLoop = async () => ({
  async ask(question) {
    const best = [];
    for (let row = 0; row < count; row++) {
      let score = 0;
      for (let i = 0, at = row * width; i < width; i++) score += question[i] * values[at + i];
      if (best.length === k && score <= best[k - 1][1]) continue;
      best.push([row, score]);
      best.sort((a, b) => b[1] - a[1]);
      best.length = Math.min(best.length, k);
    }
    return best.map(([row]) => row);
  },
});

const over = (graph, weights) => compile(graph, { weights, threads });
const rowsOf = (search) => async (question) => (await search.search([question], k))[0].map(({ row }) => row);
const own = (bits) => async () => {
  const search = exactSearch({ width, values }, { metric: "cosine", bits, compile: over });
  return { ask: rowsOf(search), close: () => search.close() };
};
const byGraph = async () => {
  const source = {
    ...{ store: join(folder, "own"), generation: 1, metric: "cosine", matrix: { width, values } },
    identities: { ids: Array.from({ length: count }, (_, i) => i + 1), hashes: new Uint8Array(16 * count) },
  };
  if (!(await buildGraph(source))) throw new Error("usearch does not run here");
  const exact = exactSearch({ width, values }, { metric: "cosine", compile: over });
  return { ask: rowsOf(await graphSearch(source, exact)), close: () => exact.close() };
};
const alone = async () => {
  const { Index } = await usearch();
  const index = new Index({
    dimensions: width,
    metric: "ip",
    quantization: "f16",
    connectivity: 16,
    expansion_add: 128,
  });
  for (let from = 0; from < count; from += 4096) {
    const to = Math.min(count, from + 4096);
    index.add(
      BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i)),
      values.slice(from * width, to * width),
      threads,
    );
  }
  return { ask: async (question) => Array.from(index.search(question.slice(), k, 1).keys, Number) };
};
const lance = (peers) => async () => {
  const { connect, Index } = createRequire(join(peers, "x.js"))("@lancedb/lancedb");
  const database = await connect(join(folder, "lance"));
  const table = await database.createTable(
    "vectors",
    Array.from({ length: count }, (_, id) => ({
      id,
      vector: Array.from(values.subarray(id * width, (id + 1) * width)),
    })),
  );
  await table.createIndex("vector", { config: Index.hnswSq({ distanceType: "cosine" }) });
  const ask = async (question) => {
    const found = await table.search(question).limit(k).refineFactor(5).toArray();
    return found.map(({ id }) => Number(id));
  };
  return { ask };
};

try {
  const truth = await measure("exact, 32 bits", own(32));
  await measure("exact, 8 bits first", own(8), truth);
  await measure("graph, exact scores", byGraph, truth);
  await measure("usearch alone", alone, truth);
  await measure("a plain loop", plainLoop, truth);
  if (process.env.ZEROTH_PEERS) await measure("LanceDB", lance(process.env.ZEROTH_PEERS), truth);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
