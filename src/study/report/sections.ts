/** Answers to the questions of a declaration, from rows of results: what is told, tables, and what is drawn. */
import { numberOf } from "../columns.ts";
import { fulfils } from "../declare/factors.ts";
import type { StudyRow } from "../declare/study.ts";
import { gridOf } from "../grid/cells.ts";
import { isotonicGrid } from "../grid/isotonic.ts";
import { worth } from "../grid/worth.ts";
import { heldOut, type Measured, type TransferLimits, transferLimits } from "../law/limits.ts";
import { countOf, countText as short } from "../results.ts";
import type { Analysis, Curve, GridQuestion, Table, Transfer } from "./analysis.ts";
import { meanOf, type Spread, spreadOf } from "./spread.ts";

export type Cell = string | number | null;

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export type Drawing =
  | {
      readonly kind: "transfer";
      readonly us: string;
      readonly ds: string;
      readonly points: readonly (Measured & { readonly by: string })[];
      readonly limits: TransferLimits | undefined;
    }
  | {
      readonly kind: "heat";
      readonly x: string;
      readonly y: string;
      readonly cells: readonly {
        readonly x: string;
        readonly y: string;
        readonly value: number;
        readonly sd: number;
      }[];
    }
  | {
      readonly kind: "curve";
      readonly x: string;
      readonly y: string;
      readonly scale: "linear" | "log" | "ordinal";
      readonly lines: readonly (Spread & { readonly x: number | string; readonly by: string })[];
    };

export interface Figure {
  readonly title: string;
  readonly drawing: Drawing;
}

export interface Section {
  readonly title: string;
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  readonly tables: readonly ReportTable[];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Rows by the values of some columns, in the order in which they come. */
export function grouped(
  rows: readonly StudyRow[],
  columns: readonly string[],
): { readonly name: string; readonly values: readonly Cell[]; readonly rows: StudyRow[] }[] {
  const groups = new Map<string, { name: string; values: Cell[]; rows: StudyRow[] }>();
  for (const row of rows) {
    const values = columns.map((column) => cell(row[column]));
    const name = columns.map((column, i) => `${column} ${values[i] ?? "–"}`).join(", ");
    const known = groups.get(name);
    if (known) known.rows.push(row);
    else groups.set(name, { name, values, rows: [row] });
  }
  return [...groups.values()];
}

const cell = (value: unknown): Cell =>
  typeof value === "number" || typeof value === "string"
    ? value
    : value === null || value === undefined
      ? null
      : String(value);

const asShare = (value: unknown): number | undefined => {
  const number = numberOf(value);
  return number !== undefined && number >= 0 && number <= 1 ? number : undefined;
};

/** The law needs a few corners; below that there are points to draw and nothing to fit. */
const fewestPoints = 4;

function transfer(q: Transfer, rows: readonly StudyRow[]): Section {
  const { us, ds, group = [], run = "run", by } = q;
  const figures: Figure[] = [];
  const laws: Cell[][] = [];
  const notes: string[] = [];
  for (const { name, values, rows: some } of grouped(rows, group)) {
    const points = some.flatMap((row) => {
      const [x, y] = [asShare(row[us]), asShare(row[ds])];
      if (x === undefined || y === undefined) return [];
      const colour = by === undefined ? "" : String(cell(row[by]) ?? "–");
      return [{ us: x, ds: y, by: colour, ...(row[run] !== undefined && { run: String(row[run]) }) }];
    });
    if (points.length === 0) continue;
    const distinct = new Set(points.map((point) => point.us)).size;
    const limits = points.length >= fewestPoints && distinct > 1 ? transferLimits(points) : undefined;
    figures.push({ title: name || `${ds} over ${us}`, drawing: { kind: "transfer", us, ds, points, limits } });
    if (!limits) {
      notes.push(`${name || "All"}: ${points.length} models with ${distinct} upstream scores: too few for a law.`);
      continue;
    }
    const { law, interval, saturation, hull, doubts } = limits;
    const sorted = points.map((point) => point.us).sort((a, b) => a - b);
    const ahead = heldOut(points, sorted[Math.floor(0.7 * (sorted.length - 1))]!);
    laws.push([
      ...values,
      ...[points.length, law.k, law.alpha, law.irreducible],
      ...(interval ? [percent(saturation), `${percent(interval[0])} to ${percent(interval[1])}`] : [null, null]),
      ...[ahead?.hull ?? null, ahead?.allPoints ?? null],
      doubts.join("; ") || null,
    ]);
    if (hull.falling.length > 1) {
      notes.push(
        `${name || ds}: beyond ${percent(hull.falling[0]!.us)} upstream the hull falls: the two are at odds there.`,
      );
    }
  }
  const columns = ["models", "k", "α", "error that remains", "saturates at", "95 % interval"];
  const tested = ["held out, hull fit", "held out, all points", "not to be relied on"];
  return {
    title: q.title ?? `How far ${us} takes ${ds}`,
    notes: [
      "Error downstream = k · (error upstream)^α + what remains, fitted along the upper hull. The interval resamples runs, fewer than there are, and is a little too wide. Held out: mean error of the law of the weaker 70 % of models on the hull above them.",
      ...notes,
    ],
    figures,
    tables: laws.length === 0 ? [] : [{ title: "Laws", columns: [...group, ...columns, ...tested], rows: laws }],
  };
}

function grid(q: GridQuestion, rows: readonly StudyRow[]): Section {
  const { size, labels, score, group = [] } = q;
  const figures: Figure[] = [];
  const tables: ReportTable[] = [];
  const notes: string[] = [];
  for (const { name, rows: some } of grouped(rows, group)) {
    const results = some.flatMap((row) => {
      const [s, n, value] = [countOf(row[size]), countOf(row[labels]), numberOf(row[score])];
      return s === undefined || n === undefined || value === undefined ? [] : [{ size: s, labels: n, score: value }];
    });
    if (results.length === 0) continue;
    const found = gridOf(results);
    const cells = found.sizes.flatMap((s, i) =>
      found.labels.flatMap((n, j) => {
        const seeds = found.scores[i]![j]!;
        if (seeds.length === 0) return [];
        const { mean, sd } = spreadOf(seeds);
        return [{ x: short(n), y: short(s), value: mean, sd }];
      }),
    );
    figures.push({ title: name || score, drawing: { kind: "heat", x: labels, y: size, cells } });
    if (found.sizes.length < 2) {
      notes.push(`${name || "All"}: one size: nothing to compare.`);
      continue;
    }
    const smooth = isotonicGrid(found);
    tables.push({
      title: name === "" ? "What the bigger model is worth" : `What the bigger model is worth: ${name}`,
      columns: [size, labels, score, "as good as", "with labels", "90 % interval", "never, of resamples"],
      rows: worth(found).map((one) => [
        ...[short(one.to), one.labels, smooth[found.sizes.indexOf(one.to)]![found.labels.indexOf(one.labels)] ?? null],
        short(one.from),
        typeof one.needed === "number"
          ? Math.round(one.needed)
          : one.needed === "more"
            ? `more than ${found.labels.at(-1)}`
            : `${found.labels[0]} or fewer`,
        one.interval ? `${Math.round(one.interval[0])} to ${Math.round(one.interval[1])}` : null,
        percent(one.never),
      ]),
    });
  }
  return { title: q.title ?? `Bigger, or more of ${labels}?`, notes, figures, tables };
}

function curve(q: Curve, rows: readonly StudyRow[]): Section {
  const { x, y, by, group = [], scale } = q;
  const figures: Figure[] = [];
  const table: Cell[][] = [];
  for (const { name, values, rows: some } of grouped(rows, group)) {
    const measured = some.filter((row) => numberOf(row[y]) !== undefined && cell(row[x]) !== null);
    if (measured.length === 0) continue;
    const numbers = measured.every((row) => typeof row[x] === "number");
    const lines = grouped(measured, by === undefined ? [x] : [by, x]).map(({ values: at, rows: seeds }) => ({
      x: at.at(-1)! as number | string,
      by: by === undefined ? "" : String(at[0] ?? "–"),
      ...spreadOf(seeds.map((row) => numberOf(row[y])!)),
    }));
    if (numbers) lines.sort((a, b) => Number(a.x) - Number(b.x));
    figures.push({
      title: name || `${y} over ${x}`,
      drawing: { kind: "curve", x, y, scale: numbers ? (scale ?? "linear") : "ordinal", lines },
    });
    for (const { x: at, by: line, mean, sd, n } of lines) {
      table.push([...values, ...(by === undefined ? [] : [line]), at, mean, sd, n]);
    }
  }
  const columns = [...group, ...(by === undefined ? [] : [by]), x, y, "sd", "n"];
  return {
    title: q.title ?? `${y} over ${x}`,
    notes: [],
    figures,
    tables: table.length === 0 ? [] : [{ title: "Means", columns, rows: table }],
  };
}

function table(q: Table, rows: readonly StudyRow[]): Section {
  const { rows: down, columns: across, score } = q;
  const measured = rows.filter((row) => numberOf(row[score]) !== undefined);
  const heads = across === undefined ? [score] : [...new Set(measured.map((row) => String(cell(row[across]) ?? "–")))];
  const body = grouped(measured, down).map(({ values, rows: some }) => [
    ...values,
    ...heads.map((head) => {
      const seeds = some.filter((row) => across === undefined || String(cell(row[across]) ?? "–") === head);
      if (seeds.length === 0) return null;
      const { mean, sd, n } = spreadOf(seeds.map((row) => numberOf(row[score])!));
      return n === 1 ? mean : `${mean.toFixed(3)} ± ${sd.toFixed(3)} (${n})`;
    }),
  ]);
  const heading = across === undefined ? heads : heads.map((head) => `${across} ${head}`);
  return {
    title: q.title ?? (across === undefined ? score : `${score} by ${down.join(", ")} and ${across}`),
    notes: ["Mean ± standard deviation (number)."],
    figures: [],
    tables: [{ title: score, columns: [...down, ...heading], rows: body }],
  };
}

function answer(question: Analysis, all: readonly StudyRow[]): Section {
  const rows = all.filter((row) => fulfils(row, question.where));
  switch (question.kind) {
    case "transfer":
      return transfer(question, rows);
    case "grid":
      return grid(question, rows);
    case "curve":
      return curve(question, rows);
    case "table":
      return table(question, rows);
  }
}

/** What the declaration asks; where it asks nothing, the mean of every metric. */
export function sectionsOf(
  analyses: readonly Analysis[],
  metrics: readonly string[],
  rows: readonly StudyRow[],
): Section[] {
  if (analyses.length === 0) {
    const means = metrics.flatMap((metric): Cell[][] => {
      const values = rows.flatMap((row) => numberOf(row[metric]) ?? []);
      return values.length === 0
        ? []
        : [[metric, meanOf(values), Math.min(...values), Math.max(...values), values.length]];
    });
    const columns = ["metric", "mean", "least", "most", "n"];
    return [{ title: "Results", notes: [], figures: [], tables: [{ title: "Metrics", columns, rows: means }] }];
  }
  return analyses.map((question) => answer(question, rows));
}
