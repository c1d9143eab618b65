/**
 * Text that knows, for every UTF-16 unit, which range of the original it came from: the bookkeeping of the reference
 * library's NormalizedString, so that offsets come out the same. Tracking is left away where nobody asks for offsets.
 */

export interface Spans {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export interface Aligned {
  readonly text: string;
  /** Unit i of the text has the span `at + i`. undefined where places are not tracked. */
  readonly spans: Spans | undefined;
  readonly at: number;
  /** Where the original of the whole begins; that of a slice is its first character's. */
  readonly shift: number;
}

/** How the parts that a pattern finds are treated, by the reference's names. */
export type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

export function unitsOf(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** The original text from `start` to `end` as it is, every character its own place. */
export function original(text: string, start: number, end: number, tracked: boolean): Aligned {
  const part = start === 0 && end === text.length ? text : text.slice(start, end);
  if (!tracked) return { text: part, spans: undefined, at: 0, shift: start };
  const spans = { starts: new Int32Array(part.length), ends: new Int32Array(part.length) };
  for (let i = 0; i < part.length; ) {
    const units = unitsOf(part, i);
    spans.starts.fill(start + i, i, i + units);
    spans.ends.fill(start + i + units, i, i + units);
    i += units;
  }
  return { text: part, spans, at: 0, shift: start };
}

export function slice(from: Aligned, start: number, end: number): Aligned {
  const { text, spans, at } = from;
  return {
    text: text.slice(start, end),
    spans,
    at: at + start,
    shift: spans && start < end ? spans.starts[at + start]! : from.shift + start,
  };
}

/** The range of the original that units [start, end) came from; undefined for no units. */
export function rangeOf({ spans, at }: Aligned, start: number, end: number): [start: number, end: number] | undefined {
  return spans && end > start ? [spans.starts[at + start]!, spans.ends[at + end - 1]!] : undefined;
}

/** Writes a new text over an old one. */
export interface Rewriter {
  /** Characters that stand where the old unit at `from` stood. */
  put(text: string, from: number): void;
  /** Units [from, to) of the old text as they are. */
  keep(from: number, to: number): void;
  finish(): Aligned;
}

export function rewrite(old: Aligned): Rewriter {
  const { spans, at } = old;
  let text = "";
  const starts: number[] = [];
  const ends: number[] = [];
  return {
    put(more, from) {
      text += more;
      if (!spans) return;
      // What came from nothing before everything has no extent.
      const start = from < 0 ? old.shift : spans.starts[at + from]!;
      const end = from < 0 ? old.shift : spans.ends[at + from]!;
      for (let i = 0; i < more.length; i++) {
        starts.push(start);
        ends.push(end);
      }
    },
    keep(from, to) {
      text += old.text.slice(from, to);
      if (!spans) return;
      for (let i = at + from; i < at + to; i++) {
        starts.push(spans.starts[i]!);
        ends.push(spans.ends[i]!);
      }
    },
    finish: () => ({
      text,
      spans: spans && { starts: Int32Array.from(starts), ends: Int32Array.from(ends) },
      at: 0,
      shift: old.shift,
    }),
  };
}

/** Put `prefix` in front: it takes the place of the first character. */
export function prepend(old: Aligned, prefix: string): Aligned {
  if (old.text === "") return old;
  const out = rewrite(old);
  out.put(prefix, 0);
  out.keep(0, old.text.length);
  return out.finish();
}

/** Replace all that the pattern (with the flag `g`) finds; what is put there has the place of the last character found. */
export function replaceAll(old: Aligned, pattern: RegExp, content: string): Aligned {
  let out: Rewriter | undefined;
  let from = 0;
  for (const match of old.text.matchAll(pattern)) {
    out ??= rewrite(old);
    out.keep(from, match.index);
    from = match.index + match[0].length;
    out.put(content, from - 1);
  }
  if (!out) return old;
  out.keep(from, old.text.length);
  return out.finish();
}

/** Cut at what the pattern (with the flag `g`) finds. Empty parts are left out. */
export function cut(old: Aligned, pattern: RegExp, behavior: Behavior, invert = false): Aligned[] {
  const { text } = old;
  const found: { start: number; end: number; match: boolean }[] = [];
  let from = 0;
  for (const { index, 0: match } of text.matchAll(pattern)) {
    if (index > from) found.push({ start: from, end: index, match: invert });
    found.push({ start: index, end: index + match.length, match: !invert });
    from = index + match.length;
  }
  if (from < text.length) found.push({ start: from, end: text.length, match: invert });
  let parts = found;
  if (behavior === "Removed") {
    parts = found.filter(({ match }) => !match);
  } else if (behavior !== "Isolated") {
    const backwards = behavior === "MergedWithNext";
    parts = [];
    let previous = false;
    for (const part of backwards ? found.reverse() : found) {
      const last = parts.at(-1);
      const joins = behavior === "Contiguous" ? part.match === previous : part.match && !previous;
      if (joins && last && backwards) last.start = part.start;
      else if (joins && last) last.end = part.end;
      else parts.push({ ...part });
      previous = part.match;
    }
    if (backwards) parts.reverse();
  }
  const out: Aligned[] = [];
  for (const { start, end } of parts) if (end > start) out.push(slice(old, start, end));
  return out;
}
