/** How much a template may do. Steps are counted, not timed: the same template and row end the same way everywhere. */
import { PythonError } from "./objects.ts";
import { plainRules, type Rules } from "./rules.ts";

export interface Limits {
  /** Expressions evaluated, items gone through, and one for every 64 characters of text made. */
  readonly steps: number;
  /** Characters of the longest text, printed or on the way. */
  readonly characters: number;
  /** Macros and recursive loops inside one another. */
  readonly depth: number;
}

export const defaultLimits: Limits = { steps: 1_000_000, characters: 4_000_000, depth: 50 };

/** What is used up, and beside it the rules: both hold everywhere in a rendering, and travel together. */
export interface Budget {
  readonly limits: Limits;
  readonly rules: Rules;
  /** @throws too_long when the steps are used up */
  step(count?: number): void;
  /** Account for a text of this length, before it is made where that can be told. */
  text(length: number): void;
}

export function createBudget(limits: Limits = defaultLimits, rules: Rules = plainRules): Budget {
  let left = limits.steps;
  const step = (count = 1) => {
    left -= count;
    if (left < 0) throw new PythonError(`more than ${limits.steps} steps: does a loop end?`, "too_long");
  };
  return {
    limits,
    rules,
    step,
    text(length) {
      if (length > limits.characters) {
        throw new PythonError(`a text of more than ${limits.characters} characters`, "too_long");
      }
      step(length >> 6);
    },
  };
}
