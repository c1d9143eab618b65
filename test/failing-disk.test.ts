/**
 * Downloads, quantising, checkpoints and model folders on a disk that refuses its n-th write or rename, for every n
 * until the work gets through: the error says so, nothing half done is taken for whole, and the next try succeeds.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openModelFolder } from "../src/folders/open-node.ts";
import { quantizeFolder } from "../src/folders/quantize-node.ts";
import { writeModelFolder } from "../src/folders/write-node.ts";
import { float32 } from "../src/graph/array.ts";
import { pull } from "../src/hub/download/pull-node.ts";
import { resolveModel, shippedModels } from "../src/hub/find-node.ts";
import { latestCheckpoint, saveCheckpoint } from "../src/learn/checkpoint-node.ts";
import { openMetrics } from "../src/learn/metrics-node.ts";
import { readStored, writeSafetensors } from "../src/weights/safetensors-node.ts";
import { onFailingDisk } from "./support/failing-disk.ts";
import { startHub } from "./support/hub-server.js";

const place = mkdtempSync(join(tmpdir(), "zeroth-disk-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Every file below a folder and its hash, but for what is hidden. */
function contents(folder: string, free?: RegExp): Record<string, string> {
  const all = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => !/(^|\/)\./.test(name)).sort();
  const names = all.filter((name) => !free?.test(name));
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );
}

interface Job {
  /** What is there before. */
  before?(folder: string): Promise<unknown>;
  run(folder: string): Promise<unknown>;
  /** Called after a failure: whatever is there is whole. */
  whole(folder: string): Promise<unknown>;
  /** Files that need not be the same after the next try. */
  free?: RegExp;
}

/** Fail at every n in turn; gives how many there were. */
async function everywhere(name: string, { before, run, whole, free }: Job): Promise<number> {
  const wanted = join(place, `${name}-whole`);
  await before?.(wanted);
  await run(wanted);
  for (let n = 1; ; n++) {
    const folder = join(place, `${name}-${n}`);
    await before?.(folder);
    const code = n % 2 === 0 ? "ENOSPC" : "EIO";
    const { error, failed } = await onFailingDisk({ n, code, below: folder }, () => run(folder));
    if (!failed) {
      expect(error).toBeUndefined();
      return n - 1;
    }
    // What is only tidying up may fail unheard.
    if (error !== undefined) {
      expect(error, `${name}, ${n}`).toMatchObject({
        name: "ZerothError",
        code: "bad_input",
        message: new RegExp(code),
      });
    }
    await whole(folder);
    await run(folder);
    expect(contents(folder, free), `${name}, ${n}`).toEqual(contents(wanted, free));
    rmSync(folder, { recursive: true });
  }
}

const arrays = (value: number) => new Map([["a", float32([2], [value, value])]]);
const save = (out: string, step: number) =>
  saveCheckpoint(out, { step, tokens: step, position: step, fingerprint: "f" }, arrays(step), (folder) =>
    writeSafetensors(join(folder, "model.safetensors"), arrays(-step)),
  );

test("checkpoint: the one before is there until the new one is", async () => {
  const failures = await everywhere("checkpoint", {
    before: (folder) => save(folder, 1),
    run: (folder) => save(folder, 2),
    async whole(folder) {
      const latest = await latestCheckpoint(folder, "f");
      expect([1, 2]).toContain(latest?.step);
      expect(latest?.values).toEqual(arrays(-latest!.step));
      expect(latest?.optimizer).toEqual(arrays(latest!.step));
    },
  });
  expect(failures).toBeGreaterThan(10);
});

/** Lengths of a TensorBoard file's records and their sum with the frames: a record is length, sum, bytes, sum. */
function wholeRecords(path: string): boolean {
  const bytes = readFileSync(path);
  let at = 0;
  while (at + 12 <= bytes.length) at += 16 + Number(bytes.readBigUInt64LE(at));
  return at === bytes.length;
}

test("metrics: whole rows, one a step once the run was resumed", async () => {
  const failures = await everywhere("metrics", {
    // A run of seven steps that saves at the third and the sixth, and goes on from what was saved.
    async run(folder) {
      let step = (await latestCheckpoint(folder, "f"))?.step ?? 0;
      await using metrics = await openMetrics(folder, step, () => 1e12);
      while (step < 7) {
        metrics.write({ step: ++step, loss: 1 / step, lr: 0.125 });
        if (step % 3 !== 0) continue;
        await metrics.flush();
        await save(folder, step);
      }
    },
    async whole(folder) {
      const path = join(folder, "metrics.jsonl");
      if (!existsSync(path)) return;
      const text = readFileSync(path, "utf8");
      const rows = text.split("\n").slice(0, -1);
      expect(text.endsWith("\n") || text === "").toBe(true);
      expect(rows.map((row) => JSON.parse(row).step)).toEqual(rows.map((_, i) => i + 1));
      // What a checkpoint holds is never computed again.
      expect(rows.length).toBeGreaterThanOrEqual((await latestCheckpoint(folder, "f"))?.step ?? 0);
      for (const name of readdirSync(folder).filter((name) => name.includes("tfevents"))) {
        expect(wholeRecords(join(folder, name)), name).toBe(true);
      }
    },
    // A checkpoint that could not be removed stays until the next one is saved.
    free: /tfevents|checkpoint-3/,
  });
  expect(failures).toBeGreaterThan(40);
});

test("model folder: no configuration without all of its weights", async () => {
  const tensors = [...arrays(1), ["b", float32([4], [1, 2, 3, 4])] as const];
  const failures = await everywhere("folder", {
    run: (folder) =>
      writeModelFolder(folder, {
        config: { model_type: "t5" },
        tensors,
        maxShardBytes: 8,
        tokenizerJson: {},
        overwrite: true,
      }),
    async whole(folder) {
      if (!existsSync(join(folder, "config.json"))) return;
      expect([...openModelFolder(folder).weights.keys()].sort()).toEqual(["a", "b"]);
    },
  });
  expect(failures).toBeGreaterThan(15);
});

test("quantising: the model before, none, or the whole new one; finished parts are kept", async () => {
  const source = join(place, "source");
  const matrix = (seed: number) =>
    float32(
      [32, 64],
      Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i * seed)),
    );
  await writeModelFolder(source, {
    config: { model_type: "t5" },
    tensors: ["a", "b", "c"].map((name, i) => [name, matrix(i + 2)]),
    tokenizerJson: { version: "1.0" },
  });
  const old = join(place, "old");
  await writeModelFolder(old, { config: { model_type: "t5", old: true }, tensors: arrays(1) });
  const failures = await everywhere("quantize", {
    before: async (folder) => cpSync(old, folder, { recursive: true }),
    run: (folder) =>
      quantizeFolder(openModelFolder(source), {
        out: folder,
        bits: 4,
        choose: () => "int4",
        shardBytes: 1000,
        overwrite: true,
      }),
    async whole(folder) {
      if (!existsSync(join(folder, "config.json"))) return;
      const { config, weights } = openModelFolder(folder);
      expect([...weights.keys()].sort()).toEqual(config.old ? ["a"] : ["a", "b", "c"]);
      for (const stored of weights.values()) readStored(stored);
    },
  });
  expect(failures).toBeGreaterThan(20);
});

test("download: a name leads to a whole model or to none", async () => {
  const nano = join(shippedModels, "zeroth-nano");
  const small = ["config.json", "tokenizer_config.json", "generation_config.json"].filter((name) =>
    existsSync(join(nano, name)),
  );
  const files = {
    ...Object.fromEntries(small.map((name) => [name, readFileSync(join(nano, name))])),
    "model.safetensors": Buffer.alloc(50_000, 7),
  };
  const hub = await startHub({ "acme/small": { files, lfs: ["model.safetensors"] } });
  try {
    const env = (folder: string) => ({ HF_HOME: folder, HF_ENDPOINT: hub.url });
    const failures = await everywhere("download", {
      run: (folder) => pull("acme/small", { env: env(folder), parallel: 1, times: { tries: 1, wait: 1 } }),
      async whole(folder) {
        let path: string;
        try {
          ({ path } = resolveModel("acme/small", { env: env(folder), allowPaths: false }));
        } catch {
          return;
        }
        for (const [name, bytes] of Object.entries(files)) {
          if (existsSync(join(path, "config.json")))
            expect(readFileSync(join(path, name)).equals(bytes), name).toBe(true);
        }
      },
    });
    expect(failures).toBeGreaterThan(20);
  } finally {
    await hub.close();
  }
});
