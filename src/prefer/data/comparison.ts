/** What a person (or a judge) said of several texts for the same input: which is better, and how good each is. */
import { z } from "zod";
import { type JsonObject, shown } from "../../base/json.ts";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail } from "../../errors.ts";

const score = z.number().min(1).max(7);

/** Ratings of one text, 1 to 7. */
const axes = z.strictObject({
  overall: score.optional(),
  accuracy: score.optional(),
  coverage: score.optional(),
  coherence: score.optional(),
  abstraction: score.optional(),
});
export type Axes = z.infer<typeof axes>;
export const axisNames = axes.keyof().options;

const candidate = z.strictObject({
  text: z.string(),
  /** What wrote it. */
  model: z.string().optional(),
  seed: z.number().int().nonnegative().optional(),
});

const marked = z.strictObject({
  candidate: z.number().int().nonnegative(),
  start: z.number().int().nonnegative(),
  end: z.number().int().nonnegative(),
  label: z.enum(["inaccurate", "incoherent", "poor coverage"]),
});

const schema = z.strictObject({
  id: z.string().min(1),
  /** What rows are split by, so that no text of a book is learnt from and tested on. */
  book: z.string().min(1),
  node: z.string().optional(),
  height: z.number().int().nonnegative().optional(),
  /** What the candidates are about: of summaries the text that they summarise. */
  text: z.string(),
  /** What came before it. */
  context: z.array(z.string()).optional(),
  /** What the candidates' writer was asked, word for word; `text` behind its context where it is not said. */
  prompt: z.string().optional(),
  /** Whether `prompt` is a message of a conversation, which a model's chat template is put around. */
  chat: z.boolean().optional(),
  candidates: z.array(candidate).min(2),
  /** Place of the best candidate, from 0; `tie` where none is, `skip` where nobody can tell. */
  choice: z.union([z.number().int().nonnegative(), z.enum(["tie", "skip"])]),
  /** How sure, 1 (not) to 9. */
  confidence: z.number().min(1).max(9).optional(),
  /** By a candidate's place. */
  ratings: z.record(z.string().regex(/^\d+$/), axes).optional(),
  spans: z.array(marked).optional(),
  seconds: z.number().nonnegative().optional(),
  worker: z.string().optional(),
  time: z.string().optional(),
});

/** A row of our own format. */
export type Comparison = z.infer<typeof schema>;

/** A comparison's row, checked. @throws bad_input naming the entry */
export function parseComparison(row: JsonObject, where: string): Comparison {
  const read = schema.safeParse(row);
  if (!read.success) {
    const { what, hint } = schemaIssue(read.error, schema, "the row");
    return fail("bad_input", what, { where, ...(hint !== undefined && { hint }) });
  }
  const { candidates, choice, ratings = {}, spans = [] } = read.data;
  const inside = (place: number, entry: string) => {
    if (place < candidates.length) return;
    fail("bad_input", `${entry} ${place} of ${candidates.length} candidates`, {
      where,
      hint: "candidates are counted from 0",
    });
  };
  if (typeof choice === "number") inside(choice, "choice");
  for (const place of Object.keys(ratings)) inside(Number(place), "a rating of candidate");
  for (const { candidate: place, start, end } of spans) {
    inside(place, "a span of candidate");
    const { length } = candidates[place]!.text;
    if (start < end && end <= length) continue;
    fail("bad_input", `a span from ${start} to ${end} of a candidate of ${length} characters`, { where });
  }
  const texts = new Set(candidates.map(({ text }) => text));
  if (texts.size < candidates.length) {
    fail("bad_input", `two candidates are the same text: ${shown(candidates[0]!.text.slice(0, 60))}`, {
      where,
      hint: "nobody can prefer one of them",
    });
  }
  return read.data;
}

/** Two texts for one input, the better one first. */
export interface Pair {
  readonly book: string;
  /** The input that a reward model reads: what came before, and the text. */
  readonly text: string;
  /** What the writer was asked. */
  readonly prompt: string;
  readonly chat: boolean;
  readonly chosen: string;
  readonly rejected: string;
}

/** What came before and the text, a blank line between. */
export const inputOf = ({ text, context = [] }: Pick<Comparison, "text" | "context">): string =>
  [...context, text].join("\n\n");

/** The pairs of a comparison: its choice before each of the others; none of a tie. */
export function pairsOf(row: Comparison): Pair[] {
  const { choice, candidates, book, chat = false } = row;
  if (typeof choice !== "number") return [];
  const text = inputOf(row);
  const { prompt = text } = row;
  const chosen = candidates[choice]!.text;
  return candidates
    .filter((_, place) => place !== choice)
    .map((other) => ({ book, text, prompt, chat, chosen, rejected: other.text }));
}
