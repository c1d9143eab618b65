/** How far a run is, and when it will be done. */

import type { TreeNode } from "../book/tree.ts";
import type { Estimate } from "./estimate.ts";
import { type Pass, slotOf } from "./schedule.ts";
import type { RunState } from "./state.ts";

export interface Progress {
  readonly node: string;
  readonly height: number;
  readonly done: number;
  readonly total: number;
  readonly inTokens: number;
  readonly outTokens: number;
  readonly tokensPerSecond: number;
  readonly etaSeconds: number;
  readonly cost?: number | undefined;
}

interface Spent {
  readonly inTokens: number;
  readonly outTokens: number;
  readonly seconds: number;
  readonly cost?: number | undefined;
}

/** A token of an answer takes so many times as long as one of a prompt, until measured by the whole. */
const answerWeight = 8;

export function createProgress({
  state,
  only,
  estimate,
}: {
  readonly state: RunState;
  readonly only?: ReadonlySet<string> | undefined;
  readonly estimate: Estimate;
}): { finished(node: TreeNode, pass: Pass, spent: Spent): Progress } {
  const { tree, known, run } = state;
  const passes: readonly Pass[] = run.settings.context === "two-pass" ? [1, 2] : [2];
  const open = new Map<string, number>();
  const workOf = new Map(
    estimate.heights.map(({ height, calls, inputTokens, outputTokens }) => [
      height,
      (inputTokens + answerWeight * outputTokens) / Math.max(1, calls),
    ]),
  );
  let total = 0;
  let done = 0;
  for (const pass of passes) {
    for (const node of tree.nodes) {
      if (only && !only.has(node.id)) continue;
      total++;
      const slot = slotOf(node.id, pass);
      if (!only && known.has(slot)) done++;
      else open.set(slot, workOf.get(node.height) ?? 0);
    }
  }
  let finishedWork = 0;
  return {
    finished(node, pass, { inTokens, outTokens, seconds, cost }) {
      const slot = slotOf(node.id, pass);
      // One that was known and is made again was counted already.
      if (open.has(slot)) done++;
      finishedWork += workOf.get(node.height) ?? 0;
      open.delete(slot);
      const left = [...open.values()].reduce((a, b) => a + b, 0);
      return {
        ...{ node: node.id, height: node.height, done, total, inTokens, outTokens },
        tokensPerSecond: seconds > 0 ? Number(((inTokens + outTokens) / seconds).toFixed(1)) : 0,
        etaSeconds: finishedWork > 0 ? Math.round((seconds * left) / finishedWork) : 0,
        ...(cost !== undefined && { cost }),
      };
    },
  };
}
