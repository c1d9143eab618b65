/**
 * What a sentence says that its source does not: numbers and names. Numbers are compared as numbers (1,000, 1000 and 1k
 * are one), names by their letters.
 */

const scale: Readonly<Record<string, number>> = {
  ...{ k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, b: 1e9, bn: 1e9, billion: 1e9, trillion: 1e12, t: 1e12 },
};

const words: readonly string[] = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");

const numberPattern =
  /(?<![\p{L}\p{N}_])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?(?:k|bn|[mbt]|thousand|million|billion|trillion)(?![\p{L}\p{N}]))?/giu;

/** Numbers of a text with how each is written. */
export function numbersOf(text: string): { readonly value: number; readonly written: string }[] {
  const found = [...text.matchAll(numberPattern)].map(([written]) => {
    const [, digits = "", unit = ""] = /^[-−]?([\d,.]+)\s?([a-z]*)$/i.exec(written.trim()) ?? [];
    return { value: Number(digits.replace(/,/g, "")) * (scale[unit.toLowerCase()] ?? 1), written: written.trim() };
  });
  return found.filter(({ value }) => Number.isFinite(value));
}

/** Every number that a source can be said to hold, small ones in words included. */
function held(source: string): Set<number> {
  const numbers = new Set(numbersOf(source).map(({ value }) => round(value)));
  const lower = source.toLowerCase();
  for (const [value, word] of words.entries()) if (new RegExp(`\\b${word}\\b`).test(lower)) numbers.add(value);
  // "state-of-the-art by 5.2 points" in digits within words and formulas: BLEU4, 2x, $10^3$.
  for (const [digits] of source.matchAll(/\d+(?:\.\d+)?/g)) numbers.add(round(Number(digits)));
  return numbers;
}

const round = (value: number): number => Number(value.toPrecision(12));

/**
 * Names of models and data sets: words with a capital after their first letter (SQuAD, BERT), with a digit (GPT-2), or
 * with a capital within a sentence (Wikipedia).
 */
export function namesOf(sentence: string): string[] {
  const names: string[] = [];
  const pattern = /[\p{L}\p{N}][\p{L}\p{N}+_-]*/gu;
  for (const found of sentence.matchAll(pattern)) {
    const [word] = found;
    const before = sentence.slice(0, found.index).trimEnd();
    const first = before === "" || /[.!?:"“(]$/.test(before);
    if (!/\p{L}/u.test(word)) continue;
    const marked =
      /.\p{Lu}/u.test(word.replace(/-\p{Lu}\p{Ll}/gu, "")) || (/\p{N}/u.test(word) && /\p{Lu}/u.test(word));
    if (marked || (!first && /^\p{Lu}\p{Ll}/u.test(word))) names.push(word);
  }
  return [...new Set(names)];
}

const letters = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");

/** Numbers and names of a sentence that its source does not hold. */
export function unsupportedIn(sentence: string, source: string): string[] {
  const numbers = held(source);
  const missing = numbersOf(sentence)
    .filter(({ value }) => !numbers.has(round(value)))
    .map(({ written }) => written);
  const all = letters(source);
  const plural = (word: string): string => word.replace(/s$/, "");
  return [...new Set([...missing, ...namesOf(sentence).filter((name) => !all.includes(letters(plural(name))))])];
}
