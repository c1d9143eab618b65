/** Rows of every task as examples of a model's loss, and what predictions are worth. */
import { shown } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import type { ChoiceExample } from "../models/kinds/choice-loss.ts";
import type { Example } from "../models/kinds/loss.ts";
import type { Conversations } from "../text/chat/conversations.ts";
import { windowsOf } from "../text/heads/answer.ts";
import { spansOf } from "../text/heads/spans.ts";
import { fromWords, wordWindows } from "../text/heads/words.ts";
import { exactMatch, tokenF1 } from "../text/metrics/text-metrics.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { replyExample } from "./chat-rows.ts";
import { type Fate, type Fitting, fateOf, type Part, type Passage, shortened } from "./long.ts";
import type { Task } from "./options.ts";
import { rowName, type TuneRow } from "./rows.ts";

export type TuneExample = (Example | ChoiceExample) & Part;

export const isChoice = (example: TuneExample): example is ChoiceExample & Part => "texts" in example;

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

export interface Reading extends Fitting {
  readonly tokenizer: Tokenizer;
  /** Names of classes or tags; rows with others are errors. */
  readonly labels?: readonly string[] | undefined;
  /** Ends a target; none where the model has none. */
  readonly end?: number | undefined;
  /** Where rows are conversations. */
  readonly chat?: Conversations | undefined;
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

/** Examples of a row, and whether it was too long. */
interface ReadRow {
  readonly examples: readonly TuneExample[];
  readonly fate: Fate;
}

const fitting = (fate: Fate, make: () => readonly TuneExample[]): ReadRow => ({
  fate,
  examples: fate === "skip" ? [] : make(),
});

/** The right answers of a row, and where the first of them begins. */
function answersOf(row: TuneRow, context: string, name: string, file: string) {
  const given = row.answers as { text?: unknown; answer_start?: unknown } | null | undefined;
  const texts = [given?.text ?? []].flat().filter((text) => text !== "");
  const starts = [given?.answer_start ?? []].flat();
  texts.forEach((text, i) => {
    const start = starts[i];
    if (typeof text === "string" && typeof start === "number" && context.slice(start, start + text.length) === text) {
      return;
    }
    fail("bad_input", `${name}: the answer ${shown(String(text))} is not what the passage has at ${String(start)}`, {
      where: file,
      hint: "answer_start counts UTF-16 units of the context",
    });
  });
  return { texts: texts as string[], start: starts[0] as number };
}

function passageOf(row: TuneRow, name: string, reading: Reading): ReadRow {
  const { tokenizer, file, longest, stride } = reading;
  const [question, context] = [textIn(row, "question", name, file), textIn(row, "context", name, file)];
  const { texts: answers, start } = answersOf(row, context, name, file);
  const encoded = tokenizer.encode(question, { pair: context });
  const fate = fateOf(encoded.ids.length, name, reading);
  return fitting(fate, () => {
    const all = inRow(name, file, () => windowsOf(encoded, longest, stride));
    const windows = fate === "cut" ? all.slice(0, 1) : all;
    const passage: Passage = { context, encoded, windows, answers };
    const offsets = encoded.offsets.slice(encoded.sequences.indexOf(1));
    const covering = (at: number) => offsets.findIndex(([from, to]) => from <= at && at < to);
    const [text] = answers;
    const [first, last] = text === undefined ? [-1, -1] : [covering(start), covering(start + text.length - 1)];
    return windows.map(({ ids, types, at, from, count }, part) => {
      // An answer that no token covers, or that ends outside of the window, counts as none.
      const inside = first >= from && last >= first && last < from + count;
      const target = inside ? [at + first - from, at + last - from] : [0, 0];
      return { input: ids, types, target, passage, part };
    });
  });
}

function sentenceOf(row: TuneRow, name: string, reading: Reading): ReadRow {
  const { tokenizer, labels = [], file, longest, stride } = reading;
  const [tokens, tags] = [listIn(row, "tokens", name, file), listIn(row, "tags", name, file)];
  if (tokens.length !== tags.length) {
    fail("bad_input", `${name} has ${tokens.length} words and ${tags.length} tags`, { where: file });
  }
  const words = fromWords(tokenizer, tokens);
  const numbers = tags.map((tag, word) => numberOf(labels, tag, `${name}, word ${word + 1}`, file));
  const fate = fateOf(words.input.ids.length, name, reading);
  return fitting(fate, () => {
    const all = inRow(name, file, () => wordWindows(words, longest, fate === "cut" ? 0 : stride));
    return (fate === "cut" ? all.slice(0, 1) : all).map(({ input, from, first }, part) => {
      const target = new Array<number>(input.ids.length).fill(-100);
      first.forEach((place, word) => {
        if (place !== undefined) target[place] = numbers[from + word]!;
      });
      return { input: input.ids, types: input.types, target, sentence: row, part };
    });
  });
}

/** An error of reading a row, with the row's name. */
function inRow<T>(name: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof ZerothError)) throw cause;
    const { code, message, hint } = cause;
    return fail(code, `${name}: ${message}`, { where: file, cause, ...(hint !== undefined && { hint }) });
  }
}

function read(row: TuneRow, name: string, task: Task, reading: Reading): ReadRow {
  const { tokenizer, labels = [], longest, file } = reading;
  switch (task) {
    case "seq-cls": {
      const pair = row.text_pair === undefined ? {} : { pair: textIn(row, "text_pair", name, file) };
      const encoded = tokenizer.encode(textIn(row, "text", name, file), pair);
      const target = [numberOf(labels, row.label, name, file)];
      return fitting(fateOf(encoded.ids.length, name, reading), () => {
        const { ids, types } = shortened(encoded, longest);
        return [{ input: ids, types, target }];
      });
    }
    case "token-cls":
      return sentenceOf(row, name, reading);
    case "qa":
      return passageOf(row, name, reading);
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
      const pairs = choices.map((choice) => tokenizer.encode(text, { pair: choice }));
      const fate = fateOf(Math.max(...pairs.map(({ ids }) => ids.length)), name, reading);
      return fitting(fate, () => [{ texts: pairs.map((encoded) => shortened(encoded, longest)), right }]);
    }
    default:
      return writtenOf(row, name, task, reading);
  }
}

/** A prompt and what is to be written after it. */
function promptAndTarget(row: TuneRow, name: string, { tokenizer, end, file }: Reading): Example {
  const { ids } = tokenizer.encode(textIn(row, "prompt", name, file));
  const words = tokenizer.encode(textIn(row, "target", name, file), { addSpecialTokens: false, written: true }).ids;
  return { input: ids, target: end === undefined ? words : [...words, end] };
}

/** What is to be written after a prompt or a conversation; a decoder reads both as one row. */
function writtenOf(row: TuneRow, name: string, task: Task, reading: Reading): ReadRow {
  const { longest, chat, file } = reading;
  const { input: ids, target } =
    chat && row.reply !== undefined ? replyExample(row, name, chat, file) : promptAndTarget(row, name, reading);
  const joined = task === "causal";
  const fate = fateOf(joined ? ids.length + target.length : Math.max(ids.length, target.length), name, reading);
  return fitting(fate, () => {
    const room = joined ? Math.max(1, longest - target.length) : longest;
    return [{ input: ids.slice(0, room), target: target.slice(0, longest - (joined ? 1 : 0)) }];
  });
}

export interface Examples {
  readonly examples: readonly TuneExample[];
  /** Rows that were too long: left out, cut, and read in windows. */
  readonly skipped: number;
  readonly cut: number;
  readonly windowed: number;
}

/** Tasks whose rows can be read in windows, so that nothing of a long one is lost. */
export const inWindows = (task: Task): boolean => task === "qa" || task === "token-cls";

/** @throws bad_input naming row and column; too_long */
export function examplesOf(rows: readonly TuneRow[], task: Task, reading: Reading): Examples {
  if (reading.tooLong === "windows" && !inWindows(task)) {
    fail("wrong_use", `rows of ${task} are not read in windows: only answers in passages and tags of words are`);
  }
  const found = rows.map((row, i) => read(row, rowName(row, i), task, reading));
  const count = (fate: Fate) => found.filter((row) => row.fate === fate).length;
  const examples = found.flatMap((row) => row.examples);
  if (examples.length === 0) fail("bad_input", "every row is too long for the model", { where: reading.file });
  return { examples, skipped: count("skip"), cut: count("cut"), windowed: count("windows") };
}

/** What predictions are worth; `best` is what a better model has more of. */
export interface Scores {
  readonly metric: string;
  readonly value: number;
  readonly more: Readonly<Record<string, number>>;
  /** Every prediction is the same class. */
  readonly flat: boolean;
  /** Of classes of texts: the predicted one of every example, in their order. */
  readonly said?: readonly number[] | undefined;
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

/** Answers in passages against all that are right, as SQuAD's evaluation compares them; one without is empty. */
export function answerScores(pairs: readonly (readonly [predicted: string, right: readonly string[]])[]): Scores {
  const mean = (measure: (text: string, reference: string) => number) =>
    share(
      pairs.reduce((sum, [text, right]) => {
        return sum + Math.max(...(right.length > 0 ? right : [""]).map((reference) => measure(text, reference)));
      }, 0),
      pairs.length,
    );
  return {
    metric: "f1",
    value: mean(tokenF1),
    more: { exact_match: mean(exactMatch) },
    flat: pairs.length > 1 && pairs.every(([text]) => text === ""),
  };
}
