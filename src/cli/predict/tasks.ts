/** What a head makes of a row: the row's part of it, the result row, a line and a picture. */
import { type InputRow, textOf } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { EncodingModel } from "../../text/embedding/encoding-model.ts";
import type { EncodeJob, Text } from "../../text/heads/reader.ts";
import type { Words } from "../../text/heads/tag.ts";
import type { OpenedEncoder } from "../../text/open-node.ts";
import { type InputBatch, jobsOf } from "../jobs.ts";
import type { Output } from "../output.ts";
import { answerInPlace, bars, filledWords, taggedText } from "./pictures.ts";

/** What was typed besides the texts. */
export interface PredictFlags {
  readonly top?: number | undefined;
  readonly maxAnswer?: number | undefined;
  readonly unanswerable?: boolean | undefined;
}

export interface Predicted {
  readonly row: object;
  /** For a file of rows: one line. */
  readonly line: string;
  /** For a person who asked once. */
  readonly picture: () => string;
}

/** Rows of a batch to what was predicted for each, or what is wrong with it. */
export type Predict = (rows: InputBatch, options: EncodeJob) => Promise<(Predicted | ZerothError)[]>;

interface Task<J, R> {
  /** @throws bad_input naming the column */
  job(row: InputRow): J;
  run(jobs: readonly J[], options: EncodeJob): Promise<(R | ZerothError)[]>;
  show(result: R, job: J): Predicted;
}

function predicting<J, R>({ job, run, show }: Task<J, R>): Predict {
  return async (rows, options) => {
    const jobs = jobsOf(rows, (row) => ({ job: job(row) }));
    const good = jobs.flatMap((one) => (one instanceof ZerothError ? [] : [one.job]));
    const results = await run(good, options);
    return jobs.map((one) => {
      const result = one instanceof ZerothError ? one : results.shift()!;
      return one instanceof ZerothError || result instanceof ZerothError
        ? (result as ZerothError)
        : show(result, one.job);
    });
  };
}

function pairOf(row: InputRow): Text {
  const text = textOf(row, "text");
  return row.text_pair === undefined ? text : [text, textOf(row, "text_pair")];
}

function listOf(row: InputRow, column: string): readonly string[] {
  const value = row[column];
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) return value;
  return fail("bad_input", `"${column}" must be a list of at least one text`);
}

const named = (names: readonly string[], values: readonly number[]) =>
  Object.fromEntries(names.map((name, i) => [name, values[i]!]));

function classes({ classifyAll, labels, problem }: EncodingModel, output: Output): Predict {
  return predicting({
    job: pairOf,
    run: classifyAll!,
    show({ label, labels: held, scores, logits }) {
      if (problem === "regression") {
        const line = scores.map((value) => value.toFixed(4)).join("\t");
        const value = scores.length === 1 ? { score: scores[0] } : { scores: named(labels, scores) };
        return { row: { ...value, logits }, line, picture: () => `${line}\n` };
      }
      const multi = problem === "multi";
      const likeliest = Math.max(...scores);
      return {
        row: { label, ...(multi && { labels: held }), probabilities: named(labels, scores), logits },
        line: multi ? held.join(", ") : `${label}\t${likeliest.toFixed(4)}`,
        picture: () => bars(labels, scores, (share, rank) => (multi ? share > 0.5 : rank === 0), output),
      };
    },
  });
}

function tags({ tagAll }: EncodingModel, output: Output): Predict {
  return predicting({
    job: (row): Words => (row.tokens === undefined ? textOf(row, "text") : listOf(row, "tokens")),
    run: tagAll!,
    show(tagged, given) {
      const { words, spans } = tagged;
      const text = typeof given === "string" ? given : undefined;
      const found = spans.map(({ label, from, to }) => {
        if (text === undefined) return { label, from, to };
        const [start, end] = [words[from]!.start, words[to - 1]!.end];
        return { label, text: text.slice(start, end), start, end, from, to };
      });
      return {
        row: {
          tags: words.map(({ label }) => label),
          ...(text !== undefined && {
            words: words.map((word) => word.text),
            offsets: words.map(({ start, end }) => [start, end]),
          }),
          spans: found,
          logits: words.map(({ logits }) => logits),
        },
        line: words.map((word) => `${word.text}/${word.label}`).join(" "),
        picture: () => taggedText(text, tagged, process.stdout.columns || 80, output),
      };
    },
  });
}

function answers({ answerAll }: EncodingModel, output: Output, { maxAnswer, unanswerable }: PredictFlags): Predict {
  const asked = { ...(maxAnswer !== undefined && { mostTokens: maxAnswer }), unanswerable: unanswerable === true };
  return predicting({
    job: (row) => ({ question: textOf(row, "question"), context: textOf(row, "context") }),
    run: (jobs, options) => answerAll!(jobs, { ...options, ...asked }),
    show: (found, { context }) => ({
      row: {
        answer: found.text,
        start: found.start,
        end: found.end,
        score: found.score,
        no_answer_score: found.noAnswer,
      },
      line: found.text.replace(/\s+/g, " "),
      picture: () => answerInPlace(context, found, output),
    }),
  });
}

function masked({ fillAll }: EncodingModel, output: Output, { top = 5 }: PredictFlags): Predict {
  return predicting({
    job: (row) => textOf(row, "text"),
    run: (jobs, options) => fillAll!(jobs, { ...options, count: top }),
    show: ({ text, masks }) => ({
      row: { text, masks },
      line: text.replace(/\s+/g, " "),
      picture: () => filledWords(text, masks, output),
    }),
  });
}

function choices({ chooseAll }: EncodingModel, output: Output): Predict {
  return predicting({
    job: (row) => ({ text: textOf(row, "text"), choices: listOf(row, "choices") }),
    run: chooseAll!,
    show: ({ choice, best, scores, logits }, { choices: all }) => ({
      row: { choice, best, probabilities: scores, logits },
      line: choice.replace(/\s+/g, " "),
      picture: () => bars(all, scores, (_, rank) => rank === 0, output),
    }),
  });
}

const heads = { sequence: classes, tokens: tags, discriminator: tags, span: answers, masked, choice: choices } as const;

/** What this model predicts. @throws unsupported for one without a head, saying what it does instead */
export function predictionOf(
  { encoder, architecture }: Pick<OpenedEncoder, "encoder" | "architecture">,
  where: string,
  output: Output,
  flags: PredictFlags,
): Predict {
  if (encoder.head) return heads[encoder.head](encoder, output, flags);
  const answers = architecture.kind === "decoder" ? ", and answers prompts: zeroth generate" : "";
  return fail("unsupported", "the checkpoint has no trained head, so there is nothing that it predicts", {
    where,
    hint: `it gives vectors of texts: zeroth embed --model ${where} "a text"${answers}`,
  });
}

/** What a person's arguments must hold besides a text. */
export const askedFor = {
  span: "a question, and a passage with --context",
  choice: "a text, and --choices",
} as const;
