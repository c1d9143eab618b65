/**
 * Unicode normalisation forms that say which character every result came from, as the reference's aligned version of
 * the algorithm does: a decomposed character's parts stand in its place, a composed one stands where it began.
 */
import { type Aligned, type Rewriter, rewrite, unitsOf } from "./aligned.ts";

export type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** A character, and whether it takes the next place of the old text (0), none (1), or further ones (below 0). */
export interface Placed {
  char: string;
  change: number;
}

/** Of the greatest combining class: what changes places with it is a mark. */
const highest = "\u0345";

/** Characters with a decomposition that are younger than the reference's tables (Unicode 12.0) stay as they are. */
const younger =
  /[\u32ff\ua7f1-\ua7f4\uab69\u{105c9}\u{105e4}\u{10781}-\u{107ba}\u{11383}-\u{113c8}\u{11938}\u{16121}-\u{16128}\u{16d68}-\u{16d6a}\u{1ccd6}-\u{1ccf9}\u{1e030}-\u{1e06d}\u{1fbf0}-\u{1fbf9}]/u;

const marks = new Map<string, boolean>();
function isMark(char: string): boolean {
  let known = marks.get(char);
  if (known === undefined) {
    known = char === highest || (/\p{M}/u.test(char) && (highest + char).normalize("NFD") === char + highest);
    if (marks.size > 10_000) marks.clear();
    marks.set(char, known);
  }
  return known;
}

/** Whether two marks that stand in canonical order are of the same class: then neither passes the other. */
function sameClass(a: string, b: string): boolean {
  return (b + a).normalize("NFD") === b + a;
}

function decompose(text: string, form: "NFD" | "NFKD"): Placed[] {
  const out: Placed[] = [];
  let run: Placed[] = [];
  const close = (): void => {
    if (run.length > 1) {
      // Sorted by class, equal ones in their order: the platform knows how, the places follow.
      const sorted = run
        .map(({ char }) => char)
        .join("")
        .normalize(form);
      const left = [...run];
      for (const char of sorted) {
        const at = left.findIndex((item) => item.char === char);
        if (at >= 0) out.push(left.splice(at, 1)[0]!);
      }
    } else {
      out.push(...run);
    }
    run = [];
  };
  for (const char of text) {
    let change = 0;
    for (const part of younger.test(char) ? char : char.normalize(form)) {
      const item = { char: part, change };
      change = 1;
      if (isMark(part) && run.length < 256) {
        run.push(item);
      } else {
        close();
        out.push(item);
      }
    }
  }
  close();
  return out;
}

function compose(list: readonly Placed[]): Placed[] {
  const out: Placed[] = [];
  let base: Placed | undefined;
  let waiting: Placed[] = [];
  const flush = (): void => {
    if (base) out.push(base);
    out.push(...waiting);
    waiting = [];
  };
  for (const item of list) {
    const mark = isMark(item.char);
    if (!base) {
      if (mark) out.push(item);
      else base = item;
      continue;
    }
    const last = waiting.at(-1);
    const blocked: boolean = last !== undefined && (!mark || sameClass(last.char, item.char));
    if (!blocked) {
      const pair = (base.char + item.char).normalize("NFC");
      if (pair.length === (pair.codePointAt(0)! > 0xffff ? 2 : 1) && !younger.test(pair)) {
        base = { char: pair, change: base.change + item.change - 1 };
        continue;
      }
    }
    if (mark) {
      waiting.push(item);
    } else {
      flush();
      base = item;
    }
  }
  flush();
  return out;
}

/** Characters of the old text that stay as they are. */
export interface Run {
  from: number;
  to: number;
}

/** Write what became of the old text from `from` on, character by character. */
export function putPlaced(out: Rewriter, old: string, from: number, list: readonly (Placed | Run)[]): void {
  let at = from;
  let last = from - 1;
  const put = (char: string, change: number): void => {
    out.put(char, change > 0 ? last : Math.min(at, old.length - 1));
    if (change > 0) return;
    for (let n = 1 - change; n > 0 && at < old.length; n--) {
      last = at;
      at += unitsOf(old, at);
    }
  };
  for (const item of list) {
    if ("char" in item) {
      put(item.char, item.change);
    } else if (item.from === at && item.to > at) {
      out.keep(item.from, item.to);
      at = item.to;
      last = at - 1;
    } else {
      // Places have fallen behind the text, as they do in the reference.
      for (const char of old.slice(item.from, item.to)) put(char, 0);
    }
  }
}

/** Runs that normalising can change: everything beyond ASCII, with the character before it, which marks may join. */
export const beyondAscii: RegExp = /[ -~]?[^\p{ASCII}]+/gu;

export function toForm(old: Aligned, form: Form): Aligned {
  let out: Rewriter | undefined;
  let done = 0;
  for (const { 0: run, index } of old.text.matchAll(beyondAscii)) {
    // Not asked of long runs: the platform's time grows with the square of a run of marks.
    if (run.length < 1000 && run.normalize(form) === run) continue;
    out ??= rewrite(old);
    out.keep(done, index);
    done = index + run.length;
    const parts = decompose(run, form === "NFC" || form === "NFD" ? "NFD" : "NFKD");
    putPlaced(out, old.text, index, form === "NFC" || form === "NFKC" ? compose(parts) : parts);
  }
  if (!out) return old;
  out.keep(done, old.text.length);
  return out.finish();
}
