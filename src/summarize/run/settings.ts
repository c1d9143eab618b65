/** What a run is asked for, and what follows from the model where nothing is said. */
import { z } from "zod";
import { schemaIssue } from "../../base/schema-issue.ts";
import { fail } from "../../errors.ts";
import type { Fits } from "../book/tree.ts";
import type { Writer } from "../writers/writer.ts";

export const contextModes = ["sequential", "subtree", "two-pass", "none"] as const;
/**
 * Which summaries a node is told of what comes before: `sequential` all earlier ones of its depth (as in the paper, one
 * after another), `subtree` those of its earlier siblings (subtrees side by side), `two-pass` those of a first pass
 * without any, `none`.
 */
export type ContextMode = (typeof contextModes)[number];

const count = z.number().int().positive();

const schema = z.strictObject({
  /** Tokens of a leaf as they should be. */
  leafTokens: count.max(1_000_000).default(600),
  /** Most tokens of a summary at heights 0, 1, and above. */
  limits: z.tuple([count, count, count]).optional(),
  context: z.enum(contextModes).optional(),
  /** Where not all fits: leave out the oldest, or half at once, so that the beginning of prompts stays for many calls. */
  contextTruncation: z.enum(["oldest", "block"]).default("oldest"),
  by: z.union([z.literal("chapter"), z.number().int().min(1).max(20)]).optional(),
  until: z.string().min(1).optional(),
  question: z.string().min(1).max(4000).optional(),
  /** Another than 0 is another sectioning, and other draws. */
  seed: z
    .number()
    .int()
    .nonnegative()
    .max(2 ** 32 - 1)
    .default(0),
  jitter: z.number().nonnegative().max(100).optional(),
  keepAll: z.boolean().default(false),
});

/** What a person may ask for. */
export type SummarizeOptions = z.input<typeof schema>;

type Read = z.output<typeof schema>;

/** The same with everything decided. */
export interface Settings extends Omit<Read, "limits" | "context" | "jitter"> {
  readonly limits: readonly [number, number, number];
  readonly context: ContextMode;
  readonly jitter: number;
}

const paperLimits = [128, 192, 384] as const;
/** How much a boundary's cost changes in another sectioning. */
const otherSectioning = 0.3;
/** Tokens between two joined summaries. */
const joiner = 2;
/** Tokens that a text may have more in a prompt than alone. */
export const margin = 4;
/**
 * Models that read no more copy what they are told of earlier summaries in the place of reading on: SmolLM2 with 135
 * million parameters began every later leaf with its first one's sentences.
 */
const smallWindow = 2048;
/** Share of what fits into a prompt that a leaf should have: leaves differ in length. */
const leafShare = 0.75;

/** Tokens of a prompt around its text. */
const overheadOf = (writer: Writer, question: string | undefined, composed: boolean): number =>
  writer.promptTokens({ text: "", context: [], composed, words: 100, question }) + margin;

export const limitAt = (limits: readonly number[], height: number): number =>
  limits[Math.min(height, limits.length - 1)]!;

/** Tokens for the texts of a prompt at a height. */
export function roomAt(
  writer: Writer,
  { limits, question }: Pick<Settings, "limits" | "question">,
  height: number,
): number {
  const answer = writer.encoderDecoder ? 0 : limitAt(limits, height);
  return writer.window - overheadOf(writer, question, height > 0) - answer;
}

/**
 * @throws wrong_use naming the option; too_long for limits that leave no room for a text
 */
export function settingsFor(given: SummarizeOptions, writer: Writer): Settings {
  const read = schema.safeParse(given);
  if (!read.success) {
    const { what, hint } = schemaIssue(read.error, schema, "the options");
    return fail("wrong_use", what, hint === undefined ? {} : { hint });
  }
  const asked = read.data;
  // Four summaries fit into a prompt whatever the model reads, where nobody says how long they are to be.
  const most = Math.max(8, Math.floor(writer.window / (writer.encoderDecoder ? 4 : 5)));
  const limits = asked.limits ?? ([...paperLimits].map((limit) => Math.min(limit, most)) as [number, number, number]);
  const room = roomAt(writer, { limits, question: asked.question }, 0);
  if (room < 16) {
    fail("too_long", `${writer.name} reads ${writer.window} tokens, which leaves ${Math.max(0, room)} for a text`, {
      hint: "smaller --limits, a shorter question, or a model that reads longer texts",
    });
  }
  return {
    ...asked,
    limits,
    leafTokens: Math.min(asked.leafTokens, Math.max(8, Math.floor(room * leafShare))),
    // Models that read the text alone were not taught to use what comes before.
    context: asked.context ?? (writer.encoderDecoder || writer.window <= smallWindow ? "none" : "subtree"),
    jitter: asked.jitter ?? (asked.seed === 0 ? 0 : otherSectioning),
  };
}

/** Whether so many summaries of the height below fit into one prompt, at worst. */
export const fitsFor =
  (writer: Writer, settings: Pick<Settings, "limits" | "question">): Fits =>
  (height, children) =>
    children * (limitAt(settings.limits, height - 1) + joiner) <= roomAt(writer, settings, height);

/** Words that an answer should have: an eighth of its text's tokens, between half the limit and the limit. */
export const wordsFor = (tokens: number, limit: number): number =>
  Math.round(0.75 * Math.min(limit, Math.max(limit / 2, tokens / 8)));

/** What differs between two runs' settings, for people. */
export function differences(before: object, now: object): string[] {
  const [a, b] = [before, now].map((one) => new Map(Object.entries(one)));
  return [...new Set([...a!.keys(), ...b!.keys()])]
    .filter((key) => JSON.stringify(a!.get(key)) !== JSON.stringify(b!.get(key)))
    .map(
      (key) => `${key} was ${JSON.stringify(a!.get(key)) ?? "not set"}, is ${JSON.stringify(b!.get(key)) ?? "not set"}`,
    );
}
