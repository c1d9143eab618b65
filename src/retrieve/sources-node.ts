/** What a person points an index at: files and folders, as files with names, and the documents that each of them holds. */
import { createHash } from "node:crypto";
import { lstatSync, realpathSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { namesIn } from "../base/files-node.ts";
import { type InputRow, openInput } from "../data/cli-rows-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { DocumentText } from "../media/documents/document.ts";
import { plainDocument } from "../media/documents/plain.ts";
import { isDocument } from "../media/documents/read.ts";
import { readDocument } from "../media/documents/read-node.ts";

export interface Root {
  /** As it was given, which documents are called by. */
  readonly given: string;
  /** Absolute. */
  readonly path: string;
}

export interface SourceFile {
  readonly path: string;
  /** The root as it was given, and the way from there, with / between folders. */
  readonly name: string;
}

export interface SourceDocument {
  readonly name: string;
  readonly document: DocumentText;
  /** Put before each of its chunks where words and vectors are made: a row's title. */
  readonly prefix: string;
  /** Other columns of its row, for filters. */
  readonly fields?: InputRow | undefined;
}

const rowFile = /\.(jsonl|ndjson|csv|tsv)(\.gz)?$|\.parquet$/i;

export const isSource = (path: string): boolean => isDocument(path) || rowFile.test(path);

const slashed = (path: string): string => path.replaceAll("\\", "/");

/** @throws not_found */
export function rootOf(given: string): Root {
  const path = resolve(given);
  if (!statSync(path, { throwIfNoEntry: false })) fail("not_found", "no such file or folder", { where: given });
  return {
    given: slashed(given)
      .replace(/^\.\/(?=.)/, "")
      .replace(/(?<=.)\/+$/, ""),
    path,
  };
}

export interface Found {
  readonly files: readonly SourceFile[];
  /** Files of other kinds, by their extensions. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** What is below a folder and nobody's notes. */
const unread = new Set(["node_modules", "__pycache__"]);

/**
 * The files of a root, in the order of their names; links to folders are not followed, names that begin with a dot are
 * not read. A file that was named itself is one whatever it is called.
 */
export function filesOf(root: Root): Found {
  const files: SourceFile[] = [];
  const skipped = new Map<string, number>();
  const visit = (path: string, name: string) => {
    for (const entry of namesIn(path)) {
      if (entry.startsWith(".") || unread.has(entry)) continue;
      const [inner, called] = [join(path, entry), name === "." ? entry : `${name === "/" ? "" : name}/${entry}`];
      const stat = lstatSync(inner, { throwIfNoEntry: false });
      if (stat?.isDirectory()) visit(inner, called);
      else if (isSource(entry) && statSync(inner, { throwIfNoEntry: false })?.isFile())
        files.push({ path: inner, name: called });
      else if (stat) {
        const kind = /\.[^.]+$/.exec(entry)?.[0].toLowerCase() ?? "no extension";
        skipped.set(kind, (skipped.get(kind) ?? 0) + 1);
      }
    }
  };
  const stat = statSync(root.path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) visit(realpathSync(root.path), root.given);
  else if (stat) files.push({ path: root.path, name: root.given });
  return { files, skipped };
}

const idOf = (row: InputRow): string | undefined => {
  const id = row._id ?? row.id ?? row.docid;
  return typeof id === "string" || typeof id === "number" ? String(id) : undefined;
};

/** Columns that are the document itself. */
const own = new Set(["_id", "id", "docid", "title", "text", "document_text", "contents"]);

async function* rowsOf({ path, name }: SourceFile, signal: AbortSignal | undefined): AsyncGenerator<SourceDocument> {
  let number = 0;
  const seen = new Set<string>();
  for await (const row of await openInput(path, { signal })) {
    number++;
    if (row instanceof ZerothError) throw row;
    const where = `${name}, row ${number}`;
    const text = row.text ?? row.document_text ?? row.contents;
    if (typeof text !== "string") {
      fail("bad_input", 'has no "text"', { where, hint: `it has ${Object.keys(row).join(", ") || "no columns"}` });
    }
    const id = idOf(row) ?? String(number);
    if (seen.has(id)) fail("bad_input", `the id "${id}" is there twice`, { where });
    seen.add(id);
    const title = typeof row.title === "string" ? row.title : undefined;
    const fields = Object.fromEntries(Object.entries(row).filter(([key]) => !own.has(key)));
    yield {
      name: `${name}#${id}`,
      document: { ...plainDocument(text), title },
      prefix: title ? `${title} ` : "",
      ...(Object.keys(fields).length > 0 && { fields }),
    };
  }
}

/**
 * The documents of a file: one, or one a row of a file of rows, each with a `text`, and perhaps `_id` and `title`.
 * @throws not_found, corrupt_file, bad_input naming the file, and the row
 */
export async function* documentsOf(file: SourceFile, signal?: AbortSignal): AsyncGenerator<SourceDocument> {
  if (rowFile.test(file.path)) {
    yield* rowsOf(file, signal);
    return;
  }
  yield { name: file.name, document: await readDocument(file.path, file.name, { signal }), prefix: "" };
}

export const textHash = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** Half of a hash is more than enough for texts of one index. */
export const shortHash = (text: string): Uint8Array =>
  createHash("sha256").update(text, "utf8").digest().subarray(0, 16);

export const titleOf = ({ name, document }: SourceDocument): string => document.title ?? basename(name);
