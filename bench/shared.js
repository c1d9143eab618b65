/** What the measuring processes share; the same prompts, ids and statistics as bench/peers/measure.py. */
import { readFileSync } from "node:fs";

export const prompt =
  "Is this review positive or negative? The film is slow at first, but the last hour is worth the wait.";

/** Token ids that are the same in every peer: a small multiplicative generator, never special tokens. */
export function ids(batch, length, vocabulary, seed = 0) {
  let state = seed * 7919 + 12345;
  return Array.from({ length: batch }, () =>
    Array.from({ length }, () => {
      state = (state * 48271) % 2147483647;
      return 3 + (state % (Math.min(vocabulary, 30000) - 203));
    }),
  );
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** Milliseconds of every repeat after the warm ones. */
export async function timed(run, repeats, warm = 1) {
  const times = [];
  for (let n = 0; n < warm + repeats; n++) {
    const start = performance.now();
    await run();
    if (n >= warm) times.push(performance.now() - start);
  }
  return times;
}

/** Greatest memory this process has held, MiB. */
export function peakRss() {
  try {
    const line = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/);
    return Number(line[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** One measurement as a JSON line. */
export function report(values, { per = 1, ...extra } = {}) {
  const each = values.map((value) => value / per);
  const row = { ms: median(each), min: Math.min(...each), max: Math.max(...each), repeats: each.length };
  console.log(JSON.stringify({ ...row, peak_rss_mib: peakRss(), ...extra }));
}
