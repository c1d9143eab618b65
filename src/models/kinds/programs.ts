/** Programs of a model, compiled when first needed: scoring never opens the step graph, generation never the scoring one. */
import type { NdArray } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Program } from "../../runtime/program.ts";

/**
 * Compiles a graph over the model's weights; the caller chooses device, threads and host. Parameters that `trained` names
 * are inputs of the program.
 */
export type Compile = (
  graph: Graph,
  options?: { readonly prepack?: boolean; readonly trained?: (name: string) => boolean },
) => Promise<Program>;

export interface Lazy<T> {
  get(): Promise<T>;
  made(): Promise<T> | undefined;
}

export function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let value: Promise<T> | undefined;
  return {
    get() {
      value ??= make();
      return value;
    },
    made: () => value,
  };
}

/** Made when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Close every program that was opened; one that failed to open has said so to whoever asked for it. */
export async function disposeAll(programs: readonly Lazy<AsyncDisposable | undefined>[]): Promise<void> {
  for (const { made } of programs) await (await made()?.catch(() => undefined))?.[Symbol.asyncDispose]();
}

/** Programs by what their graphs are like, at most so many: the one that was asked for longest ago is closed first. */
export function programsBy(most: number) {
  const opened = new Map<string, Promise<Program>>();
  const close = async (program: Promise<Program>) => (await program.catch(() => undefined))?.[Symbol.asyncDispose]();
  return {
    async of(key: string, make: () => Promise<Program>): Promise<Program> {
      const program = opened.get(key) ?? make();
      opened.delete(key);
      opened.set(key, program);
      const [oldest] = opened;
      if (opened.size > most && oldest) {
        opened.delete(oldest[0]);
        await close(oldest[1]);
      }
      try {
        return await program;
      } catch (error) {
        opened.delete(key);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      for (const program of opened.values()) await close(program);
    },
  };
}

/** Steps that a single row takes before repacked weights are worth opening. */
const patience = 48;

/**
 * The program of a decoding. Weights as they lie in the file open at once and do well for one row; repacked ones are
 * faster, from two rows on by more than two times (T5-base, 8 rows: 37 instead of 125 ms a step), but take 0.8 ms per
 * MB to open. So a single row starts with the first kind, and once it has taken about as long as repacking would have,
 * the next one has the second: never more than twice the time of the better choice.
 */
export function stepPrograms(narrow: Lazy<Program>, wide: Lazy<Program>, packed: boolean) {
  let steps = 0;
  /** Ask once a decoding; the result once a step. */
  return (rows: number): (() => Promise<Program>) => {
    const single = !packed && rows === 1 && steps < patience;
    return () => {
      if (single) steps++;
      return (single ? narrow : wide).get();
    };
  };
}

const namesOfInputs = new WeakMap<readonly string[], ReadonlySet<string>>();

/** The feeds that a program asks for: a family with relative positions does not ask for absolute ones. */
export function wanted(
  { inputs }: Pick<Program, "inputs">,
  feeds: Readonly<Record<string, NdArray>>,
): Record<string, NdArray> {
  const names = namesOfInputs.get(inputs) ?? new Set(inputs);
  namesOfInputs.set(inputs, names);
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)));
}
