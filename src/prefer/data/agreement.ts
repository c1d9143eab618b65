/** What is in a file of comparisons: how often people agree, and what would mislead who learns from it. */
import { type Comparison, inputOf } from "./comparison.ts";

/** A share with the interval that holds the true one in 95 of 100 samples (Wilson 1927). */
export interface Share {
  readonly share: number;
  readonly n: number;
  readonly interval: readonly [number, number];
}

const z = 1.959964;

export function shareOf(hits: number, n: number): Share {
  if (n === 0) return { share: Number.NaN, n, interval: [0, 1] };
  const p = hits / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return { share: p, n, interval: [Math.max(0, centre - half), Math.min(1, centre + half)] };
}

/** One judgement of two texts. */
interface Judged {
  readonly pair: string;
  /** Whether the text that comes first by its characters was preferred. */
  readonly first: boolean;
  readonly worker: string | undefined;
  readonly longer: boolean | undefined;
  readonly earlier: boolean;
}

function judgedOf(row: Comparison): Judged[] {
  const { choice, candidates, worker } = row;
  if (typeof choice !== "number") return [];
  const chosen = candidates[choice]!.text;
  return candidates.flatMap(({ text }, place): Judged[] => {
    if (place === choice) return [];
    const first = chosen < text;
    const pair = JSON.stringify([inputOf(row), ...(first ? [chosen, text] : [text, chosen])]);
    const longer = chosen.length === text.length ? undefined : chosen.length > text.length;
    return [{ pair, first, worker, longer, earlier: choice < place }];
  });
}

export interface Agreement {
  readonly rows: number;
  readonly books: number;
  readonly workers: number;
  readonly ties: number;
  readonly skipped: number;
  /** Pairs that are learnt from. */
  readonly pairs: number;
  /** Judgements of a pair beyond its first, and pairs that were judged both ways. */
  readonly duplicates: number;
  readonly contradictions: number;
  /** Of two judgements of a pair by different people how many say the same, and of two by one person. */
  readonly between: Share;
  readonly within: Share;
  /** The same beyond what their shares of first texts would agree on by chance (Cohen 1960). */
  readonly kappa: number;
  /** How often the longer text was preferred, and the one that stood first. */
  readonly longer: Share;
  readonly first: Share;
}

const count = (list: readonly boolean[]): number => list.filter(Boolean).length;

/** Agreement above chance, where chance is that both take the first text as often as all did. */
function kappaOf({ share }: Share, firsts: number): number {
  const chance = firsts ** 2 + (1 - firsts) ** 2;
  return chance === 1 ? Number.NaN : (share - chance) / (1 - chance);
}

export function agreementOf(rows: readonly Comparison[]): Agreement {
  const judged = rows.flatMap(judgedOf);
  const byPair = new Map<string, Judged[]>();
  for (const one of judged) byPair.set(one.pair, [...(byPair.get(one.pair) ?? []), one]);
  const [between, within]: [boolean[], boolean[]] = [[], []];
  for (const group of byPair.values()) {
    group.forEach((a, i) => {
      for (const b of group.slice(i + 1)) {
        // Nobody's name is nobody known: two rows without one are two people.
        const same = a.worker !== undefined && a.worker === b.worker;
        (same ? within : between).push(a.first === b.first);
      }
    });
  }
  const groups = [...byPair.values()];
  const lengths = judged.flatMap(({ longer }) => longer ?? []);
  const shared = groups.filter((group) => group.length > 1).flat();
  const agreed = shareOf(count(between), between.length);
  return {
    rows: rows.length,
    books: new Set(rows.map(({ book }) => book)).size,
    workers: new Set(rows.flatMap(({ worker }) => worker ?? [])).size,
    ties: rows.filter(({ choice }) => choice === "tie").length,
    skipped: rows.filter(({ choice }) => choice === "skip").length,
    pairs: judged.length,
    duplicates: judged.length - groups.length,
    contradictions: groups.filter((group) => new Set(group.map(({ first }) => first)).size > 1).length,
    between: agreed,
    within: shareOf(count(within), within.length),
    kappa: kappaOf(agreed, count(shared.map(({ first }) => first)) / Math.max(1, shared.length)),
    longer: shareOf(count(lengths), lengths.length),
    first: shareOf(count(judged.map(({ earlier }) => earlier)), judged.length),
  };
}
