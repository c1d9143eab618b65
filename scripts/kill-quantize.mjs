/**
 * Kills quantising at random moments and checks that nothing is lost and no half model is ever there.
 * node scripts/kill-quantize.mjs [--kills 200] [--seed 1] [--dist DIR]
 *
 * The embedded model is written in 4 bits, in small files, by a child process that is stopped with SIGKILL while it
 * opens, quantises, writes, gives the files their names or clears up; half of the runs replace a model that is there.
 * After every kill the folder is the old model, no model, or the whole new one. A run that ends has the bytes of one
 * nobody disturbed.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
    child: { type: "string" },
  },
});
const dist = resolve(options.dist);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const kills = Number(options.kills);
const random = randomFrom(options.seed);

/** One life: quantise, from wherever the last one ended. */
async function live(out) {
  const { openModelFolder } = await load("folders/open-node.js");
  const { shippedModels } = await load("hub/find-node.js");
  const { quantizeFolder } = await load("folders/quantize-node.js");
  writeSync(1, "open\n");
  await quantizeFolder(openModelFolder(join(shippedModels, "zeroth-nano")), {
    out,
    bits: 4,
    choose: (name) => (name === "shared.weight" ? "int8" : "int4"),
    shardBytes: 100_000,
    overwrite: true,
  });
}

function start(out, delay) {
  return new Promise((settle, reject) => {
    const args = [fileURLToPath(import.meta.url), "--child", out, "--dist", dist];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const began = performance.now();
    let [errors, opened, timer] = ["", 0, undefined];
    child.stdout.once("data", () => {
      opened = performance.now();
      if (delay !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), delay);
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== "SIGKILL" && code !== 0) reject(new Error(`a life ended with ${code ?? signal}: ${errors}`));
      else settle({ killed: signal === "SIGKILL", work: performance.now() - (opened || began) });
    });
  });
}

const filesOf = (folder) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  );

function assertSame(got, wanted, what) {
  assert.deepEqual(Object.keys(got), Object.keys(wanted), `files of ${what}`);
  for (const name of Object.keys(wanted)) assert.ok(got[name].equals(wanted[name]), `${name} of ${what}`);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "kill-quantize-"));
  const started = performance.now();
  try {
    const { openModelFolder } = await load("folders/open-node.js");
    const { readStored } = await load("weights/safetensors-node.js");
    const plain = join(folder, "plain");
    const { work } = await start(plain);
    const wanted = filesOf(plain);
    const old = join(here, "..", "models", "zeroth-nano");
    const before = filesOf(old);
    const shards = Object.keys(wanted).filter((name) => name.endsWith(".safetensors")).length;

    const count = { kills: 0, runs: 0, none: 0, old: 0, whole: 0, parts: 0, drafts: 0 };
    let out = "";
    let replaces = false;
    let done = true;
    /** What is in the folder now, as whoever would open it sees it. */
    const look = () => {
      const names = existsSync(out) ? readdirSync(out) : [];
      const place = join(out, ".quantizing");
      const made = existsSync(place) ? readdirSync(place) : [];
      count.parts += made.filter((name) => name.endsWith(".safetensors") && !name.startsWith(".")).length;
      count.drafts += [...names, ...made].filter((name) => name.endsWith(".tmp")).length;
      if (!names.includes("config.json")) return "none";
      const opened = openModelFolder(out);
      for (const stored of opened.weights.values()) readStored(stored);
      if (opened.config.quantization_config) {
        assertSame(filesOf(out), wanted, "the new model");
        return "whole";
      }
      assert.ok(replaces, "a model that nobody wrote");
      assertSame(filesOf(out), before, "the old model");
      return "old";
    };
    while (count.kills < kills) {
      if (done) {
        if (out) rmSync(out, { recursive: true });
        out = join(folder, `out-${count.runs++}`);
        replaces = random() < 0.5;
        if (replaces) cpSync(old, out, { recursive: true });
      }
      // More often near the end, where names change.
      const life = await start(out, (random() < 0.4 ? 0.75 + random() * 0.35 : random()) * work);
      const what = look();
      done = !life.killed || what === "whole";
      if (!life.killed) {
        assert.equal(what, "whole");
        assert.deepEqual(
          readdirSync(out).filter((name) => name.startsWith(".quantizing")),
          [],
        );
        continue;
      }
      count.kills++;
      count[what]++;
    }
    await start(out);
    assert.equal(look(), "whole");
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log("| kills | runs | no model yet | old model | new model whole | half models | parts kept | s |");
    console.log("|---|---|---|---|---|---|---|---|");
    console.log(
      `| ${count.kills} | ${count.runs} | ${count.none} | ${count.old} | ${count.whole} | 0 | ${count.parts} | ${seconds} |`,
    );
    console.log(`${shards} files each, byte-identical at the end; drafts seen beside them: ${count.drafts}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (options.child) await live(options.child);
else await main();
