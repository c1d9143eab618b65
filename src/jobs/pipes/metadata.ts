/** Numbers and texts about a result, as Dagster shows and plots them. */
import { z } from "zod";
import { redacted } from "./redact.ts";

const json: z.ZodType<unknown> = z.json();
const text = z.string();
const records = z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])));
const column = z.strictObject({
  name: z.string().min(1),
  type: z.string(),
  description: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  constraints: z.strictObject({ nullable: z.boolean(), unique: z.boolean(), other: z.array(z.string()) }).optional(),
});

const of = <T extends string, V extends z.ZodType>(type: T, raw_value: V) =>
  z.strictObject({ type: z.literal(type), raw_value });

/** Exactly what the other side reads: anything else would end its reader, and what comes later would be lost. */
export const metadataValueSchema = z.discriminatedUnion("type", [
  of("__infer__", json),
  of("text", text),
  of("url", text),
  of("path", text),
  of("notebook", text),
  of("md", text),
  of("dagster_run", text),
  of("asset", text),
  of("int", z.int()),
  of("float", z.number()),
  of("bool", z.boolean()),
  of("null", z.null()),
  of("json", z.union([z.array(json), z.record(z.string(), json)])),
  of("timestamp", z.number()),
  of("table", z.strictObject({ records, schema: z.array(column) })),
  of("table_schema", z.strictObject({ columns: z.array(column) })),
  of(
    "table_column_lineage",
    z.strictObject({
      deps_by_column: z.record(z.string(), z.array(z.strictObject({ asset_key: z.string(), column_name: z.string() }))),
    }),
  ),
]);

export type MetadataValue = z.output<typeof metadataValueSchema>;
export type Metadata = Readonly<Record<string, MetadataValue>>;
export const metadataSchema = z.record(z.string().min(1), metadataValueSchema);

type Cell = string | number | boolean | null;

/** The type of a column that holds these: of several kinds it is text. */
function columnType(cells: readonly Cell[]): string {
  const kinds = new Set(
    cells.flatMap((cell) => {
      if (cell === null) return [];
      if (typeof cell === "number") return [Number.isSafeInteger(cell) ? "integer" : "number"];
      return [typeof cell];
    }),
  );
  if (kinds.size === 2 && kinds.has("integer") && kinds.has("number")) return "number";
  return kinds.size === 1 ? [...kinds][0]! : "string";
}

export const metadata = {
  /** Always said to be one: 1.0 written as 1 would be an integer, and the plot of a metric would break. */
  float: (value: number): MetadataValue =>
    Number.isFinite(value) ? { type: "float", raw_value: value } : { type: "text", raw_value: String(value) },
  /** Beyond 2^53 it is text. */
  int: (value: number): MetadataValue =>
    Number.isSafeInteger(value)
      ? { type: "int", raw_value: value }
      : { type: "text", raw_value: Number.isInteger(value) ? String(BigInt(value)) : String(value) },
  bool: (value: boolean): MetadataValue => ({ type: "bool", raw_value: value }),
  text: (value: string): MetadataValue => ({ type: "text", raw_value: redacted(value) }),
  md: (value: string): MetadataValue => ({ type: "md", raw_value: redacted(value) }),
  url: (value: string): MetadataValue => ({ type: "url", raw_value: redacted(value) }),
  path: (value: string): MetadataValue => ({ type: "path", raw_value: redacted(value) }),
  json: (value: Readonly<Record<string, unknown>> | readonly unknown[]): MetadataValue => ({
    type: "json",
    raw_value: value as Record<string, unknown>,
  }),
  /** Rows with their columns; what is not there is null. */
  table(rows: readonly Readonly<Record<string, Cell>>[]): MetadataValue {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const types = new Map(names.map((name) => [name, columnType(rows.map((row) => row[name] ?? null))]));
    const cell = (value: Cell, type: string): Cell => {
      if (typeof value === "number" && !Number.isFinite(value)) return null;
      return value !== null && type === "string" ? redacted(String(value)) : value;
    };
    return {
      type: "table",
      raw_value: {
        records: rows.map((row) =>
          Object.fromEntries(names.map((name) => [name, cell(row[name] ?? null, types.get(name)!)])),
        ),
        schema: names.map((name) => ({ name, type: types.get(name)! })),
      },
    };
  },
};
