/** Given continuations of an encoder-decoder as its scoring graphs take them: padded rows, or packed into one row. */
import { int64, type NdArray } from "../../graph/array.ts";
import type { Targets } from "./language.ts";

/** Given targets as a graph takes them, and where the values of a choice begin. */
export interface LaidOut {
  readonly feeds: Record<string, NdArray>;
  at(prompt: number, choice: number): number;
}

interface Fill {
  readonly pad: number;
  readonly start: number;
}

/** Every choice a row of its own, padded to the longest. */
export function paddedTargets(targets: Targets, { pad, start }: Fill): LaidOut {
  const beams = Math.max(...targets.map((choices) => choices.length));
  const length = Math.max(1, ...targets.flat().map((target) => target.length));
  const tokens = new Array<number>(targets.length * beams * length).fill(pad);
  const labels = new Array<number>(tokens.length).fill(-100);
  const at = (b: number, c: number) => (b * beams + c) * length;
  targets.forEach((choices, b) => {
    choices.forEach((target, c) => {
      tokens[at(b, c)] = start;
      target.forEach((id, t) => {
        labels[at(b, c) + t] = id;
        if (t > 0) tokens[at(b, c) + t] = target[t - 1]!;
      });
    });
  });
  const shape = [targets.length, beams, length];
  return { feeds: { tokens: int64(shape, tokens), labels: int64(shape, labels) }, at };
}

/** Tokens of all choices of the prompt that has most. */
export const packedLength = (targets: Targets): number =>
  Math.max(1, ...targets.map((choices) => choices.reduce((sum, { length }) => sum + length, 0)));

/** The choices of a prompt one after another in one row. */
export function packedTargets(targets: Targets, { pad, start }: Fill): LaidOut {
  const length = packedLength(targets);
  const size = targets.length * length;
  const [tokens, labels] = [new Array<number>(size).fill(pad), new Array<number>(size).fill(-100)];
  const [segments, positions] = [new Array<number>(size).fill(0), new Array<number>(size).fill(0)];
  const begins = targets.map((choices, b) => {
    let place = b * length;
    return choices.map((target, c) => {
      const begin = place;
      target.forEach((id, t) => {
        tokens[place] = t === 0 ? start : target[t - 1]!;
        labels[place] = id;
        positions[place] = t;
        segments[place++] = c + 1;
      });
      return begin;
    });
  });
  const shape = [targets.length, 1, length];
  const arrays = { tokens: int64(shape, tokens), labels: int64(shape, labels) };
  const rows = [targets.length, length];
  const feeds = { ...arrays, segments: int64(rows, segments), positions: int64(rows, positions) };
  return { feeds, at: (b, c) => begins[b]![c]! };
}
