/** The index's file of SQLite. */
import { openSql as open, type Sql, type SqlFile } from "../../base/sql-node.ts";
import type { SqlRow, SqlValue } from "../../base/sqlite-node.ts";

export type Value = SqlValue;
export type Row = SqlRow;
export type { Sql };

const file: SqlFile = {
  what: "the index",
  full: "make room; what was whole before is still there",
  busy: "try again when the other process has ended",
  corrupt: "build it again from the documents under another name",
  disk: "check the disk, the folder and its permissions",
  missing: "no such index",
  make: "zeroth index build FOLDER --store FILE makes one",
};

/** @throws as `openSql` of base/sql-node.ts */
export const openSql = (path: string, create: boolean): Sql => open(path, create, file);
