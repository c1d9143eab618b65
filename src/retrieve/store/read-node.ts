/** What is searched of an index, read from its file: chunks by their rows, words, vectors. */
import { isJsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { laidOut, type Metric } from "../dense/exact.ts";
import type { Field } from "../filter.ts";
import type { Lexicon } from "../lexical/bm25.ts";
import { spaceKey } from "../settings.ts";
import type { Generation } from "./generations-node.ts";
import { wordTables } from "./schema-node.ts";
import type { Sql, Value } from "./sqlite-node.ts";

/** The chunks of a generation in the order of their numbers; rows count from 0. */
export interface Rows {
  readonly ids: readonly number[];
  readonly lengths: readonly number[];
  rowOf(chunk: number): number;
}

export function rowsOf(sql: Sql, { id }: Generation): Rows {
  const all = sql.all("select id, terms from chunks where generation = ? order by id", id);
  const ids = all.map((row) => row.id as number);
  const places = new Map(ids.map((chunk, row) => [chunk, row]));
  return { ids, lengths: all.map(({ terms }) => terms as number), rowOf: (chunk) => places.get(chunk) ?? -1 };
}

export function storedLexicon(sql: Sql, { id }: Generation, rows: Rows): Lexicon {
  const { places } = wordTables(id);
  return {
    lengths: rows.lengths,
    postings(term) {
      const found = sql.all(`select doc, count(*) as n from ${places} where term = ? group by doc order by doc`, term);
      const known = found
        .map(({ doc, n }) => [rows.rowOf(doc as number), n as number] as const)
        .filter(([row]) => row >= 0);
      return { texts: known.map(([row]) => row), counts: known.map(([, count]) => count) };
    },
  };
}

/** Rows of one question to the database. */
const page = 4096;

/** Every vector of a generation, laid out by rows. @throws corrupt_file for a chunk without a vector that fits */
export function storedMatrix(sql: Sql, { id, settings }: Generation, rows: Rows, where: string): Float32Array {
  const { model } = settings;
  if (!model) return fail("wrong_use", "the index has no vectors", { where });
  const { width } = model;
  const values = new Float32Array(rows.ids.length * width);
  const space = sql.all("select id from spaces where fingerprint = ?", spaceKey(model))[0]?.id ?? -1;
  let row = 0;
  for (let last = -1; ; ) {
    const found = sql.all(
      `select c.id, v.vector from chunks c left join vectors v on v.space = ? and v.hash = c.hash
       where c.generation = ? and c.id > ? order by c.id limit ${page}`,
      ...[space, id, last],
    );
    if (found.length === 0) break;
    for (const { id: chunk, vector } of found) {
      if (!(vector instanceof Uint8Array) || vector.length !== 4 * width) {
        fail(
          "corrupt_file",
          `chunk ${chunk} has ${vector instanceof Uint8Array ? "a vector of another width" : "no vector"}`,
          {
            where,
            hint: "zeroth index update computes what is missing",
          },
        );
      }
      const own = new Float32Array(vector.buffer, vector.byteOffset, width);
      values.set(laidOut(own, model.metric as Metric), row * width);
      row++;
      last = chunk as number;
    }
  }
  return values;
}

export interface StoredChunk {
  readonly id: number;
  readonly document: string;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly heading: readonly string[];
  readonly page: number | undefined;
  readonly prefix: string;
  readonly title: string;
  readonly kind: string;
  /** Hash of the document's stored text, which the places are of. */
  readonly hash: string;
}

const chunkColumns = `c.id, c.ordinal, c.start, c.stop, c.heading, c.page, d.id as document_id, d.name, d.prefix, d.title, d.kind, d.hash`;

function chunkOf(row: Readonly<Record<string, unknown>>): StoredChunk {
  return {
    id: row.id as number,
    document: row.name as string,
    ordinal: row.ordinal as number,
    start: row.start as number,
    end: row.stop as number,
    heading: JSON.parse(row.heading as string) as string[],
    page: (row.page as number | null) ?? undefined,
    prefix: row.prefix as string,
    title: row.title as string,
    kind: row.kind as string,
    hash: row.hash as string,
  };
}

/** A chunk with its text. @throws not_found */
export function readChunk(sql: Sql, id: number, where: string): StoredChunk & { readonly text: string } {
  const row = sql.all(
    `select ${chunkColumns}, d.text from chunks c join documents d on d.id = c.document where c.id = ?`,
    id,
  )[0];
  if (!row) return fail("not_found", `chunk ${id} is not there any more`, { where });
  const chunk = chunkOf(row);
  return { ...chunk, text: (row.text as string).slice(chunk.start, chunk.end) };
}

/** The stored text of a document. @throws not_found */
export function documentText(sql: Sql, { id }: Generation, name: string, where: string): string {
  const row = sql.all("select text from documents where generation = ? and name = ?", id, name)[0];
  if (row) return row.text as string;
  const count = sql.all("select count(*) as n from documents where generation = ?", id)[0]!.n;
  return fail("not_found", `there is no document "${name}"`, {
    where,
    hint: `it holds ${count}; zeroth search names them`,
  });
}

/** Fields of every chunk by its row, for filters. */
export function fieldsOf(sql: Sql, { id }: Generation): (row: number, name: string) => Field {
  const chunks = sql.all("select document, heading, page from chunks where generation = ? order by id", id);
  const documents = new Map(
    sql
      .all(
        `select d.id, d.name, d.title, d.kind, d.fields, f.modified from documents d join files f on f.id = d.file where d.generation = ?`,
        id,
      )
      .map((row) => [row.id!, row]),
  );
  const parsed = new Map<Value, unknown>();
  const columnsOf = (id: Value, text: Value | undefined): unknown => {
    if (!parsed.has(id)) parsed.set(id, JSON.parse((text as string | null) ?? "{}"));
    return parsed.get(id);
  };
  return (row, name) => {
    const chunk = chunks[row]!;
    const document = documents.get(chunk.document!)!;
    switch (name) {
      case "path":
      case "document":
        return document.name as string;
      case "title":
      case "kind":
      case "modified":
        return document[name] as Field;
      case "heading":
        return (JSON.parse(chunk.heading as string) as string[]).join(" > ");
      case "page":
        return chunk.page as Field;
      default: {
        const columns = columnsOf(document.id!, document.fields);
        const value = isJsonObject(columns) && Object.hasOwn(columns, name) ? columns[name] : undefined;
        return ["string", "number", "boolean"].includes(typeof value) ? (value as Field) : undefined;
      }
    }
  };
}
