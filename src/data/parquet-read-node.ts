/**
 * Parquet files opened and read a row group at a time, in the process that does nothing else. Every count and length is
 * the file's own word: what it asks for is compared with its size before anything is allocated.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync } from "node:fs";
import zlib from "node:zlib";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
  snappyUncompress,
} from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";
import { readAt, systemError } from "../base/read-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { ParquetGroup, ParquetOverview } from "./parquet-messages.ts";
import { type Convert, converter, type Sent, storedSchema } from "./parquet-values.ts";
import { arrowZones } from "./parquet-zones.ts";
import { unpackLimit } from "./source-node.ts";

/** What a group may still use: bytes of pages and texts, and values. */
interface Budget {
  bytes: number;
  cells: number;
}

/** What a dictionary or a run repeats takes next to nothing in the file: so much of it is always read. */
const free: Budget = { bytes: 256 << 20, cells: 8 << 20 };

const zstd = (zlib as { zstdDecompressSync?: (input: Uint8Array, options: object) => Uint8Array }).zstdDecompressSync;

const codecs: { readonly [codec: string]: (input: Uint8Array, length: number) => Uint8Array } = {
  SNAPPY(input, length) {
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, length) => zlib.gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => zlib.brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  // Node has it from 22.15.
  ZSTD: (input, length) =>
    zstd?.(input, { maxOutputLength: Math.max(1, length) }) ?? decompressZstd(input, new Uint8Array(length)),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

function bounded(budget: Budget): Compressors {
  const entries = Object.entries(codecs).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, length: number) => {
      spend(budget, length);
      return unpack(input, length);
    },
  ]);
  return Object.fromEntries(entries) as Compressors;
}

function spend(budget: Budget, bytes: number, cells = 0): void {
  // Counts of damaged files may be negative, or no numbers.
  if (!(bytes >= 0 && cells >= 0)) throw new Error("a negative size");
  budget.bytes -= bytes;
  budget.cells -= cells;
  if (budget.bytes < 0 || budget.cells < 0) throw new Error("unpacks out of all proportion to its size");
}

interface Opened {
  readonly file: number;
  readonly stamp: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: readonly (readonly [string, Convert])[];
  readonly overview: ParquetOverview;
}

/** Least recently used first. */
const held = new Map<string, Opened>();
const mostHeld = 8;

function bufferOf(file: number, size: number): AsyncBuffer {
  return {
    byteLength: size,
    slice(start, end = size) {
      if (!(start >= 0 && end >= start && end <= size)) {
        throw new Error(`bytes ${start} to ${end} of a file of ${size}`);
      }
      const bytes = new Uint8Array(end - start);
      if (readAt(file, bytes, start) < bytes.length) throw new Error("has become shorter since it was opened");
      return bytes.buffer;
    },
  };
}

const stampOf = (file: number): string => {
  const { size, mtimeMs, ino } = fstatSync(file);
  return `${size} ${mtimeMs} ${ino}`;
};

async function openFile(path: string): Promise<Opened> {
  const file = openSync(path, "r");
  try {
    const known = held.get(path);
    const stamp = stampOf(file);
    held.delete(path);
    if (known) {
      closeSync(known.file);
      if (known.stamp === stamp) {
        const again = { ...known, file, buffer: bufferOf(file, known.buffer.byteLength) };
        held.set(path, again);
        return again;
      }
    }
    const buffer = bufferOf(file, fstatSync(file).size);
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    const zones = arrowZones(metadata.key_value_metadata?.find(({ key }) => key === "ARROW:schema")?.value);
    const columns = parquetSchema(metadata).children.map(
      (tree) => [tree.element.name, converter(tree, zones.get(tree.element.name))] as const,
    );
    const blocks = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
    const rows = blocks.reduce((sum, count) => sum + count, 0);
    if (blocks.some((count) => !(count >= 0)) || !Number.isSafeInteger(rows)) throw new Error(`${rows} rows`);
    for (const { columns: chunks } of metadata.row_groups) {
      for (const { meta_data } of chunks) {
        const codec = String(meta_data?.codec);
        if (codec !== "UNCOMPRESSED" && !(codec in codecs)) {
          fail("unsupported", `compressed with ${codec}, which is not read here`, {
            hint: `known are ${Object.keys(codecs).join(", ")}`,
          });
        }
      }
    }
    const footer = buffer.slice(Math.max(0, buffer.byteLength - 8 - metadata.metadata_length)) as ArrayBuffer;
    const digest = createHash("sha256").update(`${buffer.byteLength}`).update(new Uint8Array(footer)).digest("hex");
    const opened: Opened = {
      file,
      stamp,
      buffer,
      metadata: { ...metadata, schema: storedSchema(metadata.schema) },
      columns,
      overview: { blocks, digest },
    };
    held.set(path, opened);
    for (const [oldest, { file: unused }] of held) {
      if (held.size <= mostHeld) break;
      closeSync(unused);
      held.delete(oldest);
    }
    return opened;
  } catch (cause) {
    closeSync(file);
    throw cause;
  }
}

/** Look at the pages' own counts before the library believes them. */
async function weigh(group: RowGroup, buffer: AsyncBuffer, budget: Budget): Promise<void> {
  for (const { meta_data: column } of group.columns) {
    if (!column) throw new Error("a column without metadata");
    const start = Number(column.dictionary_page_offset || column.data_page_offset);
    const bytes = await buffer.slice(start, start + Number(column.total_compressed_size));
    const reader = { view: new DataView(bytes), offset: 0 };
    while (reader.offset < bytes.byteLength - 1) {
      const header = parquetHeader(reader);
      const { dictionary_page_header, data_page_header, data_page_header_v2, compressed_page_size: size } = header;
      const counts = [dictionary_page_header, data_page_header, data_page_header_v2].map((one) => one?.num_values ?? 0);
      for (const count of counts) spend(budget, 0, count);
      if (!(size >= 0 && size <= bytes.byteLength - reader.offset)) throw new Error(`a page of ${size} bytes`);
      reader.offset += size;
    }
  }
}

/** About how much memory a value takes when it is sent. */
function sizeOf(sent: Sent): number {
  if (typeof sent === "string") return sent.length;
  if (typeof sent !== "object" || sent === null) return 8;
  let sum = 16;
  if (Array.isArray(sent)) for (const one of sent) sum += sizeOf(one);
  else if (sent instanceof Map)
    for (const [key, one] of sent as ReadonlyMap<string, Sent>) sum += key.length + sizeOf(one);
  else if ("scalar" in sent) sum += sent.scalar[1].length + sent.scalar[2].length;
  else if ("pair" in sent) sum += sizeOf(sent.pair[0]) + sizeOf(sent.pair[1]);
  return sum;
}

/** @throws as {@link readGroup} */
export async function look(path: string): Promise<ParquetOverview> {
  return (await opening(path)).overview;
}

async function opening(path: string): Promise<Opened> {
  try {
    return await openFile(path);
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    if ((cause as NodeJS.ErrnoException).syscall !== undefined) throw systemError(cause, path);
    throw broken(cause);
  }
}

const broken = (cause: unknown): ZerothError => {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ZerothError("corrupt_file", `cannot be read as Parquet: ${message.slice(0, 300)}`, { cause });
};

/**
 * The rows of a group.
 * @throws corrupt_file, unsupported; not_found or bad_input where the system refuses
 */
export async function readGroup(path: string, which: number): Promise<ParquetGroup> {
  const { buffer, metadata, columns, overview } = await opening(path);
  const limit = unpackLimit(buffer.byteLength);
  const bytes = free.bytes + limit;
  const budget: Budget = { bytes, cells: free.cells + limit / 8 };
  try {
    const group = metadata.row_groups[which]!;
    await weigh(group, buffer, budget);
    const start = overview.blocks.slice(0, which).reduce((sum, rows) => sum + rows, 0);
    const raw = await parquetReadObjects({
      file: buffer,
      metadata,
      rowStart: start,
      rowEnd: start + overview.blocks[which]!,
      compressors: bounded(budget),
      utf8: false,
      parsers: { timestampFromNanoseconds: (nanos) => nanos },
    });
    if (raw.length !== overview.blocks[which])
      throw new Error(`${raw.length} rows where ${overview.blocks[which]} are announced`);
    const rows = raw.map((row): readonly Sent[] | string => {
      let sent: Sent[];
      try {
        sent = columns.map(([name, convert]) => convert((row as Readonly<Record<string, unknown>>)[name]));
      } catch (cause) {
        return cause instanceof Error ? cause.message : String(cause);
      }
      spend(budget, sizeOf(sent));
      return sent;
    });
    return { names: columns.map(([name]) => name), rows, bytes: bytes - budget.bytes };
  } catch (cause) {
    throw broken(cause);
  }
}
