/**
 * Kills a study at random moments and checks that its results end as an undisturbed one's.
 * node scripts/kill-study.mjs [--kills 50] [--points 20] [--workers 2] [--seed 1] [--program bin/zeroth.js]
 *
 * `zeroth study run` over a grid of so many runs, each of which writes checkpoints and goes on from them, is stopped with
 * SIGKILL at random moments and started again, its workers ending by themselves. After every kill each record that is there
 * is whole and says what it should; in the end every run has been finished once, its rows and kept files are those of a study
 * that nobody disturbed, and nothing else is left.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { life, randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    points: { type: "string", default: "20" },
    workers: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    program: { type: "string", default: join(here, "..", "bin", "zeroth.js") },
  },
});
const [kills, points] = [Number(options.kills), Number(options.points)];
const random = randomFrom(options.seed);
const folder = mkdtempSync(join(tmpdir(), "kill-study-"));

/** Five steps a run, a checkpoint after each; half of the runs need one of the others. */
const declaration = `
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
const steps = async ({ factors, work, out, parent }) => {
  const file = work + "/steps";
  let done = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  while (done.length < 5) {
    await new Promise((next) => setTimeout(next, 20));
    done = [...done, (done.at(-1) ?? factors.point) * 1.5 + 1];
    writeFileSync(file + ".tmp", JSON.stringify(done));
    renameSync(file + ".tmp", file);
  }
  const before = parent ? Number(readFileSync(parent.out + "/weights", "utf8")) : 0;
  writeFileSync(out + "/weights", String(done.at(-1)));
  return done.map((value, step) => ({ step, value: value + before }));
};
const points = Array.from({ length: ${points / 2} }, (_, i) => i);
export default {
  name: "killed", metrics: { value: "max" },
  stages: { first: { factors: { point: points }, run: steps }, second: { needs: "first", factors: { more: [1] }, run: steps } },
};
`;

/** One life of the study. */
function live(store, delay) {
  const args = ["study", "run", "study.mjs", "--workers", options.workers, "--store", store];
  return life([resolve(options.program), ...args], { delay, cwd: folder });
}

/** What a store holds: rows and kept files, without how they were made. */
function contents(store) {
  const runs = join(store, "runs");
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .sort()
    .flatMap((id) => {
      const record = join(runs, id, "record.json");
      if (!existsSync(record)) return [];
      const { made, ...result } = JSON.parse(readFileSync(record, "utf8"));
      assert.equal(typeof made.seconds, "number", `${record} is not whole`);
      return [[id, result, readFileSync(join(runs, id, "out", "weights"), "utf8")]];
    });
}

const filesBelow = (path) =>
  readdirSync(path, { recursive: true })
    .map(String)
    .filter((file) => statSync(join(path, file)).isFile())
    .sort();

try {
  writeFileSync(join(folder, "study.mjs"), declaration);
  const plain = join(folder, "plain");
  const { took } = await live(plain);
  const wanted = contents(plain);
  assert.equal(wanted.length, points);
  const byId = new Map(wanted.map((run) => [run[0], run]));
  const count = { kills: 0, studies: 0, seen: 0 };
  for (let done = true, store = ""; count.kills < kills || !done; ) {
    if (done) store = join(folder, `store-${count.studies++}`);
    // Late enough for workers to have begun, early enough to hit each of them.
    const { killed } = await live(store, count.kills < kills ? took * (0.3 + 0.6 * random()) : undefined);
    for (const run of contents(store)) {
      assert.deepEqual(run, byId.get(run[0]), `${store}: run ${run[0]} is another`);
      count.seen++;
    }
    done = !killed;
    if (killed) count.kills++;
    else {
      assert.deepEqual(contents(store), wanted, `${store} has other results`);
      assert.deepEqual(filesBelow(store), filesBelow(plain), `${store}: something else is left in it`);
    }
  }
  console.log("| kills | studies that ended whole and equal | records looked at after kills |");
  console.log("|---|---|---|");
  console.log(`| ${count.kills} | ${count.studies} | ${count.seen} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
