/** A run that lies in memory, and is written row by row to wherever somebody keeps it: a database, a browser. */
import { fail } from "../../errors.ts";
import type { Book } from "../book/book.ts";
import type { Made } from "../writers/ask.ts";
import {
  type BookPlaces,
  begunOf,
  type JournalLine,
  linesOfTree,
  placesOf,
  type RunFile,
  type RunStore,
  sealed,
  treeHash,
  unsealed,
} from "./record.ts";

/**
 * What is kept: `run` is there once, an `object` once for each name, which is its key; a `line` is added, and its place
 * among the others is kept. `data` is JSON.
 */
export interface RunRow {
  readonly kind: "run" | "object" | "line";
  readonly name: string;
  readonly data: string;
}

export interface MemoryOptions {
  /** How messages name the run. */
  readonly where: string;
  /** What is kept already, lines in their order. */
  readonly rows: Iterable<RunRow>;
  /** Resolves when the row is kept. */
  readonly write: (row: RunRow) => Promise<void>;
}

export function memoryStore({ where, rows, write }: MemoryOptions): RunStore {
  let begun: { readonly run: RunFile; readonly places: BookPlaces; readonly text: string } | undefined;
  const objects = new Map<string, string>();
  const lines: JournalLine[] = [];
  const take = ({ kind, name, data }: RunRow) => {
    if (kind === "run") begun = JSON.parse(data);
    else if (kind === "object") objects.set(name, data);
    else lines.push(JSON.parse(data));
  };
  for (const row of rows) take(row);
  const put = async (row: RunRow) => {
    await write(row);
    take(row);
  };
  const note = (line: JournalLine) => put({ kind: "line", name: "", data: JSON.stringify(line) });
  return {
    where,
    has: () => begun !== undefined,
    read() {
      if (!begun) return fail("not_found", "there is no run", { where });
      const { run, places, text } = begun;
      return { ...begunOf(run, places, text, where), lines: linesOfTree(lines, run.nodes).lines, warnings: [] };
    },
    object(key, damaged) {
      const stored = objects.get(key);
      if (stored === undefined) return undefined;
      const made = unsealed(JSON.parse(stored));
      if (!made) damaged(`the answer ${key}`);
      return made;
    },
    keep: (key: string, made: Made) => put({ kind: "object", name: key, data: sealed(made) }),
    note,
    async begin({ nodes }) {
      if (!linesOfTree(lines, nodes).current) await note({ tree: treeHash(nodes) });
    },
    write: (run: RunFile, book: Book) =>
      put({ kind: "run", name: "", data: JSON.stringify({ run, places: placesOf(book), text: book.text }) }),
  };
}
