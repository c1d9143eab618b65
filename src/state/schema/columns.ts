/** Tables as steps write them, for both kinds of database. */
import type { ColumnDataType, CreateTableBuilder, Transaction } from "kysely";
import type { State, Tables } from "./tables.ts";

/** A step of the database's history. */
export type Step = (db: Transaction<Tables>, kind: State["kind"]) => Promise<void>;
export type Builder = CreateTableBuilder<string, string>;

/** Numbers its rows as they come: what pages follow. */
export const numbered = (table: Builder, kind: State["kind"]): Builder =>
  kind === "sqlite"
    ? table.addColumn("seq", "integer", (column) => column.primaryKey().autoIncrement())
    : table.addColumn("seq", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity());

/** Columns that must have a value, and (with a question mark) those that need none. */
export function columns(
  table: Builder,
  types: Readonly<Record<string, `${"text" | "number" | "count" | "bytes"}${"" | "?"}`>>,
) {
  const names = { text: "text", number: "double precision", count: "bigint" } as const;
  return (kind: State["kind"]): Builder => {
    let built = table;
    for (const [name, type] of Object.entries(types)) {
      const plain = type.replace("?", "") as keyof typeof names | "bytes";
      const stored: ColumnDataType = plain === "bytes" ? (kind === "sqlite" ? "blob" : "bytea") : names[plain];
      built = built.addColumn(name, stored, (column) => (type.endsWith("?") ? column : column.notNull()));
    }
    return built;
  };
}
