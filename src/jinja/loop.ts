/** The `loop` variable: where a loop stands, looking ahead only when it is asked to. */
import type { Budget } from "./budget.ts";
import { Attributes, type CallArguments, Callable, Once, type PyValue, Undefined } from "./objects.ts";
import { equals, size } from "./python.ts";

export interface Loop {
  /** Step to the next item; undefined when there is none. */
  next(): PyValue | undefined;
  /** What templates see as `loop`. */
  readonly object: Attributes;
}

interface LoopOptions {
  /** How many items there will be, where it can be told without going through them. */
  readonly sized: PyValue | undefined;
  readonly depth: number;
  /** `loop(items)` in a recursive loop. */
  readonly again: ((args: CallArguments) => PyValue) | undefined;
  readonly budget: Budget;
}

export function createLoop(items: Iterator<PyValue>, { sized, depth, again, budget }: LoopOptions): Loop {
  const ahead: PyValue[] = [];
  let place = -1;
  let current: PyValue | undefined;
  let before: PyValue | undefined;
  let changed: readonly PyValue[] | undefined;
  let total: number | undefined;
  const fetch = (): boolean => {
    const { done, value } = items.next();
    if (!done) ahead.push(value);
    return !done;
  };
  const peek = (): PyValue | undefined => (ahead.length > 0 || fetch() ? ahead[0] : undefined);
  const length = (): number => {
    if (total !== undefined) return total;
    if (sized !== undefined && !(sized instanceof Once)) total = size(sized);
    else {
      while (fetch());
      total = place + 1 + ahead.length;
    }
    return total;
  };
  const none = (what: string) => new Undefined(`there is no ${what} item`);
  const cycle = new Callable("cycle", ({ positional }) =>
    positional.length === 0 ? new Undefined("no items for cycling given") : positional[place % positional.length]!,
  );
  const change = new Callable("changed", ({ positional }) => {
    const same =
      changed !== undefined &&
      changed.length === positional.length &&
      changed.every((value, i) => equals(value, positional[i]!, budget));
    changed = positional;
    return !same;
  });
  const attributes: Readonly<Record<string, () => PyValue>> = {
    index: () => place + 1,
    index0: () => place,
    revindex: () => length() - place,
    revindex0: () => length() - place - 1,
    first: () => place === 0,
    last: () => peek() === undefined,
    length,
    depth: () => depth + 1,
    depth0: () => depth,
    previtem: () => (place === 0 || before === undefined ? none("previous") : before),
    nextitem: () => {
      const next = peek();
      return next === undefined ? none("next") : next;
    },
    cycle: () => cycle,
    changed: () => change,
  };
  return {
    next() {
      const next = peek();
      if (next === undefined) return undefined;
      ahead.shift();
      place++;
      before = current;
      current = next;
      return next;
    },
    object: new Attributes(
      "LoopContext",
      (name) => (Object.hasOwn(attributes, name) ? attributes[name]!() : undefined),
      again,
    ),
  };
}
