/** Rows of every task as examples of a model's loss, and what predictions are worth. */
import { shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import type { ChoiceExample } from "../models/kinds/choice-loss.ts";
import type { Example } from "../models/kinds/loss.ts";
import { spansOf } from "../text/heads/spans.ts";
import { fromWords } from "../text/heads/words.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { type Conversations, replyExample } from "./chat-rows.ts";
import type { Task } from "./options.ts";
import { rowName, type TuneRow } from "./rows.ts";

export type TuneExample = Example | ChoiceExample;

export const isChoice = (example: TuneExample): example is ChoiceExample => "texts" in example;

export const headOfTask: Readonly<Record<Task, TaskHead | undefined>> = {
  "seq-cls": "sequence",
  "token-cls": "tokens",
  qa: "span",
  choice: "choice",
  seq2seq: undefined,
  causal: undefined,
};

/** The task whose columns a row has. @throws bad_input naming the columns that are there */
export function taskOf(row: TuneRow, kind: "encoder" | "decoder" | "encoder-decoder", file: string): Task {
  const has = (...names: string[]) => names.every((name) => row[name] !== undefined);
  const found: Task | undefined = has("tokens", "tags")
    ? "token-cls"
    : has("question", "context", "answers")
      ? "qa"
      : has("text", "choices", "label")
        ? "choice"
        : has("prompt", "target") || has("messages", "reply")
          ? kind === "decoder"
            ? "causal"
            : "seq2seq"
          : has("text", "label")
            ? "seq-cls"
            : undefined;
  if (found) return found;
  return fail("bad_input", `the columns ${Object.keys(row).slice(0, 12).map(shown).join(", ")} are those of no task`, {
    where: file,
    hint: "text and label; tokens and tags; question, context and answers; text, choices and label; prompt and target (or completion); messages",
  });
}

export interface Reading {
  readonly tokenizer: Tokenizer;
  readonly longest: number;
  /** Positions that the adapter takes, for the message where a row does not fit. */
  readonly taken?: number | undefined;
  readonly tooLong: "error" | "skip" | "cut";
  /** Names of classes or tags; rows with others are errors. */
  readonly labels?: readonly string[] | undefined;
  /** Ends a target; none where the model has none. */
  readonly end?: number | undefined;
  /** Where rows are conversations. */
  readonly chat?: Conversations | undefined;
  readonly file: string;
}

function textIn(row: TuneRow, column: string, name: string, file: string): string {
  const value = row[column];
  if (typeof value !== "string") fail("bad_input", `${name} has no text in "${column}"`, { where: file });
  if (value.trim() === "") fail("bad_input", `${name}: "${column}" is empty`, { where: file });
  return value;
}

function listIn(row: TuneRow, column: string, name: string, file: string): readonly string[] {
  const value = row[column];
  if (Array.isArray(value) && value.length > 0) return value.map(String);
  return fail("bad_input", `${name}: "${column}" is no list, or an empty one`, { where: file });
}

/** A label as people write it: true and 1 are texts here too. */
const labelText = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== ""
    ? value
    : typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
      ? String(value)
      : undefined;

/** Labels of the rows, in the order of their numbers where all are numbers, else as they come. */
export function labelsIn(rows: readonly TuneRow[], task: Task, file: string): string[] {
  const found = new Set<string>();
  rows.forEach((row, i) => {
    const name = rowName(row, i);
    if (task === "token-cls") {
      for (const tag of listIn(row, "tags", name, file)) found.add(tag);
      return;
    }
    const label = labelText(row.label);
    if (label === undefined) fail("bad_input", `${name} has no label`, { where: file });
    found.add(label);
  });
  const labels = [...found];
  if (labels.length < 2) {
    fail("bad_input", `all rows have the same ${task === "token-cls" ? "tag" : "label"}, ${shown(labels[0]!)}`, {
      where: file,
      hint: "there is nothing to tell apart: give rows of two classes or more",
    });
  }
  return labels.every((label) => /^-?\d+$/.test(label)) ? labels.sort((a, b) => Number(a) - Number(b)) : labels;
}

const numberOf = (labels: readonly string[], given: unknown, name: string, file: string): number => {
  const label = labelText(given);
  const at = label === undefined ? -1 : labels.indexOf(label);
  if (at >= 0) return at;
  return fail("bad_input", `${name}: ${JSON.stringify(given) ?? "no label"} is none of the ${labels.length} labels`, {
    where: file,
    hint: `known are those of the rows that are trained on: ${labels.slice(0, 8).join(", ")}${labels.length > 8 ? ", …" : ""}`,
  });
};

/** The place of a passage's token in the row that covers a character. */
function placeOf(
  offsets: readonly (readonly [number, number])[],
  sequences: readonly (number | undefined)[],
  at: number,
) {
  return offsets.findIndex(([start, end], i) => sequences[i] === 1 && start <= at && at < end);
}

function spanOf(row: TuneRow, name: string, { tokenizer, file }: Reading): Example {
  const [question, context] = [textIn(row, "question", name, file), textIn(row, "context", name, file)];
  const answers = row.answers as { text?: unknown; answer_start?: unknown } | undefined;
  const texts = [answers?.text].flat();
  const starts = [answers?.answer_start].flat();
  const { ids, typeIds, offsets, sequences } = tokenizer.encode(question, { pair: context });
  const [text, start] = [texts[0], starts[0]];
  if (typeof text !== "string") return { input: ids, types: typeIds, target: [0, 0] };
  if (typeof start !== "number" || context.slice(start, start + text.length) !== text) {
    fail("bad_input", `${name}: the answer ${shown(text)} is not what the passage has at ${String(start)}`, {
      where: file,
      hint: "answer_start counts UTF-16 units of the context",
    });
  }
  const first = placeOf(offsets, sequences, start);
  const last = placeOf(offsets, sequences, start + Math.max(1, text.length) - 1);
  // An answer that no token covers counts as none.
  return { input: ids, types: typeIds, target: first < 0 || last < 0 ? [0, 0] : [first, last] };
}

function tagsOf(row: TuneRow, name: string, { tokenizer, labels = [], file }: Reading): Example {
  const [tokens, tags] = [listIn(row, "tokens", name, file), listIn(row, "tags", name, file)];
  if (tokens.length !== tags.length) {
    fail("bad_input", `${name} has ${tokens.length} words and ${tags.length} tags`, { where: file });
  }
  const { input, first } = fromWords(tokenizer, tokens);
  const target = new Array<number>(input.ids.length).fill(-100);
  first.forEach((place, word) => {
    const label = numberOf(labels, tags[word], `${name}, word ${word + 1}`, file);
    if (place !== undefined) target[place] = label;
  });
  return { input: input.ids, types: input.types, target };
}

function read(row: TuneRow, name: string, task: Task, reading: Reading): TuneExample {
  const { tokenizer, labels = [], end, chat, file } = reading;
  const pairOf = () => (row.text_pair === undefined ? {} : { pair: textIn(row, "text_pair", name, file) });
  switch (task) {
    case "seq-cls": {
      const { ids, typeIds } = tokenizer.encode(textIn(row, "text", name, file), pairOf());
      return { input: ids, types: typeIds, target: [numberOf(labels, row.label, name, file)] };
    }
    case "token-cls":
      return tagsOf(row, name, reading);
    case "qa":
      return spanOf(row, name, reading);
    case "choice": {
      const text = textIn(row, "text", name, file);
      const choices = listIn(row, "choices", name, file);
      const right = typeof row.label === "number" ? row.label : choices.indexOf(String(row.label));
      if (!Number.isInteger(right) || right < 0 || right >= choices.length) {
        fail(
          "bad_input",
          `${name}: ${JSON.stringify(row.label) ?? "no label"} is none of its ${choices.length} choices`,
          {
            where: file,
            hint: "label is the number of the right choice, from 0, or its text",
          },
        );
      }
      const texts = choices.map((choice) => {
        const { ids, typeIds } = tokenizer.encode(text, { pair: choice });
        return { ids, types: typeIds };
      });
      return { texts, right };
    }
    default: {
      if (chat && row.reply !== undefined) return replyExample(row, name, chat, file);
      const { ids } = tokenizer.encode(textIn(row, "prompt", name, file));
      const target = tokenizer.encode(textIn(row, "target", name, file), {
        addSpecialTokens: false,
        written: true,
      }).ids;
      return { input: ids, target: end === undefined ? target : [...target, end] };
    }
  }
}

/** An example no longer than the model reads; undefined where it is left out. */
function fitted(example: TuneExample, name: string, { longest, taken = 0, tooLong, file }: Reading, task: Task) {
  const text = task === "seq2seq" || task === "causal";
  const joined = task === "causal";
  const lengths = isChoice(example)
    ? example.texts.map(({ ids }) => ids.length)
    : joined
      ? [example.input.length + example.target.length]
      : [example.input.length, ...(text ? [example.target.length] : [])];
  const most = Math.max(...lengths);
  if (most <= longest) return example;
  if (tooLong === "skip") return undefined;
  if (tooLong === "error" || isChoice(example) || task === "qa") {
    return fail("too_long", `${name} has ${most} tokens, ${longest} fit`, {
      where: file,
      hint: `shorten it, or choose what becomes of such rows: --too-long skip, or cut${taken > 0 ? `; the adapter takes ${taken} positions (--n)` : ""}`,
    });
  }
  if (!text) {
    // The last token ends the text for the tokenizer.
    const part = <T>(list: readonly T[]) => [...list.slice(0, longest - 1), list.at(-1)!];
    return {
      input: part(example.input),
      types: example.types && part(example.types),
      target: task === "token-cls" ? part(example.target) : example.target,
    };
  }
  const room = joined ? Math.max(1, longest - example.target.length) : longest;
  return {
    ...example,
    input: example.input.slice(0, room),
    target: example.target.slice(0, longest - (joined ? 1 : 0)),
  };
}

export interface Examples {
  readonly examples: readonly TuneExample[];
  /** Rows left out because they are too long. */
  readonly skipped: number;
}

/** @throws bad_input naming row and column; too_long */
export function examplesOf(rows: readonly TuneRow[], task: Task, reading: Reading): Examples {
  let skipped = 0;
  const examples = rows.flatMap((row, i) => {
    const name = rowName(row, i);
    const example = fitted(read(row, name, task, reading), name, reading, task);
    if (!example) skipped++;
    return example ? [example] : [];
  });
  if (examples.length === 0) fail("bad_input", "every row is too long for the model", { where: reading.file });
  return { examples, skipped };
}

/** What predictions are worth; `best` is what a better model has more of. */
export interface Scores {
  readonly metric: string;
  readonly value: number;
  readonly more: Readonly<Record<string, number>>;
  /** Every prediction is the same class. */
  readonly flat: boolean;
}

const share = (right: number, of: number) => (of === 0 ? 0 : right / of);
const f1 = (right: number, found: number, wanted: number) =>
  found + wanted === 0 ? 0 : (2 * right) / (found + wanted);

/** Predicted classes against right ones. */
export function classScores(pairs: readonly (readonly [predicted: number, right: number])[], classes: number): Scores {
  const right = pairs.filter(([a, b]) => a === b).length;
  const each = Array.from({ length: classes }, (_, c) =>
    f1(
      pairs.filter(([a, b]) => a === c && b === c).length,
      pairs.filter(([a]) => a === c).length,
      pairs.filter(([, b]) => b === c).length,
    ),
  );
  const seen = each.filter((_, c) => pairs.some(([, b]) => b === c));
  return {
    metric: "accuracy",
    value: share(right, pairs.length),
    more: {
      macro_f1: share(
        seen.reduce((a, b) => a + b, 0),
        seen.length,
      ),
    },
    flat: pairs.length > 1 && new Set(pairs.map(([a]) => a)).size === 1,
  };
}

/** Tags of sentences: micro F1 over spans as seqeval counts them, or of single words where tags are no spans. */
export function tagScores(
  sentences: readonly (readonly (readonly [predicted: number, right: number])[])[],
  labels: readonly string[],
): Scores {
  const words = sentences.flat();
  const accuracy = share(words.filter(([a, b]) => a === b).length, words.length);
  const flat = words.length > 1 && new Set(words.map(([a]) => a)).size === 1;
  if (!labels.includes("O")) return { metric: "accuracy", value: accuracy, more: {}, flat };
  let [right, found, wanted] = [0, 0, 0];
  for (const sentence of sentences) {
    const keys = (side: 0 | 1) =>
      spansOf(
        sentence.map((pair) => labels[pair[side]]!),
        labels,
      ).map(({ label, from, to }) => `${label} ${from} ${to}`);
    const [predicted, gold] = [keys(0), new Set(keys(1))];
    found += predicted.length;
    wanted += gold.size;
    right += predicted.filter((key) => gold.has(key)).length;
  }
  return {
    metric: "f1",
    value: f1(right, found, wanted),
    more: { precision: share(right, found), recall: share(right, wanted), accuracy },
    flat,
  };
}

/** Places of answers against right ones: all of both, and the tokens that they share. */
export function spanScores(
  pairs: readonly (readonly [predicted: readonly number[], right: readonly number[]])[],
): Scores {
  let [exact, shared] = [0, 0];
  for (const [[a, b], [c, d]] of pairs as readonly [[number, number], [number, number]][]) {
    if (a === c && b === d) exact++;
    const common = Math.max(0, Math.min(b, d) - Math.max(a, c) + 1);
    shared += f1(common, b - a + 1, d - c + 1);
  }
  return {
    metric: "f1",
    value: share(shared, pairs.length),
    more: { exact_match: share(exact, pairs.length) },
    flat: pairs.length > 1 && pairs.every(([[a, b]]) => a === 0 && b === 0),
  };
}
