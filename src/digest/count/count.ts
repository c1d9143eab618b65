/** Counts of papers by month or year, their growth, and what a sentence may say of it. */

export interface Count {
  /** `2018` or `2018-10`. */
  readonly period: string;
  readonly listed: number;
  readonly primary: number;
  /** By primary category, of those that are counted as primary. */
  readonly by: Readonly<Record<string, number>>;
  /** False where a part of the period is not known. */
  readonly whole: boolean;
}

export type By = "month" | "year";

export interface Grown extends Count {
  /** Of the series that was asked for, against the same period a year earlier: 0.14 is +14 %. Whole periods alone. */
  readonly growth?: number;
}

/** The period a year earlier. */
const yearBefore = (period: string): string => `${Number(period.slice(0, 4)) - 1}${period.slice(4)}`;

/** Counts with their growth, in their order. */
export function withGrowth(counts: readonly Count[], series: "listed" | "primary"): Grown[] {
  const known = new Map(counts.map((count) => [count.period, count]));
  return counts.map((count) => {
    const before = known.get(yearBefore(count.period));
    if (before === undefined || !count.whole || !before.whole || before[series] === 0) return count;
    return { ...count, growth: count[series] / before[series] - 1 };
  });
}

/** Months of a year together; a year with a month that is not whole, or lacks, is not whole. */
export function byYear(months: readonly Count[], wholeFrom: string | undefined, wholeTo: string): Count[] {
  const years = new Map<string, Count[]>();
  for (const month of months) {
    const year = month.period.slice(0, 4);
    years.set(year, [...(years.get(year) ?? []), month]);
  }
  return [...years].map(([period, list]) => {
    const by: Record<string, number> = {};
    for (const month of list) for (const [name, n] of Object.entries(month.by)) by[name] = (by[name] ?? 0) + n;
    const sum = (series: "listed" | "primary") => list.reduce((total, month) => total + month[series], 0);
    const whole = isWhole(`${period}-01-01`, `${period}-12-31`, wholeFrom, wholeTo);
    return { period, listed: sum("listed"), primary: sum("primary"), by, whole };
  });
}

/** The last day of a month. */
export const lastDay = (month: string): string =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0)).toISOString().slice(0, 10);

/**
 * Whether a period is known as a whole.
 * @param from the first day of which everything is known; undefined where a source tells a part alone
 * @param to the last day that a source told of
 */
export const isWhole = (first: string, last: string, from: string | undefined, to: string): boolean =>
  from !== undefined && from <= first && to >= last;

const number = (n: number): string => n.toLocaleString("en");

/** `+14 %`, `−3 %`. */
export function percent(growth: number): string {
  const whole = Math.round(growth * 100);
  return `${whole > 0 ? "+" : whole < 0 ? "−" : "±"}${Math.abs(whole).toLocaleString("en")} %`;
}

/** What growth did: it fell by more than a third, stayed within one, or rose. */
export function tendency(before: number, now: number): "slowed" | "steady" | "accelerated" {
  if (before <= 0) return now > before ? "accelerated" : now < before ? "slowed" : "steady";
  if (now < before * (2 / 3)) return "slowed";
  return now > before * (4 / 3) ? "accelerated" : "steady";
}

export interface SentenceOptions {
  readonly name: string;
  readonly series: "listed" | "primary";
  /** The source is read off charts and is near, not exact. */
  readonly approximate?: boolean | undefined;
}

/**
 * One sentence on the last whole period: "2021: 36,654 AI/ML papers, +14 % (2020: +29 %, 2019: +31 %): growth slowed."
 * A period that is not whole is named as that, and nothing is said of its growth.
 */
export function growthSentence(counts: readonly Grown[], { name, series, approximate }: SentenceOptions): string {
  const told = counts.filter((count) => count.whole);
  const last = told.at(-1);
  const open = counts.at(-1);
  const partial = open && !open.whole ? ` ${open.period} is not whole (${number(open[series])} so far).` : "";
  if (last === undefined) return `No whole period of ${name} papers is known.${partial}`;
  const about = approximate ? "about " : "";
  const start = `${last.period}: ${about}${number(last[series])} ${name} papers`;
  if (last.growth === undefined) return `${start}.${partial}`;
  const known = new Map(counts.map((count) => [count.period, count]));
  const earlier: Grown[] = [];
  for (let period = yearBefore(last.period); earlier.length < 2; period = yearBefore(period)) {
    const one = known.get(period);
    if (one?.growth === undefined) break;
    earlier.push(one);
  }
  const [before] = earlier;
  const past = earlier.map((one) => `${one.period}: ${percent(one.growth!)}`).join(", ");
  const words = { slowed: "growth slowed", steady: "growth is steady", accelerated: "growth accelerated" };
  const judged = before === undefined ? "" : `: ${words[tendency(before.growth!, last.growth)]}`;
  const doubt = approximate ? " The counts are read off charts, to within 0.3 % of the total." : "";
  return `${start}, ${percent(last.growth)}${past === "" ? "" : ` (${past})`}${judged}.${doubt}${partial}`;
}

export interface Trends {
  /** The last twelve whole months against the twelve before. */
  readonly trailing?: number;
  /** The year's whole months so far against the same months of the year before. */
  readonly toDate?: { readonly months: number; readonly growth: number };
}

/** Growth over twelve months and over the year so far, of months in their order. */
export function trends(months: readonly Count[], series: "listed" | "primary"): Trends {
  const known = new Map(months.filter((month) => month.whole).map((month) => [month.period, month[series]]));
  const last = months.filter((month) => month.whole).at(-1)?.period;
  if (last === undefined) return {};
  const back = (n: number): string => {
    const at = new Date(Date.UTC(Number(last.slice(0, 4)), Number(last.slice(5, 7)) - 1 - n, 1));
    return at.toISOString().slice(0, 7);
  };
  const growthOf = (first: number, count: number): number | undefined => {
    let [now, before] = [0, 0];
    for (let i = first; i < first + count; i++) {
      const [a, b] = [known.get(back(i)), known.get(back(i + 12))];
      if (a === undefined || b === undefined) return undefined;
      now += a;
      before += b;
    }
    return before === 0 ? undefined : now / before - 1;
  };
  const trailing = growthOf(0, 12);
  const soFar = Number(last.slice(5, 7));
  const growth = growthOf(0, soFar);
  return {
    ...(trailing !== undefined && { trailing }),
    ...(growth !== undefined && { toDate: { months: soFar, growth } }),
  };
}
