import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isBlank, layOut, openSql, type Sql } from "./sql-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-sql-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = { what: "it", full: "", busy: "", corrupt: "", disk: "", missing: "none", make: "" };
const make = (sql: Sql) => () => {
  sql.run("create table one (name text)");
  sql.run("insert into one values ('first')");
};

test("two processes that open the same new file make its tables once", () => {
  const path = join(folder, "both.sqlite");
  const [mine, other] = [openSql(path, true, file), openSql(path, true, file)];
  let asked = 0;
  const late: Sql = {
    ...mine,
    all(text, ...values) {
      const rows = mine.all(text, ...values);
      // Right after this one has seen that there is nothing.
      if (asked++ === 0) layOut(other, make(other));
      return rows;
    },
  };
  layOut(late, make(mine));
  expect(mine.all("select name from one")).toEqual([{ name: "first" }]);
  mine.close();
  other.close();
});

test("tables that cannot all be made are none", () => {
  const sql = openSql(join(folder, "half.sqlite"), true, file);
  expect(() =>
    layOut(sql, () => {
      sql.run("create table one (name text)");
      sql.run("create table one (name text)");
    }),
  ).toThrow(/already exists/);
  expect(isBlank(sql)).toBe(true);
  sql.close();
});
