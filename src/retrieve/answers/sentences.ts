/** Sentences of a text with their places, and the words that say what a sentence is about. */
import { termsOf } from "../lexical/analyse.ts";

export interface Sentence {
  /** UTF-16 units of the text; white space at the ends is left out. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

let segmenter: Intl.Segmenter | undefined;

/** Abbreviations behind which Unicode's rules end a sentence, and none ends. */
const abbreviation = /(?:^|[\s("“])(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Capt|Col|Gen|Sen|vs|No|[A-Z])\.$/;

/** The sentences of a text, in its order; an empty line, a heading and an entry of a list end one, too. */
export function sentencesOf(text: string): Sentence[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "sentence" });
  const found: Sentence[] = [];
  const add = (from: number, to: number) => {
    const part = text.slice(from, to);
    const start = from + part.length - part.trimStart().length;
    const end = from + part.trimEnd().length;
    if (end > start) found.push({ start, end, text: text.slice(start, end) });
  };
  let from = 0;
  const borders = [...text.matchAll(/\n[^\S\n]*\n\s*|\n(?=[^\S\n]*(?:#{1,6}|[-*+]|\d+[.)])\s)/g)];
  // Behind a heading's line begins another sentence, whatever the line ends with.
  const headings = [...text.matchAll(/^[^\S\n]*#{1,6}\s[^\n]*\n/gm)];
  const edges = [...borders, ...headings].map(({ index, 0: gap }) => index + gap.length).sort((x, y) => x - y);
  edges.push(text.length);
  for (const edge of edges) {
    // Lines of one paragraph are joined: a line break alone ends no sentence.
    const paragraph = text.slice(from, edge).replace(/\s/g, " ");
    let begin = 0;
    for (const { index, segment } of segmenter.segment(paragraph)) {
      const end = index + segment.length;
      if (end < paragraph.length && abbreviation.test(paragraph.slice(begin, end).trimEnd())) continue;
      add(from + begin, from + end);
      begin = end;
    }
    from = edge;
  }
  return found;
}

/** English words that are in every text and say nothing of it. */
const common = new Set(
  (
    "a about after all also an and any are as at be because been before being between both but by can could did do does " +
    "down during each for from had has have he her here hers him his how i if in into is it its itself just like may me " +
    "might more most much must my no nor not now of off on once only or other our out over own same shall she should so " +
    "some such than that the their them then there these they this those through to too under until up upon us very was " +
    "we were what when where which while who whom whose why will with would you your according passage document documents " +
    "called name tell happen give say s t"
  ).split(" "),
);

/** The words of a text that say what it is about: without common ones and endings, each once. */
export function contentOf(text: string): Set<string> {
  return new Set(termsOf(text, "none").flatMap((word) => (common.has(word) ? [] : termsOf(word, "english"))));
}
