/** The model and the rows that a tuning starts from, opened from disk. */
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { findModel } from "../hub/find-node.ts";
import { readModel } from "../models/families.ts";
import { readAdapterFiles } from "../text/adapters/files-node.ts";
import { quantizedCopy } from "../text/copies/quantized-node.ts";
import { anyQuantized } from "../weights/weights.ts";
import type { Subject } from "./prepare.ts";
import { readRows } from "./rows-node.ts";
import type { TuneSet } from "./sets.ts";

export interface TuneFiles {
  /** A model's folder or name. */
  readonly model: string;
  readonly data: string;
  readonly eval?: string | undefined;
  /** Further tasks over the same prefix, each with a head of its own. */
  readonly more?: readonly { readonly data: string; readonly eval?: string | undefined }[] | undefined;
  readonly out: string;
  /** Go on from an adapter's numbers. */
  readonly from?: string | undefined;
  /** The frozen weights in a copy of so many bits, made once and kept. */
  readonly dtype?: "int8" | "int4" | undefined;
}

export interface Opened extends Subject {
  readonly folder: ModelFolder;
  readonly files: TuneFiles;
}

const bits = { int8: 8, int4: 4 } as const;

/** @throws as opening the model and reading the rows does */
export async function openTuning(files: TuneFiles): Promise<Opened> {
  const stored = openModelFolder(findModel(files.model).path);
  if (stored.gguf) {
    fail("unsupported", "a GGUF file is not tuned over as it is", {
      where: files.model,
      hint: "take the model's own folder; --dtype int4 holds it in as little memory",
    });
  }
  const folder =
    files.dtype === undefined || anyQuantized(stored.weights)
      ? stored
      : await quantizedCopy(
          stored,
          readModel(stored.config, stored.weights, stored.path, stored),
          bits[files.dtype],
          {},
        );
  const tokenizer = openTokenizer(stored);
  const data = await readRows(files.data);
  const held = files.eval === undefined ? undefined : await readRows(files.eval);
  const more: TuneSet[] = [];
  for (const set of files.more ?? []) {
    more.push({ data: await readRows(set.data), held: set.eval === undefined ? undefined : await readRows(set.eval) });
  }
  const from = files.from === undefined ? undefined : readAdapterFiles(files.from);
  return { folder, tokenizer, data, held, more, from, files };
}
