/** Rows of text as training examples: tokenised once, kept as compact ids, drawn by their objective. */

import { type Random, randomAt } from "../base/rng.ts";
import { fail } from "../errors.ts";
import type { Source } from "../learn/batches.ts";
import type { Example } from "../models/kinds/loss.ts";
import type { Objective } from "./config.ts";
import { corruptSpans, maskWords, prefixLm } from "./objectives.ts";

/** What is needed of a tokenizer here; special tokens as the tokenizer adds them. */
export interface Encoder {
  encode(
    text: string,
    options?: { addSpecialTokens?: boolean; written?: boolean },
  ): { readonly ids: readonly number[] };
}

export type Row = Readonly<Record<string, unknown>>;

export interface ExampleOptions {
  readonly objective: Objective;
  readonly encoder: Encoder;
  readonly maxInput: number;
  readonly maxTarget: number;
  readonly tooLong: "error" | "skip" | "cut";
  /** Whether prompts end with what the tokenizer puts there. */
  readonly promptEnd: boolean;
  readonly seed: number;
  /** Token that ends a target; none where the model has none. */
  readonly end: number | undefined;
  /** Token before a text, where the model has one. */
  readonly begin?: number | undefined;
  /** Token that hides a word; needed by masked-lm. */
  readonly mask?: number | undefined;
  /** Words that may stand in the place of one; needed by masked-lm. */
  readonly vocabulary: number;
  /** Names of the classes; needed by classify. */
  readonly labels?: readonly string[] | undefined;
  /** Ids of <extra_id_0>, <extra_id_1>, …; needed by span corruption. */
  readonly sentinels: readonly number[];
  /** Named in errors. */
  readonly file: string;
}

/** Ids of many rows in one array: offsets[i] … offsets[i + 1] is row i. */
class Ids {
  private values = new Int32Array(1 << 16);
  private used = 0;
  readonly offsets: number[] = [0];

  push(ids: readonly number[]): void {
    while (this.used + ids.length > this.values.length) {
      const larger = new Int32Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(ids, this.used);
    this.used += ids.length;
    this.offsets.push(this.used);
  }

  get(i: number): number[] {
    return Array.from(this.values.subarray(this.offsets[i]!, this.offsets[i + 1]!));
  }

  length(i: number): number {
    return this.offsets[i + 1]! - this.offsets[i]!;
  }
}

export interface TextSource extends Source<Example> {
  /** Rows left out because they were too long, and rows cut. */
  readonly skipped: number;
  readonly cut: number;
}

/** Ids of a target, ended by the model's end token. */
function targetIds(text: string, { encoder, end }: ExampleOptions): readonly number[] {
  const { ids } = encoder.encode(text, { addSpecialTokens: false, written: true });
  return end === undefined || ids.at(-1) === end ? ids : [...ids, end];
}

const promptIds = (text: string, { encoder, promptEnd }: ExampleOptions) =>
  encoder.encode(text, { addSpecialTokens: promptEnd }).ids;

/** Text of a column, or ids given under `tokens` names. */
function idsOf(row: Row, column: "prompt" | "target", line: number, options: ExampleOptions): readonly number[] {
  const value = row[column];
  if (typeof value === "string") return column === "prompt" ? promptIds(value, options) : targetIds(value, options);
  const given = row[column === "prompt" ? "tokens" : "target_tokens"];
  if (Array.isArray(given) && given.every((id) => Number.isInteger(id))) return given as number[];
  return fail("bad_input", `row ${line} has no text under "${column}"`, {
    where: options.file,
    hint: `it has ${Object.keys(row).join(", ") || "no columns"}; ${column} (text) is needed`,
  });
}

export interface Fitted {
  /** Undefined when it was left out. */
  readonly example: Example | undefined;
  /** What was done because it is longer than the limits. */
  readonly was?: "skipped" | "cut";
}

/** As many tokens as fit; the end token stays the last. */
function cutTo(ids: readonly number[], limit: number, end: number | undefined): readonly number[] {
  if (ids.length <= limit) return ids;
  return end !== undefined && ids.at(-1) === end ? [...ids.slice(0, limit - 1), end] : ids.slice(0, limit);
}

/** A pair within the limits, as `tooLong` has it. */
function fitted(input: readonly number[], target: readonly number[], options: ExampleOptions, what: string): Fitted {
  const { maxInput, maxTarget, tooLong, end, file } = options;
  if (input.length <= maxInput && target.length <= maxTarget) return { example: { input, target } };
  switch (tooLong) {
    case "skip":
      return { example: undefined, was: "skipped" };
    case "cut":
      return { example: { input: cutTo(input, maxInput, end), target: cutTo(target, maxTarget, end) }, was: "cut" };
    case "error":
      return fail("too_long", `${what} has ${input.length} input and ${target.length} target tokens`, {
        where: file,
        hint: `max_input is ${maxInput}, max_target ${maxTarget}: raise them, or set too_long to "skip" or "cut"`,
      });
  }
}

/** A prompt and its target as an example; `what` names it in errors. */
export function exampleOf(prompt: string, target: string, options: ExampleOptions, what: string): Fitted {
  return fitted(promptIds(prompt, options), targetIds(target, options), options, what);
}

/** Tokenise rows of {prompt, target}. */
export function pairSource(rows: Iterable<Row>, weight: number, options: ExampleOptions): TextSource {
  const [inputs, targets] = [new Ids(), new Ids()];
  let line = 0;
  const counts = { skipped: 0, cut: 0 };
  for (const row of rows) {
    line++;
    const input = idsOf(row, "prompt", line, options);
    const { example, was } = fitted(input, idsOf(row, "target", line, options), options, `row ${line}`);
    if (was) counts[was]++;
    if (!example) continue;
    inputs.push(example.input);
    targets.push(example.target);
  }
  return {
    size: inputs.offsets.length - 1,
    weight,
    ...counts,
    length: (i) => inputs.length(i) + targets.length(i),
    example: (i): Example => ({ input: inputs.get(i), target: targets.get(i) }),
  };
}

type TextObjective = Exclude<Objective, "seq2seq" | "classify">;

interface TextRule {
  /** Tokens of a text that an example has room for. */
  room(options: ExampleOptions): number;
  example(ids: readonly number[], options: ExampleOptions, random: Random): Example;
}

/** The end token, or none. */
const ended = ({ end }: ExampleOptions): number[] => (end === undefined ? [] : [end]);

const textRules: Readonly<Record<TextObjective, TextRule>> = {
  "span-corruption": {
    room: ({ maxInput }) => maxInput - 1,
    example(ids, { sentinels, end, file }, random) {
      if (sentinels.length === 0 || end === undefined) {
        return fail("bad_input", "span corruption needs a tokenizer with <extra_id_0>, <extra_id_1>, …", {
          where: file,
        });
      }
      return corruptSpans(ids, { noise: 0.15, meanSpan: 3, sentinels, eos: end }, random);
    },
  },
  "prefix-lm": {
    room: ({ maxInput, maxTarget }) => Math.min(maxInput - 1, maxTarget),
    example: (ids, options, random) => prefixLm(ids, ended(options), random),
  },
  "causal-lm": {
    room: ({ maxInput }) => maxInput - 2,
    example: (ids, options) => ({
      input: options.begin === undefined ? [] : [options.begin],
      target: [...ids, ...ended(options)],
    }),
  },
  "masked-lm": {
    room: ({ maxInput }) => maxInput - 2,
    example(ids, { encoder, mask, vocabulary, file }, random) {
      if (mask === undefined) fail("bad_input", "masked-lm needs a tokenizer with a mask token", { where: file });
      return maskWords(encoder.encode("").ids, ids, { mask, vocabulary }, random);
    },
  },
};

/** Tokenise rows of {text}; texts longer than the limit become several. */
export function textSource(
  rows: Iterable<Row>,
  weight: number,
  options: ExampleOptions & { readonly objective: TextObjective },
): TextSource {
  const { encoder, file, seed, objective } = options;
  const rule = textRules[objective];
  const texts = new Ids();
  let line = 0;
  for (const row of rows) {
    line++;
    if (typeof row.text !== "string") fail("bad_input", `row ${line} has no "text"`, { where: file });
    const ids = encoder.encode(row.text, { addSpecialTokens: false }).ids;
    const limit = rule.room(options);
    for (let from = 0; from < ids.length; from += limit) {
      const part = ids.slice(from, from + limit);
      if (part.length >= 2) texts.push(part);
    }
  }
  // What a text needs that the tokenizer does not have is said before the first step.
  if (texts.offsets.length > 1) rule.example(texts.get(0), options, randomAt(seed, 0, 0));
  return {
    size: texts.offsets.length - 1,
    weight,
    skipped: 0,
    cut: 0,
    length: (i) => Math.ceil(texts.length(i) * 1.2),
    example: (i, epoch) => rule.example(texts.get(i), options, randomAt(seed, epoch + 1, i)),
  };
}

/** Tokenise rows of {text, label}, where the label is a class by its name or number. */
export function labelledSource(rows: Iterable<Row>, weight: number, options: ExampleOptions): TextSource {
  const { labels = [], file } = options;
  const inputs = new Ids();
  const classes: number[] = [];
  const counts = { skipped: 0, cut: 0 };
  let line = 0;
  for (const row of rows) {
    line++;
    if (typeof row.text !== "string") fail("bad_input", `row ${line} has no "text"`, { where: file });
    const given = row.label;
    const label = typeof given === "string" ? labels.indexOf(given) : given;
    if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= labels.length) {
      fail("bad_input", `row ${line}: ${JSON.stringify(given) ?? "no label"} is not a class of the model`, {
        where: file,
        hint: `label is one of ${labels.slice(0, 8).join(", ")}, or its number from 0`,
      });
    }
    const { example, was } = fitted(options.encoder.encode(row.text).ids, [label as number], options, `row ${line}`);
    if (was) counts[was]++;
    if (!example) continue;
    inputs.push(example.input);
    classes.push(label as number);
  }
  return {
    size: classes.length,
    weight,
    ...counts,
    length: (i) => inputs.length(i),
    example: (i) => ({ input: inputs.get(i), target: [classes[i]!] }),
  };
}
