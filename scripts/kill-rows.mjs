/**
 * Kills a long job of rows at random moments and checks that nothing is lost.
 * node scripts/kill-rows.mjs [--kills 50] [--rows 600] [--seed 1] [--dist DIR]
 *
 * `zeroth generate --input … --output …` is stopped with SIGKILL at random moments and gone on with by --resume, again and
 * again. The file has its name only when it is whole, its rows so far are a beginning of the whole file, and in the end
 * it has the bytes of a job that nobody disturbed, with nothing left beside it.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { life, randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    rows: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
  },
});
const dist = resolve(options.dist);
const kills = Number(options.kills);
const random = randomFrom(options.seed);

const folder = mkdtempSync(join(tmpdir(), "kill-rows-"));
const program = `import(${JSON.stringify(pathToFileURL(join(dist, "cli", "main.js")).href)}).then(({ run }) => run(process.argv.slice(1)))`;

/** One life of the job; killed after so many milliseconds. */
function live(out, delay) {
  const args = ["generate", "--input", "rows.jsonl", "--output", out, "--resume", "--sample", "--min-new-tokens", "8"];
  return life(["-e", program, "--", ...args, "--max-new-tokens", "16"], { delay, cwd: folder });
}

try {
  const nouns = ["film", "bridge", "soup", "garden"];
  const rows = Array.from({ length: Number(options.rows) }, (_, id) => {
    const prompt = `Is this a fact or an opinion? The ${nouns[id % 4]} is ${"very ".repeat(id % 9)}old, number ${id}.`;
    return `${JSON.stringify({ id, prompt })}\n`;
  });
  writeFileSync(join(folder, "rows.jsonl"), rows.join(""));
  const { took } = await live("plain.jsonl");
  const wanted = readFileSync(join(folder, "plain.jsonl"));
  const count = { kills: 0, runs: 0, empty: 0, parts: 0, whole: 0 };
  for (let done = true, out = ""; count.kills < kills || !done; ) {
    if (done) out = `out-${count.runs++}.jsonl`;
    const { killed } = await live(out, count.kills < kills ? random() * took : undefined);
    if (killed) count.kills++;
    done = existsSync(join(folder, out));
    if (done) {
      assert.ok(readFileSync(join(folder, out)).equals(wanted), `${out} is another file`);
      count.whole++;
      if (!killed)
        assert.deepEqual(
          readdirSync(folder).filter((name) => name.includes(`${out}.`)),
          [],
        );
    } else {
      const part = join(folder, `${out}.partial`);
      const held = existsSync(part) ? readFileSync(part) : Buffer.alloc(0);
      assert.ok(wanted.subarray(0, held.length).equals(held), `${part} is no beginning of the whole`);
      count[held.length === 0 ? "empty" : "parts"]++;
    }
  }
  console.log("| kills | jobs | no rows yet | some rows | whole, byte for byte |");
  console.log("|---|---|---|---|---|");
  console.log(`| ${count.kills} | ${count.runs} | ${count.empty} | ${count.parts} | ${count.whole} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
