/** Functions every template has: Jinja's, and zip, which promptsource adds. */
import type { Budget } from "./budget.ts";
import { updateDict } from "./container-methods.ts";
import {
  Attributes,
  type CallArguments,
  Callable,
  Dict,
  Namespace,
  Once,
  type PyValue,
  Range,
  raise,
  Tuple,
} from "./objects.ts";
import { index, iterate, str } from "./python.ts";

type Function = (args: CallArguments, budget: Budget) => PyValue;

function range({ positional, keywords }: CallArguments): Range {
  if (keywords.size > 0) raise("range() takes no keyword arguments");
  if (positional.length < 1 || positional.length > 3) {
    raise(`range expected 1 to 3 arguments, got ${positional.length}`);
  }
  const numbers = positional.map((value) => index(value));
  const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, numbers[0]!] : numbers;
  if (step === 0) raise("range() arg 3 must not be zero");
  return new Range(start, stop, step);
}

function* zipped(inputs: readonly PyValue[], budget: Budget): Generator<PyValue> {
  const iterators = inputs.map((input) => iterate(input, budget));
  while (iterators.length > 0) {
    const row: PyValue[] = [];
    for (const iterator of iterators) {
      const { done, value } = iterator.next();
      if (done) return;
      row.push(value);
    }
    yield new Tuple(row);
  }
}

function cycler({ positional }: CallArguments): Attributes {
  if (positional.length === 0) raise("at least one item has to be provided");
  let place = 0;
  const next = new Callable("next", () => positional[place++ % positional.length]!);
  const reset = new Callable("reset", () => {
    place = 0;
    return null;
  });
  const members: Readonly<Record<string, () => PyValue>> = {
    next: () => next,
    reset: () => reset,
    current: () => positional[place % positional.length]!,
  };
  return new Attributes("Cycler", (name) => (Object.hasOwn(members, name) ? members[name]!() : undefined));
}

function joiner({ positional }: CallArguments, budget: Budget): Callable {
  const separator = positional.length === 0 ? ", " : str(positional[0]!, budget);
  let used = false;
  return new Callable("joiner", () => {
    if (used) return separator;
    used = true;
    return "";
  });
}

const functions: ReadonlyMap<string, Function> = new Map<string, Function>([
  ["range", range],
  ["zip", ({ positional }, budget) => new Once("zip", zipped([...positional], budget))],
  [
    "dict",
    (args, budget) => {
      const dict = new Dict();
      updateDict(dict, args, budget);
      return dict;
    },
  ],
  [
    "namespace",
    (args, budget) => {
      const dict = new Dict();
      updateDict(dict, args, budget);
      const made = new Namespace();
      for (const [key, value] of dict.entries.values()) made.values.set(str(key, budget), value);
      return made;
    },
  ],
  ["cycler", cycler],
  ["joiner", joiner],
]);

export const globalNames: ReadonlySet<string> = new Set(functions.keys());

export function globalNamed(name: string, budget: Budget): Callable | undefined {
  const run = functions.get(name);
  return run && new Callable(name, (args) => run(args, budget));
}
