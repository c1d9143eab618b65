/** How a method is written down: its name, its parameters, what it does. */
import { bind, type Parameters } from "./arguments.ts";
import type { Budget } from "./budget.ts";
import type { CallArguments, PyValue } from "./objects.ts";

/** `self` is what the method is called on. */
export type Method<T> = (self: T, args: CallArguments, budget: Budget) => PyValue;

/** A method with named parameters. */
export function method<T, const P extends Parameters>(
  name: string,
  parameters: P,
  run: (self: T, bound: { readonly [K in keyof P]: PyValue }, budget: Budget) => PyValue,
): readonly [string, Method<T>] {
  return [name, (self, args, budget) => run(self, bind(`${name}()`, parameters, args), budget)];
}
