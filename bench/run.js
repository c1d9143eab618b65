/**
 * The benchmark: npm run bench -- [--quick] [--shapes t5-small,t5-base,t5-train] [--only encoder,decode1,…]
 * [--peers zeroth,transformers.js,pytorch,ctranslate2] [--repeats N] [--threads N] [--folders DIR] [--out FILE]
 *
 * Every measurement is a process of its own with warm-up; peers take turns, round by round, so that what else the
 * machine does falls on all alike. Python peers run where ZEROTH_PYTHON, or python3, has them.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { exported, modelFolder, work } from "./folders.js";
import { median } from "./shared.js";
import { table } from "./table.js";

const measures = {
  encoder: ["t5-small", "t5-base"],
  decode1: ["t5-small", "t5-base"],
  decode8: ["t5-small", "t5-base"],
  first_token: ["t5-small", "t5-base"],
  train: ["t5-train"],
  frozen: ["t5-train"],
};
const can = {
  zeroth: Object.keys(measures),
  "transformers.js": ["encoder", "decode1", "decode8", "first_token"],
  pytorch: Object.keys(measures),
  ctranslate2: ["encoder", "decode1", "decode8", "first_token"],
};

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    shapes: { type: "string" },
    only: { type: "string", default: Object.keys(measures).join() },
    peers: { type: "string", default: Object.keys(can).join() },
    threads: { type: "string", default: "2" },
    repeats: { type: "string" },
    folders: { type: "string", default: process.env.ZEROTH_BENCH ?? join(tmpdir(), "zeroth-bench") },
    // Which operators the files for transformers.js use: the engine's fused ones as well, or standard ones only.
    target: { type: "string", default: "webgpu" },
    out: { type: "string" },
  },
});
const list = (text, known, what) => {
  const names = text.split(",");
  const odd = names.find((name) => !known.includes(name));
  if (odd === undefined) return names;
  console.error(`--${what} ${odd}: expected some of ${known.join(", ")}`);
  return process.exit(2);
};
const shapes = list(
  flags.shapes ?? (flags.quick ? "t5-small" : "t5-small,t5-base,t5-train"),
  ["t5-small", "t5-base", "t5-train"],
  "shapes",
);
const only = list(flags.only, Object.keys(measures), "only");
const wanted = list(flags.peers, Object.keys(can), "peers");
const threads = flags.threads;
const rounds = Number(flags.repeats ?? (flags.quick ? 1 : 3));
const repeats = flags.quick ? 1 : 3;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const env = { ...process.env, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads, HF_HUB_OFFLINE: "1" };

/** Version of a module that this Python can import, or undefined. */
function pythonVersion(python, module) {
  const asked = spawnSync(python, ["-c", `import ${module}; print(${module}.__version__)`], { encoding: "utf8", env });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

/** Run to the end; the last JSON line, and when the first one came. */
function child(command, args) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const made = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let [text, errors, first] = ["", "", undefined];
    made.stdout.on("data", (data) => {
      text += data;
      if (/^\{/m.test(text)) first ??= performance.now() - start;
    });
    made.stderr.on("data", (data) => {
      errors += data;
    });
    made.on("error", reject);
    made.on("close", (code) => {
      if (code !== 0) return reject(new Error(`${command} ${args.join(" ")}: ${errors.trim().split("\n").at(-1)}`));
      const rows = text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      resolve({ rows, first });
    });
  });
}

/** One process, one number: milliseconds and peak memory. */
async function once(peer, measure, folder) {
  if (peer === "pytorch" || peer === "ctranslate2") {
    const name = measure.replace(/\d$/, "");
    const common = ["--threads", threads, "--repeats", String(repeats), "--batch", measure === "decode8" ? "8" : "1"];
    const { rows, first } = await child(python, [here(`peers/${peer}.py`), folder, ...common, "--child", name]);
    if (measure === "first_token") return { ms: first, rss: rows[0].peak_rss_mib };
    const [row] = rows;
    return { ms: row.ms, rss: row.peak_rss_mib };
  }
  const path = peer === "zeroth" ? folder : await exported(folder, flags.target);
  if (measure === "first_token") {
    const { rows, first } = await child(process.execPath, [here("first-token.js"), peer, path, threads]);
    return { ms: first, rss: rows[0].peak_rss_mib };
  }
  const script = peer === "zeroth" ? "zeroth.js" : "transformers-js.js";
  const { rows } = await child(process.execPath, [here(script), measure, path, threads, String(repeats)]);
  return { ms: rows[0].ms, rss: rows[0].peak_rss_mib };
}

const python = process.env.ZEROTH_PYTHON ?? "python3";
const manifest = (name) => JSON.parse(readFileSync(here(`../${name}`), "utf8")).version;
const versions = {
  zeroth: `${manifest("package.json")}, onnxruntime-node ${manifest("node_modules/onnxruntime-node/package.json")}`,
  "transformers.js": manifest("node_modules/@huggingface/transformers/package.json"),
};
if (wanted.includes("pytorch")) versions.pytorch = pythonVersion(python, "torch");
if (wanted.includes("ctranslate2")) versions.ctranslate2 = pythonVersion(python, "ctranslate2");
const peers = wanted.filter((peer) => versions[peer]);
for (const peer of wanted)
  if (!versions[peer]) console.error(`${peer}: not in ${python} (set ZEROTH_PYTHON); left out`);

mkdirSync(flags.folders, { recursive: true });
const limits = (await child(process.execPath, [here("limits.js"), threads])).rows[0];
console.error(`limits: ${limits.gflops.toFixed(0)} GFLOP/s, ${limits.gbps.toFixed(1)} GB/s`);

const results = [];
for (const measure of only) {
  for (const shape of measures[measure].filter(
    (name) => shapes.includes(name) || (flags.quick && name === "t5-train"),
  )) {
    const folder = await modelFolder(shape, flags.folders, versions.pytorch && python);
    const samples = new Map(peers.filter((peer) => can[peer].includes(measure)).map((peer) => [peer, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [peer, taken] of samples) {
        try {
          if (peer === "ctranslate2" && round === 0) {
            await child(python, [
              here("peers/ctranslate2.py"),
              folder,
              "--threads",
              threads,
              "--measure",
              "encoder",
              "--repeats",
              "1",
            ]);
          }
          taken.push(await once(peer, measure, folder));
        } catch (error) {
          console.error(`${peer} ${measure} ${shape}: ${error.message}`);
        }
      }
    }
    const rows = [...samples]
      .filter(([, taken]) => taken.length > 0)
      .map(([peer, taken]) => {
        const times = taken.map(({ ms }) => ms);
        const ms = median(times);
        return {
          peer,
          measure,
          shape,
          ms,
          min: Math.min(...times),
          max: Math.max(...times),
          rss: median(taken.map(({ rss }) => rss)),
        };
      });
    results.push(...rows);
    for (const row of rows)
      console.error(`${shape} ${measure} ${row.peer}: ${row.ms.toFixed(2)} ms, ${row.rss.toFixed(0)} MiB`);
  }
}

const flagsOf = readFileSync("/proc/cpuinfo", "utf8").match(/^flags.*$/m)?.[0] ?? "";
const machine = {
  cpu: `${cpus()[0].model}, ${cpus().length} cores${/avx512f/.test(flagsOf) ? ", AVX-512" : ""}`,
  memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
  system: `${process.platform} ${release()}, Node ${process.version}`,
  date: new Date().toISOString().slice(0, 10),
  threads,
  rounds,
  repeats,
};
const text = table({
  results,
  limits,
  machine,
  versions: Object.fromEntries(peers.map((p) => [p, versions[p]])),
  work,
});
console.log(text);
if (flags.out) writeFileSync(flags.out, text);
