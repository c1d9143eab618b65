/**
 * The program that a running batch steps with: the plain network while no row has additions to its products, and one
 * that takes them as inputs where a row has. Both hold the weights repacked, so only one of them is open at a time.
 */
import type { NdArray } from "../../../graph/array.ts";
import type { Graph } from "../../../graph/graph.ts";
import type { Program } from "../../../runtime/program.ts";
import { createRowFeeds, type RowAdapter } from "../../adapters/rows.ts";
import type { Product } from "../../adapters/survey.ts";

/** Runs without additions after which the plain network takes over again: opening it takes about as long as they do. */
const patience = 256;

export interface RowProgram {
  readonly program: Program;
  /** What the rows' adapters add, by the names of inputs. */
  readonly more: Readonly<Record<string, NdArray>>;
}

interface Parts {
  /** The graph of rows with additions to these products; of none, the plain network's. */
  readonly graph: (paths: readonly string[]) => Graph;
  readonly compile: (graph: Graph) => Promise<Program>;
  readonly products: () => ReadonlyMap<string, Product>;
  /** Paths of the products that the graph has; all of those that adapters name by default. */
  readonly takes?: () => ReadonlySet<string>;
}

interface Open {
  readonly program: Promise<Program>;
  readonly paths: ReadonlySet<string>;
  readonly feeds: ReturnType<typeof createRowFeeds>;
}

export function createRowPrograms({ graph, compile, products, takes }: Parts) {
  let open: Open | undefined;
  let idle = 0;

  async function exchange(paths: readonly string[]): Promise<Open> {
    const before = open;
    open = undefined;
    // First the one, then the other: two copies of the weights may be more than there is room for.
    await (await before?.program.catch(() => undefined))?.[Symbol.asyncDispose]();
    const feeds = paths.length === 0 ? () => ({}) : createRowFeeds(paths, products());
    open = { program: compile(graph(paths)), paths: new Set(paths), feeds };
    return open;
  }

  return {
    /** For rows with these adapters. @throws as compiling does; the next rows are given another chance */
    async of(rows: readonly (RowAdapter | undefined)[]): Promise<RowProgram> {
      const named = rows.flatMap((row) => row?.paths ?? []);
      const asked = takes && named.length > 0 ? named.filter((path) => takes().has(path)) : named;
      idle = asked.length > 0 ? 0 : idle + 1;
      let own = open;
      if (asked.length === 0) {
        if (!own || (own.paths.size > 0 && idle > patience)) own = await exchange([]);
      } else if (!own || !asked.every((path) => own!.paths.has(path))) {
        own = await exchange([...new Set([...(own?.paths ?? []), ...asked])].sort());
      }
      try {
        return { program: await own.program, more: own.feeds(rows) };
      } catch (error) {
        if (open === own) open = undefined;
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await (await open?.program.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
