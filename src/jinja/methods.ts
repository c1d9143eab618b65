/** The methods of a value, by its type. */
import { Float } from "../data/values.ts";
import type { Budget } from "./budget.ts";
import { changing, dictMethods, listMethods, tupleMethods } from "./container-methods.ts";
import { type Method, method } from "./method.ts";
import { Callable, Dict, isFloat, List, type PyValue, Tuple, Undefined } from "./objects.ts";
import { textMethods } from "./text-methods.ts";

const floatMethods = new Map<string, Method<number | Float>>([
  method("is_integer", {}, (self) => self instanceof Float),
]);

/** Jinja's answer to what would change a list or a dictionary: nothing is there, and calling it says why. */
function forbidden(value: PyValue, name: string): Undefined | undefined {
  const type = value instanceof List ? "list" : value instanceof Dict ? "dict" : undefined;
  if (!type || !changing[type].has(name)) return undefined;
  return new Undefined(`access to attribute '${name}' of '${type}' object is unsafe.`);
}

/** A method of a value, bound to it; undefined when its type has none of that name. */
export function methodOf(value: PyValue, name: string, budget: Budget): Callable | Undefined | undefined {
  const closed = budget.rules.immutable ? forbidden(value, name) : undefined;
  if (closed) return closed;
  const bound = <T>(methods: ReadonlyMap<string, Method<T>>, self: T): Callable | undefined => {
    const run = methods.get(name);
    return (
      run &&
      new Callable(name, (args) => {
        // Most methods look at the whole text.
        if (typeof self === "string") budget.text(self.length);
        return run(self, args, budget);
      })
    );
  };
  if (typeof value === "string") return bound(textMethods, value);
  if (value instanceof List) return bound(listMethods, value);
  if (value instanceof Tuple) return bound(tupleMethods, value);
  if (value instanceof Dict) return bound(dictMethods, value);
  return isFloat(value) ? bound(floatMethods, value) : undefined;
}
