/** A model that reads texts, over its network, tokenizer and folder: what opening does alike in Node and in the browser. */
import type { JsonObject } from "../base/json.ts";
import type { Graph } from "../graph/graph.ts";
import { filledEncoder, fillerOf } from "../models/adapters/fillers.ts";
import { labelled, labelsOf, problemOf, readConfig } from "../models/config.ts";
import type { Architecture } from "../models/family.ts";
import {
  type EncoderModel,
  encoderGraph,
  encoderModel,
  headOf,
  type ReaderArchitecture,
} from "../models/kinds/encoder.ts";
import type { Pooling } from "../models/kinds/pooling.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { wholeGraph } from "../models/kinds/whole.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type { Weights } from "../weights/weights.ts";
import { type FolderFiles, readEmbedding } from "./embedding/config.ts";
import { type EncodingModel, encodingModel } from "./embedding/encoding-model.ts";

export type { Pooling };

export interface ReaderParts {
  readonly architecture: ReaderArchitecture;
  readonly config: JsonObject;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly tokenizer: Tokenizer;
  readonly weights: Weights;
  /** The folder's files, where modules.json may lie. */
  readonly files: FolderFiles;
  readonly pooling?: Pooling | undefined;
  /** The pooling that the model's own file names, where it is one file. */
  readonly stated?: Pooling | undefined;
  /** Tokens that every text begins with for an adapter's sake, and the positions that it takes. */
  readonly fillers?: { readonly count: number; readonly places: number } | undefined;
  compileWith(weights: Weights): Compile;
}

/** What is asked of a model that is opened for reading alone: of a decoder no words, which its file may lack. */
export const readingGraph = (model: Architecture): Graph =>
  model.kind === "decoder" ? encoderGraph(model, headOf(model)) : wholeGraph(model);

/** Names of a decoder's classes are those of its config.json. */
function classesOf(architecture: ReaderArchitecture, config: JsonObject) {
  if (architecture.kind === "encoder") return { labels: architecture.labels, problem: architecture.problem };
  const labels = labelsOf(readConfig(labelled, config, architecture.type));
  return {
    labels,
    problem: problemOf(typeof config.problem_type === "string" ? config.problem_type : undefined, labels),
  };
}

/** @throws as {@link readEmbedding} */
export async function openReader(parts: ReaderParts): Promise<{ encoder: EncodingModel; model: EncoderModel }> {
  const { architecture, config, tokenizerConfig, tokenizer, weights, files, pooling, stated, compileWith } = parts;
  const own = architecture.kind === "encoder" ? architecture.vectors : undefined;
  const read = await readEmbedding(files, {
    width: architecture.width,
    pooling: architecture.kind === "decoder" ? "last" : (own?.pooling ?? "mean"),
    similarity: own?.similarity,
    asked: pooling ?? stated,
    tokenizerConfig,
  });
  const embedding = { ...read, told: read.told || (stated ?? own) !== undefined };
  const compile = compileWith(embedding.weights.size > 0 ? new Map([...weights, ...embedding.weights]) : weights);
  const { pad_token_id: padding } = config;
  const bare = encoderModel(architecture, compile, {
    readout: embedding,
    ...(typeof padding === "number" && { padding }),
  });
  const { fillers } = parts;
  const model = fillers ? filledEncoder(bare, fillers.count, fillerOf(architecture), fillers.places) : bare;
  const head = headOf(architecture);
  const encoder = encodingModel({ model, head, ...classesOf(architecture, config), tokenizer, embedding });
  return { encoder, model };
}
