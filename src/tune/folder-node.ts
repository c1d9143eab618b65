/** Tuning a frozen model on a person's rows, to a folder that holds the adapter alone. */
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { configText } from "../folders/config-text-node.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { NdArray } from "../graph/array.ts";
import { openFitFolder } from "../learn/fit/folder-node.ts";
import { nodeHost } from "../learn/fit/host-node.ts";
import { fingerprintOf, writeAdapter } from "../text/adapters/files-node.ts";
import { writeWhole } from "../text/adapters/merge-node.ts";
import { readBase } from "../text/adapters/read.ts";
import { adapterOf } from "./model.ts";
import { type Opened, openTuning, type TuneFiles } from "./open-node.ts";
import { doubts, type TuneOptions } from "./options.ts";
import { type Data, type Prepared, prepare, startingValues } from "./prepare.ts";
import { ownRows } from "./sets.ts";
import { needMovable, runTuning, type TuneResult, type TuneRun } from "./tune.ts";

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

/** Tune as asked; the result is an adapter's folder, or of full fine-tuning a model's, at `out`. */
export async function tune(files: TuneFiles, o: TuneOptions, run: TuneFolderRun = {}): Promise<Tuned> {
  return tuneOpened(await openTuning(files), o, run);
}

export async function tuneOpened(opened: Opened, o: TuneOptions, run: TuneFolderRun = {}): Promise<Tuned> {
  const { events = {}, signal, now = Date.now, resume = false } = run;
  const { folder, files } = opened;
  const { out } = files;
  const host = nodeHost(o.threads, now);
  const prepared = prepare(opened, o);
  for (const text of doubts(o)) events.warned?.(text);
  const start = await startingValues(prepared, opened, o, host);
  needMovable(prepared, folder.path);
  await using opening = await openFitFolder({
    ...{ out, resume, values: start.values, now, signal },
    what: "tuning",
    identity: identityOf(o, prepared.data, folder, files.from),
  });
  const { store } = opening;
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
    const config = configText(folder.path, base.config);
    const learnt = new Map([...values, ...kept]);
    await writeWhole(out, folder, base.weights, learnt, { config, kinds: ["tokenizer", "generation", "pooling"] });
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
