/** Generations of an index, and the documents that are put into one and taken out. */
import { fail } from "../../errors.ts";
import { type IndexSettings, parseSettings, sameSettings } from "../settings.ts";
import { createWords, dropWords, wordTables } from "./schema-node.ts";
import type { Row, Sql, Value } from "./sqlite-node.ts";

export interface Generation {
  readonly id: number;
  readonly settings: IndexSettings;
  readonly serving: boolean;
  /** Counts the changes of what is searched. */
  readonly revision: number;
}

const read = (row: Row, where: string): Generation => ({
  id: row.id as number,
  settings: parseSettings(row.settings as string, where),
  serving: row.serving === 1,
  revision: row.revision as number,
});

export const generationsOf = (sql: Sql, where: string): Generation[] =>
  sql.all("select id, settings, serving, revision from generations order by id").map((row) => read(row, where));

/** The one that is searched. @throws not_found where nothing was built whole yet */
export function servingOf(sql: Sql, where: string): Generation {
  return (
    generationsOf(sql, where).find(({ serving }) => serving) ??
    fail("not_found", "holds no finished index yet", {
      where,
      hint: "zeroth index build goes on with one that was interrupted",
    })
  );
}

/** The generation of these settings, begun where there is none; half-built ones of other settings are given up. */
export function generationFor(sql: Sql, settings: IndexSettings, where: string): Generation {
  return sql.transaction(() => {
    const all = generationsOf(sql, where);
    const same = all.find((one) => sameSettings(one.settings, settings));
    for (const one of all) if (one !== same && !one.serving) remove(sql, one.id);
    if (same) {
      sql.run("update generations set settings = ? where id = ?", JSON.stringify(settings), same.id);
      return { ...same, settings };
    }
    const id = sql.run("insert into generations (settings) values (?)", JSON.stringify(settings));
    createWords(sql, id);
    return { id, settings, serving: false, revision: 0 };
  });
}

function remove(sql: Sql, id: number): void {
  dropWords(sql, id);
  sql.run("delete from generations where id = ?", id);
}

/** Make it the one that is searched. The vectors of models that no generation has any more go too. */
export function serve(sql: Sql, { id }: Generation, space: string | undefined): void {
  sql.transaction(() => {
    for (const { id: other } of sql.all("select id from generations where id != ?", id)) remove(sql, other as number);
    sql.run("update generations set serving = 1, revision = revision + 1 where id = ?", id);
    sql.run("delete from spaces where fingerprint != ?", space ?? "");
  });
}

/** @param key see `spaceKey` */
export function spaceOf(sql: Sql, key: string): number {
  // Processes that put documents into one index at the same time each ask for it first.
  sql.run("insert or ignore into spaces (fingerprint) values (?)", key);
  return sql.all("select id from spaces where fingerprint = ?", key)[0]!.id as number;
}

export interface StoredFile {
  readonly id: number;
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly modified: number;
  readonly hash: string;
}

export const filesIn = (sql: Sql, { id }: Generation): StoredFile[] =>
  sql.all("select id, path, name, size, modified, hash from files where generation = ?", id) as never;

export interface NewChunk {
  readonly start: number;
  readonly end: number;
  readonly heading: readonly string[];
  readonly page?: number | undefined;
  readonly terms: readonly string[];
  readonly hash: Uint8Array;
}

export interface NewDocument {
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly prefix: string;
  readonly text: string;
  readonly hash: string;
  readonly pages: number | undefined;
  readonly fields: object | undefined;
  readonly chunks: readonly NewChunk[];
}

/** Take a file's documents out; within a transaction. */
export function removeFile(sql: Sql, { id: generation }: Generation, file: number): void {
  const { terms } = wordTables(generation);
  sql.run(
    `delete from ${terms} where rowid in (select c.id from chunks c join documents d on d.id = c.document where d.file = ?)`,
    file,
  );
  sql.run("delete from files where id = ?", file);
}

/** Put a file with its documents in the place of what was there of it, all at once. */
export function putFile(
  sql: Sql,
  generation: Generation,
  { path, name, size, modified, hash }: Omit<StoredFile, "id">,
  documents: readonly NewDocument[],
): void {
  const { terms } = wordTables(generation.id);
  sql.transaction(() => {
    const before = sql.all("select id from files where generation = ? and path = ?", generation.id, path)[0];
    if (before) removeFile(sql, generation, before.id as number);
    const insert = "insert into files (generation, path, name, size, modified, hash) values (?, ?, ?, ?, ?, ?)";
    const file = sql.run(insert, generation.id, path, name, size, modified, hash);
    for (const document of documents) {
      const values: Value[] = [generation.id, file, document.name, document.kind, document.title, document.prefix];
      values.push(document.text, document.hash, document.pages ?? null);
      values.push(document.fields ? JSON.stringify(document.fields) : null, document.chunks.length);
      const taken = sql.all("select 1 from documents where generation = ? and name = ?", generation.id, document.name);
      if (taken.length > 0) fail("bad_input", "two documents have this name", { where: document.name });
      const id = sql.run(
        "insert into documents (generation, file, name, kind, title, prefix, text, hash, pages, fields, chunks) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ...values,
      );
      document.chunks.forEach(({ start, end, heading, page, terms: words, hash: own }, ordinal) => {
        const chunk = sql.run(
          "insert into chunks (generation, document, ordinal, start, stop, heading, page, terms, hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
          ...[generation.id, id, ordinal, start, end, JSON.stringify(heading), page ?? null, words.length, own],
        );
        sql.run(`insert into ${terms} (rowid, body) values (?, ?)`, chunk, words.join(" "));
      });
    }
    sql.run("update generations set revision = revision + 1 where id = ?", generation.id);
  });
}
