/** Rows of text as training examples: tokenised once, kept as compact ids, drawn by their objective. */

import { randomAt } from "../base/rng.ts";
import { fail } from "../errors.ts";
import type { Source } from "../learn/batches.ts";
import { corruptSpans, type Example, prefixLm } from "../learn/objectives.ts";

/** What is needed of a tokenizer here; special tokens as the tokenizer adds them. */
export interface Encoder {
  encode(text: string, options?: { addSpecialTokens?: boolean }): { readonly ids: readonly number[] };
}

export type Row = Readonly<Record<string, unknown>>;

export interface ExampleOptions {
  readonly objective: "seq2seq" | "span-corruption" | "prefix-lm";
  readonly encoder: Encoder;
  readonly maxInput: number;
  readonly maxTarget: number;
  readonly tooLong: "error" | "skip" | "cut";
  /** Whether prompts end with what the tokenizer puts there. */
  readonly promptEnd: boolean;
  readonly seed: number;
  readonly eos: number;
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

export interface TextSource extends Source {
  /** Rows left out because they were too long, and rows cut. */
  readonly skipped: number;
  readonly cut: number;
}

const promptIds = (text: string, { encoder, promptEnd }: ExampleOptions) =>
  encoder.encode(text, { addSpecialTokens: promptEnd }).ids;

/** Text of a column, or ids given under `tokens` names. */
function idsOf(row: Row, column: "prompt" | "target", line: number, options: ExampleOptions): readonly number[] {
  const value = row[column];
  if (typeof value === "string") {
    return column === "prompt" ? promptIds(value, options) : options.encoder.encode(value).ids;
  }
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
function cutTo(ids: readonly number[], limit: number, eos: number): readonly number[] {
  if (ids.length <= limit) return ids;
  return ids.at(-1) === eos ? [...ids.slice(0, limit - 1), eos] : ids.slice(0, limit);
}

/** A pair within the limits, as `tooLong` has it. */
function fitted(input: readonly number[], target: readonly number[], options: ExampleOptions, what: string): Fitted {
  const { maxInput, maxTarget, tooLong, eos, file } = options;
  if (input.length <= maxInput && target.length <= maxTarget) return { example: { input, target } };
  switch (tooLong) {
    case "skip":
      return { example: undefined, was: "skipped" };
    case "cut":
      return { example: { input: cutTo(input, maxInput, eos), target: cutTo(target, maxTarget, eos) }, was: "cut" };
    case "error":
      return fail("too_long", `${what} has ${input.length} input and ${target.length} target tokens`, {
        where: file,
        hint: `max_input is ${maxInput}, max_target ${maxTarget}: raise them, or set too_long to "skip" or "cut"`,
      });
  }
}

/** A prompt and its target as an example; `what` names it in errors. */
export function exampleOf(prompt: string, target: string, options: ExampleOptions, what: string): Fitted {
  return fitted(promptIds(prompt, options), options.encoder.encode(target).ids, options, what);
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

/** Tokenise rows of {text} for denoising or continuation; texts longer than the limit become several. */
export function textSource(rows: Iterable<Row>, weight: number, options: ExampleOptions): TextSource {
  const { encoder, file, eos, sentinels, seed, objective } = options;
  if (objective === "span-corruption" && sentinels.length === 0) {
    fail("bad_input", "span corruption needs a tokenizer with <extra_id_0>, <extra_id_1>, …", { where: file });
  }
  const texts = new Ids();
  let line = 0;
  for (const row of rows) {
    line++;
    if (typeof row.text !== "string") fail("bad_input", `row ${line} has no "text"`, { where: file });
    const ids = encoder.encode(row.text, { addSpecialTokens: false }).ids;
    const limit = Math.min(options.maxInput - 1, objective === "prefix-lm" ? options.maxTarget : Infinity);
    for (let from = 0; from < ids.length; from += limit) {
      const part = ids.slice(from, from + limit);
      if (part.length >= 2) texts.push(part);
    }
  }
  return {
    size: texts.offsets.length - 1,
    weight,
    skipped: 0,
    cut: 0,
    length: (i) => Math.ceil(texts.length(i) * 1.2),
    example(i, epoch): Example {
      const random = randomAt(seed, epoch + 1, i);
      const ids = texts.get(i);
      if (objective === "prefix-lm") return prefixLm(ids, eos, random);
      return corruptSpans(ids, { noise: 0.15, meanSpan: 3, sentinels, eos }, random);
    },
  };
}
