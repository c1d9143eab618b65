/**
 * Small folders in the database, as one hidden file each: checkpoints and adapters. So servers that share a database
 * share these too, with no shared disk, and a folder is there whole or not at all. The file is a line of JSON that lists
 * names and sizes, then the bytes of each.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { filesBelow, makeFolder, needProgress, writeError } from "../base/files-node.ts";
import { fail } from "../errors.ts";
import { chunksOf, createFile } from "./files-node.ts";
import type { State } from "./schema/tables.ts";

/** A name in a folder, or in a folder of it; nothing that leads elsewhere. */
const plainName = /^(?!\.+(?:\/|$))[\w.-]{1,200}(?:\/(?!\.+$)[\w.-]{1,200})?$/;
/** Bytes of the line that lists the files. */
const mostHeader = 1 << 16;
/** Bytes of a folder. */
export const mostFolder = 2 ** 32;

interface Entry {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Store a folder's files; who needs it keeps it with `keepHidden`.
 * @param names files below it; all of them by default
 * @returns the hidden file's id
 * @throws too_long past {@link mostFolder} bytes
 */
export async function storeFolder(
  state: State,
  owner: string,
  { filename, purpose }: { readonly filename: string; readonly purpose: string },
  folder: string,
  names: readonly string[] = filesBelow(folder).map((path) => relative(folder, path).split(sep).join("/")),
): Promise<string> {
  const entries: Entry[] = [...names].sort().map((name) => ({ name, bytes: statSync(join(folder, name)).size }));
  for (const { name } of entries) {
    if (!plainName.test(name)) fail("bad_input", "a name that is not stored", { where: join(folder, name) });
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(`${JSON.stringify(entries)}\n`);
    for (const { name, bytes } of entries) {
      if (bytes > 0) yield* createReadStream(join(folder, name), { end: bytes - 1 });
    }
  }
  const about = { filename, purpose, most: mostFolder, hidden: true };
  return (await createFile(state, owner, about, content())).id;
}

/** Bytes as they come, taken in pieces of the size that is asked for. */
function readerOf(chunks: AsyncIterator<Uint8Array>) {
  let rest: Uint8Array = new Uint8Array(0);
  const more = async (): Promise<boolean> => {
    const { value, done } = await chunks.next();
    rest = value ?? new Uint8Array(0);
    return !done;
  };
  return {
    /** At most so many bytes; undefined at the end. */
    async some(most: number): Promise<Uint8Array | undefined> {
      while (rest.length === 0) if (!(await more())) return undefined;
      const piece = rest.subarray(0, most);
      rest = rest.subarray(piece.length);
      return piece;
    },
    async line(): Promise<string> {
      let text = "";
      while (text.length < mostHeader && (rest.length > 0 || (await more()))) {
        const end = rest.indexOf(10);
        text += new TextDecoder().decode(rest.subarray(0, end < 0 ? undefined : end));
        rest = end < 0 ? new Uint8Array(0) : rest.subarray(end + 1);
        if (end >= 0) return text;
      }
      return fail("corrupt_file", "a stored folder has no list of its files", { where: "the database" });
    },
  };
}

function entriesIn(line: string): readonly Entry[] {
  const broken = () =>
    fail("corrupt_file", "a stored folder's list of files cannot be read", { where: "the database" });
  let listed: unknown;
  try {
    listed = JSON.parse(line);
  } catch {
    return broken();
  }
  if (!Array.isArray(listed)) return broken();
  return listed.map((entry: Partial<Entry> | null): Entry => {
    const { name, bytes } = entry ?? {};
    if (typeof name !== "string" || !plainName.test(name) || !Number.isSafeInteger(bytes) || bytes! < 0)
      return broken();
    return { name, bytes: bytes! };
  });
}

/**
 * Write a stored folder's files to `folder`, which is there with all of them or not at all; what stood there goes.
 * @param more texts that lie beside them
 * @throws not_found where it was deleted, corrupt_file, or what the disk says
 */
export async function restoreFolder(
  state: State,
  file: string,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const draft = `${folder}.${randomBytes(4).toString("hex")}.partial`;
  try {
    makeFolder(draft);
    const reader = readerOf(chunksOf(state, file));
    for (const { name, bytes } of entriesIn(await reader.line())) {
      const path = join(draft, name);
      makeFolder(join(path, ".."));
      const handle = await open(path, "wx");
      try {
        for (let left = bytes; left > 0; ) {
          const piece = await reader.some(left);
          if (piece === undefined) {
            return fail("not_found", "a stored folder was deleted while it was read", { where: "the database" });
          }
          for (let done = 0; done < piece.length; ) {
            done += needProgress((await handle.write(piece, done)).bytesWritten, path);
          }
          left -= piece.length;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    for (const [name, text] of Object.entries(more)) await writeFile(join(draft, name), text);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } catch (cause) {
    throw writeError(cause, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
