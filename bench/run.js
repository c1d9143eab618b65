/**
 * The benchmark: npm run bench -- [--quick] [--dtype fp32,int8,int4] [--shapes t5-small,t5-base,t5-large,t5-train]
 * [--only encoder,decode1,decode8,first_token,first_token_cold,prefill,generate1,generate8,first_token_decoder,embed,train,frozen]
 * [--peers zeroth,transformers.js,pytorch,sentence-transformers,ctranslate2,llama.cpp,node-llama-cpp] [--repeats N] [--threads N] [--folders DIR] [--out FILE]
 *
 * Every measurement is a process of its own with warm-up; peers take turns, round by round, so that what else the
 * machine does falls on all alike. Python peers run where ZEROTH_PYTHON, or python3, has them; so are the files of
 * transformers.js in 8 and 4 bits made (onnx, onnxruntime, onnx_ir), and llama.cpp's (gguf). For decoders, shapes smollm2-135m and qwen3-0.6b, llama.cpp runs
 * through the package node-llama-cpp in the node_modules of the folder that ZEROTH_PEERS names. --quick takes the small
 * shape only and one round. The page of --out is written after every section, between two marks: prose around them stays.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeFileSafely } from "../dist/base/files-node.js";
import { contestants, measures, precisions } from "./contestants.js";
import { decoders } from "./decoders/shapes.js";
import { encoders } from "./encoders/shapes.js";
import { modelFolder } from "./folders.js";
import { child, environment, forget, pythonVersion } from "./processes.js";
import { shapes as known } from "./shapes.js";
import { median } from "./shared.js";
import { between, table } from "./table.js";

const programs = [...new Set(contestants.map(({ program }) => program))];
const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    dtype: { type: "string", default: precisions.join() },
    shapes: { type: "string" },
    only: { type: "string", default: Object.keys(measures).join() },
    peers: { type: "string", default: programs.join() },
    threads: { type: "string", default: "2" },
    repeats: { type: "string" },
    folders: { type: "string", default: process.env.ZEROTH_BENCH ?? join(tmpdir(), "zeroth-bench") },
    // Which operators the files for transformers.js use: the engine's fused ones as well, or standard ones only.
    target: { type: "string", default: "webgpu" },
    out: { type: "string" },
  },
});
const list = (text, possible, what) => {
  const names = text.split(",");
  const odd = names.find((name) => !possible.includes(name));
  if (odd === undefined) return names;
  console.error(`--${what} ${odd}: expected some of ${possible.join(", ")}`);
  return process.exit(2);
};
const asked = flags.shapes && list(flags.shapes, Object.keys({ ...known, ...decoders, ...encoders }), "shapes");
const only = list(flags.only, Object.keys(measures), "only");
const dtypes = list(flags.dtype, precisions, "dtype");
const wanted = list(flags.peers, programs, "peers");
const threads = flags.threads;
const rounds = Number(flags.repeats ?? (flags.quick ? 1 : 3));
const repeats = flags.quick ? 1 : 3;
const env = environment(threads);
const python = process.env.ZEROTH_PYTHON ?? "python3";

/** Shapes of a measure at a precision: a training shape is for training only, whatever is asked for. */
function shapesOf(measure, precision) {
  const usual = measures[measure][precision];
  const kindOf = (shape) => {
    if (shape === "t5-train") return "training";
    return shape in decoders ? "decoder" : shape in encoders ? "encoder" : "encoder-decoder";
  };
  if (usual.length === 0) return [];
  const small = { training: "t5-train", decoder: "smollm2-135m", encoder: "minilm", "encoder-decoder": "t5-small" };
  const chosen = asked ?? (flags.quick ? [small[kindOf(usual[0])]] : usual);
  return chosen.filter((shape) => kindOf(shape) === kindOf(usual[0]));
}

const manifest = (name) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), "utf8")).version;
const versions = {
  zeroth: `${manifest("package.json")}, onnxruntime-node ${manifest("node_modules/onnxruntime-node/package.json")}`,
  "transformers.js": manifest("node_modules/@huggingface/transformers/package.json"),
};
const peers = createRequire(join(process.env.ZEROTH_PEERS ?? ".", "package.json"));
try {
  const path = peers.resolve("node-llama-cpp").replace(/dist.index\.js$/, "package.json");
  versions["node-llama-cpp"] = JSON.parse(readFileSync(path, "utf8")).version;
} catch {
  // Said below.
}
for (const { program, module } of contestants) {
  if (module && wanted.includes(program)) versions[program] ??= pythonVersion(python, module);
}
for (const program of wanted) {
  const where = program === "node-llama-cpp" ? "below ZEROTH_PEERS" : `in ${python} (set ZEROTH_PYTHON)`;
  if (!versions[program]) console.error(`${program}: not ${where}; left out`);
}

/** Who takes part in a section, with what they read; made here, so that no measurement makes it. */
async function ready(measure, precision, folder) {
  const taking = [];
  for (const one of contestants) {
    if (one.precision !== precision || !one.measures.includes(measure)) continue;
    if (!wanted.includes(one.program) || !versions[one.program]) continue;
    try {
      taking.push({ ...one, path: await one.prepare(folder, flags.target), taken: [] });
    } catch (error) {
      console.error(`${one.name}: left out: ${error.message}`);
    }
  }
  return taking;
}

/** One process, one number: milliseconds and peak memory. */
async function once({ command, path }, measure, folder) {
  // Readers of other layouts still take the tokenizer from the folder.
  if (measure === "first_token_cold") forget([path, join(folder, "tokenizer.json")]);
  const [program, ...args] = command(measure, path, { folder, threads, repeats: String(repeats) });
  const { rows, first } = await child(program, args, env);
  return { ms: measure.startsWith("first_token") ? first : rows[0].ms, rss: rows[0].peak_rss_mib };
}

/** The rows of one section: every contestant once a round, in turn. */
async function section(measure, precision, shape) {
  const folder = await modelFolder(shape, flags.folders, versions.pytorch && python);
  const taking = await ready(measure, precision, folder);
  for (let round = 0; round < rounds; round++) {
    for (const one of taking) {
      try {
        one.taken.push(await once(one, measure, folder));
      } catch (error) {
        console.error(`${one.name} ${measure} ${shape}: ${error.message}`);
      }
    }
  }
  return taking
    .filter(({ taken }) => taken.length > 0)
    .map(({ name, program, layout, taken }) => {
      const times = taken.map(({ ms }) => ms);
      const spread = { ms: median(times), min: Math.min(...times), max: Math.max(...times) };
      return { name, program, layout, measure, precision, shape, ...spread, rss: median(taken.map(({ rss }) => rss)) };
    });
}

mkdirSync(flags.folders, { recursive: true });
const limitScript = fileURLToPath(new URL("limits.js", import.meta.url));
const limits = (await child(process.execPath, [limitScript, threads], env)).rows[0];
console.error(`limits: ${limits.gflops.toFixed(0)} GFLOP/s, ${limits.gbps.toFixed(1)} GB/s`);

const processor = readFileSync("/proc/cpuinfo", "utf8").match(/^flags.*$/m)?.[0] ?? "";
const extensions = [
  ["avx512f", "AVX-512"],
  ["avx512_vnni", "VNNI"],
].filter(([flag]) => processor.split(" ").includes(flag));
const machine = {
  cpu: [`${cpus()[0].model}, ${cpus().length} cores`, ...extensions.map(([, name]) => name)].join(", "),
  memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${process.platform} ${release()}, Node ${process.version}`,
  date: new Date().toISOString().slice(0, 10),
  threads,
  rounds,
  repeats,
};
const takingPart = Object.fromEntries(wanted.filter((p) => versions[p]).map((p) => [p, versions[p]]));

const results = [];
let page = "";
for (const measure of only) {
  for (const precision of dtypes) {
    for (const shape of shapesOf(measure, precision)) {
      const rows = await section(measure, precision, shape);
      results.push(...rows);
      for (const row of rows)
        console.error(`${shape} ${measure} ${row.name}: ${row.ms.toFixed(2)} ms, ${row.rss.toFixed(0)} MiB`);
      page = table({ results, limits, machine, versions: takingPart });
      if (!flags.out) continue;
      const before = existsSync(flags.out) ? readFileSync(flags.out, "utf8") : "";
      await writeFileSafely(flags.out, between(before, page));
    }
  }
}
console.log(page);
