/** The suite from rows to its average. */
import { fail } from "../errors.ts";
import { type EvaluateOptions, evaluate, readRows } from "./evaluate-node.ts";
import {
  type SuperGlueResult,
  type SuperGlueScore,
  superGlueResult,
  superGlueScore,
  superGlueTasks,
} from "./superglue.ts";
import type { TaskResult } from "./tasks.ts";

export interface SuperGlueOptions extends Omit<EvaluateOptions, "task" | "data"> {
  /** The rows of `super_glue/rte` and so on; undefined for a task that is left out. */
  readonly data: (task: string) => EvaluateOptions["data"] | undefined;
  /** After each task. */
  readonly onTask?: (result: TaskResult, score: SuperGlueScore) => void;
}

/**
 * Evaluate on SuperGLUE, zero-shot.
 * @throws as {@link evaluate}; not_found when there is data of no task
 */
export async function evaluateSuperGlue({
  data,
  onTask,
  ...options
}: SuperGlueOptions): Promise<SuperGlueResult & { readonly tasks: readonly TaskResult[] }> {
  const scores: SuperGlueScore[] = [];
  const tasks: TaskResult[] = [];
  for (const member of superGlueTasks) {
    const given = data(member.task);
    if (given === undefined) continue;
    const rows = await readRows(member.task, given, options.limit, options.signal);
    const result = await evaluate({ ...options, task: member.task, data: rows });
    const score = superGlueScore(member, result, rows);
    scores.push(score);
    tasks.push(result);
    onTask?.(result, score);
  }
  if (scores.length === 0) {
    fail("not_found", "there is data of none of SuperGLUE's tasks", {
      hint: `expected ${superGlueTasks.map(({ name }) => name).join(", ")}, as NAME.validation.jsonl`,
    });
  }
  return { ...superGlueResult(scores), tasks };
}
