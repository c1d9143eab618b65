/**
 * Kills the building and updating of an index at random moments and checks that nothing is lost.
 * node scripts/kill-index.mjs [--kills 200] [--files 60] [--seed 1] [--dist DIR]
 *
 * A process builds an index of a folder of texts, with vectors of a stand-in for a model, and is stopped with SIGKILL.
 * After every kill the index must verify, where one was whole before, and hold for each document what one state of its
 * file makes. When a process comes to its end, the index must hold what a new one of the same folder does, byte for byte;
 * then files are changed, added and removed, and it is updated, under kills again.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { life, randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "200" },
    files: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
  },
});
const dist = resolve(options.dist);
const library = (name) => import(pathToFileURL(join(dist, "retrieve", name)).href);

/** A stand-in for a model: what a text's vector is follows from the text. */
function embedder() {
  const width = 16;
  const settings = { name: "stand-in", fingerprint: "1", width, metric: "cosine", documentPrompt: "", queryPrompt: "" };
  const vector = (text) => {
    const values = new Float32Array(width);
    for (let i = 0; i < text.length; i++) values[(i * 7 + text.charCodeAt(i)) % width] += 1 + (text.charCodeAt(i) % 5);
    return values;
  };
  const embed = async (texts) => {
    // As long as a model takes: kills meet it waiting, too.
    await new Promise((done) => setTimeout(done, 5));
    return texts.map(vector);
  };
  const starts = (text) => Array.from(text.matchAll(/\S+/g), ({ index }) => index);
  return { settings, longest: 200, starts, documents: embed, queries: embed };
}

async function build(mode, store, folder) {
  const { buildIndex } = await library("build-node.js");
  await buildIndex({ store, mode, paths: mode === "build" ? [folder] : [], embedder: embedder(), chunk: 40 });
}

if (positionals.length > 0) {
  await build(...positionals);
  process.exit();
}

const kills = Number(options.kills);
const random = randomFrom(options.seed);
const below = (n) => Math.floor(random() * n);

/** One life of a process; killed after so many milliseconds. */
const live = (args, delay) => life([fileURLToPath(import.meta.url), "--dist", dist, ...args], { delay });

const { verifyIndex } = await library("keep-node.js");
const { exportIndex } = await library("transfer/export-node.js");
const root = mkdtempSync(join(tmpdir(), "kill-index-"));
const folder = join(root, "texts");
mkdirSync(folder);

const words = ["bees", "wax", "hive", "queen", "wolves", "moon", "night", "pack", "honey", "comb"];
/** Every text that a file ever had. */
const known = new Map();
function change(name) {
  const text = Array.from(
    { length: 30 + below(300) },
    (_, i) => words[below(10)] + (i % 12 === 11 ? ".\n\n" : ""),
  ).join(" ");
  writeFileSync(join(folder, name), text);
  known.set(name, (known.get(name) ?? new Set()).add(text));
}

/** What an index holds, with names that do not depend on where it was built. */
const held = (store) => [...exportIndex(store)].map((row) => JSON.stringify(row)).sort();

/** A whole index: it verifies, and each of its documents is one that its file once was. */
function check(store) {
  let found;
  try {
    found = verifyIndex(store);
  } catch (error) {
    if (error.code === "not_found") return "nothing yet";
    throw error;
  }
  assert.deepEqual(found.problems, []);
  for (const { document, text } of exportIndex(store)) {
    const name = document.slice(folder.length + 1);
    assert.ok(
      [...(known.get(name) ?? [])].some((one) => one.includes(text)),
      `${name} holds what it never was`,
    );
  }
  return "whole";
}

try {
  for (let i = 0; i < Number(options.files); i++) change(`${i}.txt`);
  const plain = join(root, "plain.index");
  let { took } = await live(["build", plain, folder]);
  const count = { builds: 0, updates: 0, "nothing yet": 0, whole: 0 };
  const killed = { build: 0, update: 0 };
  for (let store = "", done = true, number = 0, round = 0; killed.build + killed.update < kills || !done; ) {
    if (done && round % 3 === 0) {
      if (store !== "") for (const name of readdirSync(root)) if (name.startsWith("own")) rmSync(join(root, name));
      store = join(root, `own${number++}.index`);
      round = 1;
    } else if (done) {
      round++;
      for (let i = below(8); i >= 0; i--) change(`${below(Number(options.files))}.txt`);
      change(`new${number}-${round}.txt`);
      const names = readdirSync(folder);
      rmSync(join(folder, names[below(names.length)]));
    }
    const mode = round === 1 ? "build" : "update";
    const lived = await live(
      mode === "build" ? [mode, store, folder] : [mode, store],
      killed.build + killed.update < kills ? random() * took : undefined,
    );
    done = !lived.killed;
    if (!done) {
      killed[mode]++;
      // Killed before it began to write.
      if (existsSync(store)) count[check(store)]++;
      continue;
    }
    took = (took + lived.took) / 2;
    count[`${mode}s`]++;
    assert.equal(check(store), "whole");
    rmSync(plain, { force: true });
    for (const end of ["-wal", "-shm"]) rmSync(plain + end, { force: true });
    await live(["build", plain, folder]);
    assert.deepEqual(held(store), held(plain));
  }
  console.log("| kills while building | while updating | builds | updates | no index yet | verified after a kill |");
  console.log("|---|---|---|---|---|---|");
  console.log(
    `| ${killed.build} | ${killed.update} | ${count.builds} | ${count.updates} | ${count["nothing yet"]} | ${count.whole} |`,
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
