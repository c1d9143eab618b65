/**
 * The index's file: documents with their text, chunks, words and vectors. All of it belongs to a generation: what one
 * model and one way of cutting made. A new one is built beside the one that is searched, and takes its place when whole.
 */
import { isBlank, layOut } from "../../base/sql-node.ts";
import { fail } from "../../errors.ts";
import { openSql, type Sql } from "./sqlite-node.ts";

/** "zidx": what says that a database is one of these. */
const application = 0x7a696478;
const version = 1;

const tables = [
  "create table generations (id integer primary key, settings text not null, serving integer not null default 0, revision integer not null default 0)",
  "create table roots (path text primary key, given text not null)",
  `create table files (id integer primary key, generation integer not null references generations(id) on delete cascade,
    path text not null, name text not null, size integer not null, modified real not null, hash text not null,
    unique (generation, path))`,
  `create table documents (id integer primary key, generation integer not null references generations(id) on delete cascade,
    file integer not null references files(id) on delete cascade, name text not null, kind text not null, title text,
    prefix text not null, text text not null, hash text not null, pages integer, fields text, chunks integer not null,
    unique (generation, name))`,
  "create index documents_of on documents (file)",
  `create table chunks (id integer primary key, generation integer not null references generations(id) on delete cascade,
    document integer not null references documents(id) on delete cascade, ordinal integer not null,
    start integer not null, stop integer not null, heading text not null, page integer, terms integer not null,
    hash blob not null)`,
  "create index chunks_of on chunks (document)",
  "create index chunks_in on chunks (generation, id)",
  // The vectors of a model by the hash of the text that they are of: what did not change is not computed again.
  "create table spaces (id integer primary key, fingerprint text not null unique)",
  `create table vectors (id integer primary key, space integer not null references spaces(id) on delete cascade,
    hash blob not null, vector blob not null, unique (space, hash))`,
];

/** Names of the tables of words of a generation. Their rows are numbered as the chunks. */
export const wordTables = (generation: number) => ({ terms: `terms_${generation}`, places: `places_${generation}` });

/** The index of words, whose terms are ours: what is put in is split at spaces alone, and no text is kept twice. */
export function createWords(sql: Sql, generation: number): void {
  const { terms, places } = wordTables(generation);
  sql.run(`create virtual table ${terms} using fts5(body, content='', contentless_delete=1, tokenize='ascii')`);
  sql.run(`create virtual table ${places} using fts5vocab(${terms}, instance)`);
}

export function dropWords(sql: Sql, generation: number): void {
  const { terms, places } = wordTables(generation);
  sql.run(`drop table if exists ${places}`);
  sql.run(`drop table if exists ${terms}`);
}

const pragma = (sql: Sql, name: string): number => Number(Object.values(sql.all(`pragma ${name}`)[0] ?? {})[0] ?? 0);

/**
 * Open an index, with `create` also one that is not there.
 * @throws not_found; corrupt_file for another file; unsupported for an index of a later version; storage_failed
 */
export function openStoreFile(path: string, create: boolean): Sql {
  const sql = openSql(path, create);
  try {
    if (create) {
      layOut(sql, () => {
        for (const table of tables) sql.run(table);
        sql.run(`pragma application_id = ${application}`);
        sql.run(`pragma user_version = ${version}`);
      });
    }
    const [empty, mark] = [isBlank(sql), pragma(sql, "application_id")];
    // Whoever made the file was stopped before it wrote anything.
    if (empty && mark === 0) {
      fail("not_found", "holds no finished index yet", {
        where: path,
        hint: "zeroth index build goes on with one that was interrupted",
      });
    }
    if (mark !== application) fail("corrupt_file", "is a database of something else, not an index", { where: path });
    const found = pragma(sql, "user_version");
    if (found > version) {
      fail("unsupported", `is an index of version ${found}, this program knows ${version}`, {
        where: path,
        hint: "use the program that made it, or build it again under another name",
      });
    }
    return sql;
  } catch (cause) {
    sql.close();
    throw cause;
  }
}
