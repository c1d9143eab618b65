/** Opening an index, its model and a ranker for a command. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "../../errors.ts";
import type { CompileOver } from "../../retrieve/dense/exact.ts";
import { type Embedder, type EmbedderOptions, embedderOf } from "../../retrieve/embedder-node.ts";
import { type CrossEncoder, crossEncoder } from "../../retrieve/rerank.ts";
import type { IndexSettings } from "../../retrieve/settings.ts";
import { compile } from "../../runtime/compile-node.ts";
import { type EngineFlags, type OpenedReader, openReaderForCommand } from "../engine.ts";
import type { Output } from "../output.ts";
import { threadsFor } from "../threads.ts";

export function storeOf({ store: path }: { readonly store?: string | undefined }): string {
  return path ?? fail("wrong_use", "--store is needed: the index's file", { hint: "for example --store notes.index" });
}

/** A folder's name holds wherever the program is called from. */
export const lastingName = (name: string): string => (existsSync(name) ? resolve(name) : name);

export interface OpenedEmbedder extends AsyncDisposable {
  readonly embedder: Embedder;
  readonly opened: OpenedReader;
}

export async function openEmbedder(
  name: string,
  flags: EngineFlags,
  options: EmbedderOptions,
  output: Output,
  signal: AbortSignal,
): Promise<OpenedEmbedder> {
  if (name === "zeroth-nano") {
    fail("wrong_use", "zeroth-nano answers prompts and gives no vectors", {
      hint: "for example --model sentence-transformers/all-MiniLM-L6-v2; without --model an index knows words alone",
    });
  }
  const opened = await openReaderForCommand({ ...flags, model: name }, output, signal);
  try {
    return {
      embedder: await embedderOf(opened, lastingName(name), options),
      opened,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  } catch (cause) {
    await opened[Symbol.asyncDispose]();
    throw cause;
  }
}

/** The model that an index was made with, or the one that is named in its place. */
export function openIndexModel(
  settings: IndexSettings,
  flags: EngineFlags,
  output: Output,
  signal: AbortSignal,
): Promise<OpenedEmbedder> {
  const { model } = settings;
  const name = flags.model ?? model!.name;
  if (flags.model === undefined && /^[/\\]|^[A-Za-z]:/.test(name) && !existsSync(name)) {
    fail("not_found", `the model that the index was made with is not at ${name} any more`, {
      hint: "--model says where it is now",
    });
  }
  const { documentPrompt, queryPrompt, dimensions } = model!;
  return openEmbedder(name, flags, { documentPrompt, queryPrompt, dimensions }, output, signal);
}

export const engineOver =
  (flags: EngineFlags, output: Output): CompileOver =>
  (graph, weights) =>
    compile(graph, { weights, threads: threadsFor(flags.threads, output) });

export interface OpenedRanker extends AsyncDisposable {
  readonly ranker: CrossEncoder;
  readonly opened: OpenedReader;
}

export async function openRanker(
  name: string,
  flags: EngineFlags & { readonly label?: string | undefined },
  output: Output,
  signal: AbortSignal,
): Promise<OpenedRanker> {
  const opened = await openReaderForCommand({ ...flags, model: name }, output, signal);
  try {
    const { encoder, tokenizer, model, folder } = opened;
    const parts = { name, encoder, tokenizer, config: folder.config, longest: model.longest ?? Infinity };
    return {
      ranker: crossEncoder(parts, { label: flags.label }),
      opened,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  } catch (cause) {
    await opened[Symbol.asyncDispose]();
    throw cause;
  }
}
