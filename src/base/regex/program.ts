/** A pattern's tree as a list of instructions (Thompson 1968), with what is asked of a place numbered. */

import { fail } from "../../errors.ts";
import { shown } from "../json.ts";
import type { Assertion, CharSet, Node } from "./parse.ts";

/** What an instruction does. Of a fork the first way is the better one. */
export const kinds = { match: 0, set: 1, fork: 2, condition: 3 } as const;

/** Instructions by index. For a set: its number and what follows; for a condition the same; for a fork both ways. */
export interface Code {
  readonly kind: Uint8Array;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly start: number;
  /** All instructions, each after those that it can go to without taking a character. */
  readonly order: Int32Array;
}

/** Something that holds at a place of a text or does not. */
export type Condition =
  | { readonly type: "assert"; readonly kind: Assertion; readonly negate: false }
  | { readonly type: "look"; readonly behind: boolean; readonly negate: boolean; readonly code: Code };

export interface Program {
  readonly sets: readonly CharSet[];
  /** Each is asked of nothing that stands after it in the list. */
  readonly conditions: readonly Condition[];
  readonly code: Code;
}

const maxInstructions = 4000;
const maxConditions = 8;

/** Whether the tree fits no characters at all. */
function canBeEmpty(node: Node): boolean {
  switch (node.type) {
    case "set":
      return false;
    case "all":
      return node.items.every(canBeEmpty);
    case "any":
      return node.items.some(canBeEmpty);
    case "repeat":
      return node.min === 0 || canBeEmpty(node.item);
    default:
      return true;
  }
}

function reversed(node: Node): Node {
  switch (node.type) {
    case "all":
      return { ...node, items: node.items.map(reversed).reverse() };
    case "any":
      return { ...node, items: node.items.map(reversed) };
    case "repeat":
      return { ...node, item: reversed(node.item) };
    default:
      return node;
  }
}

function holdsConditions(node: Node): boolean {
  if (node.type === "assert" || node.type === "look") return true;
  if (node.type === "repeat") return holdsConditions(node.item);
  return node.type !== "set" && node.items.some(holdsConditions);
}

/** `(x*)*` and the like are `x*`: nothing is left over that a second round could take. */
function simplified(item: Node, min: number, max: number, lazy: boolean): { item: Node; min: number } {
  if (lazy || max !== Infinity || item.type !== "repeat" || item.lazy || item.item.type !== "set") return { item, min };
  const endless = item.max === Infinity || item.max === 1;
  if (!endless || item.min > 1) return { item, min };
  return { item: item.item, min: item.min === 0 ? 0 : min };
}

/** @throws unsupported for a pattern that is too large, or that repeats what can be empty */
export function compilePattern(tree: Node, source: string, where: string): Program {
  const refuse = (what: string): never =>
    fail("unsupported", `${what} in the pattern ${shown(source)}, which is not run here`, { where });
  const sets: CharSet[] = [];
  const setNumbers = new Map<string, number>();
  const conditions: Condition[] = [];
  const asserted = new Map<Assertion, number>();
  let total = 0;

  const numberOf = (set: CharSet): number => {
    const key = `${set.ignoreCase}${set.source}`;
    const known = setNumbers.get(key);
    if (known !== undefined) return known;
    setNumbers.set(key, sets.length);
    return sets.push(set) - 1;
  };
  const condition = (made: Condition): number => {
    if (conditions.length >= maxConditions) refuse(`more than ${maxConditions} looks and anchors`);
    return conditions.push(made) - 1;
  };

  const codeOf = (root: Node): Code => {
    const kind: number[] = [kinds.match];
    const first: number[] = [0];
    const second: number[] = [0];
    const emit = (what: number, a: number, b: number): number => {
      if (++total > maxInstructions) refuse(`more than ${maxInstructions} steps`);
      kind.push(what);
      first.push(a);
      second.push(b);
      return kind.length - 1;
    };
    const put = (node: Node, next: number): number => {
      switch (node.type) {
        case "set":
          return emit(kinds.set, numberOf(node.set), next);
        case "all":
          return node.items.reduceRight((after, item) => put(item, after), next);
        case "any":
          return node.items
            .map((item) => () => put(item, next))
            .reduceRight<number | undefined>((other, way) => {
              const made = way();
              return other === undefined ? made : emit(kinds.fork, made, other);
            }, undefined)!;
        case "assert": {
          let number = asserted.get(node.kind);
          if (number === undefined) {
            number = condition({ type: "assert", kind: node.kind, negate: false });
            asserted.set(node.kind, number);
          }
          return emit(kinds.condition, number, next);
        }
        case "look": {
          const { behind, negate } = node;
          if (behind && holdsConditions(node.item)) refuse("a look within a look behind");
          const code = codeOf(behind ? reversed(node.item) : node.item);
          return emit(kinds.condition, condition({ type: "look", behind, negate, code }), next);
        }
        default: {
          const { max, lazy } = node;
          const { item, min } = simplified(node.item, node.min, max, lazy);
          const fork = (way: number, out: number): number =>
            lazy ? emit(kinds.fork, out, way) : emit(kinds.fork, way, out);
          let after = next;
          if (max === Infinity) {
            if (canBeEmpty(item)) refuse("an endless repeat of what can be empty");
            const loop = emit(kinds.fork, 0, 0);
            const body = put(item, loop);
            first[loop] = lazy ? next : body;
            second[loop] = lazy ? body : next;
            after = loop;
          } else {
            for (let n = min; n < max; n++) after = fork(put(item, after), next);
          }
          for (let n = 0; n < min; n++) after = put(item, after);
          return after;
        }
      }
    };
    const start = put(root, 0);
    const size = kind.length;
    const order: number[] = [];
    const seen = new Uint8Array(size);
    // Depth first, by hand: chains of optional parts can be long.
    for (let root = 0; root < size; root++) {
      const stack = [root];
      while (stack.length > 0) {
        const at = stack.at(-1)!;
        if (seen[at] === 2) {
          stack.pop();
          continue;
        }
        const ways =
          kind[at] === kinds.fork ? [first[at]!, second[at]!] : kind[at] === kinds.condition ? [second[at]!] : [];
        const open = seen[at] === 0 ? ways.filter((way) => seen[way] === 0) : [];
        seen[at] = 1;
        if (open.length > 0) {
          stack.push(...open);
        } else {
          seen[at] = 2;
          order.push(at);
          stack.pop();
        }
      }
    }
    return {
      kind: Uint8Array.from(kind),
      first: Int32Array.from(first),
      second: Int32Array.from(second),
      start,
      order: Int32Array.from(order),
    };
  };
  const code = codeOf(tree);
  return { sets, conditions, code };
}
