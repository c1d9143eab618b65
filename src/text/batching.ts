/** Many prompts at once without paying for padding. */

export interface BatchLimits {
  /** Prompts of one batch. */
  readonly rows?: number;
  /** Tokens of one batch, padding included. */
  readonly tokens?: number;
  /** A batch ends before its longest prompt is this many times its shortest. */
  readonly ratio?: number;
}

/** Indices of the prompts, batch by batch: sorted by length, so a batch holds prompts of similar length. */
export function planBatches(
  lengths: readonly number[],
  { rows = 32, tokens = 8192, ratio = 1.5 }: BatchLimits = {},
): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const i of order) {
    const longest = lengths[i]!;
    const shortest = batch.length === 0 ? longest : lengths[batch[0]!]!;
    // Very short prompts always share: eight tokens of padding cost nothing.
    const uneven = longest > shortest * ratio && longest > shortest + 8;
    if (batch.length > 0 && (batch.length >= rows || longest * (batch.length + 1) > tokens || uneven)) {
      batches.push(batch);
      batch = [];
    }
    batch.push(i);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
