/**
 * A grammar as an automaton over bytes: a list of instructions in which a rule calls another (a recursive transition
 * network, Woods 1970), made deterministic while it is used. What a text so far leaves open is a state: a set of places,
 * each with the calls it will return to. Equal states are one object, and what a byte does to it is found once.
 *
 * Work is counted, not timed, so that a grammar is too large, or not, on every machine alike.
 */
import { fail } from "../../errors.ts";
import type { Grammar, Rule } from "./grammar.ts";
import { byteRanges } from "./utf8.ts";

/** Calls to return to, the last one first; equal lists are one object. */
interface Calls {
  readonly to: number;
  readonly before: Calls | undefined;
  readonly depth: number;
  readonly id: number;
  readonly further: Map<number, Calls>;
}

/** An instruction, and the calls to return to after its rule. */
interface Position {
  readonly place: number;
  readonly calls: Calls | undefined;
  /** A number of its own for each pair of the two. */
  readonly mark?: number;
}

/** What may follow a text. */
export interface State {
  /** Instructions that take a byte. */
  readonly positions: readonly Position[];
  /** The text may end here. */
  readonly ends: boolean;
  /** By byte: what follows, null where the byte is impossible, undefined where nobody has asked yet. */
  next: (State | null | undefined)[];
  /** Kept by whoever asks what tokens are possible. */
  mask: Int32Array | undefined;
}

export interface Automaton {
  readonly start: State;
  /** What follows a state and a byte. @throws bad_input for a grammar in which too much is possible at once */
  advance(state: State, byte: number): State | null;
  /** Allow this much further work. */
  refill(): void;
}

const op = { byte: 0, fork: 1, call: 2, return: 3 } as const;

/** Instructions of all rules; a call of 8 kinds of characters is a few, so this is a schema of about 100 KB. */
const maxInstructions = 300_000;
/** Places of one state. */
const maxPlaces = 3_000;
/** Calls in calls: deeper nesting is not written. */
const maxDepth = 100_000;
/** States kept. */
const maxStates = 10_000;
/** Numbers of calls are below this, which with the number of an instruction is a whole number still. */
const idRoom = 2 ** 32;
/** Places visited for one step of an answer. */
const maxWork = 3_000_000;
const maxTreeDepth = 2_000;

const tooLarge = (what: string): never =>
  fail("bad_input", `the schema or grammar is too large: ${what}`, {
    hint: "use smaller counts (maxLength, maxItems, {m,n}) and fewer alternatives",
  });

interface Code {
  readonly kind: number[];
  /** byte: least; fork: one way; call: the rule's first instruction. */
  readonly a: number[];
  /** byte: greatest; fork: the other way. */
  readonly b: number[];
  /** byte, call: what follows. */
  readonly after: number[];
  readonly start: number;
}

/** Instructions are written from the end of a rule to its start: what follows is known when one is written. */
function write(grammar: Grammar): Code {
  const [kind, a, b, after]: number[][] = [[], [], [], []];
  const put = (what: number, first: number, second: number, next: number): number => {
    if (kind!.length >= maxInstructions) tooLarge(`it takes more than ${maxInstructions} instructions`);
    kind!.push(what);
    a!.push(first);
    b!.push(second);
    after!.push(next);
    return kind!.length - 1;
  };
  /** Where rules start, and those that are still to be written. */
  const starts = new Map<string, number>();
  const queue: [at: number, rule: Rule][] = [];
  const startOf = (name: string): number => {
    const known = starts.get(name);
    if (known !== undefined) return known;
    // A fork whose ways are the same, until the rule is written.
    const at = put(op.fork, -1, -1, -1);
    starts.set(name, at);
    queue.push([at, grammar.rules.get(name)!]);
    return at;
  };
  const called = new Map<Rule, string>();
  let unnamed = 0;
  /** A rule of its own for what is repeated, so that each round is one instruction. */
  const hoisted = (item: Rule): Rule => {
    if (item.type === "ref" || (item.type === "text" && item.text.length === 1)) return item;
    let name = called.get(item);
    if (name === undefined) {
      name = ` ${unnamed++}`;
      called.set(item, name);
      const at = put(op.fork, -1, -1, -1);
      starts.set(name, at);
      queue.push([at, item]);
    }
    return { type: "ref", name };
  };
  const encoder = new TextEncoder();

  /** Write a rule that `next` follows; gives its first instruction. */
  const rule = (tree: Rule, next: number, depth: number): number => {
    if (depth > maxTreeDepth) tooLarge("it is nested too deeply");
    switch (tree.type) {
      case "text":
        return encoder.encode(tree.text).reduceRight((after, byte) => put(op.byte, byte, byte, after), next);
      case "set": {
        // Ways share their last bytes where these are equal.
        const known = new Map<string, number>();
        const ways = byteRanges(tree.ranges).map((ranges) =>
          ranges.reduceRight((after, [low, high]) => {
            const key = `${low} ${high} ${after}`;
            const found = known.get(key) ?? put(op.byte, low, high, after);
            known.set(key, found);
            return found;
          }, next),
        );
        return oneOf(ways);
      }
      case "all":
        return tree.items.reduceRight((after, item) => rule(item, after, depth + 1), next);
      case "any":
        return oneOf(tree.items.map((item) => rule(item, next, depth + 1)));
      case "ref":
        return put(op.call, startOf(tree.name), 0, next);
      case "repeat": {
        const { min, max } = tree;
        const item = max === 1 || (max === Infinity && min < 2) ? tree.item : hoisted(tree.item);
        let after = next;
        if (max === Infinity) {
          const loop = put(op.fork, -1, next, -1);
          a![loop] = rule(item, loop, depth + 1);
          after = loop;
        }
        for (let i = max === Infinity ? min : max; i > 0; i--) {
          const first = rule(item, after, depth + 1);
          after = i > min ? put(op.fork, first, next, -1) : first;
        }
        return after;
      }
    }
  };
  /** Forks in place of a list of ways; without any, an instruction that no byte passes. */
  const oneOf = (ways: readonly number[]): number => {
    if (ways.length === 0) return put(op.byte, 1, 0, 0);
    return ways.reduceRight((rest, way) => put(op.fork, way, rest, -1));
  };

  const end = put(op.return, 0, 0, -1);
  const start = startOf(grammar.start);
  for (let item = queue.pop(); item; item = queue.pop()) {
    const first = rule(item[1], end, 0);
    a![item[0]] = first;
    b![item[0]] = first;
  }
  return { kind: kind!, a: a!, b: b!, after: after!, start };
}

/**
 * The automaton of a grammar whose rules are all defined, of which none calls itself before it takes a byte
 * (`check.ts`).
 * @throws bad_input for one that is too large
 */
export function automatonOf(grammar: Grammar): Automaton {
  const { kind, a, b, after: behind, start } = write(grammar);
  const known = new Map<string, State>();
  const roots = new Map<number, Calls>();
  let ids = 0;
  let work = 0;

  const push = (to: number, before: Calls | undefined): Calls => {
    const list = before ? before.further : roots;
    let made = list.get(to);
    if (!made) {
      made = { to, before, depth: (before?.depth ?? 0) + 1, id: ++ids, further: new Map() };
      list.set(to, made);
    }
    return made;
  };

  /** Everything that is reached from places without a byte, as a state; null if that is nothing. */
  const stateOf = (from: Position[]): State | null => {
    const seen = new Set<number>();
    const found: Position[] = [];
    let ends = false;
    for (let item = from.pop(); item; item = from.pop()) {
      const { place, calls } = item;
      const mark = place * idRoom + (calls?.id ?? 0);
      if (seen.has(mark)) continue;
      seen.add(mark);
      if (++work > maxWork) tooLarge("a step of the answer has too many possibilities");
      switch (kind[place]) {
        case op.byte:
          // An instruction that no byte passes is left out.
          if (a[place]! <= b[place]!) found.push({ place, calls, mark });
          if (found.length > maxPlaces) tooLarge("too much is possible at once, as it is ambiguous");
          break;
        case op.fork:
          from.push({ place: b[place]!, calls }, { place: a[place]!, calls });
          break;
        case op.call: {
          const after = behind[place]!;
          // Where nothing but the return follows, there is nothing to return to.
          if (kind[after] === op.return) from.push({ place: a[place]!, calls });
          else if ((calls?.depth ?? 0) < maxDepth) from.push({ place: a[place]!, calls: push(after, calls) });
          break;
        }
        default:
          if (calls) from.push({ place: calls.to, calls: calls.before });
          else ends = true;
      }
    }
    if (found.length === 0 && !ends) return null;
    found.sort((x, y) => x.mark! - y.mark!);
    let key = ends ? "e" : "";
    for (const { mark } of found) key += `${mark} `;
    const old = known.get(key);
    if (old) return old;
    if (known.size >= maxStates) forget();
    const made: State = { positions: found, ends, next: [], mask: undefined };
    known.set(key, made);
    return made;
  };

  /** States in use stay what they are; what they led to is found again. */
  const forget = (): void => {
    for (const state of known.values()) {
      state.next = [];
      state.mask = undefined;
    }
    known.clear();
    roots.clear();
  };

  const dead: State = { positions: [], ends: false, next: [], mask: undefined };
  return {
    start: stateOf([{ place: start, calls: undefined }]) ?? dead,
    advance(state, byte) {
      const old = state.next[byte];
      if (old !== undefined) return old;
      // Bytes that are in the same ranges lead to the same state.
      let [least, most] = [0, 255];
      const from: Position[] = [];
      for (const { place, calls } of state.positions) {
        const [low, high] = [a[place]!, b[place]!];
        if (byte < low) most = Math.min(most, low - 1);
        else if (byte > high) least = Math.max(least, high + 1);
        else {
          from.push({ place: behind[place]!, calls });
          least = Math.max(least, low);
          most = Math.min(most, high);
        }
      }
      work += state.positions.length;
      const made = from.length === 0 ? null : stateOf(from);
      if (state.next.length === 0) state.next = new Array(256).fill(undefined);
      state.next.fill(made, least, most + 1);
      return made;
    },
    refill() {
      work = 0;
    },
  };
}
