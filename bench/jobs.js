/**
 * What cutting work into partitions costs and what processes gain: an evaluation grid and vectors of many passages as
 * partitions, done by 1, 2 and 4 workers, and through Dagster.
 * node bench/jobs.js --model DIR [--passages 100000] [--partitions 40] [--workers 1,2,4]
 *   [--rows 200] [--dagster PYTHON] [--project 21000000,64,10000] [--out results.json]
 *
 * --model is an encoder that gives vectors. Passages are of 20 to 60 words, drawn by a fixed generator. The grid is the
 * embedded model on the toy task under as many wordings as partitions. Every run begins with an empty store; results must
 * be equal, hash by hash. Printed: total seconds, the sum of the partitions' own seconds, and the difference of
 * workers × total and that sum for each partition: starting a process, opening the model, hashing, storing, waiting.
 * --dagster names a Python that has Dagster: then each partition is also materialised by it. --project says what so many
 * passages take on so many machines in partitions of so many, by the formula of docs/jobs.md and these figures.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const program = join(root, "bin", "zeroth.js");
const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    passages: { type: "string", default: "100000" },
    partitions: { type: "string", default: "40" },
    workers: { type: "string", default: "1,2,4" },
    rows: { type: "string", default: "200" },
    dagster: { type: "string" },
    project: { type: "string", default: "21000000,64,10000" },
    out: { type: "string" },
  },
});
const partitions = Number(options.partitions);
const folder = mkdtempSync(join(tmpdir(), "bench-jobs-"));

let state = 1;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

function writeInputs() {
  const words =
    "the river town old bridge carries water mill stone field winter letter captain garden of and in by".split(" ");
  const passage = () => Array.from({ length: 20 + random(41) }, () => words[random(words.length)]).join(" ");
  const lines = Array.from(
    { length: Number(options.passages) },
    (_, id) => `${JSON.stringify({ id, text: passage() })}\n`,
  );
  writeFileSync(join(folder, "passages.jsonl"), lines.join(""));
  const wordings = Array.from({ length: partitions }, (_, i) => `  w${i}: "Wording ${i}: what is it? {{ text }}"\n`);
  writeFileSync(
    join(folder, "grid.yaml"),
    `task: grid\nprompts:\n${wordings.join("")}choices: [complaint, question]\nlabel: kind\n`,
  );
  const rows = Array.from({ length: Number(options.rows) }, (_, i) =>
    JSON.stringify(i % 2 ? { text: passage(), kind: "question" } : { text: passage(), kind: "complaint" }),
  );
  writeFileSync(join(folder, "grid.jsonl"), `${rows.join("\n")}\n`);
}

const jobs = {
  eval: { task: [join(folder, "grid.yaml")], data: join(folder, "grid.jsonl") },
  ...(options.model && {
    embed: { model: resolve(options.model), input: join(folder, "passages.jsonl"), shards: partitions },
  }),
};

/** Hashes of a store's results by partition, and the seconds that they took. */
function results(store, asset) {
  const hashes = {};
  let seconds = 0;
  const refs = join(store, "refs", asset);
  for (const file of readdirSync(refs)) {
    const { key, outputHash } = JSON.parse(readFileSync(join(refs, file), "utf8"));
    hashes[file] = outputHash;
    seconds += JSON.parse(readFileSync(join(store, "objects", key.slice(0, 2), key, "manifest.json"), "utf8")).seconds;
  }
  return { hashes, seconds };
}

function timed(command, args, more = {}) {
  const began = performance.now();
  return new Promise((settle, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"], cwd: folder, ...more });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? settle((performance.now() - began) / 1000) : reject(new Error(`${command} ended with ${code}`)),
    );
  });
}

/** All partitions of an asset through Dagster, in as many processes at once as there are workers. */
const dagster = (asset, workers) => `
import concurrent.futures, tempfile, dagster as dg, definitions as d
names = d.listed(d.SETTINGS["assets"]["${asset}"])
with dg.DagsterInstance.local_temp(tempfile.mkdtemp(dir=".")) as instance:
    instance.add_dynamic_partitions("${asset}", names)
    def one(name):
        assert dg.materialize([d.ASSETS["${asset}"]], instance=instance, partition_key=name, resources={"zeroth": d.Zeroth()}).success
    with concurrent.futures.ThreadPoolExecutor(${workers}) as pool:
        list(pool.map(one, names))
`;

const table = [];
function note(job, how, workers, total, store, asset, wanted) {
  const { hashes, seconds } = results(store, asset);
  if (wanted) assert.deepEqual(hashes, wanted, `${job}, ${how}: other results`);
  const overhead = (workers * total - seconds) / partitions;
  table.push({ job, how, workers, total, work: seconds, overhead });
  console.log(
    `| ${job} | ${how} | ${workers} | ${total.toFixed(1)} | ${seconds.toFixed(1)} | ${(1000 * overhead).toFixed(0)} |`,
  );
  rmSync(store, { recursive: true, force: true });
  return hashes;
}

try {
  writeInputs();
  console.log("| job | started by | workers | total s | work of all partitions s | overhead a partition ms |");
  console.log("|---|---|---|---|---|---|");
  const store = join(folder, "store");
  for (const [job, settings] of Object.entries(jobs)) {
    let wanted;
    for (const workers of options.workers.split(",").map(Number)) {
      const text = JSON.stringify({ ...settings, threads: 1 });
      const args = ["run", job, "--settings", text, "--all", "--workers", String(workers), "--store", store, "--quiet"];
      wanted = note(job, "zeroth run", workers, await timed(process.execPath, [program, ...args]), store, job, wanted);
      if (!options.dagster) continue;
      const project = join(folder, "project");
      rmSync(project, { recursive: true, force: true });
      spawnSync(process.execPath, [program, "dagster", "init", project]);
      const asset = { job, code_version: "1", partitions: "list", checks: checksOf(job), settings: JSON.parse(text) };
      writeFileSync(join(project, "zeroth.yaml"), JSON.stringify({ store, assets: { [job]: asset } }));
      const env = { ...process.env, ZEROTH_COMMAND: `${process.execPath} ${program}`, DAGSTER_HOME: "" };
      const total = await timed(options.dagster, ["-W", "ignore", "-c", dagster(job, workers)], {
        cwd: project,
        env,
        stdio: ["ignore", "ignore", openSync(join(folder, "dagster.log"), "w")],
      });
      note(job, "Dagster, a process a partition", workers, total, store, job, wanted);
    }
  }
  for (const measured of table.filter(({ job }) => job === "embed")) project(measured);
  if (options.out) writeFileSync(options.out, `${JSON.stringify(table, null, 1)}\n`);
} catch (error) {
  const log = join(folder, "dagster.log");
  if (existsSync(log)) console.error(readFileSync(log, "utf8").slice(-4000));
  throw error;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What many passages take on many machines, where each does as this one did with so many workers. */
function project({ how, workers, work, overhead }) {
  const [passages, machines, size] = options.project.split(",").map(Number);
  const each = work / Number(options.passages);
  const parts = Math.ceil(passages / size);
  const rounds = Math.ceil(parts / (machines * workers));
  const seconds = rounds * (size * each + overhead);
  const share = (100 * overhead) / (size * each + overhead);
  console.log(
    `project: ${passages.toLocaleString("en")} passages on ${machines} machines with ${workers} workers each, ${how}: ${parts} partitions of ${size}, ${rounds} rounds of ${(seconds / rounds).toFixed(0)} s, ${(seconds / 3600).toFixed(1)} h, ${share.toFixed(1)} % of it overhead`,
  );
}

function checksOf(job) {
  return { eval: ["above_chance", "no_nan"], embed: ["count_matches", "unit_norm"] }[job];
}
