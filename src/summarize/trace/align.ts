/** Which sentences of its input a sentence of a summary comes from: words in common, no model. */
import { contentStems, type Weight } from "./stems.ts";

export interface Candidate {
  readonly text: string;
  readonly stems: ReadonlySet<string>;
}

export interface Linked {
  /** Number of the candidate. */
  readonly candidate: number;
  /** Share of what the sentence says that this candidate has too; 1 for a copy. */
  readonly score: number;
  readonly method: "copy" | "lexical";
}

export interface Aligned {
  readonly links: readonly Linked[];
  /** Share of what the sentence says that its links have together, 0 to 1. */
  readonly support: number;
}

/** Less support than this, and a sentence is marked as unsupported. */
export const leastSupport = 0.12;
const leastGain = 0.1;
const mostLinks = 3;
/** What a candidate's own length costs: of two that say as much, the shorter. */
const perStem = 0.002;
/** A copy shorter than this is one only where it is a whole sentence. */
const shortCopy = 20;

export const candidateOf = (text: string): Candidate => ({ text: flat(text), stems: new Set(contentStems(text)) });

/** White space as single spaces: a summary breaks its lines elsewhere. */
const flat = (text: string): string => text.replace(/\s+/g, " ").trim();

/** Greedy set cover over content stems. */
export function align(sentence: string, candidates: readonly Candidate[], weight: Weight): Aligned {
  const text = flat(sentence);
  const copy = candidates.findIndex(
    (one) => one.text === text || (text.length >= shortCopy && one.text.includes(text)),
  );
  if (copy >= 0) return { links: [{ candidate: copy, score: 1, method: "copy" }], support: 1 };
  const open = new Map([...new Set(contentStems(sentence))].map((stem) => [stem, weight(stem)]));
  const total = [...open.values()].reduce((a, b) => a + b, 0);
  if (total <= 0) return { links: [], support: 0 };
  const links: Linked[] = [];
  let support = 0;
  while (links.length < mostLinks) {
    let best: { readonly candidate: number; readonly value: number; readonly gain: number } | undefined;
    candidates.forEach(({ stems }, candidate) => {
      let gain = 0;
      for (const [stem, worth] of open) if (stems.has(stem)) gain += worth / total;
      const value = gain - perStem * stems.size;
      if (gain >= leastGain && (!best || value > best.value)) best = { candidate, value, gain };
    });
    if (!best) break;
    for (const stem of candidates[best.candidate]!.stems) open.delete(stem);
    support += best.gain;
    links.push({ candidate: best.candidate, score: best.gain, method: "lexical" });
  }
  return { links, support: Math.min(1, support) };
}
