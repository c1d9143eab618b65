/**
 * Matching in time that grows with the text's length, whatever the pattern: what comes out is what a backtracking
 * engine finds. Walking backwards, it is noted for every place from which instructions a match can still be reached;
 * those sets become the states of an automaton, each computed once. Walking forwards, every fork is then known to lead
 * somewhere before it is taken, so nothing is ever tried twice; looks ahead are sets of the same kind.
 */

import { fail } from "../../errors.ts";
import { shown } from "../json.ts";
import { type Assertion, type CharSet, wordCharacter } from "./parse.ts";
import { type Code, kinds, type Program } from "./program.ts";

/** Bytes that the states of one pattern may take; the published patterns need a few thousand. */
const maxStateBytes = 1_000_000;
/** Instructions that may be looked at to make new states in one text. */
const maxWork = 20_000_000;

interface Automaton {
  readonly code: Code;
  /** By state: one byte an instruction, 1 where a match can be reached from it. */
  readonly states: Uint8Array[];
  /** The state at a place: from the state after the next character, and what is known of the place. */
  step(state: number, known: number): number;
  /** A state for what lies beyond the text. */
  readonly beyond: number;
}

const isWord = new RegExp(`^${wordCharacter}$`, "v");

/** Characters by which sets they are in: two in the same sets have the same number, from 1; 0 is no character. */
function createAlphabet(sets: readonly CharSet[]) {
  const tests = sets.map(({ source, ignoreCase }) => new RegExp(`^${source}$`, ignoreCase ? "iv" : "v"));
  const members: Uint8Array[] = [new Uint8Array(sets.length)];
  const known = new Map<string, number>();
  let table: Uint16Array | undefined;
  const astral = new Map<number, number>();
  const find = (point: number): number => {
    const char = String.fromCodePoint(point);
    const signature = Uint8Array.from(tests, (test) => (test.test(char) ? 1 : 0));
    const key = signature.join("");
    let number = known.get(key);
    if (number === undefined) {
      number = members.push(signature) - 1;
      known.set(key, number);
    }
    return number;
  };
  return {
    members,
    numberOf(point: number): number {
      if (point < 0x10000) {
        table ??= new Uint16Array(0x10000);
        table[point] ||= find(point);
        return table[point]!;
      }
      let number = astral.get(point);
      if (number === undefined) {
        number = find(point);
        if (astral.size > 100_000) astral.clear();
        astral.set(point, number);
      }
      return number;
    },
  };
}

/** @param source the pattern, for messages */
export function createMatcher(program: Program, source: string, where: string): (text: string) => number[] {
  const { conditions } = program;
  const alphabet = createAlphabet(program.sets);
  const bits = conditions.length;
  let bytes = 0;
  let work = 0;
  const tooMuch = (): never =>
    fail("unsupported", `the pattern ${shown(source)} takes more states than are made for one text`, { where });

  const createAutomaton = (code: Code): Automaton => {
    const { kind, first, second, order } = code;
    const states: Uint8Array[] = [];
    const numbers = new Map<string, number>();
    const steps: number[][] = [];
    const intern = (set: Uint8Array): number => {
      let key = "";
      for (let i = 0; i < set.length; i += 16) {
        let unit = 0;
        for (let k = i; k < i + 16 && k < set.length; k++) unit |= set[k]! << (k - i);
        key += String.fromCharCode(unit);
      }
      let number = numbers.get(key);
      if (number === undefined) {
        bytes += 3 * set.length + 64;
        if (bytes > maxStateBytes) tooMuch();
        number = states.push(set) - 1;
        steps.push([]);
        numbers.set(key, number);
      }
      return number;
    };
    const beyond = intern(new Uint8Array(kind.length));
    return {
      code,
      states,
      beyond,
      step(state, known) {
        const made = steps[state]![known];
        if (made !== undefined) return made;
        work += kind.length;
        if (work > maxWork) tooMuch();
        const after = states[state]!;
        const member = alphabet.members[known >> bits]!;
        const set = new Uint8Array(kind.length);
        for (let i = 0; i < order.length; i++) {
          const at = order[i]!;
          const [a, b] = [first[at]!, second[at]!];
          if (kind[at] === kinds.match) set[at] = 1;
          else if (kind[at] === kinds.set) set[at] = member[a]! & after[b]!;
          else if (kind[at] === kinds.fork) set[at] = set[a]! | set[b]!;
          else set[at] = (known >> a) & 1 & set[b]!;
        }
        const number = intern(set);
        steps[state]![known] = number;
        return number;
      },
    };
  };

  let main = createAutomaton(program.code);
  let looks = conditions.map((one) => (one.type === "look" ? createAutomaton(one.code) : undefined));
  const holds = (automaton: Automaton, state: number): boolean => automaton.states[state]![automaton.code.start] === 1;
  const hasBehind = conditions.some((one) => one.type === "look" && one.behind);
  let places = new Int32Array(1024);

  /** Look-behinds at every place, a bit for each. */
  const lookBehind = (text: string): Uint8Array | undefined => {
    if (!hasBehind) return undefined;
    const found = new Uint8Array(text.length + 1);
    for (const [number, one] of conditions.entries()) {
      if (one.type !== "look" || !one.behind) continue;
      const automaton = looks[number]!;
      let state = automaton.step(automaton.beyond, 0);
      for (let i = 0; ; ) {
        if (holds(automaton, state) !== one.negate) found[i]! |= 1 << number;
        if (i >= text.length) break;
        const point = text.codePointAt(i)!;
        state = automaton.step(state, alphabet.numberOf(point) << bits);
        i += point > 0xffff ? 2 : 1;
      }
    }
    return found;
  };
  const asserted = (kind: Assertion, text: string, at: number): boolean => {
    switch (kind) {
      case "start":
        return at === 0;
      case "end":
        return at === text.length;
      case "lineStart":
        return at === 0 || (text[at - 1] === "\n" && at < text.length);
      case "lineEnd":
        return at === text.length || text[at] === "\n";
      case "lastLine":
        return at === text.length || (at === text.length - 1 && text[at] === "\n");
      default: {
        const low = text.charCodeAt(at - 1);
        const before = at === 0 ? "" : text.slice(low >= 0xdc00 && low < 0xe000 ? at - 2 : at - 1, at);
        const after = at === text.length ? "" : String.fromCodePoint(text.codePointAt(at)!);
        return (isWord.test(before) !== isWord.test(after)) === (kind === "word");
      }
    }
  };

  return (text) => {
    // The reference finds nothing in an empty text, not even what is empty.
    if (text === "") return [];
    work = 0;
    if (bytes > maxStateBytes / 2) {
      bytes = 0;
      main = createAutomaton(program.code);
      looks = conditions.map((one) => (one.type === "look" ? createAutomaton(one.code) : undefined));
    }
    const { length } = text;
    if (places.length <= length) places = new Int32Array(2 * length + 1);
    const behind = lookBehind(text);
    const ahead = looks.map((automaton) => automaton?.beyond ?? 0);
    let state = main.beyond;
    for (let at = length, symbol = 0; ; ) {
      let known = symbol << bits;
      for (let i = 0; i < bits; i++) {
        const one = conditions[i]!;
        if (one.type === "assert") {
          if (asserted(one.kind, text, at)) known |= 1 << i;
        } else if (one.behind) {
          known |= behind![at]! & (1 << i);
        } else {
          ahead[i] = looks[i]!.step(ahead[i]!, known);
          if (holds(looks[i]!, ahead[i]!) !== one.negate) known |= 1 << i;
        }
      }
      state = main.step(state, known);
      places[at] = state;
      if (at === 0) break;
      const low = text.charCodeAt(--at);
      let point = low;
      if (low >= 0xdc00 && low < 0xe000 && at > 0) {
        const whole = text.codePointAt(at - 1)!;
        if (whole > 0xffff) {
          point = whole;
          at--;
        }
      }
      symbol = alphabet.numberOf(point);
    }

    const { kind, first, second, start } = main.code;
    const { states } = main;
    const out: number[] = [];
    let lastEnd = -1;
    for (let at = 0; at <= length; ) {
      const units = at < length && text.codePointAt(at)! > 0xffff ? 2 : 1;
      if (states[places[at]!]![start] === 0) {
        at += units;
        continue;
      }
      let end = at;
      let set = states[places[at]!]!;
      for (let node = start; kind[node] !== kinds.match; ) {
        if (kind[node] === kinds.set) {
          end += text.codePointAt(end)! > 0xffff ? 2 : 1;
          set = states[places[end]!]!;
          node = second[node]!;
        } else if (kind[node] === kinds.fork) {
          node = set[first[node]!] === 1 ? first[node]! : second[node]!;
        } else {
          node = second[node]!;
        }
      }
      // An empty match right after a match is passed over, as the reference does.
      if (end === at && at === lastEnd) {
        at += units;
        continue;
      }
      out.push(at, end);
      lastEnd = end;
      at = end;
    }
    return out;
  };
}
