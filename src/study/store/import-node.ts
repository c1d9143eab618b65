/** Results that anybody measured, as records of a study: hull, law, tables and questions then work on them as on runs. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../base/canonical.ts";
import { readInput } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { typedCell } from "../columns.ts";
import { ownColumns } from "../declare/check.ts";
import type { FactorValue, ResultRow } from "../declare/study.ts";
import { type About, commitRecord, noteAbout, readRecord, studyFolder } from "./records-node.ts";

export interface ImportOptions {
  readonly about: Omit<About, "schema">;
  /** Columns by the names that they get. */
  readonly rename: Readonly<Record<string, string>>;
  /** Numbers of these columns are divided by a hundred. */
  readonly percent: readonly string[];
  /** The column that rows of one training share; each row is its own without. */
  readonly run?: string | undefined;
  readonly made: { readonly zeroth: string };
  readonly signal: AbortSignal;
  say(text: string): void;
}

/**
 * Put rows of a .csv, .jsonl or .parquet file into a folder: a record for each value of `run`, its id the hash of its rows, so
 * that the same file again adds nothing.
 * @returns records that were added, and that were there
 */
export async function importResults(
  input: string,
  into: string,
  { about, rename, percent, run, made, signal, say }: ImportOptions,
): Promise<{ readonly rows: number; readonly added: number; readonly same: number }> {
  const groups = new Map<string, ResultRow[]>();
  const metrics = Object.keys(about.metrics);
  let count = 0;
  for (const given of await readInput(input, { signal, say })) {
    count++;
    if (given instanceof ZerothError) throw given;
    const where = `${input}, row ${count}`;
    const cells = Object.entries(given).map(([column, value]): [string, FactorValue] => {
      const name = rename[column] ?? column;
      const cell = typedCell(value);
      return [name, typeof cell === "number" && percent.includes(name) ? cell / 100 : cell];
    });
    const row = Object.fromEntries(cells);
    for (const metric of metrics) {
      if (!(metric in row)) {
        fail("bad_input", `there is no column "${metric}"`, {
          where,
          hint: `the columns are ${Object.keys(row).join(", ") || "none"}; --map ${metric}=COLUMN names another`,
        });
      }
      if (typeof row[metric] !== "number") {
        fail("bad_input", `"${metric}" is ${JSON.stringify(row[metric])}: expected a number`, { where });
      }
    }
    const key =
      run === undefined ? `row ${count}` : String(row[run] ?? fail("bad_input", `there is no "${run}"`, { where }));
    // What every row has anyway would be hidden by a column of the file.
    for (const own of ownColumns) delete row[own];
    const list = groups.get(key);
    if (list) list.push(row);
    else groups.set(key, [row]);
  }
  if (count === 0) fail("bad_input", "there are no rows", { where: input });
  const folder = studyFolder(into);
  await noteAbout(folder, about);
  let [added, same] = [0, 0];
  for (const [key, rows] of groups) {
    const identity = { study: about.name, stage: "imported", key, rows };
    const id = createHash("sha256").update(canonicalJson(identity)).digest("hex").slice(0, 16);
    if (readRecord(folder, id)) {
      same++;
      continue;
    }
    await commitRecord(folder, {
      ...{ schema: 1, id, study: about.name, stage: "imported", factors: {}, parent: null, status: "done", rows },
      made: {
        ...{ seconds: 0, cpuSeconds: 0, peakMegabytes: 0, host: "", zeroth: made.zeroth, node: process.version },
        at: new Date().toISOString(),
      },
    });
    added++;
  }
  return { rows: count, added, same };
}
