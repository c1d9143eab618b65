/** Beam search, prompt by prompt in one batch, with the rules of transformers (parity/README.md states them). */
import { throwIfAborted } from "../errors.ts";
import type { LanguageModel, Reading } from "../models/kinds/language.ts";
import { logSumExp } from "./choose.ts";
import type { Settings } from "./options.ts";
import { failImpossible, mostAfter, process, processorsFor, type TokenRules } from "./processors.ts";

export interface Beam {
  readonly tokens: readonly number[];
  readonly score: number;
}

interface Running {
  readonly total: number;
  readonly tokens: readonly number[];
  /** Row of the last step it continues. */
  readonly row: number;
}

interface Candidate extends Running {
  readonly token: number;
}

/** The best `count` continuations of the running beams, best first, earlier row and lower id first on ties. */
function continuations(beams: readonly Running[], scores: readonly Float32Array[], count: number): Candidate[] {
  const best: Candidate[] = [];
  beams.forEach((beam, i) => {
    const row = scores[i]!;
    for (let token = 0; token < row.length; token++) {
      const total = beam.total + row[token]!;
      if (total === -Infinity) continue;
      if (best.length === count && total <= best[count - 1]!.total) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.total < total) at--;
      best.splice(at, 0, { total, tokens: beam.tokens, row: beam.row, token });
      if (best.length > count) best.pop();
    }
  });
  return best;
}

/** The finished beams of each prompt, best first. `numbers` are the prompts' numbers in the whole job. */
export async function beamSearch(
  model: LanguageModel,
  reading: Reading,
  numbers: readonly number[],
  settings: Settings & { readonly rules?: TokenRules },
  signal?: AbortSignal,
): Promise<Beam[][]> {
  const { numBeams, lengthPenalty, earlyStopping, rules = {} } = settings;
  const processors = processorsFor(settings, rules, model.ends);
  const most = reading.said.map((before) => mostAfter(settings, before));
  const decoding = reading.begin(numBeams, Math.min(Math.max(...most), 64));
  const done: Beam[][] = Array.from({ length: reading.batch }, () => []);
  // Prompts still computed; all beams start equal, so only the first of each counts at first.
  let active = [...done.keys()];
  let running: Running[][] = active.map((_, at) => [{ total: 0, tokens: [], row: at * numBeams }]);
  const idle = new Set<number>();
  let feed: number[] | undefined;
  for (let step = 1; ; step++) {
    throwIfAborted(signal);
    const { logits } = await decoding.step(feed);
    const values = logits.data as Float32Array;
    const rows = active.length * numBeams;
    const parents = Array.from({ length: rows }, (_, row) => row);
    const next = new Array<number>(rows).fill(model.pad);
    feed = next;
    running = running.map((beams, at) => {
      const b = active[at]!;
      if (idle.has(b)) return beams;
      const scores = beams.map(({ row, tokens }) => {
        const z = values.subarray(row * model.vocabulary, (row + 1) * model.vocabulary);
        const total = logSumExp(z);
        for (let i = 0; i < z.length; i++) z[i]! -= total;
        process(processors, numbers[b]!, { before: reading.said[b]!, answer: tokens, most: most[b]! }, z);
        return z;
      });
      // Every end token may take a place from a beam that goes on.
      const ranked = continuations(beams, scores, Math.max(2, 1 + model.ends.length) * numBeams);
      if (ranked.length === 0 && done[b]!.length === 0) failImpossible();
      const ends = ranked.map(({ token }) => model.ends.includes(token) || step === most[b]);
      ranked.slice(0, numBeams).forEach(({ total, tokens, token }, i) => {
        if (ends[i]) done[b]!.push({ tokens: [...tokens, token], score: total / step ** lengthPenalty });
      });
      // A stable sort keeps the earlier of two equal scores in front.
      done[b]!.sort((x, y) => y.score - x.score).splice(numBeams);
      const goingOn = ranked.filter((_, i) => !ends[i]).slice(0, numBeams);
      const full = done[b]!.length === numBeams;
      // The length by which a beam that goes on could be divided: its own, or the greatest one.
      const hoped = earlyStopping === "never" && lengthPenalty > 0 ? most[b]! : step;
      const hopeless =
        full && goingOn.length > 0 && goingOn[0]!.total / hoped ** lengthPenalty <= done[b]!.at(-1)!.score;
      if (goingOn.length === 0 || (full && earlyStopping === true) || hopeless) idle.add(b);
      return goingOn.map(({ total, tokens, token, row }, i) => {
        parents[at * numBeams + i] = row;
        next[at * numBeams + i] = token;
        return { total, tokens: [...tokens, token], row: at * numBeams + i };
      });
    });
    if (idle.size === reading.batch) break;
    decoding.reorder(parents);
    const going = [...active.keys()].filter((at) => !idle.has(active[at]!));
    if (2 * going.length > active.length) continue;
    decoding.keep(going);
    running = going.map((from, to) =>
      running[from]!.map((beam) => ({ ...beam, row: beam.row + (to - from) * numBeams })),
    );
    feed = going.flatMap((at) => next.slice(at * numBeams, (at + 1) * numBeams));
    active = going.map((at) => active[at]!);
  }
  return done;
}
