/** A report as one page that needs nothing beside it: no script, nothing from elsewhere. */
import type { Claim, StudyRow } from "../declare/study.ts";
import type { Drawn } from "./plots.ts";
import type { Cell, ReportTable, Section } from "./sections.ts";

export interface ReportParts {
  readonly name: string;
  /** What was done: runs, hours, machines. */
  readonly facts: readonly string[];
  readonly claims: readonly Claim[];
  readonly sections: readonly (Section & { readonly drawn: readonly Drawn[] })[];
  readonly failures: readonly { readonly run: string; readonly reason: string }[];
  readonly rows: readonly StudyRow[];
}

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const safe = (text: string): string => text.replace(/[&<>"]/g, (sign) => signs[sign]!);

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 3rem; }
figure { margin: 1.5rem 0; }
figcaption { font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: 0.25rem 0.6rem; text-align: left; }
td.number { text-align: right; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.35em; border-radius: 50%; }
svg { display: block; max-width: 100%; height: auto; }
svg text { white-space: pre; }
`;

/** A number to four digits; whole ones as they are. */
const shown = (value: Cell): string =>
  value === null
    ? "–"
    : typeof value === "number" && !Number.isInteger(value)
      ? String(Number(value.toPrecision(4)))
      : String(value);

function csvCell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvLines = (lines: readonly (readonly unknown[])[]): string =>
  lines.map((line) => `${line.map(csvCell).join(",")}\n`).join("");

/** All rows as CSV, every column that one of them has. */
export function rowsCsv(rows: readonly StudyRow[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return csvLines([columns, ...rows.map((row) => columns.map((column) => row[column]))]);
}

const dataLink = (csv: string, name: string): string =>
  `<a download="${safe(name)}.csv" href="data:text/csv;charset=utf-8,${encodeURIComponent(csv)}">CSV</a>`;

function tableOf({ title, columns, rows }: ReportTable): string {
  const head = columns.map((column) => `<th scope="col">${safe(column)}</th>`).join("");
  const body = rows
    .map((row) => {
      const cells = row.map(
        (cell) => `<td${typeof cell === "number" ? ' class="number"' : ""}>${safe(shown(cell))}</td>`,
      );
      return `<tr>${cells.join("")}</tr>`;
    })
    .join("\n");
  const link = dataLink(csvLines([columns, ...rows]), title);
  return `<div class="wide"><table><caption>${safe(title)} · ${link}</caption><thead><tr>${head}</tr></thead>
<tbody>${body}</tbody></table></div>`;
}

const legendOf = ({ legend }: Drawn): string =>
  legend.length === 0
    ? ""
    : `<p class="legend">${legend.map(({ label, color }) => `<span><i style="background:${safe(color)}"></i>${safe(label)}</span>`).join("")}</p>`;

function sectionOf({ title, notes, figures, drawn, tables }: ReportParts["sections"][number]): string {
  return [
    `<section><h2>${safe(title)}</h2>`,
    ...notes.map((note) => `<p>${safe(note)}</p>`),
    ...figures.map(
      (figure, i) =>
        `<figure><figcaption>${safe(figure.title)}</figcaption>${legendOf(drawn[i]!)}${drawn[i]!.svg.outerHTML}</figure>`,
    ),
    ...tables.map(tableOf),
    "</section>",
  ].join("\n");
}

const claimsOf = (claims: readonly Claim[]): string =>
  claims.length === 0
    ? ""
    : `<section><h2>Claims</h2>${tableOf({
        title: "Claims and what these results say of them",
        columns: ["claim", "verdict", "figure"],
        rows: claims.map(({ claim, verdict, figure }) => [claim, verdict, figure]),
      })}</section>`;

const failuresOf = (failures: ReportParts["failures"]): string =>
  failures.length === 0
    ? ""
    : `<section><h2>Not done</h2>${tableOf({
        title: "Runs that failed",
        columns: ["run", "reason"],
        rows: failures.map(({ run, reason }) => [run, reason]),
      })}</section>`;

/** The page. Its policy lets nothing be loaded and nothing run. */
export function reportPage({ name, facts, claims, sections, failures, rows }: ReportParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(name)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${safe(name)}</h1>
${facts.map((fact) => `<p>${safe(fact)}</p>`).join("\n")}
${claimsOf(claims)}
${sections.map(sectionOf).join("\n")}
${failuresOf(failures)}
<section><h2>Data</h2><p>All ${rows.length} rows of results: ${dataLink(rowsCsv(rows), name)}</p></section>
</main>
</body>
</html>
`;
}
