/** How far a download is: a rate over the last seconds, and the time that is left. */

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Bytes a second over the last ten seconds. */
  readonly rate: number;
  /** Undefined until there is a rate. */
  readonly secondsLeft: number | undefined;
}

export interface Meter {
  /** Bytes that came over the network; fewer when a file begins anew. */
  add(bytes: number): void;
  /** Bytes that were there already. */
  found(bytes: number): void;
  progress(): Progress;
}

const window = 10_000;

/** @param now milliseconds */
export function createMeter(total: number, now: () => number): Meter {
  /** Cumulative counts by time, the first one just older than the window. */
  const marks = [{ at: now(), bytes: 0 }];
  let [network, done] = [0, 0];
  return {
    add(bytes) {
      done += bytes;
      if (bytes <= 0) return;
      network += bytes;
      const at = now();
      // A mark every quarter of a second is fine enough, and keeps the list short.
      if (at - marks.at(-1)!.at >= 250) marks.push({ at, bytes: network });
      while (marks.length > 2 && marks[1]!.at < at - window) marks.shift();
    },
    found(bytes) {
      done += bytes;
    },
    progress() {
      const first = marks[0]!;
      const passed = now() - first.at;
      const rate = passed > 0 ? ((network - first.bytes) / passed) * 1000 : 0;
      return { done, total, rate, secondsLeft: rate > 0 ? Math.max(0, total - done) / rate : undefined };
    },
  };
}
