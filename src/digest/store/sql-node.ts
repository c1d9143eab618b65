/** The digest's file of SQLite. */
import { openSql as open, type Sql, type SqlFile } from "../../base/sql-node.ts";

export type { Sql };

const file: SqlFile = {
  what: "the store of papers",
  full: "make room; what was whole before is still there",
  busy: "try again when the other process has ended",
  corrupt: "ingest the sources again into another file",
  disk: "check the disk, the folder and its permissions",
  missing: "no such store",
  make: "zeroth digest ingest --source kaggle FILE --store STORE makes one",
};

/** @throws as `openSql` of base/sql-node.ts */
export const openSql = (path: string, create: boolean): Sql => open(path, create, file);
