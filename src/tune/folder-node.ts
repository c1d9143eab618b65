/** Tuning a frozen model on a person's rows, to a folder that holds the adapter alone. */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../base/files-node.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { companions, readCompanion } from "../folders/companions-node.ts";
import { configText } from "../folders/config-text-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { NdArray } from "../graph/array.ts";
import {
  type Checkpoint,
  latestCheckpoint,
  listCheckpoints,
  removeLeftovers,
  saveCheckpoint,
} from "../learn/checkpoint-node.ts";
import { openMetrics } from "../learn/metrics-node.ts";
import { openRunFolder } from "../learn/run-folder-node.ts";
import { compile } from "../runtime/compile-node.ts";
import { fingerprintOf, writeAdapter } from "../text/adapters/files-node.ts";
import { readBase } from "../text/adapters/read.ts";
import {
  openSafetensors,
  readStored,
  readTensor,
  writeCheckpoint,
  writeSafetensors,
} from "../weights/safetensors-node.ts";
import type { TuneHost } from "./host.ts";
import { adapterOf } from "./model.ts";
import { type Opened, openTuning, type TuneFiles } from "./open-node.ts";
import { doubts, type TuneOptions } from "./options.ts";
import { type Data, type Prepared, prepare, startingValues } from "./prepare.ts";
import { ownRows } from "./sets.ts";
import { needMovable, type Progress, runTuning, type TuneResult, type TuneRun, type TuneStore } from "./tune.ts";

export interface TuneFolderRun extends TuneRun {
  readonly resume?: boolean | undefined;
  readonly now?: (() => number) | undefined;
}

export interface Tuned extends TuneResult {
  /** The folder that was written. */
  readonly adapter: string;
  /** Of several tasks the folder of each, which are in it; else none. */
  readonly parts: readonly string[];
}

/** What decides a tuning's steps: resuming with something else is refused. */
function identityOf(o: TuneOptions, data: Data, folder: ModelFolder, from: string | undefined): string {
  const { steps: _, epochs: __, patience: ___, threads: ____, evalEvery: _____, ...identity } = o;
  const hash = createHash("sha256").update(JSON.stringify(identity)).update(data.digest).update(fingerprintOf(folder));
  return hash
    .update(from ?? "")
    .digest("hex")
    .slice(0, 16);
}

/** What a tuning needs of Node. */
export const hostOf = ({ threads }: Pick<TuneOptions, "threads">, now: () => number): TuneHost => ({
  compile: (g, weights, moves) =>
    compile(g, {
      ...(threads !== undefined && { threads }),
      weights,
      // Measured: the engine's own rewriting makes a training step slower and opening it much slower.
      ...(moves && { trained: moves, optimize: "disabled", spin: false }),
    }),
  read: readStored,
  now,
});

/** What a checkpoint's folder holds beside the trainer's own state. */
function resumedFrom({ path, step, optimizer }: Checkpoint): NonNullable<TuneStore["resumed"]> {
  const progress = readJsonFile(join(path, "progress.json")) as unknown as Progress;
  const best = new Map<string, NdArray>();
  if (progress.best) {
    const file = openSafetensors(join(path, "best.safetensors"));
    for (const name of file.tensors.keys()) best.set(name, readTensor(file, name));
  }
  return { step, optimizer, progress, best };
}

/** Tune as asked; the result is an adapter's folder, or of full fine-tuning a model's, at `out`. */
export async function tune(files: TuneFiles, o: TuneOptions, run: TuneFolderRun = {}): Promise<Tuned> {
  return tuneOpened(await openTuning(files), o, run);
}

export async function tuneOpened(opened: Opened, o: TuneOptions, run: TuneFolderRun = {}): Promise<Tuned> {
  const { events = {}, signal, now = Date.now, resume = false } = run;
  const { folder, files } = opened;
  const { out } = files;
  const host = hostOf(o, now);
  const prepared = prepare(opened, o);
  for (const text of doubts(o)) events.warned?.(text);
  const start = await startingValues(prepared, opened, o, host);
  needMovable(prepared, folder.path);
  makeFolder(out);
  await using _folder = await openRunFolder(out, { signal });
  const identity = identityOf(o, prepared.data, folder, files.from);
  const existing = await listCheckpoints(out);
  if (existing.length > 0 && !resume) {
    fail("bad_input", `there is a tuning in this folder already (step ${existing[0]})`, {
      where: out,
      hint: "add --resume to go on with it, or give another out folder",
    });
  }
  const checkpoint = resume ? await latestCheckpoint(out, identity) : undefined;
  for (const [name, value] of checkpoint?.values ?? []) {
    (start.values.get(name)?.data as Float32Array | undefined)?.set(value.data as Float32Array);
  }
  await removeLeftovers(out);
  await using metrics = await openMetrics(out, checkpoint?.step ?? 0, now);
  const store: TuneStore = {
    resumed: checkpoint && resumedFrom(checkpoint),
    write: (row) => metrics.write(row),
    async save({ step, values, optimizer, progress, best }) {
      await metrics.flush();
      return saveCheckpoint(
        out,
        { step, tokens: 0, position: step, fingerprint: identity },
        optimizer,
        async (draft) => {
          await writeCheckpoint(draft, values);
          if (progress.best) await writeSafetensors(join(draft, "best.safetensors"), best);
          await writeFileSafely(join(draft, "progress.json"), `${JSON.stringify(progress)}\n`);
        },
      );
    },
  };
  const { result, values } = await runTuning({ prepared, start, host, store }, o, run);
  const parts = await writeResult(opened, prepared, values, start.kept, o);
  return { ...result, adapter: out, parts };
}

/** @returns folders of several tasks */
async function writeResult(
  { folder, files }: Opened,
  { base, model, data }: Prepared,
  values: ReadonlyMap<string, NdArray>,
  kept: ReadonlyMap<string, NdArray>,
  o: TuneOptions,
): Promise<string[]> {
  const { out } = files;
  if (model.settings.method === "full") {
    const all = new Map([...base.weights].filter(([name]) => !values.has(name)));
    await writeCheckpoint(out, [
      ...[...all].map(([name, stored]) => [name, stored] as const),
      ...values,
      ...kept,
    ] as never);
    for (const file of companions(folder, ["tokenizer", "generation", "pooling"])) {
      await writeFileSafely(join(out, file[0]), readCompanion(file));
    }
    await writeFileSafely(join(out, "config.json"), configText(folder.path, base.config));
    return [];
  }
  if (existsSync(join(out, "adapter_config.json"))) rmSync(join(out, "adapter_config.json"));
  const adapter = adapterOf(model, values, kept, data.labels);
  const about = { baseName: files.model, fingerprint: fingerprintOf(folder), maxLength: o.maxLength };
  if (!data.labels || model.sets.length < 2) {
    await writeAdapter(out, adapter, base, about);
    return [];
  }
  // Of several tasks each has a folder: what all share, and its own rows of the head.
  const all = new Map(base.head.map(({ name, shape }) => [name, shape.join()]));
  for (const set of model.sets) {
    const own = readBase(folder, model.head, set.labels);
    const parted = new Set(
      own.head.filter(({ name, shape }) => all.get(name) !== shape.join()).map(({ name }) => name),
    );
    const numbers = [...adapter.values].map(([name, array]): [string, NdArray] => [
      name,
      parted.has(name) ? ownRows(array, set) : array,
    ]);
    await writeAdapter(join(out, set.name), { ...adapter, values: new Map(numbers), labels: set.labels }, own, about);
  }
  return model.sets.map(({ name }) => join(out, name));
}
