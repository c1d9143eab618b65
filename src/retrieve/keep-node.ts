/** Looking after an index: whether it is whole, and what it takes. */
import { statSync } from "node:fs";
import { lockTimes, takeLock } from "../base/lock-node.ts";
import { fail } from "../errors.ts";
import { keepGraph } from "./dense/open-node.ts";
import { type IndexSettings, spaceKey } from "./settings.ts";
import { shortHash, textHash } from "./sources-node.ts";
import { servingOf } from "./store/generations-node.ts";
import { rowsOf } from "./store/read-node.ts";
import { openStoreFile, wordTables } from "./store/schema-node.ts";

export interface Checked {
  readonly documents: number;
  readonly chunks: number;
  readonly vectors: number;
  readonly settings: IndexSettings;
  /** What is wrong, a line each; none where it is whole. */
  readonly problems: readonly string[];
}

/** Most problems that are told. */
const most = 100;

/**
 * Look at everything: the file's own structure, every text against its hash, every chunk's place, its words and vector.
 * @throws not_found, corrupt_file, unsupported
 */
export function verifyIndex(store: string): Checked {
  const sql = openStoreFile(store, false);
  try {
    const problems: string[] = [];
    const wrong = (problem: string) => {
      if (problems.length < most) problems.push(problem);
    };
    for (const row of sql.all("pragma integrity_check")) {
      const [line] = Object.values(row);
      if (line !== "ok") wrong(`the file: ${line}`);
    }
    const { id, settings } = servingOf(sql, store);
    const { model } = settings;
    const { terms, places } = wordTables(id);
    const space = model ? (sql.all("select id from spaces where fingerprint = ?", spaceKey(model))[0]?.id ?? -1) : -1;
    let [documents, chunks, vectors] = [0, 0, 0];
    for (const { id: document } of sql.all("select id from documents where generation = ? order by id", id)) {
      const {
        name,
        text,
        hash,
        chunks: count,
        prefix,
      } = sql.all("select name, text, hash, chunks, prefix from documents where id = ?", document!)[0]!;
      documents++;
      if (textHash(text as string) !== hash) wrong(`${name}: its text is not what was stored`);
      const own = sql.all(
        `select c.ordinal, c.start, c.stop, c.hash, v.vector, (select count(*) from ${terms} t where t.rowid = c.id) as words
         from chunks c left join vectors v on v.space = ? and v.hash = c.hash where c.document = ? order by c.ordinal`,
        ...[space, document!],
      );
      if (own.length !== count) wrong(`${name}: ${own.length} chunks, ${count} were stored`);
      for (const { ordinal, start, stop, hash: chunkHash, vector, words } of own) {
        chunks++;
        const at = `${name}, chunk ${ordinal}`;
        const part = (text as string).slice(start as number, stop as number);
        if (part.length !== (stop as number) - (start as number)) wrong(`${at}: its place is outside of the text`);
        const wanted = shortHash((prefix as string) + part);
        if (!(chunkHash instanceof Uint8Array) || Buffer.compare(chunkHash, wanted) !== 0)
          wrong(`${at}: its text is not what was stored`);
        if (words !== 1) wrong(`${at}: its words are not indexed`);
        if (!model) continue;
        if (!(vector instanceof Uint8Array) || vector.length !== 4 * model.width)
          wrong(`${at}: has no vector of ${model.width} numbers`);
        else if (!new Float32Array(vector.buffer, vector.byteOffset, model.width).every(Number.isFinite))
          wrong(`${at}: its vector holds what is no number`);
        else vectors++;
      }
    }
    const stray = sql.all(
      `select count(distinct doc) as n from ${places} where doc not in (select id from chunks where generation = ?)`,
      id,
    )[0]!.n;
    if (stray !== 0) wrong(`${stray} chunks that are gone are still in the index of words`);
    return { documents, chunks, vectors, settings, problems };
  } finally {
    sql.close();
  }
}

/** Give back the room of what is gone, and make the graph of a large index. @throws storage_failed while another process writes */
export async function compactIndex(
  store: string,
  signal?: AbortSignal,
  o: {
    readonly many?: number | undefined;
    readonly progress?: ((done: number, total: number) => void) | undefined;
  } = {},
): Promise<{ readonly before: number; readonly after: number }> {
  const before = sizeOf(store);
  const lock = await takeLock(`${store}.lock`, { times: lockTimes, signal, done: () => false, wait: false });
  if (typeof lock === "string")
    return fail("storage_failed", "another process is writing to it", {
      where: store,
      hint: "wait until it has ended",
    });
  try {
    const sql = openStoreFile(store, false);
    try {
      const serving = servingOf(sql, store);
      const { id } = serving;
      sql.run("delete from vectors where hash not in (select hash from chunks)");
      const { terms } = wordTables(id);
      sql.run(`insert into ${terms} (${terms}) values ('optimize')`);
      sql.run("vacuum");
      sql.run("pragma wal_checkpoint(truncate)");
      await keepGraph(sql, serving, rowsOf(sql, serving), store, { ...o, signal });
    } finally {
      sql.close();
    }
  } finally {
    lock.release();
  }
  return { before, after: sizeOf(store) };
}

/** Bytes of an index's files. */
function sizeOf(store: string): number {
  return ["", "-wal"].reduce((sum, end) => sum + (statSync(store + end, { throwIfNoEntry: false })?.size ?? 0), 0);
}
