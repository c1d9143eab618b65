/** A model that gives vectors, as an index asks it: in its own tokens, with its prompts, and known by its content. */
import { fail, type ZerothError } from "../errors.ts";
import { promptOf } from "../text/embedding/embed.ts";
import type { EncodingModel } from "../text/embedding/encoding-model.ts";
import type { EncodeJob } from "../text/heads/reader.ts";
import { attempt } from "../text/jobs.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { type Metric, needVector } from "./dense/exact.ts";
import type { ModelSettings } from "./settings.ts";

export interface EmbedderOptions {
  /** Text before every document, and before every question; by default those that the folder has by these names. */
  readonly documentPrompt?: string | undefined;
  readonly queryPrompt?: string | undefined;
  /** The first numbers of a vector alone. */
  readonly dimensions?: number | undefined;
}

export interface Embedder {
  readonly settings: ModelSettings;
  /** Tokens of the longest chunk, with its prompt. */
  readonly longest: number;
  /** Where tokens of a text begin. */
  starts(text: string): number[];
  documents(texts: readonly string[], options?: EncodeJob): Promise<(Float32Array | ZerothError)[]>;
  /** @throws too_long; bad_input */
  queries(texts: readonly string[], options?: EncodeJob): Promise<(Float32Array | ZerothError)[]>;
}

export interface EmbedderParts {
  readonly name: string;
  readonly encoder: EncodingModel;
  readonly tokenizer: Tokenizer;
  /** Positions that the network has. */
  readonly longest?: number | undefined;
  /** The same for the same weights, tokenizer and way of making vectors. */
  readonly fingerprint: string;
}

/**
 * Two encoders whose vectors lie in one space, as DPR's: one of passages, which an index is made with, and one of questions.
 * @throws bad_input where their vectors cannot be compared
 */
export function twoEncoders(passages: Embedder, questions: Embedder): Embedder {
  const [a, b] = [passages.settings, questions.settings];
  const hint = "two encoders are used together that were trained together";
  if (a.width !== b.width) {
    fail("bad_input", `its vectors have ${b.width} numbers, those of ${a.name} ${a.width}`, { where: b.name, hint });
  }
  if (a.metric !== b.metric)
    fail("bad_input", `its vectors are compared by ${b.metric}, those of ${a.name} by ${a.metric}`, {
      where: b.name,
      hint,
    });
  const question = { name: b.name, fingerprint: b.fingerprint };
  return { ...passages, settings: { ...a, queryPrompt: b.queryPrompt, question }, queries: questions.queries };
}

/**
 * @throws unsupported for a model whose vectors are compared in a way that is not searched; bad_input for dimensions it
 *   does not have
 */
export function embedderFrom(parts: EmbedderParts, options: EmbedderOptions = {}): Embedder {
  const { name, encoder, tokenizer, fingerprint } = parts;
  const { embedding } = encoder;
  const metric: Metric =
    embedding.similarity === "manhattan"
      ? fail("unsupported", "its vectors are compared by Manhattan distance, which is not searched", { where: name })
      : embedding.similarity;
  const promptFor = (kind: "document" | "query", given: string | undefined): string => {
    if (given !== undefined) return given;
    const named = kind === "query" ? ["query"] : ["document", "passage", "corpus"];
    const known = named.find((one) => Object.hasOwn(embedding.prompts, one));
    return promptOf(embedding, known === undefined ? {} : { prompt: known });
  };
  const [documentPrompt, queryPrompt] = [
    promptFor("document", options.documentPrompt),
    promptFor("query", options.queryPrompt),
  ];
  const { dimensions } = options;
  const width = dimensions ?? embedding.width;
  const specials = tokenizer.encode("").ids.length;
  const prompt = documentPrompt === "" ? 0 : tokenizer.encode(documentPrompt, { addSpecialTokens: false }).ids.length;
  const longest = Math.min(embedding.longest ?? Infinity, parts.longest ?? Infinity) - specials - prompt;
  const embed = async (texts: readonly string[], promptText: string, job: EncodeJob) => {
    const vectors = await encoder.embedAll(texts, { ...job, promptText, dimensions });
    return vectors.map((vector) =>
      vector instanceof Float32Array
        ? attempt(() => {
            needVector(vector, width, metric, name);
            return vector;
          })
        : vector,
    );
  };
  return {
    settings: {
      ...{ name, fingerprint, width, metric, documentPrompt, queryPrompt },
      ...(dimensions !== undefined && { dimensions }),
    },
    longest,
    starts: (text) =>
      tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).offsets.map(([start]) => start),
    documents: (texts, job = {}) => embed(texts, documentPrompt, job),
    queries: (texts, job = {}) => embed(texts, queryPrompt, job),
  };
}
