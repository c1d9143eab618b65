/**
 * Checkpoints: a folder a step, written under another name and renamed, so there is never half of one. Each is a
 * model folder of its own with the optimiser's state beside it.
 */
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder, writeError, writeFileSafely } from "../base/files-node.ts";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../weights/safetensors-node.ts";

const prefix = "checkpoint-";

export interface CheckpointState {
  readonly step: number;
  /** Text tokens seen so far. */
  readonly tokens: number;
  /** Where its data goes on. */
  readonly position: number;
  /** What the run was started with; resuming with something else is refused. */
  readonly fingerprint: string;
}

export interface Checkpoint extends CheckpointState {
  readonly path: string;
  readonly values: ReadonlyMap<string, NdArray>;
  readonly optimizer: ReadonlyMap<string, NdArray>;
}

/** What a run that was killed left half written or half removed; it is not read again. */
export async function removeLeftovers(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  for (const name of names.filter((name) => /^checkpoint-\d+\.(partial|removed)$/.test(name))) {
    await rm(join(out, name), { recursive: true, force: true });
  }
}

/** Remove a checkpoint so that, whenever this is stopped, it is there whole or not there under its name. */
async function removeCheckpoint(path: string): Promise<void> {
  const doomed = `${path}.removed`;
  await rm(doomed, { recursive: true, force: true });
  await rename(path, doomed);
  await rm(doomed, { recursive: true, force: true });
}

/** Steps of the whole checkpoints in a run's folder, latest first. */
export async function listCheckpoints(out: string): Promise<number[]> {
  const names = await readdir(out).catch(() => []);
  const steps = names.filter((name) => /^checkpoint-\d+$/.test(name)).map((name) => Number(name.slice(prefix.length)));
  return steps.sort((a, b) => b - a);
}

/** Write one checkpoint and remove the ones before it. `model` writes the model's own files into a folder. */
export async function saveCheckpoint(
  out: string,
  state: CheckpointState,
  optimizer: ReadonlyMap<string, NdArray>,
  model: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(out, `${prefix}${state.step}`);
  try {
    const draft = `${target}.partial`;
    await rm(draft, { recursive: true, force: true });
    makeFolder(draft);
    await model(draft);
    await writeSafetensors(join(draft, "optimizer.safetensors"), optimizer);
    await writeFileSafely(join(draft, "training_state.json"), `${JSON.stringify(state, null, 2)}\n`);
    if ((await listCheckpoints(out)).includes(state.step)) await removeCheckpoint(target);
    await rename(draft, target);
    for (const step of await listCheckpoints(out)) {
      if (step !== state.step) await removeCheckpoint(join(out, `${prefix}${step}`));
    }
  } catch (cause) {
    throw writeError(cause, target);
  }
  return target;
}

function readAll(path: string): Map<string, NdArray> {
  const file = openSafetensors(path);
  const arrays = new Map<string, NdArray>();
  for (const name of file.tensors.keys()) arrays.set(name, readTensor(file, name));
  return arrays;
}

const stateSchema = z.object({
  step: z.number().int().nonnegative(),
  tokens: z.number().nonnegative(),
  position: z.number().int().nonnegative(),
  fingerprint: z.string(),
});

function stateIn(path: string): CheckpointState {
  const parsed = stateSchema.safeParse(readJsonFile(path));
  if (parsed.success) return parsed.data;
  return fail("corrupt_file", `is no state of a training: ${z.prettifyError(parsed.error).slice(0, 500)}`, {
    where: path,
    hint: "remove this checkpoint; an older one, or none, is where the run then goes on",
  });
}

/** The latest checkpoint of a run, or undefined when it has none yet. */
export async function latestCheckpoint(out: string, fingerprint: string): Promise<Checkpoint | undefined> {
  const [step] = await listCheckpoints(out);
  if (step === undefined) return undefined;
  const path = join(out, `${prefix}${step}`);
  const state = stateIn(join(path, "training_state.json"));
  if (state.fingerprint !== fingerprint) {
    fail("bad_input", "the run in this folder was started with another configuration or other data", {
      where: path,
      hint: "give the configuration it was started with, or another out folder",
    });
  }
  const values = readAll(join(path, "model.safetensors"));
  return { ...state, path, values, optimizer: readAll(join(path, "optimizer.safetensors")) };
}
