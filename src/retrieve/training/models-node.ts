/** Retrievers and rankers opened to be trained, and written as folders that sentence-transformers opens. */
import { fail } from "../../errors.ts";
import { openModelFolder, openTokenizer } from "../../folders/open-node.ts";
import type { NdArray } from "../../graph/array.ts";
import { ensureModel } from "../../hub/download/ensure-node.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import { writeWhole } from "../../text/adapters/merge-node.ts";
import { copied, startOf } from "../../text/adapters/moving.ts";
import { readBase } from "../../text/adapters/read.ts";
import type { EmbeddingConfig } from "../../text/embedding/embed.ts";
import { openEncoder } from "../../text/open-node.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import { readStored } from "../../weights/safetensors-node.ts";
import { anyQuantized } from "../../weights/weights.ts";
import { type OutputModel, parametersOf } from "./outputs.ts";

export interface Learner {
  readonly model: OutputModel;
  readonly tokenizer: Tokenizer;
  /** Live values of all parameters. */
  readonly values: Map<string, NdArray>;
  /** Of a retriever: how its vectors are compared. */
  readonly embedding?: EmbeddingConfig | undefined;
  /** Write a folder with the values as they are. */
  save(out: string): Promise<void>;
}

const foldersOf = async (name: string) => openModelFolder((await ensureModel(name)).path);

/** @throws unsupported for a model that is no encoder, or is quantised */
export async function openRetriever(name: string): Promise<Learner> {
  await using opened = await openEncoder(name, { threads: 1 });
  const { architecture, encoder, tokenizer, folder } = opened;
  if (architecture.kind !== "encoder")
    return fail("unsupported", "is no encoder: those are trained here", { where: name });
  const { embedding } = encoder;
  if (embedding.weights.size > 0)
    fail("unsupported", "has layers behind its pooling: encoders with pooling alone are trained here", { where: name });
  if (anyQuantized(opened.weights))
    fail("unsupported", "is quantised: its numbers cannot be moved a little", {
      where: name,
      hint: "start from the original weights",
    });
  const model: OutputModel = { architecture, readout: embedding, width: embedding.width };
  const { weights } = opened;
  const values = new Map(parametersOf(model).map(({ name: own }) => [own, copied(weights.get(own)!, readStored)]));
  return {
    ...{ model, tokenizer, values, embedding },
    save: (out) =>
      writeWhole(out, folder, weights, values, {
        config: `${JSON.stringify(folder.config, null, 2)}\n`,
        kinds: ["tokenizer", "pooling"],
      }),
  };
}

/** A ranker, or an encoder that becomes one: its head then starts from random numbers. */
export async function openRankerToTrain(name: string, seed: number): Promise<Learner> {
  const folder = await foldersOf(name);
  const base = readBase(folder, "sequence", ["LABEL_0"]);
  const { architecture, weights, config } = base;
  if (architecture.kind !== "encoder")
    return fail("unsupported", "is no encoder: those are trained here", { where: name });
  if (anyQuantized(weights))
    fail("unsupported", "is quantised: its numbers cannot be moved a little", {
      where: name,
      hint: "start from the original weights",
    });
  const model: OutputModel = { architecture, width: 1 };
  const values = new Map(
    parametersOf(model).map((spec): [string, NdArray] => {
      return [spec.name, startOf(spec, weights, readStored, seed)];
    }),
  );
  const told = { ...config, sentence_transformers: { activation_fn: "torch.nn.modules.linear.Identity" } };
  return {
    ...{ model, tokenizer: openTokenizer(folder), values },
    save: (out) =>
      writeWhole(out, folder, new Map(), values, {
        config: `${JSON.stringify(told, null, 2)}\n`,
        kinds: ["tokenizer"],
      }),
  };
}

/** Tokens of texts, cut where they are too long; how many were cut is counted. */
export function encoderOf({ tokenizer, model }: Learner, most: number) {
  const longest = Math.min(most, model.architecture.longest ?? Infinity);
  const specials = tokenizer.encode("").ids.length;
  let cut = 0;
  /** The text as far as so many tokens reach. */
  const shortened = (text: string, room: number): string => {
    const { offsets } = tokenizer.encode(text, { addSpecialTokens: false });
    if (offsets.length <= room) return text;
    cut++;
    return text.slice(0, offsets[Math.max(0, room - 1)]![1]);
  };
  const read = (text: string, pair?: string): EncodedText => {
    const { ids, typeIds } = tokenizer.encode(text, pair === undefined ? {} : { pair });
    return { ids, types: typeIds };
  };
  return {
    one: (text: string): EncodedText => read(shortened(text, longest - specials)),
    /** Question and passage; the passage is cut, so that the question survives. */
    pair(question: string, passage: string, mostQuestion: number): EncodedText {
      const asked = shortened(question, Math.min(mostQuestion, longest - 8));
      const taken = tokenizer.encode(asked, { pair: "" }).ids.length + 1;
      return read(asked, shortened(passage, Math.max(1, longest - taken)));
    },
    cut: () => cut,
  };
}
