/**
 * Files that users give and get. Their bytes lie in the database, in pieces, on SQLite as on PostgreSQL: servers that
 * share a database share the files with no shared disk, a file and its row come and go together, a copy of the
 * database is a copy of everything, and both databases run the same code. What it costs: they are read and written in
 * pieces of 64 KiB (a file of 512 MiB: 8,192 rows), and an SQLite file keeps its size when files go, to fill it again.
 */
import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import { fail } from "../errors.ts";
import { newId } from "./ids-node.ts";
import { type Page, type PageOptions, pageOf } from "./pages.ts";
import type { FileTable, State } from "./schema/tables.ts";

export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly purpose: string;
  readonly bytes: number;
  /** Of its content, in hexadecimal digits. */
  readonly sha256: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly expires: number | null;
}

/** What a file is for, which its sender may say behind its bytes. */
export interface FileAbout {
  readonly purpose: string;
  /** Seconds until it goes; it stays when absent. */
  readonly expiresAfter?: number | undefined;
}

export interface NewFile extends FileAbout {
  readonly filename: string;
  /** More bytes are refused. */
  readonly most: number;
  /** Nobody sees it, and it is swept like an upload that broke off, until {@link keepHidden} says what it is for. */
  readonly hidden?: boolean;
}

const pieceBytes = 64 << 10;
/** So many pieces are read or written at once. */
const together = 16;

const stored = (row: Selectable<FileTable>): StoredFile => ({
  id: row.id,
  filename: row.filename,
  purpose: row.purpose,
  bytes: row.bytes,
  sha256: row.sha256 ?? "",
  created: row.created_at,
  expires: row.expires_at,
});

/** Files of one owner that can be seen: whole, and not past their time. */
const visible = ({ db, now }: State, owner: string) =>
  db
    .selectFrom("file")
    .selectAll()
    .where("owner", "=", owner)
    .where("state", "=", "processed")
    .where((is) => is.or([is("expires_at", "is", null), is("expires_at", ">", now)]));

function noFile(id: string): never {
  fail("not_found", "there is no such file", { where: id.slice(0, 64), hint: "GET /v1/files lists yours" });
}

/** Bytes in pieces of one size, whatever the size of those that come. */
async function* pieces(content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const bytes of content) {
    rest = Buffer.concat([rest, bytes]);
    let at = 0;
    for (; rest.length - at >= pieceBytes; at += pieceBytes) yield rest.subarray(at, at + pieceBytes);
    rest = rest.subarray(at);
  }
  if (rest.length > 0) yield rest;
}

/**
 * Take a file in. Nobody sees it before its last byte is there; what ends halfway leaves nothing but rows that
 * {@link sweepFiles} takes away.
 * @param about what the file is for, asked when all its bytes are there
 * @throws too_long past `most` bytes; whatever the content ends with
 */
export async function createFile(
  state: State,
  owner: string,
  file: NewFile,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  about: () => FileAbout = () => file,
): Promise<StoredFile> {
  const { db, now } = state;
  const id = newId("file-");
  const { filename, most, hidden = false } = file;
  await db
    .insertInto("file")
    .values({
      id,
      owner,
      filename,
      purpose: file.purpose,
      bytes: 0,
      sha256: null,
      created_at: now,
      expires_at: null,
      state: "uploading",
    })
    .execute();
  try {
    const hash = createHash("sha256");
    let [bytes, at] = [0, 0];
    let waiting: Uint8Array[] = [];
    const write = async () => {
      if (waiting.length === 0) return;
      const rows = waiting.map((piece) => ({ file: id, at: at++, content: piece }));
      waiting = [];
      await db.insertInto("chunk").values(rows).execute();
    };
    for await (const piece of pieces(content)) {
      bytes += piece.length;
      if (bytes > most)
        fail("too_long", `more than ${most} bytes, which is the most a file may have`, { where: "file" });
      hash.update(piece);
      waiting.push(piece);
      if (waiting.length >= together) await write();
    }
    await write();
    const { purpose, expiresAfter } = about();
    return stored(
      await db
        .updateTable("file")
        .set(({ eb, ref }) => ({
          purpose,
          bytes,
          sha256: hash.digest("hex"),
          state: hidden ? ("uploading" as const) : ("processed" as const),
          expires_at: expiresAfter === undefined ? null : eb(ref("created_at"), "+", expiresAfter),
        }))
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
  } catch (cause) {
    // On a disk that takes nothing any more it stays until it is swept.
    await db
      .deleteFrom("file")
      .where("id", "=", id)
      .execute()
      .catch(() => undefined);
    throw cause;
  }
}

/** Keep a file that was made hidden, in the transaction in which something comes to need it. */
export async function keepHidden({ db }: Pick<State, "db">, id: string): Promise<void> {
  await db.updateTable("file").set({ state: "output" }).where("id", "=", id).where("state", "=", "uploading").execute();
}

/** @throws not_found, also for a file of somebody else's */
export async function getFile(state: State, owner: string, id: string): Promise<StoredFile> {
  return stored((await visible(state, owner).where("id", "=", id).executeTakeFirst()) ?? noFile(id));
}

/** @throws not_found for an `after` that is none of theirs */
export async function listFiles(
  state: State,
  owner: string,
  { purpose, ...page }: PageOptions & { readonly purpose?: string | undefined },
): Promise<Page<StoredFile>> {
  const all = visible(state, owner);
  const { data, more } = await pageOf(purpose === undefined ? all : all.where("purpose", "=", purpose), page);
  return { data: data.map(stored), more };
}

/** @throws not_found */
export async function deleteFile(state: State, owner: string, id: string): Promise<void> {
  const { id: known } = await getFile(state, owner, id);
  const { numDeletedRows } = await state.db.deleteFrom("file").where("id", "=", known).executeTakeFirst();
  // Of two who delete it at once, one did.
  if (numDeletedRows === 0n) noFile(id);
}

/** The pieces of a file in their order; they end early when it is deleted meanwhile. */
export async function* chunksOf({ db }: State, file: string): AsyncGenerator<Uint8Array> {
  for (let last = -1; ; ) {
    const rows = await db
      .selectFrom("chunk")
      .select(["at", "content"])
      .where("file", "=", file)
      .where("at", ">", last)
      .orderBy("at")
      .limit(together)
      .execute();
    for (const { content } of rows) yield content;
    if (rows.length < together) return;
    last = rows.at(-1)!.at;
  }
}

/**
 * A file's content.
 * @throws not_found, also when it is deleted while it is read
 */
export async function readFile(
  state: State,
  owner: string,
  id: string,
): Promise<{ readonly file: StoredFile; readonly content: AsyncGenerator<Uint8Array> }> {
  const file = await getFile(state, owner, id);
  async function* content(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const piece of chunksOf(state, file.id)) {
      bytes += piece.length;
      yield piece;
    }
    if (bytes < file.bytes) noFile(id);
  }
  return { file, content: content() };
}

/** Seconds after which an upload that has not ended never will. */
const abandoned = 6 * 3_600;

/** Take away what is past its time and what remained of uploads that broke off. */
export async function sweepFiles({ db, now }: State): Promise<void> {
  await db
    .deleteFrom("file")
    .where((is) =>
      is.or([
        is("expires_at", "<=", now),
        is.and([is("state", "=", "uploading"), is(is(now, "-", abandoned), ">", is.ref("created_at"))]),
      ]),
    )
    .execute();
}
