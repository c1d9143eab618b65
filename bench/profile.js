/**
 * Where the time of one measurement goes, by the engine's own profiler: node bench/profile.js MEASURE FOLDER [THREADS]
 * [REPEATS] with the measures of bench/zeroth.js and bench/decoders/zeroth.js, or a method of bench/tune.js and a folder
 * that is called like one of its shapes. Prints the share of each operator over all runs, warm-up included.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const [measure, folder, threads = "2", repeats = "5"] = process.argv.slice(2);
if (!measure || !folder) {
  console.error("usage: node bench/profile.js MEASURE FOLDER [THREADS] [REPEATS]");
  process.exit(2);
}
process.env.ORT_DISABLE_TELEMETRY = "1";
const out = mkdtempSync(join(tmpdir(), "zeroth-profile-"));
const patch = `
import { createRequire } from "node:module";
const { InferenceSession } = createRequire(${JSON.stringify(fileURLToPath(import.meta.url))})("onnxruntime-node");
const create = InferenceSession.create.bind(InferenceSession);
const sessions = [];
InferenceSession.create = async (...given) => {
  const options = given.findLast((x) => typeof x === "object" && !ArrayBuffer.isView(x)) ?? {};
  options.enableProfiling = true;
  options.profileFilePrefix = ${JSON.stringify(`${out}/run`)} + sessions.length;
  const session = await create(...given);
  const release = session.release.bind(session);
  session.release = async () => { session.endProfiling(); return release(); };
  sessions.push(session);
  return session;
};
process.on("exit", () => { for (const s of sessions) try { s.endProfiling(); } catch {} });
`;
const url = `data:text/javascript,${encodeURIComponent(patch)}`;
/** Whose script takes a measurement. */
const places = { prefill: "decoders/", generate1: "decoders/", generate8: "decoders/" };
const tunes = ["p-tuning-v2", "lora", "full"].includes(measure);
const name = tunes ? "tune.js" : `${places[measure] ?? ""}zeroth.js`;
const args = tunes
  ? ["--threads", threads, "--repeats", repeats, "--child", JSON.stringify([folder, basename(folder), measure])]
  : [measure, folder, threads, repeats];
const done = spawnSync(process.execPath, ["--import", url, fileURLToPath(new URL(name, import.meta.url)), ...args], {
  stdio: ["ignore", "pipe", "inherit"],
});
if (done.status !== 0) process.exit(1);
console.log(done.stdout.toString().trim());

for (const file of readdirSync(out).sort()) {
  const events = JSON.parse(readFileSync(join(out, file), "utf8"));
  const kinds = new Map();
  let runs = 0;
  for (const { cat, name, dur, args } of events) {
    if (cat === "Session" && name === "model_run") runs++;
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const kind = kinds.get(args.op_name) ?? { time: 0, count: 0 };
    kind.time += dur;
    kind.count++;
    kinds.set(args.op_name, kind);
  }
  if (runs === 0) continue;
  const total = [...kinds.values()].reduce((sum, { time }) => sum + time, 0);
  console.log(`\n${runs} runs, ${(total / runs / 1000).toFixed(2)} ms of kernels a run`);
  const rows = [...kinds].sort((a, b) => b[1].time - a[1].time).slice(0, 16);
  console.log("| operator | share | ms a run | nodes a run |\n|---|---|---|---|");
  for (const [name, { time, count }] of rows) {
    const [share, ms, nodes] = [(100 * time) / total, time / runs / 1000, count / runs];
    console.log(`| ${name} | ${share.toFixed(1)} % | ${ms.toFixed(2)} | ${nodes.toFixed(0)} |`);
  }
}
if (process.env.ZEROTH_PROFILE_KEEP) console.log(out);
else rmSync(out, { recursive: true, force: true });
