/** The rows of a file to tune on: JSON Lines, CSV, TSV, Parquet, or words with tags as CoNLL has them. */
import { createHash } from "node:crypto";
import { readTextFile } from "../base/read-node.ts";
import { plainRow } from "../data/cli-rows-node.ts";
import { openRows } from "../data/stream-node.ts";
import { fail, ZerothError } from "../errors.ts";
import { readConll } from "./conll.ts";
import { type ReadRows, rowNumber, type TuneRow } from "./rows.ts";

const conllFile = /\.(conll|bio|iob2?|txt)$/i;
const mostBytes = 2 ** 30;

/** @throws bad_input for an empty file and for the first row that is none, as its reading does */
export async function readRows(file: string): Promise<ReadRows> {
  const rows: TuneRow[] = [];
  if (conllFile.test(file)) {
    for (const { tokens, tags, line } of readConll(readTextFile(file, mostBytes), file))
      rows.push({ tokens, tags, line });
  } else {
    for await (const row of await openRows(file)) {
      if (row instanceof ZerothError) throw row;
      rows.push({ ...plainRow(row), [rowNumber]: rows.length + 1 });
    }
  }
  if (rows.length === 0) fail("bad_input", "there are no rows in this file", { where: file });
  const hash = createHash("sha256");
  for (const row of rows) hash.update(JSON.stringify(row)).update("\n");
  return { rows, file, digest: hash.digest("hex") };
}
