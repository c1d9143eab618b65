/**
 * Text that knows, for every UTF-16 unit, which range of the original it came from: the bookkeeping of the reference
 * library's NormalizedString, so that offsets come out the same. Tracking is left out where offsets are not asked for.
 */

import type { Pattern } from "../base/regex/pattern.ts";
import type { Growth } from "./growth.ts";

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
  /** What steps over this text, or over another part of the same, may still write. */
  readonly growth: Growth;
}

/** How the parts that a pattern finds are treated, by the reference's names. */
export type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

export function unitsOf(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** The original text from `start` to `end` as it is, every character its own place. */
export function original(text: string, start: number, end: number, tracked: boolean, growth: Growth): Aligned {
  const part = start === 0 && end === text.length ? text : text.slice(start, end);
  if (!tracked) return { text: part, spans: undefined, at: 0, shift: start, growth };
  const spans = { starts: new Int32Array(part.length), ends: new Int32Array(part.length) };
  for (let i = 0; i < part.length; ) {
    const units = unitsOf(part, i);
    spans.starts.fill(start + i, i, i + units);
    spans.ends.fill(start + i + units, i, i + units);
    i += units;
  }
  return { text: part, spans, at: 0, shift: start, growth };
}

export function slice(from: Aligned, start: number, end: number): Aligned {
  const { text, spans, at } = from;
  return {
    text: text.slice(start, end),
    spans,
    at: at + start,
    shift: spans && start < end ? spans.starts[at + start]! : from.shift + start,
    growth: from.growth,
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
  const { spans, at, growth } = old;
  let text = "";
  let starts = new Int32Array(spans ? old.text.length + 16 : 0);
  let ends = new Int32Array(starts.length);
  let size = 0;
  const room = (units: number): void => {
    growth.take(units);
    if (!spans || size + units <= starts.length) return;
    const larger = new Int32Array(2 * (size + units));
    larger.set(starts);
    starts = larger;
    const further = new Int32Array(larger.length);
    further.set(ends);
    ends = further;
  };
  return {
    put(more, from) {
      room(more.length);
      text += more;
      if (!spans) return;
      // What came from nothing before everything has no extent.
      starts.fill(from < 0 ? old.shift : spans.starts[at + from]!, size, size + more.length);
      ends.fill(from < 0 ? old.shift : spans.ends[at + from]!, size, size + more.length);
      size += more.length;
    },
    keep(from, to) {
      if (to <= from) return;
      room(to - from);
      text += old.text.slice(from, to);
      if (!spans) return;
      starts.set(spans.starts.subarray(at + from, at + to), size);
      ends.set(spans.ends.subarray(at + from, at + to), size);
      size += to - from;
    },
    finish: () => ({
      text,
      spans: spans && { starts: starts.subarray(0, size), ends: ends.subarray(0, size) },
      at: 0,
      shift: old.shift,
      growth,
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

/** Replace all that the pattern finds; what is put there has the place of the last character found. */
export function replaceAll(old: Aligned, pattern: Pattern, content: string): Aligned {
  const found = pattern(old.text);
  if (found.length === 0) return old;
  const out = rewrite(old);
  let from = 0;
  for (let i = 0; i < found.length; i += 2) {
    out.keep(from, found[i]!);
    from = found[i + 1]!;
    out.put(content, from - 1);
  }
  out.keep(from, old.text.length);
  return out.finish();
}

/** Cut at what the pattern finds. Empty parts are left out. */
export function cut(old: Aligned, pattern: Pattern, behavior: Behavior, invert = false): Aligned[] {
  const { text } = old;
  const places = pattern(text);
  const found: { start: number; end: number; match: boolean }[] = [];
  let from = 0;
  for (let i = 0; i < places.length; i += 2) {
    const [start, end] = [places[i]!, places[i + 1]!];
    if (start > from) found.push({ start: from, end: start, match: invert });
    found.push({ start, end, match: !invert });
    from = end;
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
