/** Programs to which an adapter's numbers are given with every run: adapters that are alike share them. */
import type { NdArray } from "../../graph/array.ts";
import type { Compile } from "../../models/kinds/programs.ts";

export interface GivenPrograms {
  /** Compiles graphs whose parameters of these names are given. */
  readonly compile: Compile;
  /** From now on runs are given these. */
  give(values: ReadonlyMap<string, NdArray>): void;
}

export function givenPrograms(compile: Compile, names: ReadonlySet<string>): GivenPrograms {
  let values: ReadonlyMap<string, NdArray> = new Map();
  return {
    async compile(graph, options) {
      const program = await compile(graph, { ...options, trained: (name) => names.has(name) });
      const own = program.inputs.filter((name) => names.has(name));
      return {
        ...program,
        run: (feeds, more) =>
          program.run({ ...feeds, ...Object.fromEntries(own.map((name) => [name, values.get(name)!])) }, more),
      };
    },
    give(next) {
      values = next;
    },
  };
}
