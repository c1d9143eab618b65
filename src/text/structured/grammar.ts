/**
 * Grammars as trees: what a JSON schema and a grammar's text are read into, and what an automaton is made of. Characters
 * are code points; surrogates are none.
 */

export type Range = readonly [first: number, last: number];

export type Rule =
  | { readonly type: "text"; readonly text: string }
  /** One character of these ranges, which are sorted and do not touch. */
  | { readonly type: "set"; readonly ranges: readonly Range[] }
  | { readonly type: "all"; readonly items: readonly Rule[] }
  /** Without items: nothing fits. */
  | { readonly type: "any"; readonly items: readonly Rule[] }
  | { readonly type: "repeat"; readonly item: Rule; readonly min: number; readonly max: number }
  | { readonly type: "ref"; readonly name: string };

export interface Grammar {
  readonly start: string;
  readonly rules: ReadonlyMap<string, Rule>;
}

export const text = (value: string): Rule => ({ type: "text", text: value });
export const all = (...items: readonly Rule[]): Rule =>
  items.length === 1 ? items[0]! : { type: "all", items: items.filter((item) => item !== empty) };
export const any = (...items: readonly Rule[]): Rule => (items.length === 1 ? items[0]! : { type: "any", items });
export const repeat = (item: Rule, min: number, max: number): Rule => {
  if (max === 0) return empty;
  return min === 1 && max === 1 ? item : { type: "repeat", item, min, max };
};
export const optional = (item: Rule): Rule => repeat(item, 0, 1);
export const ref = (name: string): Rule => ({ type: "ref", name });
/** Fits the empty text. */
export const empty: Rule = { type: "all", items: [] };
/** Fits no text. */
export const none: Rule = { type: "any", items: [] };

const lastPoint = 0x10ffff;
const [firstSurrogate, lastSurrogate] = [0xd800, 0xdfff];

/** Ranges in order, those that overlap or touch joined, without surrogates. */
export function joined(ranges: readonly Range[]): Range[] {
  const made: [number, number][] = [];
  const parts = ranges.flatMap(([first, last]): Range[] =>
    first <= lastSurrogate && last >= firstSurrogate
      ? [
          [first, firstSurrogate - 1],
          [lastSurrogate + 1, last],
        ]
      : [[first, last]],
  );
  for (const [first, last] of parts.filter(([a, b]) => a <= b).sort((a, b) => a[0] - b[0])) {
    const before = made.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else made.push([first, last]);
  }
  return made;
}

/** All characters but these. */
export function others(ranges: readonly Range[]): Range[] {
  const gaps: Range[] = [];
  let next = 0;
  for (const [first, last] of joined(ranges)) {
    gaps.push([next, first - 1]);
    next = last + 1;
  }
  return joined([...gaps, [next, lastPoint]]);
}

/** What two lists of ranges share. */
export function shared(a: readonly Range[], b: readonly Range[]): Range[] {
  const [left, right] = [joined(a), joined(b)];
  const made: Range[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const first = Math.max(left[i]![0], right[j]![0]);
    const last = Math.min(left[i]![1], right[j]![1]);
    if (first <= last) made.push([first, last]);
    if (left[i]![1] < right[j]![1]) i++;
    else j++;
  }
  return joined(made);
}

export const set = (...ranges: readonly Range[]): Rule => ({ type: "set", ranges: joined(ranges) });

/** `a-z`, `é`: ranges of the characters between, two at a time or one by one. */
export function chars(spec: string): Range[] {
  const points = Array.from(spec, (char) => char.codePointAt(0)!);
  const made: Range[] = [];
  for (let i = 0; i < points.length; i++) {
    const range = points[i + 1] === 0x2d && i + 2 < points.length;
    made.push([points[i]!, points[range ? i + 2 : i]!]);
    if (range) i += 2;
  }
  return joined(made);
}

/** How many characters two texts share at their starts; whole ones. */
function sharedStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  const code = a.charCodeAt(length - 1);
  return length > 0 && code >= 0xd800 && code <= 0xdbff ? length - 1 : length;
}

const maxBranches = 200;

/** One of these texts, what they share at their starts written once. */
export function oneOf(texts: readonly string[]): Rule {
  const of = (sorted: readonly string[], depth: number): Rule => {
    if (sorted.length === 1) return text(sorted[0]!);
    if (depth > maxBranches) return { type: "any", items: sorted.map(text) };
    const ways: Rule[] = [];
    for (let i = 0; i < sorted.length; ) {
      const first = sorted[i]!;
      let end = i + 1;
      let length = first.length;
      while (end < sorted.length && sharedStart(first, sorted[end]!) > 0) {
        length = Math.min(length, sharedStart(first, sorted[end++]!));
      }
      const rest = sorted.slice(i, end).map((one) => one.slice(length));
      ways.push(rest.length === 1 ? text(first) : all(text(first.slice(0, length)), of(rest, depth + 1)));
      i = end;
    }
    return any(...ways);
  };
  const sorted = [...new Set(texts)].sort();
  return sorted.length === 0 ? none : of(sorted, 0);
}
