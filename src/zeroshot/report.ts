/** The report: one HTML file with its plots in it, nothing fetched from anywhere, no scripts. */
import { calibrationPlot, escaped, sensitivityPlot, templatePlot } from "./plots.ts";
import type { Normalization } from "./ranking.ts";
import { calibration, figure } from "./statistics.ts";
import { type SuperGlueResult, superGlueRows } from "./superglue.ts";
import type { TaskResult } from "./tasks.ts";

export interface ReportParts {
  readonly model: string;
  readonly tasks: readonly TaskResult[];
  readonly normalize: Normalization;
  readonly superGlue?: SuperGlueResult;
  /** Lines that say how it was made: precision, limits, program version. */
  readonly notes?: readonly string[];
}

const style = `
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --mark: #2563c4; --chance: #b4540a; --majority: #7a4fb5; }
@media (prefers-color-scheme: dark) { :root { --mark: #7db0ff; --chance: #f0a060; --majority: #c3a3f5; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
figure { margin: 1rem 0; } figcaption { opacity: .75; font-size: .9rem; }
.mark { fill: var(--mark); stroke: var(--mark); } .grid { stroke: var(--line); } .bar { fill: var(--soft); }
.chance { stroke: var(--chance); stroke-dasharray: 6 3; } .majority { stroke: var(--majority); stroke-dasharray: 2 3; }
`;

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table><thead>${row(head, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table>`;
}

const captioned = (svg: string, caption: string): string =>
  `<figure>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`;

function taskSection(result: TaskResult): string {
  const head = [
    "template",
    "metric",
    "value",
    "95 % interval",
    "rows",
    "skipped",
    "chance",
    "majority",
    "calibration error",
  ];
  const rows = result.templates.map((one) => [
    one.template,
    one.metric,
    figure(one.value),
    `${figure(one.interval.low)} – ${figure(one.interval.high)}`,
    String(one.n),
    String(one.skipped),
    figure(one.chance),
    figure(one.majority),
    one.ranked ? figure(one.ranked.ece) : "",
  ]);
  const plots = result.aggregates.map((aggregate) =>
    captioned(
      templatePlot(result, aggregate),
      `${aggregate.metric} of each template with its 95 % bootstrap interval; dashed: chance, dotted: always the commonest answer. Median ${figure(aggregate.median)}, mean ${figure(aggregate.mean)}, from ${figure(aggregate.spread.min)} to ${figure(aggregate.spread.max)}.`,
    ),
  );
  const pooled = result.templates.flatMap(({ ranked }) => ranked?.results ?? []);
  const { bins, ece } = calibration(
    pooled.map(({ confidence }) => confidence),
    pooled.map(({ gold, predicted }) => gold === predicted),
  );
  const curve =
    pooled.length === 0
      ? ""
      : captioned(
          calibrationPlot(bins, result.task),
          `Calibration over all templates: how often the chosen answer is right (points) when the model gives it such a share among the choices; bars: how many examples. Expected calibration error ${figure(ece)}.`,
        );
  return `<section><h2>${escaped(result.task)}</h2>${plots.join("")}${htmlTable(head, rows)}${curve}</section>`;
}

function superGlueSection(suite: SuperGlueResult): string {
  const rows = superGlueRows(suite);
  const { average, missing } = suite;
  const absent = missing.length > 0 ? ` Without ${missing.join(", ")}: no official average.` : "";
  return `<section><h2>SuperGLUE</h2>${htmlTable(["task", "official metrics, medians over templates", "score", "templates"], rows)}<p>Average ${figure(average)}.${escaped(absent)}</p></section>`;
}

/** The report of an evaluation as one HTML file. */
export function reportHtml({ model, tasks, normalize, superGlue, notes = [] }: ReportParts): string {
  const said = [`Choices ranked by: ${normalize}.`, ...notes];
  const overview = captioned(
    sensitivityPlot(tasks),
    "Prompt sensitivity: a point for each template, a line from the worst to the best, a thick one over the middle half, a bar at the median; dashed: chance.",
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(model)}: zero-shot evaluation</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(model)}: zero-shot evaluation</h1>
<p>${said.map(escaped).join("<br>")}</p>
${overview}
${superGlue ? superGlueSection(superGlue) : ""}
${tasks.map(taskSection).join("\n")}
</body>
</html>
`;
}
