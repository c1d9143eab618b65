/**
 * Comparisons as others write them: the data set of "Learning to summarize from human feedback" (comparisons, and ratings
 * by axes), and TRL's rows of preferences and of prompts with completions. A format is a row of the table.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject, parseJsonObject } from "../../base/json.ts";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail, ZerothError } from "../../errors.ts";
import { type Axes, axisNames, type Comparison, inputOf, pairsOf, parseComparison } from "./comparison.ts";

export const formatNames = ["zeroth", "feedback", "axis", "preference", "completion"] as const;
/**
 * `zeroth`: our own. `feedback` {info, summaries, choice, …} and `axis` {info, summary: {text, axes}, …}: those of
 * summarize-from-feedback. `preference` {prompt, chosen, rejected} and `completion` {prompt, completion}: TRL's.
 */
export type FormatName = (typeof formatNames)[number];

/** A line of a file, and how messages name it. */
interface Line {
  readonly row: JsonObject;
  readonly where: string;
  readonly number: number;
}

interface Format {
  /** Whether a row is of this format. */
  is(row: JsonObject): boolean;
  /** @throws bad_input naming the entry */
  read(lines: readonly Line[]): Comparison[];
  write(rows: readonly Comparison[]): JsonObject[];
}

const info = z.looseObject({ id: z.union([z.string(), z.number()]).transform(String) });
const summary = z.looseObject({ text: z.string(), policy: z.string().optional(), note: z.string().nullish() });

const feedback = z.looseObject({
  info,
  summaries: z.array(summary).min(2),
  choice: z.number().int().nonnegative(),
  worker: z.string().optional(),
  extra: z.looseObject({ confidence: z.number().nullish() }).optional(),
});

const axisRow = z.looseObject({
  info,
  summary: summary.extend({ axes: z.record(z.string(), z.unknown()) }),
  worker: z.string().optional(),
});

const message = z.looseObject({ role: z.string(), content: z.string() });
const said = z.union([z.string(), z.array(message).min(1)]);
const preference = z.looseObject({ prompt: said, chosen: said, rejected: said });

function checked<T extends z.ZodType>(schema: T, { row, where }: Line): z.output<T> {
  const read = schema.safeParse(row);
  if (read.success) return read.data;
  const { what, hint } = schemaIssue(read.error, schema, "the row");
  return fail("bad_input", what, { where, ...(hint !== undefined && { hint }) });
}

/** The text that is summarised: a post, or an article. */
function sourceOf(about: JsonObject, where: string): string {
  const text = about.post ?? about.article ?? about.text;
  return typeof text === "string"
    ? text
    : fail("bad_input", "info has neither post nor article: there is no text to compare summaries of", { where });
}

const withoutNothing = <T extends object>(row: T): T =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined && value !== null)) as T;

/** The last message of a conversation that is one question. */
function onlyMessage(text: z.output<typeof said>, where: string): { readonly text: string; readonly chat: boolean } {
  if (typeof text === "string") return { text, chat: false };
  if (text.length === 1) return { text: text[0]!.content, chat: true };
  return fail("unsupported", `a conversation of ${text.length} messages`, {
    where,
    hint: "prompts of one message are read, and answers of one",
  });
}

const infoOf = ({ book, text, id }: Comparison) => ({ id, title: book, post: text });

const axisOf = (value: unknown): number | undefined =>
  typeof value === "number" && value >= 1 && value <= 7 ? value : undefined;

/** Ratings of texts of one source by one person become comparisons: of each two the one that is better overall. */
function fromAxes(lines: readonly Line[]): Comparison[] {
  const groups = new Map<string, { line: Line; row: z.output<typeof axisRow>; axes: Axes }[]>();
  for (const line of lines) {
    const row = checked(axisRow, line);
    const key = JSON.stringify([row.info.id, row.worker ?? ""]);
    const axes = withoutNothing(
      Object.fromEntries(axisNames.map((name) => [name, axisOf(row.summary.axes[name])])),
    ) as Axes;
    groups.set(key, [...(groups.get(key) ?? []), { line, row, axes }]);
  }
  return [...groups.values()].flatMap((group) =>
    group.flatMap((a, i) =>
      group.slice(i + 1).flatMap((b): Comparison[] => {
        const [first, second] = [a.axes.overall, b.axes.overall];
        if (first === undefined || second === undefined || a.row.summary.text === b.row.summary.text) return [];
        return [
          withoutNothing({
            id: `${a.row.info.id}:${a.line.number}:${b.line.number}`,
            book: a.row.info.id,
            text: sourceOf(a.row.info, a.line.where),
            candidates: [a, b].map(({ row }) => withoutNothing({ text: row.summary.text, model: row.summary.policy })),
            choice: first === second ? ("tie" as const) : Number(second > first),
            ratings: { 0: a.axes, 1: b.axes },
            worker: a.row.worker,
          }),
        ];
      }),
    ),
  );
}

export const formats: Readonly<Record<FormatName, Format>> = {
  zeroth: {
    is: (row) => "candidates" in row,
    read: (lines) => lines.map(({ row, where }) => parseComparison(row, where)),
    write: (rows) => rows.map((row) => ({ ...row })),
  },
  feedback: {
    is: (row) => "summaries" in row,
    read: (lines) =>
      lines.map((line) => {
        const { info: about, summaries, choice, worker, extra } = checked(feedback, line);
        const row = withoutNothing({
          id: `${about.id}:${line.number}`,
          book: about.id,
          text: sourceOf(about, line.where),
          candidates: summaries.map(({ text, policy }) => withoutNothing({ text, model: policy })),
          choice,
          confidence: extra?.confidence ?? undefined,
          worker,
        });
        return parseComparison(row, line.where);
      }),
    // The format has no word for a tie.
    write: (rows) =>
      rows
        .filter(({ choice }) => typeof choice === "number")
        .map((row) => ({
          info: infoOf(row),
          summaries: row.candidates.map(({ text, model }) => ({ text, policy: model ?? "unknown", note: null })),
          choice: row.choice,
          worker: row.worker ?? "",
          batch: "",
          split: "train",
          extra: row.confidence === undefined ? {} : { confidence: row.confidence },
        })),
  },
  axis: {
    is: (row) => isJsonObject(row.summary) && "axes" in row.summary,
    read: fromAxes,
    write: (rows) =>
      rows.flatMap((row) =>
        Object.entries(row.ratings ?? {}).map(([place, axes]) => {
          const { text, model } = row.candidates[Number(place)]!;
          const about = { ...infoOf(row), id: row.book };
          const rated = { text, policy: model ?? "unknown", note: null, axes };
          return { info: about, summary: rated, worker: row.worker ?? "", batch: "", split: "train" };
        }),
      ),
  },
  preference: {
    is: (row) => "chosen" in row && "rejected" in row,
    read: (lines) =>
      lines.map((line) => {
        const { prompt, chosen, rejected, ...rest } = checked(preference, line);
        const asked = onlyMessage(prompt, line.where);
        const texts = [chosen, rejected].map((one) => ({ text: onlyMessage(one, line.where).text }));
        const row = {
          id: String(line.number),
          // Rows of one prompt stay together where nothing says which book they are of.
          book: typeof rest.book === "string" ? rest.book : asked.text,
          text: asked.text,
          prompt: asked.text,
          ...(asked.chat && { chat: true }),
          candidates: texts,
          choice: 0,
        };
        return parseComparison(row, line.where);
      }),
    write: (rows) =>
      rows.flatMap(pairsOf).map(({ prompt, chat, chosen, rejected, book }) => {
        if (!chat) return { prompt, chosen, rejected, book };
        const answer = (content: string) => [{ role: "assistant", content }];
        return {
          prompt: [{ role: "user", content: prompt }],
          chosen: answer(chosen),
          rejected: answer(rejected),
          book,
        };
      }),
  },
  completion: {
    is: (row) => "prompt" in row && "completion" in row,
    read: ([line]) =>
      fail("bad_input", "a prompt with one completion: there is nothing to compare it with", {
        where: line?.where ?? "the file",
        hint: "such rows are for zeroth tune; zeroth prefer reward takes them as --demonstrations",
      }),
    write: (rows) =>
      rows
        .filter(({ choice }) => typeof choice === "number")
        .map((row) => {
          const prompt = row.prompt ?? inputOf(row);
          const completion = row.candidates[row.choice as number]!.text;
          if (!row.chat) return { prompt, completion };
          // What zeroth tune and TRL read as a conversation.
          return {
            messages: [
              { role: "user", content: prompt },
              { role: "assistant", content: completion },
            ],
          };
        }),
  },
};

/** Lines of JSON that hold anything. @throws bad_input naming the line */
export function jsonLines(text: string, file: string): Line[] {
  return text.split("\n").flatMap((line, i): Line[] => {
    if (line.trim() === "") return [];
    const where = `${file}, line ${i + 1}`;
    try {
      return [{ row: parseJsonObject(line, where), where, number: i + 1 }];
    } catch (error) {
      if (!(error instanceof ZerothError)) throw error;
      const { message, hint } = error;
      return fail("bad_input", message.replace(`${where}: `, ""), { where, cause: error, ...(hint && { hint }) });
    }
  });
}

export interface ReadComparisons {
  readonly format: FormatName;
  readonly rows: readonly Comparison[];
}

/**
 * Comparisons of a file's text, in whatever format its first line is.
 * @throws bad_input naming the line, also where a later line is of another format, and for no lines
 */
export function parseComparisons(text: string, file: string): ReadComparisons {
  const lines = jsonLines(text, file);
  const [first] = lines;
  if (!first) return fail("bad_input", "there are no rows in this file", { where: file });
  const format = formatNames.find((name) => formats[name].is(first.row));
  if (!format) {
    return fail(
      "bad_input",
      `no format of comparisons has these entries: ${Object.keys(first.row).slice(0, 8).join(", ")}`,
      {
        where: first.where,
        hint: 'for example {"id","book","text","candidates":[{"text"},{"text"}],"choice":0}, or {"prompt","chosen","rejected"}',
      },
    );
  }
  const other = lines.find(({ row }) => !formats[format].is(row));
  if (other) fail("bad_input", `no row of the format ${format}, and the first row is`, { where: other.where });
  return { format, rows: formats[format].read(lines) };
}

/** Comparisons as lines of a format. */
export const writeComparisons = (rows: readonly Comparison[], format: FormatName): string =>
  formats[format]
    .write(rows)
    .map((row) => `${JSON.stringify(row)}\n`)
    .join("");
