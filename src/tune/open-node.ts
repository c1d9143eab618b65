/** The model and the rows that a tuning starts from, opened from disk. */
import { fail } from "../errors.ts";
import { type ModelFolder, openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { findModel } from "../hub/find-node.ts";
import { readModel } from "../models/families.ts";
import { readAdapterFiles } from "../text/adapters/files-node.ts";
import { promptMaker } from "../text/chat/prompt.ts";
import { quantizedCopy } from "../text/copies/quantized-node.ts";
import { templatesOf } from "../text/open-node.ts";
import { anyQuantized } from "../weights/weights.ts";
import { spreadRows } from "./chat-rows.ts";
import type { Subject } from "./prepare.ts";
import type { ReadRows } from "./rows.ts";
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

async function rowsOf(file: string): Promise<ReadRows> {
  const read = await readRows(file);
  return { ...read, rows: spreadRows(read.rows, file) };
}

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
  const heldOf = async (file: string | undefined) => (file === undefined ? undefined : rowsOf(file));
  const data = await rowsOf(files.data);
  const held = await heldOf(files.eval);
  const more: TuneSet[] = [];
  for (const set of files.more ?? []) {
    more.push({ data: await rowsOf(set.data), held: await heldOf(set.eval) });
  }
  const from = files.from === undefined ? undefined : readAdapterFiles(files.from);
  const talk = () => promptMaker({ tokenizer, config: folder.config, templates: templatesOf(stored) });
  return { folder, tokenizer, data, held, more, from, talk, files };
}
