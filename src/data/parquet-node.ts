/**
 * Parquet by row number, a row group at a time. Groups that were read are kept while they fit into a cache that all
 * files of a mixture share; its size bounds the memory, since a group is the least that can be read.
 */
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import type { Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { fail } from "../errors.ts";
import type { RowData } from "./rows.ts";
import { float, int, type Row, rowFromObject, type Value } from "./values.ts";

/** Least recently used first; a group that is larger than the cache is kept alone. */
export interface GroupCache {
  get(key: string, bytes: number, read: () => Promise<readonly object[]>): Promise<readonly object[]>;
}

/** @param limit bytes of uncompressed groups */
export function createGroupCache(limit = 256 << 20): GroupCache {
  const held = new Map<string, { bytes: number; rows: Promise<readonly object[]> }>();
  let sum = 0;
  return {
    get(key, bytes, read) {
      const found = held.get(key);
      if (found) {
        held.delete(key);
        held.set(key, found);
        return found.rows;
      }
      for (const [oldest, { bytes: freed }] of held) {
        if (sum + bytes <= limit) break;
        held.delete(oldest);
        sum -= freed;
      }
      const rows = read();
      held.set(key, { bytes, rows });
      sum += bytes;
      return rows;
    },
  };
}

const time = (date: Date) =>
  date
    .toISOString()
    .replace("T", " ")
    .replace(/(\.000)?Z$/, "");

type Convert = (value: unknown) => Value;

function leaf({ element }: SchemaTree): Convert {
  const { type, converted_type: kind, logical_type: logical } = element;
  const isFloat =
    type === "FLOAT" ||
    type === "DOUBLE" ||
    kind === "DECIMAL" ||
    logical?.type === "FLOAT16" ||
    logical?.type === "DECIMAL";
  const isDay = kind === "DATE" || logical?.type === "DATE";
  return (value) => {
    if (typeof value === "number") return isFloat ? float(value) : value;
    if (typeof value === "bigint") return int(value);
    if (value instanceof Date) return isDay ? time(value).slice(0, 10) : time(value);
    // Pictures and sounds have no place in a prompt; they are there as text, so that the other columns can be read.
    if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
    if (typeof value === "object" && value !== null) return rowFromObject(value as Record<string, unknown>);
    return (value ?? null) as Value;
  };
}

/** How the values of a column become ours: the file's schema knows which numbers are floats. */
function converter(tree: SchemaTree, inside = false): Convert {
  const { element, children } = tree;
  if (element.repetition_type === "REPEATED" && !inside) {
    const each = converter(tree, true);
    return (value) => (Array.isArray(value) ? value.map(each) : null);
  }
  if (children.length === 0) return leaf(tree);
  const kind = element.converted_type ?? element.logical_type?.type;
  if (kind === "LIST") {
    const [inner] = children as [SchemaTree];
    const each = inner.children.length === 1 ? converter(inner.children[0]!) : converter(inner, true);
    return (value) => (Array.isArray(value) ? value.map(each) : null);
  }
  const entries = (of: (name: string) => Convert): Convert => {
    return (value) =>
      typeof value === "object" && value !== null
        ? new Map(Object.entries(value).map(([name, one]) => [name, of(name)(one)]))
        : null;
  };
  if (kind === "MAP" || kind === "MAP_KEY_VALUE") {
    const each = converter(children[0]!.children[1]!);
    return entries(() => each);
  }
  const fields = new Map(children.map((child) => [child.element.name, converter(child)]));
  return entries((name) => fields.get(name)!);
}

const zstd = (zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array }).zstdDecompressSync;
const compressors: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...(zstd ? { ZSTD: (input) => zstd(input) } : {}),
};

/** @throws not_found, corrupt_file naming the file; unsupported for a compression this Node has not */
export async function openParquet(path: string, cache: GroupCache): Promise<RowData> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const broken = (cause: unknown): never => {
    const message = cause instanceof Error ? cause.message : String(cause);
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") fail("not_found", "no such file", { where: path });
    if (/unsupported compression/.test(message)) {
      fail("unsupported", message, { where: path, hint: "ZSTD needs Node 22.15 or newer", cause });
    }
    return fail("corrupt_file", `cannot be read as Parquet: ${message}`, { where: path, cause });
  };
  const file = await asyncBufferFromFile(path).catch(broken);
  const metadata: FileMetaData = await parquetMetadataAsync(file).catch(broken);
  const convert = converter(parquetSchema(metadata));
  const blocks = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const starts = [0];
  for (const rows of blocks) starts.push(starts.at(-1)! + rows);
  const read = (group: number): Promise<readonly object[]> =>
    parquetReadObjects({ file, metadata, rowStart: starts[group]!, rowEnd: starts[group + 1]!, compressors }).catch(
      broken,
    );
  const footer = await file.slice(Math.max(0, file.byteLength - 8 - metadata.metadata_length));
  return {
    size: starts.at(-1)!,
    blocks,
    digest: createHash("sha256").update(`${file.byteLength}`).update(new Uint8Array(footer)).digest("hex"),
    async row(i): Promise<Row> {
      const group = starts.findLastIndex((start, g) => start <= i && blocks[g]! > 0);
      const bytes = Number(metadata.row_groups[group]?.total_byte_size ?? 0);
      const rows = await cache.get(`${path}\0${group}`, bytes, () => read(group));
      return convert(rows[i - starts[group]!]) as Row;
    },
  };
}
