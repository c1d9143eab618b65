/** The folder of a training that keeps its best: its checkpoints, its metrics, and what is gone on from. */
import { join } from "node:path";
import { makeFolder, writeFileSafely } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { NdArray } from "../../graph/array.ts";
import { openSafetensors, readTensor, writeCheckpoint, writeSafetensors } from "../../weights/safetensors-node.ts";
import {
  type Checkpoint,
  latestCheckpoint,
  listCheckpoints,
  removeLeftovers,
  saveCheckpoint,
} from "../checkpoint-node.ts";
import { openMetrics } from "../metrics-node.ts";
import { openRunFolder } from "../run-folder-node.ts";
import type { FitStore, Progress } from "./fit.ts";

/** What a checkpoint's folder holds beside the trainer's own state. */
function resumedFrom({ path, step, optimizer }: Checkpoint): NonNullable<FitStore["resumed"]> {
  const progress = readJsonFile(join(path, "progress.json")) as unknown as Progress;
  const best = new Map<string, NdArray>();
  if (progress.best) {
    const file = openSafetensors(join(path, "best.safetensors"));
    for (const name of file.tensors.keys()) best.set(name, readTensor(file, name));
  }
  return { step, optimizer, progress, best };
}

export interface FitFolderOptions {
  readonly out: string;
  readonly resume: boolean;
  /** Of what decides the steps: a training with another one is not gone on with. */
  readonly identity: string;
  /** What people call it: "tuning". */
  readonly what: string;
  /** Starting values; those of a checkpoint are written into them. */
  readonly values: ReadonlyMap<string, NdArray>;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface FitFolder extends AsyncDisposable {
  readonly store: FitStore;
}

/**
 * The folder is this training's until it is disposed.
 * @throws bad_input where it holds a training and none is to be gone on with, or another one
 */
export async function openFitFolder(o: FitFolderOptions): Promise<FitFolder> {
  const { out, signal } = o;
  makeFolder(out);
  const held = await openRunFolder(out, { signal });
  try {
    return await opened(o, held);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

async function opened(o: FitFolderOptions, held: AsyncDisposable): Promise<FitFolder> {
  const { out, resume, identity, what, values, now } = o;
  const existing = await listCheckpoints(out);
  if (existing.length > 0 && !resume) {
    fail("bad_input", `there is a ${what} in this folder already (step ${existing[0]})`, {
      where: out,
      hint: "add --resume to go on with it, or give another out folder",
    });
  }
  const checkpoint = resume ? await latestCheckpoint(out, identity) : undefined;
  for (const [name, value] of checkpoint?.values ?? []) {
    (values.get(name)?.data as Float32Array | undefined)?.set(value.data as Float32Array);
  }
  await removeLeftovers(out);
  const resumed = checkpoint && resumedFrom(checkpoint);
  const metrics = await openMetrics(out, checkpoint?.step ?? 0, now);
  return {
    store: {
      resumed,
      write: (row) => metrics.write(row),
      async save({ step, values: learnt, optimizer, progress, best }) {
        await metrics.flush();
        return saveCheckpoint(
          out,
          { step, tokens: 0, position: step, fingerprint: identity },
          optimizer,
          async (draft) => {
            await writeCheckpoint(draft, learnt);
            if (progress.best) await writeSafetensors(join(draft, "best.safetensors"), best);
            await writeFileSafely(join(draft, "progress.json"), `${JSON.stringify(progress)}\n`);
          },
        );
      },
    },
    async [Symbol.asyncDispose]() {
      await metrics[Symbol.asyncDispose]();
      await held[Symbol.asyncDispose]();
    },
  };
}
