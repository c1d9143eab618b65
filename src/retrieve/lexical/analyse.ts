/**
 * Words of a text as they are compared: lower case, accents off, letters and digits in a row. Chinese, Japanese and
 * Korean, which put no space between words, give every two neighbouring characters.
 */

export const stemmings = ["none", "english"] as const;
export type Stemming = (typeof stemmings)[number];

const isDense = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const denseRuns = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]+|[\p{L}\p{N}]/gu;

function* denseTerms(run: string): Generator<string> {
  let word = "";
  for (const [part] of run.matchAll(denseRuns)) {
    if (!isDense.test(part)) {
      word += part;
      continue;
    }
    if (word !== "") yield word;
    word = "";
    const signs = Array.from(part);
    if (signs.length === 1) yield part;
    for (let i = 0; i + 1 < signs.length; i++) yield signs[i]! + signs[i + 1]!;
  }
  if (word !== "") yield word;
}

/** What is left to be a word. */
const hasVowel = /[aeiouy]/;

/** Without the most frequent endings of English: plurals, -ed, -ing, -ly. */
function englishStem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  let stem = word;
  if (/(ss|us|is)$/.test(stem)) {
    // glass, famous, basis: no plural.
  } else if (/ies$/.test(stem)) stem = stem.length > 4 ? `${stem.slice(0, -3)}y` : stem.slice(0, -1);
  else if (/(ch|sh|x|z|ss)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (/s$/.test(stem)) stem = stem.slice(0, -1);
  const bare = /^(.{2,})(?:ed|ing)$/.exec(stem)?.[1];
  if (bare && hasVowel.test(bare)) {
    // stopped: stop; but called: call.
    stem = /([b-df-hj-km-np-rtv-y])\1$/.test(bare) ? bare.slice(0, -1) : bare;
  } else if (/..ly$/.test(stem) && stem.length > 5) stem = stem.slice(0, -2);
  // house, housing: the same.
  return stem.length > 3 ? stem.replace(/e$/, "") : stem;
}

/** The terms of a text, in their order, repeated as they are there. */
export function termsOf(text: string, stemming: Stemming = "none"): string[] {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .normalize("NFC")
    .toLowerCase();
  const terms: string[] = [];
  for (const [run] of plain.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (isDense.test(run)) terms.push(...denseTerms(run));
    else terms.push(stemming === "english" ? englishStem(run) : run);
  }
  return terms;
}
