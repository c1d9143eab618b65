/**
 * The stemmer of Porter (1980, "An algorithm for suffix stripping") with NLTK's extensions, which is what rouge-score
 * takes: words of one and two letters stay, a table of irregular forms, -ies and -ied of short words, y after a
 * consonant, -alli, -fulli, -logi and -bli. test/fixtures/rouge.json holds NLTK's own stems.
 */

const irregular: ReadonlyMap<string, string> = new Map(
  Object.entries({
    sky: ["sky", "skies"],
    die: ["dying"],
    lie: ["lying"],
    tie: ["tying"],
    news: ["news"],
    inning: ["innings", "inning"],
    outing: ["outings", "outing"],
    canning: ["cannings", "canning"],
    howe: ["howe"],
    proceed: ["proceed"],
    exceed: ["exceed"],
    succeed: ["succeed"],
  }).flatMap(([stem, words]) => words.map((word) => [word, stem] as const)),
);

const isConsonant = (word: string, i: number): boolean => {
  const letter = word[i]!;
  if ("aeiou".includes(letter)) return false;
  return letter !== "y" || i === 0 || !isConsonant(word, i - 1);
};

/** m in the form [C](VC)^m[V]. */
function measure(stem: string): number {
  let m = 0;
  for (let i = 1; i < stem.length; i++) if (isConsonant(stem, i) && !isConsonant(stem, i - 1)) m++;
  return m;
}

const hasVowel = (stem: string): boolean => [...stem].some((_, i) => !isConsonant(stem, i));

const endsDouble = (word: string): boolean =>
  word.length >= 2 && word.at(-1) === word.at(-2) && isConsonant(word, word.length - 1);

/** *o: consonant, vowel, consonant that is not w, x or y; NLTK also takes a word of a vowel and a consonant. */
function endsCvc(word: string): boolean {
  const n = word.length;
  if (n === 2) return !isConsonant(word, 0) && isConsonant(word, 1);
  return (
    n >= 3 &&
    isConsonant(word, n - 3) &&
    !isConsonant(word, n - 2) &&
    isConsonant(word, n - 1) &&
    !"wxy".includes(word[n - 1]!)
  );
}

type Rule = readonly [ending: string, by: string, when?: (stem: string) => boolean];

/** The first rule whose ending the word has decides, also where its condition says no. */
function firstOf(word: string, rules: readonly Rule[]): string {
  for (const [ending, by, when] of rules) {
    if (ending === "*d") {
      if (!endsDouble(word)) continue;
      const stem = word.slice(0, -2);
      return when!(stem) ? stem + by : word;
    }
    if (!word.endsWith(ending)) continue;
    const stem = word.slice(0, word.length - ending.length);
    return !when || when(stem) ? stem + by : word;
  }
  return word;
}

const positive = (stem: string) => measure(stem) > 0;
const above1 = (stem: string) => measure(stem) > 1;

function plurals(word: string): string {
  if (word.endsWith("ies") && word.length === 4) return `${word.slice(0, -3)}ie`;
  return firstOf(word, [
    ["sses", "ss"],
    ["ies", "i"],
    ["ss", "ss"],
    ["s", ""],
  ]);
}

function pasts(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, -3) + (word.length === 4 ? "ie" : "i");
  if (word.endsWith("eed")) return positive(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const ending = ["ed", "ing"].find((one) => word.endsWith(one) && hasVowel(word.slice(0, -one.length)));
  if (ending === undefined) return word;
  const stem = word.slice(0, -ending.length);
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsDouble(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsCvc(stem) ? `${stem}e` : stem;
}

const yEnding = (word: string): string =>
  firstOf(word, [["y", "i", (stem) => stem.length > 1 && isConsonant(stem, stem.length - 1)]]);

function doubleSuffixes(word: string): string {
  if (word.endsWith("alli") && positive(word.slice(0, -4))) return doubleSuffixes(word.slice(0, -2));
  return firstOf(word, [
    ["ational", "ate", positive],
    ["tional", "tion", positive],
    ["enci", "ence", positive],
    ["anci", "ance", positive],
    ["izer", "ize", positive],
    ["bli", "ble", positive],
    ["alli", "al", positive],
    ["entli", "ent", positive],
    ["eli", "e", positive],
    ["ousli", "ous", positive],
    ["ization", "ize", positive],
    ["ation", "ate", positive],
    ["ator", "ate", positive],
    ["alism", "al", positive],
    ["iveness", "ive", positive],
    ["fulness", "ful", positive],
    ["ousness", "ous", positive],
    ["aliti", "al", positive],
    ["iviti", "ive", positive],
    ["biliti", "ble", positive],
    ["fulli", "ful", positive],
    // The l belongs to the stem that is measured.
    ["logi", "log", (stem) => positive(`${stem}l`)],
  ]);
}

const third: readonly Rule[] = [
  ["icate", "ic", positive],
  ["ative", "", positive],
  ["alize", "al", positive],
  ["iciti", "ic", positive],
  ["ical", "ic", positive],
  ["ful", "", positive],
  ["ness", "", positive],
];

const fourth: readonly Rule[] = [
  ...["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent"].map(
    (ending): Rule => [ending, "", above1],
  ),
  ["ion", "", (stem) => above1(stem) && /[st]$/.test(stem)],
  ...["ou", "ism", "ate", "iti", "ous", "ive", "ize"].map((ending): Rule => [ending, "", above1]),
];

function lastE(word: string): string {
  if (!word.endsWith("e")) return word;
  const stem = word.slice(0, -1);
  const m = measure(stem);
  return m > 1 || (m === 1 && !endsCvc(stem)) ? stem : word;
}

const doubleL = (word: string): string =>
  word.endsWith("ll") && measure(word.slice(0, -1)) > 1 ? word.slice(0, -1) : word;

const steps = [
  plurals,
  pasts,
  yEnding,
  doubleSuffixes,
  (word: string) => firstOf(word, third),
  (word: string) => firstOf(word, fourth),
  lastE,
  doubleL,
];

/** The stem of a word in lower case. */
export function porterStem(word: string): string {
  const known = irregular.get(word);
  if (known !== undefined) return known;
  return word.length <= 2 ? word : steps.reduce((stem, step) => step(stem), word);
}
