/** Questions in SQL to a study's results: tables in memory, made of the records, which nothing that is asked can change. */
import { openDatabase, type SqlDatabase, type SqlRow, type SqlValue } from "../../base/sqlite-node.ts";
import { fail } from "../../errors.ts";
import type { FactorValue } from "../declare/study.ts";
import { type RunRecord, studyRows } from "./records-node.ts";

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const stored = (value: FactorValue | undefined): SqlValue =>
  value === undefined ? null : typeof value === "boolean" ? Number(value) : value;

function fill(database: SqlDatabase, table: string, rows: readonly Readonly<Record<string, FactorValue>>[]): void {
  // SQLite's names differ by more than case.
  const columns = new Map<string, string>();
  for (const row of rows) for (const name of Object.keys(row)) columns.set(name.toLowerCase(), name);
  const names = [...columns.values()];
  if (names.length === 0) names.push("id");
  database.ask(`create table ${quoted(table)} (${names.map(quoted).join(", ")})`, []);
  const insert = `insert into ${quoted(table)} values (${names.map(() => "?").join(", ")})`;
  for (const row of rows)
    database.ask(
      insert,
      names.map((name) => stored(row[name])),
    );
}

/** The tables and their columns that a question may name. */
export const tables = {
  results: "a row of results each, with the factors it came of",
  runs: "a run each: id, stage, status, parent, its factors, seconds, cpu_seconds, peak_megabytes, host, at",
} as const;

/**
 * Rows of a question to `results` and `runs`.
 * @throws bad_input for what is no question, and what SQLite says of one
 */
export function askStudy(records: readonly RunRecord[], question: string): readonly SqlRow[] {
  if (!/^\s*(?:select|with|values)\b/i.test(question)) {
    fail("bad_input", "is no question: expected one that begins with select, with or values", { where: question });
  }
  const database = openDatabase(":memory:", false);
  try {
    database.ask("begin", []);
    fill(database, "results", studyRows(records));
    fill(
      database,
      "runs",
      records.map(({ id, stage, status, parent, factors, made }) => ({
        ...{ id, stage, status, parent },
        ...factors,
        ...{ seconds: made.seconds, cpu_seconds: made.cpuSeconds, peak_megabytes: made.peakMegabytes },
        ...{ host: made.host, at: made.at },
      })),
    );
    database.ask("commit", []);
    database.ask("pragma query_only = on", []);
    return database.ask(question, []).rows;
  } catch (cause) {
    const { message } = cause as Error;
    return fail("bad_input", message, {
      where: question,
      hint: `the tables are ${Object.keys(tables).join(" and ")}; select * from results limit 1 shows the columns`,
      cause,
    });
  } finally {
    database.close();
  }
}
