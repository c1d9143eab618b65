/** What a sentence is about: stems of its words without those that every sentence has. */
import { stemOf } from "../../text/metrics/rouge.ts";

const common = new Set(
  `a about above after again against all also am an and any are as at be because been before being below between both but
  by can cannot could did do does doing don down during each few for from further had has have having he her here hers
  herself him himself his how i if in into is it its itself just let ll may me might mine more most much must my myself no
  nor not now of off on once one only or other our ours ourselves out over own re s said same shall she should so some such
  t than that the their theirs them themselves then there these they this those through thus to too under until up upon us
  ve very was we were what when where which while who whom why will with would yet you your yours yourself yourselves`.split(
    /\s+/,
  ),
);

const words = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}]+/gu;

/**
 * Words of ASCII as ROUGE takes them, stems of those longer than three letters; words of other scripts as they are, and
 * where no spaces are written single characters.
 */
export function contentStems(text: string): string[] {
  const stems: string[] = [];
  for (const [word] of text.toLowerCase().matchAll(words)) {
    if (common.has(word)) continue;
    stems.push(word.length > 3 && /^[a-z0-9]+$/.test(word) ? stemOf(word) : word);
  }
  return stems;
}

/** How much a stem says. */
export type Weight = (stem: string) => number;

/** idf over parts of a text: ln(1 + N / (parts with the stem + ½)), which leaves some weight to names that stand in all of a short one. */
export function weightsOver(parts: readonly string[]): Weight {
  const counts = new Map<string, number>();
  for (const part of parts)
    for (const stem of new Set(contentStems(part))) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  return (stem) => Math.log(1 + parts.length / ((counts.get(stem) ?? 0) + 0.5));
}
