/**
 * Kills downloads at random moments and checks that nothing is lost or corrupt; then starts two at once.
 * node scripts/kill-pull.mjs [--kills 70] [--seed 1] [--dist DIR]
 *
 * `zeroth pull` runs as a process of its own against a hub on this machine that sends slowly, and is stopped with
 * SIGKILL while it starts, lists, fetches, checks or links. After every kill: each blob has the hash it is named by, a
 * name resolves to a whole snapshot or to none, and a file that was finished is never asked for again.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commitOf, gitSha1, sha256, startHub } from "../test/support/hub-server.js";
import { randomFrom } from "./life.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "70" },
    seed: { type: "string", default: "1" },
    dist: { type: "string", default: join(here, "..", "dist") },
  },
});
const program = resolve(options.dist, "..", "bin", "zeroth.js");
const kills = Number(options.kills);
const random = randomFrom(options.seed);

const shards = [1, 2, 3, 4, 5, 6].map((n) => `model-0000${n}-of-00006.safetensors`);
const files = {
  "config.json": Buffer.from('{"model_type":"t5"}'),
  "generation_config.json": Buffer.from("{}"),
  "tokenizer.json": randomBytes(60_000),
  "model.safetensors.index.json": Buffer.from(
    JSON.stringify({ weight_map: Object.fromEntries(shards.map((name, i) => [`tensor${i}`, name])) }),
  ),
  ...Object.fromEntries(shards.map((name) => [name, randomBytes(1_500_000 + Math.floor(random() * 1_500_000))])),
};
const small = Object.keys(files).filter((name) => files[name].length < 1000 || name.endsWith("index.json"));
const lfs = Object.keys(files).filter((name) => !small.includes(name));
const commit = commitOf(files);
const names = Object.keys(files).sort();
const etagOf = (name) => (lfs.includes(name) ? sha256(files[name]) : gitSha1(files[name]));

/** One life of `zeroth pull`; killed after `delay` milliseconds where one is given. */
function start(home, url, delay) {
  return new Promise((settle, reject) => {
    const env = { ...process.env, HF_HOME: home, HF_ENDPOINT: url, HF_HUB_OFFLINE: "", TRANSFORMERS_OFFLINE: "" };
    const child = spawn(process.execPath, [program, "pull", "acme/large", "--json"], { env });
    let [out, errors] = ["", ""];
    child.stdout.on("data", (data) => {
      out += data;
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    const timer = delay === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), delay);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== "SIGKILL" && code !== 0) reject(new Error(`a life ended with ${code ?? signal}: ${errors}`));
      else
        settle({
          killed: signal === "SIGKILL",
          rows: out
            .split("\n")
            .filter(Boolean)
            .map((row) => JSON.parse(row)),
        });
    });
  });
}

const hashOf = (data, name) =>
  name.length === 64
    ? createHash("sha256").update(data).digest("hex")
    : createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");

/** Every blob is what its name says; gives the names of the finished ones. */
function wholeBlobs(root) {
  const folder = join(root, "blobs");
  const all = existsSync(folder) ? readdirSync(folder) : [];
  const whole = all.filter((name) => !name.endsWith(".incomplete"));
  for (const name of whole) assert.equal(hashOf(readFileSync(join(folder, name)), name), name, "a blob has its hash");
  return { whole, drafts: all.length - whole.length };
}

/** A name leads to a whole model or to none. */
function checkNames(root) {
  if (existsSync(join(root, "refs", "main"))) {
    assert.equal(readFileSync(join(root, "refs", "main"), "utf8"), commit);
    assert.deepEqual(readdirSync(join(root, "snapshots", commit)).sort(), names);
  }
  const snapshot = join(root, "snapshots", commit);
  if (existsSync(join(snapshot, "config.json"))) {
    for (const name of names) assert.ok(readFileSync(join(snapshot, name)).equals(files[name]), `${name} is whole`);
  }
}

async function killed(folder) {
  const hub = await startHub(
    { "acme/large": { files, lfs } },
    {
      fault: ({ kind, file }) =>
        kind === "store" && file?.endsWith(".safetensors") ? { throttle: 4_000_000 } : undefined,
    },
  );
  try {
    const count = { kills: 0, drafts: 0, finished: 0, rounds: 0, resumed: 0 };
    let home = "";
    let root = "";
    let finished = new Set();
    let done = true;
    const begin = () => {
      home = join(folder, `home-${count.rounds++}`);
      root = join(home, "hub", "models--acme--large");
      finished = new Set();
    };
    const check = (asked) => {
      const byEtag = new Map(names.map((name) => [name, etagOf(name)]));
      for (const { kind, file, headers } of asked) {
        if (kind === "api") continue;
        assert.ok(!finished.has(byEtag.get(file)), `${file} was finished and is asked for again`);
        if (kind === "store" && headers.range) count.resumed++;
      }
      const { whole, drafts } = wholeBlobs(root);
      for (const name of finished) assert.ok(whole.includes(name), "a finished blob is still there");
      finished = new Set(whole);
      checkNames(root);
      return drafts;
    };
    while (count.kills < kills) {
      if (done) begin();
      const before = hub.requests.length;
      const life = await start(home, hub.url, 60 + random() * 900);
      const drafts = check(hub.requests.slice(before));
      done = !life.killed;
      if (!life.killed) {
        assert.equal(life.rows.at(-1).done, true);
        assert.deepEqual(
          life.rows
            .slice(0, -1)
            .map(({ file, sha256: hash }) => [file, hash])
            .sort(),
          names.map((name) => [name, sha256(files[name])]),
        );
        continue;
      }
      count.kills++;
      if (drafts > 0) count.drafts++;
      count.finished += finished.size;
    }
    const before = hub.requests.length;
    const last = await start(home, hub.url);
    check(hub.requests.slice(before));
    assert.equal(last.rows.at(-1).done, true);
    assert.ok(existsSync(join(root, "refs", "main")));
    assert.equal(wholeBlobs(root).drafts, 0);
    return count;
  } finally {
    await hub.close();
  }
}

async function together(folder) {
  const hub = await startHub(
    { "acme/large": { files, lfs } },
    { fault: ({ kind }) => (kind === "store" ? { throttle: 6_000_000 } : undefined) },
  );
  try {
    const home = join(folder, "together");
    const lives = await Promise.all([start(home, hub.url), start(home, hub.url)]);
    for (const { rows } of lives) assert.equal(rows.at(-1).done, true);
    checkNames(join(home, "hub", "models--acme--large"));
    const served = names.map((name) => {
      const kind = lfs.includes(name) ? "store" : "file";
      return hub.requests.filter((one) => one.kind === kind && one.file === name).length;
    });
    assert.deepEqual(
      served,
      names.map(() => 1),
      `each file is served once: ${served}`,
    );
    return served.reduce((a, b) => a + b, 0);
  } finally {
    await hub.close();
  }
}

/** A process that dies with the lock leaves the model to the next, without a wait. */
async function widowed(folder) {
  const hub = await startHub(
    { "acme/large": { files, lfs } },
    { fault: ({ kind }) => (kind === "store" ? { throttle: 500_000 } : undefined) },
  );
  try {
    const home = join(folder, "widowed");
    const first = start(home, hub.url, 1500);
    const locks = join(home, "hub", ".locks", "models--acme--large");
    await first;
    const left = readdirSync(locks).filter((name) => name.endsWith(".owner")).length;
    assert.ok(left > 0, "the killed process held locks");
    hub.setFault(() => undefined);
    const began = performance.now();
    await start(home, hub.url);
    assert.deepEqual(
      readdirSync(locks).filter((name) => name.endsWith(".owner")),
      [],
    );
    return { left, milliseconds: Math.round(performance.now() - began) };
  } finally {
    await hub.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), "kill-pull-"));
const started = performance.now();
try {
  assert.ok(statSync(program).isFile());
  const count = await killed(folder);
  const served = await together(folder);
  const { left, milliseconds } = await widowed(folder);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    "| kills | downloads | with drafts left | files finished at the kills | ranges resumed | corrupt | fetched twice | s |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  console.log(
    `| ${count.kills} | ${count.rounds} | ${count.drafts} | ${count.finished} | ${count.resumed} | 0 | 0 | ${seconds} |`,
  );
  console.log(`two processes at once: ${names.length} files, served ${served} times`);
  console.log(`locks of a killed process: ${left} taken over, whole download in ${milliseconds} ms`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
