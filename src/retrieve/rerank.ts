/** A cross-encoder as a ranker: it reads question and passage together and gives one number. */
import { isJsonObject, type JsonObject, shown } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import type { EncodingModel } from "../text/embedding/encoding-model.ts";
import { fittingPair } from "../text/heads/fit.ts";
import type { EncodeJob } from "../text/heads/reader.ts";
import { attempt } from "../text/jobs.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

export interface RankerParts {
  readonly name: string;
  readonly encoder: EncodingModel;
  readonly tokenizer: Tokenizer;
  /** config.json */
  readonly config: JsonObject;
  /** Tokens that the model reads. */
  readonly longest: number;
}

export interface RankerOptions {
  /** Of a head with several classes the one whose logit is the score. */
  readonly label?: string | undefined;
  /** What happens to passages that are too long beside the question: only their beginning is read (default), or an error. */
  readonly truncate?: boolean | undefined;
}

export interface CrossEncoder {
  /** Scores of passages for a question, more is better; as sentence-transformers' CrossEncoder gives them. */
  score(query: string, passages: readonly string[], options?: EncodeJob): Promise<(number | ZerothError)[]>;
  /** Passages so far of which only the beginning was read. */
  truncated(): number;
}

const activations: Readonly<Record<string, (logit: number) => number>> = {
  Identity: (logit) => logit,
  Sigmoid: (logit) => 1 / (1 + Math.exp(-logit)),
};

/** What is done with the logit: by config.json, else the sigmoid of a single score and nothing with one of several. */
function activationOf(config: JsonObject, single: boolean, where: string): (logit: number) => number {
  const told = isJsonObject(config.sentence_transformers) ? config.sentence_transformers.activation_fn : undefined;
  const name = told ?? config.sbert_ce_default_activation_function;
  if (typeof name !== "string") return activations[single ? "Sigmoid" : "Identity"]!;
  const last = name.split(".").at(-1)!;
  return Object.hasOwn(activations, last)
    ? activations[last]!
    : fail("unsupported", `its scores go through ${shown(name)}, which is not computed here`, { where });
}

/** @throws unsupported for a model that gives no score of two texts; bad_input where a label has to be named */
export function crossEncoder(
  { name, encoder, tokenizer, config, longest }: RankerParts,
  options: RankerOptions = {},
): CrossEncoder {
  const { classifyAll, labels } = encoder;
  if (!classifyAll) {
    return fail("unsupported", "gives no score of two texts: a ranker has a head of classes", {
      where: name,
      hint: "for example cross-encoder/ms-marco-MiniLM-L6-v2",
    });
  }
  const { label, truncate = true } = options;
  const place = label === undefined ? 0 : labels.indexOf(label);
  if ((label === undefined && labels.length !== 1) || place < 0) {
    fail(
      "bad_input",
      label === undefined
        ? `tells ${labels.length} classes, one of which must be the score`
        : `has no class ${shown(label)}`,
      {
        where: name,
        hint: `--label with one of ${labels.slice(0, 10).join(", ")}`,
      },
    );
  }
  const activate = activationOf(config, labels.length === 1, name);
  let cut = 0;

  /** The passage as far as it fits behind the question. */
  function fitting(query: string, passage: string): string {
    if (!truncate) return passage;
    const part = fittingPair(tokenizer, longest, query, passage, name);
    if (part.length < passage.length) cut++;
    return part;
  }

  return {
    async score(query, passages, job = {}) {
      const pairs = passages.map((passage) => attempt((): [string, string] => [query, fitting(query, passage)]));
      const good = pairs.filter((pair): pair is [string, string] => !(pair instanceof ZerothError));
      const found = await classifyAll(good, job);
      let at = 0;
      return pairs.map((pair) => {
        const result = pair instanceof ZerothError ? pair : found[at++]!;
        return result instanceof ZerothError ? result : activate(result.logits[place]!);
      });
    },
    truncated: () => cut,
  };
}
