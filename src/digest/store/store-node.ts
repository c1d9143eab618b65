/** Papers in one file: put in by what sources tell, asked by month and category. */
import { layOut } from "../../base/sql-node.ts";
import { fail } from "../../errors.ts";
import { merged } from "../papers/merge.ts";
import { type Citations, monthOf, type Paper, type SourceRecord } from "../papers/paper.ts";
import { openSql, type Sql } from "./sql-node.ts";

/** Of this layout; another one's file is refused, not guessed at. */
const layout = 1;

const tables = [
  "create table if not exists meta(name text primary key, value text not null) without rowid",
  "create table if not exists paper(id text primary key, month text not null, submitted text not null, primary_category text not null, json text not null) without rowid",
  "create index if not exists paper_month on paper(month)",
  "create table if not exists listed(category text not null, month text not null, id text not null references paper(id) on delete cascade, primary key(category, month, id)) without rowid",
  "create index if not exists listed_id on listed(id)",
  // What a source has deleted stays known, so that an older file does not bring it back.
  "create table if not exists deletion(id text primary key, at text not null) without rowid",
  "create table if not exists citation(id text not null, source text not null, at text not null, count integer not null, influential integer, primary key(id, source, at)) without rowid",
  "create table if not exists cursor(name text primary key, json text not null) without rowid",
  "create table if not exists digest(name text primary key, json text not null) without rowid",
  "create table if not exists vector(model text not null, text text not null, vector blob not null, primary key(model, text)) without rowid",
  // Records that could not be read, as they came.
  "create table if not exists refused(source text not null, what text not null, raw text not null, primary key(source, what, raw)) without rowid",
];

export interface Counts {
  /** Records that were read, those that could not be used left out. */
  records: number;
  new: number;
  changed: number;
  deleted: number;
}

export const noCounts = (): Counts => ({ records: 0, new: 0, changed: 0, deleted: 0 });

export interface Store {
  readonly path: string;
  readonly sql: Sql;
  /** Put in what a source tells and count it; within a transaction of the caller's. */
  put(record: SourceRecord, counts: Counts): void;
  remove(id: string, at: string, counts: Counts): void;
  cite(id: string, citations: Citations): boolean;
  refuse(source: string, what: string, raw: string): void;
  paper(id: string): Paper | undefined;
  /** Papers of these months (both included) listed in any of the categories, by time and id. */
  papers(from: string, to: string, categories: readonly string[] | "all"): Paper[];
  /** All categories that papers are listed in. */
  categories(): string[];
  meta(name: string): string | undefined;
  setMeta(name: string, value: string): void;
  close(): void;
}

const json = (value: unknown): string => JSON.stringify(value);

/** @throws not_found, corrupt_file, storage_failed; bad_input for a file of another layout */
export function openStore(path: string, create = false): Store {
  const sql = openSql(path, create);
  try {
    if (create) {
      layOut(sql, () => {
        for (const table of tables) sql.run(table);
        sql.run("insert into meta values('layout', ?)", String(layout));
      });
    }
    const known = sql.all("select name from sqlite_master where type = 'table'").map((row) => row.name);
    if (known.length === 0) {
      fail("bad_input", "holds no papers", { where: path, hint: "zeroth digest ingest fills it" });
    }
    if (!known.includes("paper") || !known.includes("listed")) {
      fail("bad_input", "is a database, but no store of papers", { where: path, hint: "name another file" });
    }
    const [row] = sql.all("select value from meta where name = 'layout'");
    if (row?.value !== String(layout)) {
      fail("unsupported", `has layout ${String(row?.value)}, this version reads ${layout}`, { where: path });
    }
    return storeOver(path, sql);
  } catch (cause) {
    sql.close();
    throw cause;
  }
}

function storeOver(path: string, sql: Sql): Store {
  const store: Store = {
    path,
    sql,
    put(record, counts) {
      counts.records++;
      const { id } = record;
      const [gone] = sql.all("select at from deletion where id = ?", id);
      if (gone !== undefined) {
        // Told again after it was deleted: it is back.
        if (record.at <= String(gone.at)) return;
        sql.run("delete from deletion where id = ?", id);
      }
      const [row] = sql.all("select json from paper where id = ?", id);
      const before = row === undefined ? undefined : String(row.json);
      const paper = merged(before === undefined ? undefined : (JSON.parse(before) as Paper), record);
      const after = json(paper);
      if (after === before) return;
      if (before === undefined) counts.new++;
      else counts.changed++;
      const month = monthOf(paper);
      sql.run("delete from listed where id = ?", id);
      sql.run(
        "insert into paper values(?, ?, ?, ?, ?) on conflict(id) do update set month = excluded.month, submitted = excluded.submitted, primary_category = excluded.primary_category, json = excluded.json",
        ...[id, month, paper.submitted, paper.primary, after],
      );
      for (const category of paper.categories) sql.run("insert into listed values(?, ?, ?)", category, month, id);
    },
    remove(id, at, counts) {
      counts.records++;
      const [row] = sql.all("select json from paper where id = ?", id);
      if (row !== undefined) {
        const last = (JSON.parse(String(row.json)) as Paper).origin.map((origin) => origin.at).sort();
        // A record that is newer than the deletion stands.
        if ((last.at(-1) ?? "") > at) return;
        sql.run("delete from paper where id = ?", id);
      }
      const [known] = sql.all("select at from deletion where id = ?", id);
      if (known === undefined) counts.deleted++;
      sql.run("insert into deletion values(?, ?) on conflict(id) do update set at = max(at, excluded.at)", id, at);
    },
    cite(id, { source, at, count, influential }) {
      if (sql.all("select 1 from paper where id = ?", id).length === 0) return false;
      sql.run("insert or replace into citation values(?, ?, ?, ?, ?)", id, source, at, count, influential ?? null);
      return true;
    },
    refuse: (source, what, raw) =>
      sql.run("insert or ignore into refused values(?, ?, ?)", source, what, raw.slice(0, 1 << 20)),
    paper: (id) => withCitations(sql.all("select json from paper where id = ?", id))[0],
    papers(from, to, categories) {
      const query = "select json from paper where month between ? and ?";
      const order = "order by submitted, id";
      if (categories === "all") return withCitations(sql.all(`${query} ${order}`, from, to));
      const marks = categories.map(() => "?").join();
      const listed = `id in (select id from listed where category in (${marks}) and month between ? and ?)`;
      return withCitations(sql.all(`${query} and ${listed} ${order}`, from, to, ...categories, from, to));
    },
    categories: () =>
      sql.all("select distinct category from listed order by category").map((row) => String(row.category)),
    meta: (name) => {
      const [row] = sql.all("select value from meta where name = ?", name);
      return row === undefined ? undefined : String(row.value);
    },
    setMeta: (name, value) =>
      sql.run("insert into meta values(?, ?) on conflict(name) do update set value = excluded.value", name, value),
    close: () => sql.close(),
  };
  /** Of each source the newest count. */
  const citationsOf = (id: string): Citations[] =>
    sql
      .all(
        "select source, max(at) as at, count, influential from citation where id = ? group by source order by source",
        id,
      )
      .map((row) => ({
        count: Number(row.count),
        ...(row.influential !== null && { influential: Number(row.influential) }),
        source: row.source as Citations["source"],
        at: String(row.at),
      }));
  const cited = (): boolean => sql.all("select 1 from citation limit 1").length > 0;
  const withCitations = (rows: ReturnType<Sql["all"]>): Paper[] => {
    const any = cited();
    return rows.map((row) => {
      const paper = JSON.parse(String(row.json)) as Paper;
      const citations = any ? citationsOf(paper.id) : [];
      return citations.length > 0 ? { ...paper, citations } : paper;
    });
  };
  return store;
}

/** All that a store holds but when it was filled, in an order of its own: equal for equal stores. */
export function contentsOf({ sql }: Store): string[] {
  const rows = (text: string): string[] => sql.all(text).map(json);
  return [
    ...rows("select * from paper order by id"),
    ...rows("select * from listed order by category, month, id"),
    ...rows("select * from deletion order by id"),
    ...rows("select * from citation order by id, source, at"),
    ...rows("select * from refused order by source, what, raw"),
  ];
}
