/**
 * The index file of a vector store on this machine. It is made of what the database has, and made anew where it lacks:
 * files are put in and taken out, each in a transaction.
 */

import { ZerothError } from "../../errors.ts";
import { usualChunk, usualOverlap } from "../../retrieve/chunks.ts";
import type { Embedder } from "../../retrieve/embedder-node.ts";
import { spaceKey } from "../../retrieve/settings.ts";
import {
  filesIn,
  type Generation,
  generationFor,
  putFile,
  removeFile,
  serve,
  spaceOf,
} from "../../retrieve/store/generations-node.ts";
import { openStoreFile } from "../../retrieve/store/schema-node.ts";
import type { Sql } from "../../retrieve/store/sqlite-node.ts";
import { type PreparedDocument, prepareFile } from "./prepare-node.ts";

/** A file as it is in the index: what it is called there, and what decides its chunks. */
export interface IndexedFile {
  readonly file: string;
  readonly print: string;
}

export interface IndexFile {
  files(): IndexedFile[];
  /** Documents of a file, with their texts. */
  texts(file: string): { readonly document: string; readonly text: string }[];
  /**
   * Put a file in, in the place of what was there of it.
   * @returns bytes of its texts and vectors
   * @throws as reading the document does
   */
  put(file: IndexedFile, path: string, how: PutOptions): Promise<number>;
  remove(file: string): void;
  close(): void;
}

export interface PutOptions {
  readonly chunk: number;
  readonly overlap: number;
  /** What documents without a title are called. */
  readonly filename: string;
  readonly embedder: Embedder | undefined;
}

/** Texts whose vectors are asked for and kept together. */
const together = 64;

/** @param embedder of the store's model; the file of another one is refused by who searches it */
export function openIndexFile(path: string, embedder: Embedder | undefined): IndexFile {
  const sql: Sql = openStoreFile(path, true);
  const settings = {
    ...(embedder && { model: embedder.settings }),
    ...{ chunk: usualChunk, overlap: usualOverlap, stemming: "none" as const },
  };
  const space = embedder && spaceKey(embedder.settings);
  let generation: Generation;
  try {
    generation = generationFor(sql, settings, path);
    if (!generation.serving) serve(sql, generation, space);
  } catch (cause) {
    sql.close();
    throw cause;
  }
  const idOf = (file: string) => filesIn(sql, generation).find((one) => one.path === file)?.id;

  async function embed(documents: readonly PreparedDocument[], model: Embedder): Promise<void> {
    const own = spaceOf(sql, space!);
    const known = (hash: Uint8Array) =>
      sql.all("select 1 from vectors where space = ? and hash = ?", own, hash).length > 0;
    let waiting = new Map<string, { readonly text: string; readonly hash: Uint8Array }>();
    const flush = async () => {
      const list = [...waiting.values()];
      waiting = new Map();
      if (list.length === 0) return;
      const vectors = await model.documents(list.map(({ text }) => text));
      sql.transaction(() => {
        for (const [i, { hash }] of list.entries()) {
          const vector = vectors[i]!;
          if (vector instanceof ZerothError) throw vector;
          const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
          sql.run("insert or ignore into vectors (space, hash, vector) values (?, ?, ?)", own, hash, bytes);
        }
      });
    };
    for (const { prefix, text, chunks } of documents) {
      for (const { start, end, hash } of chunks) {
        if (known(hash)) continue;
        waiting.set(Buffer.from(hash).toString("base64"), { text: prefix + text.slice(start, end), hash });
        if (waiting.size >= together) await flush();
      }
    }
    await flush();
  }

  return {
    files: () => filesIn(sql, generation).map(({ path: file, hash: print }) => ({ file, print })),
    texts(file) {
      const id = idOf(file);
      if (id === undefined) return [];
      return sql
        .all("select name, text from documents where file = ? order by id", id)
        .map(({ name, text }) => ({ document: name as string, text: text as string }));
    },
    async put({ file, print }, source, { chunk, overlap, filename, embedder: model }) {
      const how = { chunk, overlap, stemming: settings.stemming };
      const documents = await prepareFile(source, file, { how, filename, embedder: model });
      if (model) await embed(documents, model);
      const bytes = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
      const chunks = documents.reduce((sum, { chunks: own }) => sum + own.length, 0);
      putFile(sql, generation, { path: file, name: file, size: bytes, modified: 0, hash: print }, documents);
      return bytes + chunks * 4 * (model?.settings.width ?? 0);
    },
    remove(file) {
      const id = idOf(file);
      if (id === undefined) return;
      sql.transaction(() => {
        removeFile(sql, generation, id);
        sql.run("update generations set revision = revision + 1 where id = ?", generation.id);
      });
    },
    close: () => sql.close(),
  };
}
