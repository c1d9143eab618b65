/** Runs of `zeroth summarize`, each in a folder: begun, gone on with, corrected. */
import { basename, resolve } from "node:path";
import { readBytes, withFile } from "../../base/read-node.ts";
import { sha256 } from "../../base/sha256.ts";
import type { Planned } from "./plan.ts";
import { planBook } from "./plan-node.ts";
import type { RunStore, WriterSource } from "./record.ts";
import {
  begin,
  type EditOptions,
  edit,
  type ResumeOptions,
  type RunOptions,
  type RunResult,
  redo,
  resume,
  revert,
} from "./run.ts";
import type { SummarizeOptions } from "./settings.ts";
import { openStore } from "./store-node.ts";

export interface StartOptions extends RunOptions {
  readonly path: string;
  readonly folder: string;
  readonly options?: SummarizeOptions | undefined;
  readonly source: WriterSource;
  /** Go on with a run of other options: what they leave as it was is kept. */
  readonly force?: boolean | undefined;
  /** Told before the first call. */
  readonly planned?: ((planned: Planned) => void) | undefined;
}

/**
 * Summarise a book into a folder; one that holds a run of the same book and options is gone on with.
 * @throws what {@link planBook} and {@link resumeRun} throw; bad_input where the folder holds another run, with what differs
 */
export async function startRun({ path, folder, options, planned: told, ...given }: StartOptions): Promise<RunResult> {
  const planned = await planBook(path, given.writer, options);
  const sum = withFile(path, (file, size) => sha256(readBytes(file, 0, size)));
  await using store = await openStore(folder);
  told?.(planned);
  return await begin(store, { ...given, planned, from: { name: basename(path), path: resolve(path), sha256: sum } });
}

async function within(folder: string, work: (store: RunStore) => Promise<RunResult>): Promise<RunResult> {
  await using store = await openStore(folder);
  return await work(store);
}

/** {@link resume} of a run in a folder. */
export const resumeRun = (folder: string, options: ResumeOptions): Promise<RunResult> =>
  within(folder, (store) => resume(store, options));

/** {@link edit} of a run in a folder. */
export const editNode = (folder: string, id: string, text: string, options: EditOptions): Promise<RunResult> =>
  within(folder, (store) => edit(store, id, text, options));

/** {@link revert} of a run in a folder. */
export const revertNode = (folder: string, id: string, options: EditOptions): Promise<RunResult> =>
  within(folder, (store) => revert(store, id, options));

/** {@link redo} of a run in a folder. */
export const redoNode = (folder: string, id: string, options: RunOptions): Promise<RunResult> =>
  within(folder, (store) => redo(store, id, options));
