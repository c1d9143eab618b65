/** The server's database, opened: SQLite in a file of one's own, PostgreSQL where DATABASE_URL names one. */
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../errors.ts";
import { migrate } from "./schema/migrations.ts";
import type { State } from "./schema/tables.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The folder of what the program keeps for a person: the database in a file, adapters, trainings under way. Without
 * ZEROTH_HOME it is not beside the caches, which people empty, but with the data that programs keep for them.
 */
export function homeFolder(env: Environment): string {
  const data = env.XDG_DATA_HOME || join(homedir(), ".local", "share");
  return env.ZEROTH_HOME || join(data, "zeroth");
}

/**
 * Where the database lies: an address of PostgreSQL, or a file in {@link homeFolder}.
 * @throws bad_input for an address of another kind
 */
export function statePlace(env: Environment): { readonly url: string } | { readonly path: string } {
  const url = env.DATABASE_URL;
  if (url) {
    if (/^postgres(ql)?:\/\//.test(url)) return { url };
    fail("bad_input", "is not an address that begins with postgres://", {
      where: "DATABASE_URL",
      hint: "postgres://user:password@host/name; without it, an SQLite file is used",
    });
  }
  return { path: join(homeFolder(env), "zeroth.db") };
}

/**
 * Open the database that the environment names, with its tables as this version needs them.
 * @throws bad_input, corrupt_file, storage_failed, unsupported
 */
export async function openState(env: Environment): Promise<State> {
  const place = statePlace(env);
  const state =
    "url" in place
      ? await (await import("./postgres-node.ts")).openPostgres(place.url)
      : await (await import("./sqlite-node.ts")).openSqlite(place.path);
  try {
    await migrate(state);
  } catch (cause) {
    await state.close();
    throw cause;
  }
  return state;
}
