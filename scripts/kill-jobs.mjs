/**
 * Kills a job of many partitions at random moments and checks that its store ends as an undisturbed one's.
 * node scripts/kill-jobs.mjs [--kills 50] [--partitions 20] [--rows 640] [--seed 1] [--program bin/zeroth.js]
 *
 * `zeroth run generate … --all` is stopped with SIGKILL at random moments and started again. After every kill each
 * object that has a manifest is whole, byte for byte; in the end objects and refs are those of a run that nobody
 * disturbed, but for the times in them, and nothing else is left (once a worker that outlived its run is cleared up).
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { life, randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    partitions: { type: "string", default: "20" },
    rows: { type: "string", default: "640" },
    seed: { type: "string", default: "1" },
    program: { type: "string", default: join(here, "..", "bin", "zeroth.js") },
  },
});
const kills = Number(options.kills);
const random = randomFrom(options.seed);
const folder = mkdtempSync(join(tmpdir(), "kill-jobs-"));

/** One life of the job; killed after so many milliseconds, upon which its workers end by themselves. */
function live(store, delay) {
  const args = ["run", "generate", "--input", "rows.jsonl", "--shards", options.partitions, "--all", "--store", store];
  return life([resolve(options.program), ...args, "--max-new-tokens", "6", "--threads", "1"], {
    ...{ delay, cwd: folder, env: { ...process.env, ZEROTH_HOME: join(folder, "home") } },
  });
}

const filesBelow = (path) =>
  existsSync(path)
    ? readdirSync(path, { recursive: true })
        .map(String)
        .filter((file) => statSync(join(path, file)).isFile())
        .sort()
    : [];

/** Every result that has a manifest is whole. */
function checkObjects(store) {
  let whole = 0;
  for (const file of filesBelow(join(store, "objects")).filter((name) => name.endsWith("manifest.json"))) {
    const object = join(store, "objects", dirname(file));
    const manifest = JSON.parse(readFileSync(join(store, "objects", file), "utf8"));
    for (const { path, bytes, sha256, at = path } of manifest.files) {
      const content = readFileSync(join(object, at));
      assert.equal(content.length, bytes, `${object}: ${path}`);
      assert.equal(createHash("sha256").update(content).digest("hex"), sha256, `${object}: ${path}`);
    }
    whole++;
  }
  return whole;
}

/** What a store holds, without when it was made and how long that took. */
const contents = (store) =>
  filesBelow(store)
    .filter((file) => !file.startsWith("work"))
    .map((file) => [
      file,
      readFileSync(join(store, file), "utf8").replace(/"(seconds|at)": ?("[^"]*"|[\d.e-]+)/g, '"$1":0'),
    ]);

try {
  const rows = Array.from({ length: Number(options.rows) }, (_, id) => {
    const prompt = `Is this a fact or an opinion? The bridge is ${"very ".repeat(id % 7)}old, number ${id}.`;
    return `${JSON.stringify({ id, prompt })}\n`;
  });
  writeFileSync(join(folder, "rows.jsonl"), rows.join(""));
  const plain = join(folder, "plain");
  const { took } = await live(plain);
  const wanted = contents(plain);
  const count = { kills: 0, runs: 0, seen: 0, outlived: 0 };
  for (let done = true, store = ""; count.kills < kills || !done; ) {
    if (done) store = join(folder, `store-${count.runs++}`);
    const { killed } = await live(store, count.kills < kills ? random() * took * 0.6 : undefined);
    count.seen += checkObjects(store);
    done = !killed;
    if (killed) count.kills++;
    else {
      assert.deepEqual(contents(store), wanted, `${store} is another store`);
      if (existsSync(join(store, "work"))) {
        // A worker of the killed run, in the midst of the engine's work, outlived this whole run: the next one clears up.
        count.outlived++;
        await wait(2000);
        await live(store);
      }
      const left = existsSync(join(store, "work")) ? readdirSync(join(store, "work"), { recursive: true }) : [];
      const beside = `${store}: what is left beside it, of attempts: ${left.join(", ")}`;
      assert.deepEqual(readdirSync(store).sort(), readdirSync(plain).sort(), beside);
    }
  }
  console.log(
    "| kills | runs that ended whole and equal | of them with a killed run's worker beside | objects looked at after kills |",
  );
  console.log("|---|---|---|---|");
  console.log(`| ${count.kills} | ${count.runs} | ${count.outlived} | ${count.seen} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
