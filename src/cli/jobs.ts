/** Rows of prompts as jobs for a model: what cannot be one keeps its error, in its place. */
import { type InputRow, idsOf, textOf } from "../data/cli-rows-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { Prompt } from "../text/model.ts";

export type InputBatch = readonly (InputRow | ZerothError)[];

/** A job of each row. */
export function jobsOf<J>(
  rows: readonly (InputRow | ZerothError)[],
  make: (row: InputRow) => J,
): readonly (J | ZerothError)[] {
  return rows.map((row) => {
    if (row instanceof ZerothError) return row;
    try {
      return make(row);
    } catch (error) {
      if (error instanceof ZerothError) return error;
      throw error;
    }
  });
}

const promptOf = (row: InputRow): Prompt => idsOf(row, "tokens") ?? textOf(row, "prompt");

/** A list of texts; empty only where that makes sense. */
function choicesOf(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((choice) => typeof choice === "string")) return value;
  return fail("bad_input", '"choices" must be a list of at least one text');
}

/** A prompt to answer, perhaps with one of some choices: the row's own, else those of the command line. */
export interface AnswerJob {
  readonly prompt: Prompt;
  readonly choices: readonly string[] | undefined;
  /** Folder of the adapter that it is answered with, where that is the row's own. */
  readonly adapter?: string | undefined;
}

export function answerJob(row: InputRow, choices: readonly string[] | undefined): AnswerJob {
  const own = row.choices ?? choices;
  const { adapter } = row;
  if (adapter !== undefined && adapter !== null && typeof adapter !== "string") {
    fail("bad_input", '"adapter" must be the folder of one, a text');
  }
  return {
    prompt: promptOf(row),
    choices: own === undefined ? undefined : choicesOf(own),
    ...(adapter && { adapter: adapter as string }),
  };
}

export interface ScoreJob {
  readonly prompt: Prompt;
  readonly choices: readonly Prompt[];
  /** One target: log-probabilities of its tokens are given too. */
  readonly single: boolean;
}

/** Choices or one target, as texts or as ids. */
export function scoreJob(row: InputRow): ScoreJob {
  const prompt = promptOf(row);
  const { choice_tokens: lists, choices } = row;
  if (lists !== undefined) {
    if (!Array.isArray(lists)) fail("bad_input", '"choice_tokens" must be a list of lists of ids');
    return { prompt, choices: lists.map((ids: unknown) => idsOf({ ids }, "ids")!), single: false };
  }
  if (choices !== undefined) return { prompt, choices: choicesOf(choices), single: false };
  return { prompt, choices: [idsOf(row, "target_tokens") ?? textOf(row, "target")], single: true };
}
