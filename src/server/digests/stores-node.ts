/** The stores of papers that lie in a server's folder: `NAME.db`, as `zeroth digest ingest --store` makes them. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "../../base/files-node.ts";
import { openStore } from "../../digest/store/store-node.ts";
import { fail, ZerothError } from "../../errors.ts";

export interface PaperStore {
  readonly id: string;
  readonly papers: number;
  /** Those with most papers first. */
  readonly categories: readonly { readonly name: string; readonly papers: number }[];
  /** The newest first. */
  readonly months: readonly { readonly month: string; readonly papers: number }[];
}

export interface PaperStores {
  names(): readonly string[];
  /** @throws not_found */
  pathOf(name: string): string;
  /** What is in them; a file that is no store of papers is left out. */
  list(): readonly PaperStore[];
}

const known = /^((?!\.)[\w.-]{1,100})\.db$/;

const count = (value: unknown): number => Number(value);

function look(id: string, path: string): PaperStore {
  const store = openStore(path);
  try {
    const rows = (query: string) => store.sql.all(query);
    const months = rows("select month, count(*) as n from paper group by month order by month desc");
    const categories = rows("select category, count(*) as n from listed group by category order by n desc, category");
    return {
      id,
      papers: months.reduce((sum, { n }) => sum + count(n), 0),
      categories: categories.map(({ category, n }) => ({ name: String(category), papers: count(n) })),
      months: months.map(({ month, n }) => ({ month: String(month), papers: count(n) })),
    };
  } finally {
    store.close();
  }
}

/** @param folder where they lie; it need not be there */
export function openPaperStores(folder: string): PaperStores {
  // Counting millions of papers takes a second: once for each state of a file.
  const looked = new Map<string, { readonly print: string; readonly store: PaperStore | undefined }>();
  const names = (): string[] =>
    namesIn(folder)
      .flatMap((file) => known.exec(file)?.[1] ?? [])
      .sort();
  const pathTo = (name: string): string => join(folder, `${name}.db`);
  return {
    names,
    pathOf: (name) =>
      names().includes(name)
        ? pathTo(name)
        : fail("not_found", "there is no such store of papers", {
            where: name.slice(0, 100),
            hint: "GET /v1/digests/stores lists them",
          }),
    list: () =>
      names().flatMap((name) => {
        const stat = statSync(pathTo(name), { throwIfNoEntry: false });
        const wal = statSync(`${pathTo(name)}-wal`, { throwIfNoEntry: false });
        const print = JSON.stringify([stat?.mtimeMs, stat?.size, wal?.mtimeMs, wal?.size]);
        if (looked.get(name)?.print !== print) {
          let store: PaperStore | undefined;
          try {
            store = look(name, pathTo(name));
          } catch (error) {
            if (!(error instanceof ZerothError)) throw error;
          }
          looked.set(name, { print, store });
        }
        return looked.get(name)!.store ?? [];
      }),
  };
}
