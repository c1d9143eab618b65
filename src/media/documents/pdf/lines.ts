/**
 * The lines of a page in the order in which they are read. A PDF says where strings stand, not what follows what: strings
 * on a base line make segments, segments that stand beside each other make columns or one line.
 */
import type { Item, Page } from "./items.ts";

export interface Line {
  /** In their order. */
  readonly items: readonly Item[];
  readonly text: string;
  readonly x: number;
  /** Right end. */
  readonly end: number;
  readonly y: number;
  readonly size: number;
  /** Pieces that stand apart: of a row of a table. */
  readonly parts: number;
  /** Lines of one number stand below each other in one column. */
  readonly column: number;
}

interface Segment {
  readonly items: Item[];
  readonly x: number;
  end: number;
  readonly y: number;
  readonly size: number;
}

const isBlank = (text: string) => text.trim() === "";

/** Strings that go on where the last one ended. */
function segmentsOf(items: readonly Item[]): Segment[] {
  const segments: Segment[] = [];
  let open: Segment | undefined;
  /** A blank of any width: it may stand between two columns. */
  let blank: Item | undefined;
  for (const item of items) {
    if (isBlank(item.text)) {
      blank = item;
      continue;
    }
    const size = Math.max(open?.size ?? 0, item.size);
    const gap = open ? item.x - open.end : 0;
    // Small signs above or below the line belong to it.
    const near = open && Math.abs(item.y - open.y) < (item.size < 0.8 * open.size ? 0.6 : 0.3) * size;
    if (open && near && gap > -0.5 * size && gap < 1.5 * size) {
      if (blank || gap > 0.15 * size) open.items.push(blank ?? { ...item, text: " " });
      open.items.push(item);
      open.end = Math.max(open.end, item.x + item.width);
    } else {
      open = { items: [item], x: item.x, end: item.x + item.width, y: item.y, size: item.size };
      segments.push(open);
    }
    blank = undefined;
  }
  return segments;
}

/** Segments on one base line, from the top, each row from the left. */
function rowsOf(segments: readonly Segment[]): Segment[][] {
  const rows: Segment[][] = [];
  for (const segment of [...segments].sort((a, b) => a.y - b.y)) {
    const row = rows.at(-1);
    if (row && segment.y - row[0]!.y < 0.4 * Math.max(segment.size, row[0]!.size)) row.push(segment);
    else rows.push([segment]);
  }
  for (const row of rows) row.sort((a, b) => a.x - b.x);
  return rows;
}

const middle = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

/** Rows of two columns, and where the second one begins. */
interface Gutter {
  readonly from: number;
  readonly to: number;
  readonly x: number;
}

/** Lines that a column has at least, and how wide they are in letters' heights: narrower ones are a table's. */
const leastLines = 3;
const leastWidth = 7;

function gutterAt(rows: readonly (readonly Segment[])[], x: number): Gutter | undefined {
  let best: Gutter | undefined;
  let bestLines = 0;
  for (let from = 0; from < rows.length; ) {
    const crossed = (row: readonly Segment[]) => row.some((one) => one.x < x && one.end > x);
    if (crossed(rows[from]!)) {
      from++;
      continue;
    }
    let to = from;
    while (to < rows.length && !crossed(rows[to]!)) to++;
    const all = rows.slice(from, to).flat();
    const [left, right] = [all.filter((one) => one.end <= x), all.filter((one) => one.x >= x)];
    const wide = (side: Segment[]) =>
      side.length >= leastLines && middle(side.map((one) => (one.end - one.x) / one.size)) >= leastWidth;
    if (wide(left) && wide(right)) {
      const top = Math.max(left[0]!.y, right[0]!.y);
      const bottom = Math.min(left.at(-1)!.y, right.at(-1)!.y);
      const height = Math.min(left.at(-1)!.y - left[0]!.y, right.at(-1)!.y - right[0]!.y);
      if (bottom - top >= height / 2 && all.length > bestLines) {
        best = { from, to, x };
        bestLines = all.length;
      }
    }
    from = to;
  }
  return best;
}

/** Places where several segments begin, which a second column does. */
function candidates(rows: readonly (readonly Segment[])[]): number[] {
  const counts = new Map<number, { count: number; x: number }>();
  for (const row of rows) {
    for (const { x, size } of row) {
      const key = Math.round(x / 4);
      const known = counts.get(key);
      counts.set(key, { count: (known?.count ?? 0) + 1, x: Math.min(known?.x ?? Infinity, x - size / 20) });
    }
  }
  const least = Math.min(...counts.keys());
  return [...counts]
    .filter(([key, { count }]) => key !== least && count >= leastLines)
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, 8)
    .map(([, { x }]) => x);
}

/** Deeper than columns are ever nested. */
const deepest = 6;

function order(
  rows: readonly (readonly Segment[])[],
  depth: number,
  add: (row: readonly Segment[]) => void,
  next: () => void,
): void {
  const gutters = depth < deepest && rows.length >= leastLines ? candidates(rows).map((x) => gutterAt(rows, x)) : [];
  const gutter = gutters.reduce((a, b) => (b && (!a || b.to - b.from > a.to - a.from) ? b : a), undefined);
  if (!gutter) {
    for (const row of rows) add(row);
    return;
  }
  const { from, to, x } = gutter;
  if (from > 0) order(rows.slice(0, from), depth + 1, add, next);
  const columns = rows.slice(from, to).flat();
  for (const side of [columns.filter((one) => one.x < x), columns.filter((one) => one.x >= x)]) {
    next();
    order(rowsOf(side), depth + 1, add, next);
  }
  next();
  if (to < rows.length) order(rows.slice(to), depth + 1, add, next);
}

/** Strings of a page beyond which they are read as they come. */
const mostOrdered = 50_000;

/** Lines of a page in reading order; what is written in another direction comes last. */
export function linesOf({ items }: Page): Line[] {
  const lines: Line[] = [];
  let column = 0;
  const add = (row: readonly Segment[]) => {
    const all: Item[] = [];
    for (const { items: own } of row) {
      if (all.length > 0) all.push({ ...own[0]!, text: " " });
      all.push(...own);
    }
    const first = row[0]!;
    const size = row.reduce((a, b) => (b.end - b.x > a.end - a.x ? b : a)).size;
    const end = row.reduce((most, one) => Math.max(most, one.end), 0);
    lines.push({
      items: all,
      text: all.map(({ text }) => text).join(""),
      x: first.x,
      end,
      y: first.y,
      size,
      parts: row.length,
      column,
    });
  };
  const upright = segmentsOf(items.filter((one) => one.upright));
  if (items.length > mostOrdered) for (const segment of upright) add([segment]);
  else order(rowsOf(upright), 0, add, () => void column++);
  column++;
  const others = items.filter((one) => !one.upright && !isBlank(one.text));
  if (others.length > 0) {
    const all = others.flatMap((one, i) => (i > 0 ? [{ ...one, text: " " }, one] : [one]));
    const { x, y, size } = others[0]!;
    lines.push({ items: all, text: all.map(({ text }) => text).join(""), x, end: x, y, size, parts: 1, column });
  }
  return lines;
}

/** Parts of a page's height at its upper and lower end, where headers and footers stand, and lines of each that may be some. */
const edge = 0.12;
const edgeLines = 4;
/** Points by which a footer may lie higher on another page. */
const near = 4;

/**
 * Which lines of which pages are headers and footers: the same text, numbers aside, at the same height of three pages or
 * more.
 */
export function furnitureOf(pages: readonly { readonly height: number; readonly lines: readonly Line[] }[]): Set<Line> {
  const seen = new Map<string, { readonly page: number; readonly line: Line }[]>();
  pages.forEach(({ height, lines }, page) => {
    const byHeight = [...lines].sort((a, b) => a.y - b.y);
    const top = byHeight.slice(0, edgeLines).filter(({ y }) => y < edge * height);
    const bottom = byHeight.slice(-edgeLines).filter(({ y }) => y > (1 - edge) * height);
    for (const line of new Set([...top, ...bottom])) {
      const text = line.text
        .replace(/\d+|\b[ivxlc]{1,8}\b/gi, "#")
        .replace(/\s+/g, " ")
        .trim()
        .slice(0, 200);
      const known = seen.get(text);
      if (known) known.push({ page, line });
      else seen.set(text, [{ page, line }]);
    }
  });
  const found = new Set<Line>();
  for (const list of seen.values()) {
    list.sort((a, b) => a.line.y - b.line.y);
    let to = 0;
    for (let from = 0; from < list.length; from = Math.max(to, from + 1)) {
      to = from;
      while (to < list.length && list[to]!.line.y - list[from]!.line.y <= near) to++;
      if (new Set(list.slice(from, to).map(({ page }) => page)).size < 3) continue;
      for (const { line } of list.slice(from, to)) found.add(line);
    }
  }
  return found;
}
