/**
 * Kills `zeroth summarize` at random moments and checks that nothing is lost.
 * node scripts/kill-summarize.mjs [--kills 100] [--model lead] [--paragraphs 400] [--seed 1] [--dist DIR]
 *
 * A run is stopped with SIGKILL at random moments and gone on with, again and again. Each life makes exactly the calls whose
 * answers were not there when it began, and in the end the exported tree has the bytes of a run that nobody disturbed.
 * `--model` may be any folder: with a model that draws nothing, answers are the same whatever stands beside them in a batch.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    model: { type: "string", default: "lead" },
    paragraphs: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
  },
});
const dist = resolve(options.dist);
const model = existsSync(options.model) ? resolve(options.model) : options.model;
const kills = Number(options.kills);
const random = randomFrom(options.seed);

const folder = mkdtempSync(join(tmpdir(), "kill-summarize-"));
const program = `import(${JSON.stringify(pathToFileURL(join(dist, "cli", "main.js")).href)}).then(({ run }) => run(process.argv.slice(1)))`;

/** One life; killed so many milliseconds after so many rows have been told. */
function live(args, death) {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, ["-e", program, "--", "summarize", ...args, "--json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [told, errors] = ["", ""];
    let timer;
    const look = () => {
      if (death && !timer && told.split("\n").length > death.rows)
        timer = setTimeout(() => child.kill("SIGKILL"), death.ms);
    };
    look();
    child.stdout.on("data", (data) => {
      told += data;
      look();
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== "SIGKILL" && code !== 0) reject(new Error(`a life ended with ${code ?? signal}: ${errors}`));
      else settle({ killed: signal === "SIGKILL", told, errors });
    });
  });
}

const book = (out) => ["book.txt", "--model", model, "--out", out, "--leaf-tokens", "150", "--limits", "40,60,80"];
const objectsOf = (out) => {
  const path = join(folder, out, "objects");
  if (!existsSync(path)) return 0;
  return readdirSync(path).reduce(
    (sum, name) => sum + readdirSync(join(path, name)).filter((file) => /^[0-9a-f]+\.json$/.test(file)).length,
    0,
  );
};

try {
  const nouns = ["lamp", "rope", "wheel", "loom", "boat"];
  const sentence = (n) =>
    `The keeper of house ${n} found a ${nouns[n % 5]} and carried it to the ${nouns[(n * 3) % 5]} of house ${n + 1}.`;
  const paragraphs = Array.from({ length: Number(options.paragraphs) }, (_, p) =>
    [0, 1, 2].map((s) => sentence(p * 3 + s)).join(" "),
  );
  writeFileSync(join(folder, "book.txt"), paragraphs.join("\n\n"));
  const { told } = await live(book("plain"));
  const total = JSON.parse(told.trim().split("\n").at(-1)).calls;
  await live(["export", "plain", "--format", "json", "--output", "plain.json"]);
  const wanted = readFileSync(join(folder, "plain.json"));
  const count = { kills: 0, runs: 0, before: 0, between: 0 };
  for (let done = true, out = ""; count.kills < kills || !done; ) {
    if (done) out = `out-${count.runs++}`;
    const held = objectsOf(out);
    // Before the first answer, or behind one of the next: most of a life is its start.
    const rows = Math.floor(random() * 8);
    const life = await live(
      book(out),
      count.kills < kills ? { rows, ms: random() * (rows === 0 ? 600 : 30) } : undefined,
    );
    done = !life.killed;
    if (life.killed) {
      count.kills++;
      count[objectsOf(out) === 0 ? "before" : "between"]++;
      continue;
    }
    const last = JSON.parse(life.told.trim().split("\n").at(-1));
    assert.equal(last.calls, total - held, `${out} made ${last.calls} calls with ${held} of ${total} answers there`);
    await live(["export", out, "--format", "json", "--output", `${out}.json`]);
    assert.ok(readFileSync(join(folder, `${out}.json`)).equals(wanted), `${out} is another summary`);
    await live(["verify", out]);
  }
  console.log(
    "| kills | runs | calls of a run | killed before the first answer | killed between answers | whole, byte for byte |",
  );
  console.log("|---|---|---|---|---|---|");
  console.log(`| ${count.kills} | ${count.runs} | ${total} | ${count.before} | ${count.between} | ${count.runs} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
