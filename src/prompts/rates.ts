/** How much of a mixture each task is: the rules of T0 and FLAN, and the general ones they are cases of. */
import type { MixtureRule } from "./mixture-file.ts";

export interface Sized {
  /** Training rows of the data set, after `max_examples`. */
  readonly rows: number;
  /** Wordings of it that are used; each is a task. */
  readonly wordings: number;
  /** Explicit weight of the data set, shared by its wordings. */
  readonly weight?: number | undefined;
  /** Its own greatest rate, instead of the rule's. */
  readonly cap?: number | undefined;
}

export const t0Cap = 500_000;

/**
 * T0's rate of one (data set, template) task: its rows, and above the cap the cap divided by the templates. Just under
 * the cap a data set therefore weighs its rows times its templates (t-zero's tasks.py; 500,000 there).
 */
export function t0Rate(rows: number, templates: number, cap: number): number {
  return rows > cap ? Math.floor(cap / templates) : rows;
}

/** The rate of one wording: explicit, or by rule, raised to 1 / temperature after the cap, as seqio does. */
export function rateOf(sized: Sized, rule: MixtureRule): number {
  const { rows, wordings, weight, cap = rule.cap } = sized;
  if (rows === 0) return 0;
  if (weight !== undefined) return weight / wordings;
  const flat = (rate: number) => rate ** (1 / rule.temperature);
  switch (rule.name) {
    case "t0":
      return flat(t0Rate(rows, wordings, cap ?? t0Cap));
    // FLAN draws one of a data set's wordings for each example: together they weigh what one task does.
    case "proportional":
      return flat(Math.min(rows, cap ?? Infinity)) / wordings;
    case "equal":
      return 1 / wordings;
  }
}
