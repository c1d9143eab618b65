/** Counts of a store's papers, or of a table of counts that somebody published. */
import { readTextFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { Store } from "../store/store-node.ts";
import { type By, byYear, type Count, isWhole, lastDay } from "./count.ts";
import { type Group, within } from "./groups.ts";

/** Counts by month or year of the papers of a group, from the first to the last, months without papers included. */
export function countPapers(store: Store, group: Group, by: By): Count[] {
  const categories = store.categories().filter((category) => within(group, category));
  const wholeFrom = store.meta("complete_from");
  const wholeTo = store.meta("seen_to") ?? "";
  const marks = categories.map(() => "?").join();
  const listed = new Map<string, number>(
    store.sql
      .all(
        `select month, count(distinct id) as n from listed where category in (${marks}) group by month order by month`,
        ...categories,
      )
      .map((row) => [String(row.month), Number(row.n)]),
  );
  const primary = new Map<string, Record<string, number>>();
  for (const row of store.sql.all(
    `select month, primary_category as name, count(*) as n from paper where primary_category in (${marks}) group by month, name order by month, name`,
    ...categories,
  )) {
    const month = primary.get(String(row.month)) ?? {};
    month[String(row.name)] = Number(row.n);
    primary.set(String(row.month), month);
  }
  const all = [...listed.keys()].sort();
  const [first, last] = [all[0], all.at(-1)];
  const months: Count[] = [];
  for (let month = first; month !== undefined && month <= last!; month = nextMonth(month)) {
    const own = primary.get(month) ?? {};
    months.push({
      period: month,
      listed: listed.get(month) ?? 0,
      primary: Object.values(own).reduce((sum, n) => sum + n, 0),
      by: own,
      whole: isWhole(`${month}-01`, lastDay(month), wholeFrom, wholeTo),
    });
  }
  return by === "month" ? months : byYear(months, wholeFrom, wholeTo);
}

export const nextMonth = (month: string, by = 1): string =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)) - 1 + by, 1)).toISOString().slice(0, 7);

/**
 * Counts of a table: a column `year` or `month`, one column a category, others left alone. Or the long form: `category`,
 * `month`, `listed`, perhaps `primary`.
 * @throws corrupt_file for what is no such table; bad_input where the group has no column
 */
export function readCounts(path: string, group: Group, by: By): Count[] {
  const [head = "", ...lines] = readTextFile(path, 64 << 20)
    .trim()
    .split(/\r?\n/);
  const names = head.split(",").map((name) => name.trim());
  const rows = lines.map((line, i) => {
    const cells = line.split(",").map((cell) => cell.trim());
    if (cells.length !== names.length)
      fail("corrupt_file", `line ${i + 2} has ${cells.length} columns, the first one ${names.length}`, { where: path });
    return Object.fromEntries(names.map((name, at) => [name, cells[at]!]));
  });
  const whole = (text: string | undefined): number =>
    /^\d{1,12}$/.test(text ?? "")
      ? Number(text)
      : fail("corrupt_file", `"${String(text)}" is no count`, { where: path });
  const time = names.includes("month") ? "month" : "year";
  if (!names.includes(time)) {
    fail("corrupt_file", "has no column year or month", { where: path, hint: "a table is CSV, its first line names" });
  }
  const periods = new Map<string, Count>();
  const add = (period: string, listed: number, primary: number, by: Readonly<Record<string, number>>): void => {
    if (!(time === "year" ? /^\d{4}$/ : /^\d{4}-\d\d$/).test(period))
      fail("corrupt_file", `"${period.slice(0, 40)}" is no ${time}`, { where: path });
    const before = periods.get(period);
    const sum = { ...before?.by };
    for (const [name, n] of Object.entries(by)) sum[name] = (sum[name] ?? 0) + n;
    periods.set(period, {
      ...{
        period,
        listed: (before?.listed ?? 0) + listed,
        primary: (before?.primary ?? 0) + primary,
        by: sum,
        whole: true,
      },
    });
  };
  const long = names.includes("category");
  const columns = names.filter((name) => within(group, name) && name !== time);
  if (!long && columns.length === 0) fail("bad_input", `has no column of ${group.name}`, { where: path });
  for (const row of rows) {
    if (long) {
      if (!within(group, row.category!)) continue;
      const [listed, primary] = [whole(row.listed), row.primary === undefined ? 0 : whole(row.primary)];
      add(row[time]!, listed, primary, { [row.category!]: primary || listed });
    } else {
      const by = Object.fromEntries(columns.map((name) => [name, whole(row[name])]));
      const sum = Object.values(by).reduce((total, n) => total + n, 0);
      add(row[time]!, sum, sum, by);
    }
  }
  const all = [...periods.values()].sort((a, b) => (a.period < b.period ? -1 : 1));
  if (by === "month" && time === "year")
    fail("bad_input", "has years, and no months", { where: path, hint: "--by year" });
  if (by === time) return all;
  return byYear(all, "", lastDay(all.at(-1)?.period ?? "1990-01"));
}
