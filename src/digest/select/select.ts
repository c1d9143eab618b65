/** Which of a month's papers a digest shows, and why: percentiles of what is known of them, weighted, and made diverse. */
import type { Paper } from "../papers/paper.ts";
import { percentiles } from "./signals.ts";
import { dot, type Sparse } from "./tfidf.ts";

export const featureNames = [
  "citations",
  "influential",
  "resonance",
  "venue",
  "momentum",
  "code",
  "interest",
  "authors",
] as const;
export type Feature = (typeof featureNames)[number];

/**
 * How much each counts. Text alone is weak evidence (docs/digest-results.md); how much more citations and a person's
 * interest are worth is a judgement, as no data here has them.
 */
export const defaultWeights: Readonly<Record<Feature, number>> = {
  citations: 3,
  influential: 2,
  resonance: 2,
  venue: 1,
  momentum: 1,
  code: 0.5,
  interest: 2,
  // It measures the size of a team.
  authors: 0,
};

export interface Candidate {
  readonly paper: Paper;
  readonly row: Sparse;
  readonly cluster: number;
  readonly values: Readonly<Partial<Record<Feature, number | undefined>>>;
}

export interface Reason {
  readonly feature: Feature;
  /** As it is: a count, a ratio, 0 to 1. */
  readonly value: number;
  /** Among the month's papers of its primary category, from 0 to 1. */
  readonly percentile: number;
}

export interface Scored extends Candidate {
  readonly score: number;
  /** The strongest first. */
  readonly reasons: readonly Reason[];
}

export interface Selection {
  /** In their order. */
  readonly chosen: readonly Scored[];
  /** What came next. */
  readonly nearMisses: readonly Scored[];
  /** Features that the scores are made of. */
  readonly used: readonly Feature[];
  readonly dropped: readonly { readonly feature: Feature; readonly why: string }[];
}

export interface SelectOptions {
  readonly top: number;
  readonly weights?: Readonly<Partial<Record<Feature, number>>>;
  /** Ids that are shown whatever their score, first. */
  readonly pin?: readonly string[] | undefined;
  readonly ban?: readonly string[] | undefined;
  readonly surveys?: boolean | undefined;
  /** Near misses that are told. */
  readonly misses?: number;
}

/** A feature that fewer candidates have says more of who was asked about than of the papers. */
const leastShare = 0.2;
/** In a smaller category a percentile means little: the whole month is taken. */
const fewest = 10;
const mostOfCluster = 3;
const shortPaper = 4;
const shortPenalty = 0.25;

export const isSurvey = ({ title }: Paper): boolean => /\b(?:survey|review of|overview|tutorial)\b/i.test(title);

/** What a paper itself tells; of the others the caller knows. */
export function ownValues({ citations, venue, code, authors }: Paper): Candidate["values"] {
  const counts = citations?.map(({ count }) => count) ?? [];
  const influential = citations?.flatMap((one) => one.influential ?? []) ?? [];
  const states = { oral: 1, accepted: 0.5, submitted: 0 } as const;
  return {
    ...(counts.length > 0 && { citations: Math.max(...counts) }),
    ...(influential.length > 0 && { influential: Math.max(...influential) }),
    venue: venue === undefined ? 0 : states[venue.state],
    code: code === undefined ? 0 : 1,
    authors: authors.length,
  };
}

/** Where each candidate stands in one feature among those of its primary category. */
function standing(
  candidates: readonly Candidate[],
  feature: Feature,
): { readonly percentile: (number | undefined)[]; readonly strength: (number | undefined)[] } {
  const groups = new Map<string, number[]>();
  for (const [i, { paper }] of candidates.entries())
    groups.set(paper.primary, [...(groups.get(paper.primary) ?? []), i]);
  const values = candidates.map((candidate) => candidate.values[feature]);
  const percentile = percentiles(values);
  const counted = feature === "citations" || feature === "influential";
  const strength = counted ? logShares(values) : percentile.slice();
  for (const group of groups.values()) {
    if (group.length < fewest) continue;
    const own = group.map((i) => values[i]);
    for (const [at, rank] of percentiles(own).entries()) {
      percentile[group[at]!] = rank;
      if (!counted) strength[group[at]!] = rank;
    }
  }
  return { percentile, strength };
}

/** ln(1 + n) against the month's greatest: to a percentile 90,000 citations are hardly more than the next paper's 300. */
function logShares(values: readonly (number | undefined)[]): (number | undefined)[] {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  return values.map((value) => (value === undefined ? undefined : Math.log1p(value) / Math.log1p(most)));
}

export function select(all: readonly Candidate[], options: SelectOptions): Selection {
  const { top, pin = [], ban = [], surveys = true, misses = 10 } = options;
  const weights = { ...defaultWeights, ...options.weights };
  const candidates = all.filter(
    ({ paper }) =>
      !paper.withdrawn && !ban.includes(paper.id) && (surveys || !isSurvey(paper) || pin.includes(paper.id)),
  );
  const dropped: { feature: Feature; why: string }[] = [];
  const used = featureNames.filter((feature) => {
    if (weights[feature] <= 0) return false;
    const known = candidates.filter(({ values }) => values[feature] !== undefined).length;
    if (known > 0 && known >= leastShare * candidates.length) return true;
    const why = known === 0 ? "not known" : `known of ${known} of ${candidates.length} papers, too few`;
    dropped.push({ feature, why });
    return false;
  });
  const standings = new Map(used.map((feature) => [feature, standing(candidates, feature)]));
  const scored = candidates
    .map((candidate, i): Scored => {
      let [sum, weight] = [0, 0];
      const reasons: (Reason & { share: number })[] = [];
      for (const feature of used) {
        // A paper that a feature is not known of stands in the middle.
        const standing = standings.get(feature)!;
        const strength = standing.strength[i] ?? 0.5;
        const percentile = standing.percentile[i] ?? 0.5;
        sum += weights[feature] * strength;
        weight += weights[feature];
        const value = candidate.values[feature];
        if (value !== undefined && !(value === 0 && (feature === "venue" || feature === "code")))
          reasons.push({ feature, value, percentile, share: weights[feature] * (percentile - 0.5) });
      }
      const short = candidate.paper.pages !== undefined && candidate.paper.pages < shortPaper ? shortPenalty : 0;
      const score = Math.max(0, (weight === 0 ? 0.5 : sum / weight) - short);
      const told = reasons.sort((a, b) => b.share - a.share).map(({ share: _, ...reason }) => reason);
      return { ...candidate, score, reasons: told };
    })
    .sort((a, b) => b.score - a.score || (a.paper.id < b.paper.id ? -1 : 1));
  return { ...diverse(scored, top, pin, misses), used, dropped };
}

/** Maximal marginal relevance: 0.7 of the score less 0.3 of the greatest cosine to what is chosen, pinned papers first. */
function diverse(scored: readonly Scored[], top: number, pin: readonly string[], misses: number) {
  const chosen = pin.flatMap((id) => scored.find(({ paper }) => paper.id === id) ?? []);
  const open = scored.filter((one) => !chosen.includes(one));
  const nearest = new Map(open.map((one) => [one, Math.max(0, ...chosen.map((other) => dot(one.row, other.row)))]));
  const take = (limit: number): Scored[] => {
    const taken: Scored[] = [];
    const clusters = new Map<number, number>();
    for (const { cluster } of chosen) clusters.set(cluster, (clusters.get(cluster) ?? 0) + 1);
    while (taken.length < limit && open.length > 0) {
      let [best, worth] = [-1, -Infinity];
      for (const [i, one] of open.entries()) {
        if ((clusters.get(one.cluster) ?? 0) >= mostOfCluster) continue;
        const value = 0.7 * one.score - 0.3 * nearest.get(one)!;
        if (value > worth) [best, worth] = [i, value];
      }
      if (best < 0) break;
      const [one] = open.splice(best, 1) as [Scored];
      taken.push(one);
      clusters.set(one.cluster, (clusters.get(one.cluster) ?? 0) + 1);
      for (const other of open) nearest.set(other, Math.max(nearest.get(other)!, dot(one.row, other.row)));
    }
    return taken;
  };
  const more = take(Math.max(0, top - chosen.length));
  return { chosen: [...chosen, ...more], nearMisses: open.slice(0, misses) };
}
