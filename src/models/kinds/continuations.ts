/** Prompts with several continuations as rows of a decoder: the prompt once, the continuations after it, unseen by each other. */
import { int64, type NdArray } from "../../graph/array.ts";
import type { Targets } from "./language.ts";

export interface ContinuedRow {
  /** Which prompt it is of. */
  readonly row: number;
  readonly prompt: readonly number[];
  readonly choices: readonly (readonly number[])[];
}

/** Continuations go together in a row up to so many tokens: what attention keeps grows with the square of the row. */
const longestRow = 512;

/**
 * Rows for the choices of every prompt; a prompt whose choices are long comes in several. Texts longer than `steadyUpTo`
 * are a row each.
 */
export function splitTargets(
  prompts: readonly (readonly number[])[],
  targets: Targets,
  steadyUpTo = Infinity,
): ContinuedRow[] {
  return prompts.flatMap((prompt, row) => {
    const rows: { row: number; prompt: readonly number[]; choices: (readonly number[])[] }[] = [];
    let length = Infinity;
    const most = (choice: readonly number[]) => prompt.length + choice.length - 1;
    const apart = targets[row]!.some((choice) => most(choice) > steadyUpTo);
    for (const choice of targets[row]!) {
      if (apart || length + choice.length > Math.max(longestRow, 2 * prompt.length)) {
        rows.push({ row, prompt, choices: [] });
        length = prompt.length;
      }
      rows.at(-1)!.choices.push(choice);
      length += choice.length;
    }
    return rows;
  });
}

/** What the scoring graph takes, and where the scores of a choice begin. */
export function laidOutRows(rows: readonly ContinuedRow[], pad: number) {
  const answers = (row: ContinuedRow) => row.choices.reduce((sum, { length }) => sum + length, 0);
  // The last token of a choice predicts nothing that is asked for.
  const width = Math.max(1, ...rows.map((row) => row.prompt.length + answers(row) - row.choices.length));
  const asked = Math.max(1, ...rows.map(answers));
  const sheet = (columns: number, value: number) => new Array<number>(rows.length * columns).fill(value);
  const [ids, positions, segments] = [sheet(width, pad), sheet(width, 0), sheet(width, 0)];
  const [places, labels] = [sheet(asked, 0), sheet(asked, -100)];
  const begins = rows.map(({ prompt, choices }, r) => {
    let at = 0;
    const put = (id: number, position: number, segment: number) => {
      ids[r * width + at] = id;
      positions[r * width + at] = position;
      segments[r * width + at++] = segment;
    };
    prompt.forEach((id, i) => {
      put(id, i, 1);
    });
    let out = r * asked;
    return choices.map((choice, c) => {
      const begin = out;
      choice.forEach((id, t) => {
        places[out] = t === 0 ? prompt.length - 1 : at - 1;
        labels[out++] = id;
        if (t < choice.length - 1) put(id, prompt.length + t, c + 2);
      });
      return begin;
    });
  });
  const row = [rows.length, width];
  const feeds: Record<string, NdArray> = {
    ids: int64(row, ids),
    positions: int64(row, positions),
    segments: int64(row, segments),
    places: int64([rows.length, asked], places),
    labels: int64([rows.length, asked], labels),
  };
  return { feeds, at: (r: number, choice: number) => begins[r]![choice]! };
}
