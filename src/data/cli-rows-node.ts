/** Input rows of a command, as plain objects, and their ids as they were written. */
import { fail, ZerothError } from "../errors.ts";
import { RawJson } from "./raw-json.ts";
import { openRows, type StreamOptions } from "./stream-node.ts";
import { Float, idTextOf, Pair, type Row, Scalar, type Value } from "./values.ts";

export type InputRow = Readonly<Record<string, unknown>>;

/** A value as JSON.parse would have given it; numbers it cannot hold are near. */
export function plainValue(value: Value): unknown {
  if (value instanceof Float) return value.value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Pair) return value.items.map(plainValue);
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof Map) {
    return Object.fromEntries([...(value as Row)].map(([key, inner]) => [key, plainValue(inner)]));
  }
  return value;
}

export const plainRow = (row: Row): InputRow => plainValue(row) as InputRow;

/** Numbers that JSON has, and how they are written. */
function numberText(value: Value): string | undefined {
  if (typeof value === "bigint") return String(value);
  const number = value instanceof Float ? value.value : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
  const text = JSON.stringify(number);
  return value instanceof Float && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** The row's `id`, to be written digit for digit as it was read: see `rowText`. */
export function idOf(row: Row): unknown {
  const value = row.get("id");
  if (value === undefined) return undefined;
  const plain = plainValue(value);
  if (typeof plain === "string" || plain === null || typeof plain === "boolean" || plain instanceof Scalar) {
    return plain instanceof Scalar ? plain.text : plain;
  }
  const text = idTextOf(row) ?? numberText(value);
  if (text === undefined) return plain;
  try {
    return JSON.stringify(JSON.parse(text)) === text ? plain : new RawJson(text);
  } catch {
    // NaN and the infinities are Python's, not JSON's.
    return null;
  }
}

/** In Parquet every row has every column: an empty cell means what an absent key means in JSON. */
function inputRow(row: Row, everyColumn: boolean): InputRow {
  const given: Row = everyColumn ? new Map([...row].filter(([, value]) => value !== null)) : row;
  const plain = plainRow(given);
  return given.has("id") ? { ...plain, id: idOf(given) } : plain;
}

async function* inputRows(
  rows: AsyncIterable<Row | ZerothError>,
  everyColumn: boolean,
): AsyncGenerator<InputRow | ZerothError, void, undefined> {
  for await (const row of rows) yield row instanceof ZerothError ? row : inputRow(row, everyColumn);
}

/**
 * The rows of `--input`, as they are read; what is no row gives its error in its place.
 * @throws as {@link openRows}
 */
export async function openInput(
  path: string,
  options: StreamOptions = {},
): Promise<AsyncIterable<InputRow | ZerothError>> {
  return inputRows(await openRows(path, options), /\.parquet$/i.test(path));
}

/** All rows of `--input` at once. @throws as {@link openRows} */
export async function readInput(path: string, options: StreamOptions = {}): Promise<(InputRow | ZerothError)[]> {
  const rows: (InputRow | ZerothError)[] = [];
  for await (const row of await openInput(path, options)) rows.push(row);
  return rows;
}

/** A column that must be text. */
export function textOf(row: InputRow, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  return fail("bad_input", value === undefined ? `the row has no "${column}"` : `"${column}" is no text`, {
    hint: `the row has ${Object.keys(row).join(", ") || "no columns"}`,
  });
}

/** Token ids given as they are, when the row has them. */
export function idsOf(row: InputRow, column: string): readonly number[] | undefined {
  const value = row[column];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0)) return value as number[];
  return fail("bad_input", `"${column}" must be a list of token ids`);
}
