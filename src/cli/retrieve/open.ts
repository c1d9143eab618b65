/** Opening an index, its model and a ranker for a command. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "../../errors.ts";
import type { CompileOver } from "../../retrieve/dense/exact.ts";
import { twoEncoders } from "../../retrieve/embedder.ts";
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

/** With a model of questions, both. */
export async function openEmbedders(
  name: string,
  question: string | undefined,
  flags: EngineFlags,
  options: EmbedderOptions,
  output: Output,
  signal: AbortSignal,
): Promise<OpenedEmbedder> {
  const passages = await openEmbedder(name, flags, options, output, signal);
  if (question === undefined) return passages;
  try {
    const questions = await openEmbedder(question, flags, options, output, signal);
    const close = async () => {
      await passages[Symbol.asyncDispose]();
      await questions[Symbol.asyncDispose]();
    };
    try {
      const embedder = twoEncoders(passages.embedder, questions.embedder);
      return { embedder, opened: passages.opened, [Symbol.asyncDispose]: close };
    } catch (cause) {
      await questions[Symbol.asyncDispose]();
      throw cause;
    }
  } catch (cause) {
    await passages[Symbol.asyncDispose]();
    throw cause;
  }
}

async function openEmbedder(
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
  flags: EngineFlags & { readonly queryModel?: string | undefined },
  output: Output,
  signal: AbortSignal,
): Promise<OpenedEmbedder> {
  const { name: passages, question, documentPrompt, queryPrompt, dimensions } = settings.model!;
  const placed = (given: string | undefined, name: string, flag: string): string => {
    if (given === undefined && /^[/\\]|^[A-Za-z]:/.test(name) && !existsSync(name)) {
      fail("not_found", `the model that the index was made with is not at ${name} any more`, {
        hint: `${flag} says where it is now`,
      });
    }
    return given ?? name;
  };
  const own = placed(flags.model, passages, "--model");
  const other = flags.queryModel ?? (question && placed(undefined, question.name, "--query-model"));
  return openEmbedders(own, other, flags, { documentPrompt, queryPrompt, dimensions }, output, signal);
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
