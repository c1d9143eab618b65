/** What a person asked for: what goes wrong with it is shown, unless they stopped it. */
import type { Signal } from "@preact/signals";
import { type Problem, problemOf } from "../client/client.ts";

export async function trying(trouble: Signal<Problem | undefined>, work: () => Promise<unknown>): Promise<void> {
  trouble.value = undefined;
  try {
    await work();
  } catch (error) {
    const problem = problemOf(error);
    if (!problem.stopped) trouble.value = problem;
  }
}
