/** Learning rate over time, as a factor of the configured rate. Steps count from 1. */
export type ScheduleName = "constant" | "linear" | "cosine" | "inverse-sqrt";

export interface Schedule {
  readonly name: ScheduleName;
  /** Steps of linear rise from 0; the first step has rate 1 / warmup. */
  readonly warmup: number;
}

/**
 * The factor at a step of `total`: linear warm-up from 0, then the named decay (to zero for linear and cosine). As in
 * transformers, the first step counts as 0, so a run with warm-up starts with a step of rate 0.
 */
export function scheduleFactor({ name, warmup }: Schedule, step: number, total: number): number {
  const done = step - 1;
  if (done < warmup) return done / warmup;
  const progress = Math.min(1, (done - warmup) / Math.max(1, total - warmup));
  switch (name) {
    case "constant":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    case "inverse-sqrt":
      return Math.sqrt(Math.max(1, warmup) / Math.max(1, done));
  }
}
