/**
 * The folder of adapters, kept as the database says: an adapter that any server has made is there on every server, and
 * one that was deleted is nowhere. Folders that a person has put there are left alone.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, namesIn } from "../../base/files-node.ts";
import { jsonLimits } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { ZerothError } from "../../errors.ts";
import { restoreFolder } from "../../state/folders-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { adapterModel, allAdapters, type StoredAdapter } from "../../state/tunings/adapters.ts";
import { startWork, type Work } from "../../state/work-loop.ts";

export const adaptersFolder = (home: string): string => join(home, "adapters");

/** Beside an adapter's files, where they are the database's: which of its files they are. */
const noteName = "fine_tuning.json";

/** The database's file that a folder holds; undefined for a folder of somebody's own. */
function fileIn(folder: string): string | undefined {
  const path = join(folder, noteName);
  if (!existsSync(path)) return undefined;
  try {
    return String(readJsonFile(path, jsonLimits.config).file);
  } catch (error) {
    if (error instanceof ZerothError) return "";
    throw error;
  }
}

/** An adapter in the folder, by the name that it is asked for by. */
export interface ServedAdapter {
  readonly id: string;
  /** The name of the model that it is over. */
  readonly model: string;
  readonly name: string;
  readonly path: string;
}

/** What has come to be served since the last time, and what is not any more. */
export interface AdapterChange {
  readonly added: readonly ServedAdapter[];
  readonly removed: readonly ServedAdapter[];
}

/** Bring the folder to what the database says; gives the adapters that are there. */
export async function syncAdapters(state: State, home: string): Promise<readonly ServedAdapter[]> {
  const all = adaptersFolder(home);
  const wanted = new Map<string, StoredAdapter>((await allAdapters(state)).map((row) => [row.name, row]));
  for (const name of namesIn(all)) {
    const path = join(all, name);
    const file = fileIn(path);
    if (file !== undefined && wanted.get(name)?.file !== file) await rm(path, { recursive: true, force: true });
  }
  const served: ServedAdapter[] = [];
  for (const [name, row] of wanted) {
    const path = join(all, name);
    const one = { id: adapterModel(row), model: row.model, name, path };
    if (fileIn(path) === row.file) served.push(one);
    if (existsSync(path)) continue;
    makeFolder(all);
    const note = { id: row.id, model: row.model, job: row.job, file: row.file };
    try {
      await restoreFolder(state, row.file, path, { [noteName]: `${JSON.stringify(note, null, 2)}\n` });
      served.push(one);
    } catch (error) {
      // It was deleted meanwhile.
      if (!(error instanceof ZerothError) || !["not_found", "corrupt_file"].includes(error.code)) throw error;
    }
  }
  return served;
}

/** Keep the folder until it is stopped. `changed` hears first of all that are there, then of what changes. */
export function keepAdapters(
  state: State,
  home: string,
  {
    look = 5,
    problem = () => undefined,
    changed = () => undefined,
  }: {
    readonly look?: number | undefined;
    readonly problem?: ((error: unknown) => void) | undefined;
    readonly changed?: ((change: AdapterChange) => void | Promise<void>) | undefined;
  } = {},
): Work {
  let known: ReadonlyMap<string, ServedAdapter> = new Map();
  return startWork(state, {
    ...{ most: 1, look, problem },
    async tend() {
      const now = new Map((await syncAdapters(state, home)).map((one) => [one.id, one]));
      const added = [...now.values()].filter(({ id }) => !known.has(id));
      const removed = [...known.values()].filter(({ id }) => !now.has(id));
      known = now;
      if (added.length + removed.length > 0) await changed({ added, removed });
    },
    take: async () => undefined,
  });
}
