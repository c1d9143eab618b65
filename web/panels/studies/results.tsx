/** The answer: what is told, figures, tables. Brings what draws, so it is loaded when there are results. */
import { useEffect, useRef } from "preact/hooks";
import type { Gain, Verdict } from "../../../src/study/grid/advise.ts";
import { rowsCsv } from "../../../src/study/report/page.ts";
import { draw } from "../../../src/study/report/plots.ts";
import type { Cell, Figure, ReportTable } from "../../../src/study/report/sections.ts";
import { countText } from "../../../src/study/results.ts";
import { download } from "../../parts/download.ts";
import { Icon } from "../../parts/icon.tsx";
import type { StudyAnswer } from "./ask.ts";
import { answer } from "./state.ts";

function Drawing({ title, drawing }: Figure) {
  const place = useRef<HTMLDivElement>(null);
  const { svg, legend } = draw(drawing, title, document);
  useEffect(() => place.current?.replaceChildren(svg));
  return (
    <figure>
      <figcaption>{title}</figcaption>
      {legend.length > 0 && (
        <p class="legend">
          {legend.map(({ label, color }) => (
            <span key={label}>
              <i style={{ background: color }} />
              {label}
            </span>
          ))}
        </p>
      )}
      <div ref={place} />
      <button type="button" class="quiet" onClick={() => download(`${title}.svg`, svg.outerHTML, "image/svg+xml")}>
        <Icon name="save" />
        <span>SVG</span>
      </button>
    </figure>
  );
}

const shown = (value: Cell): string =>
  typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value ?? "–");

function Table({ title, columns, rows }: ReportTable) {
  const csv = () =>
    rowsCsv(rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null]))));
  return (
    <div class="study-table">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a table that is wider than the page is moved by keys */}
      <section class="wide" tabIndex={0} aria-label={title}>
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, k) => (
                  <td key={columns[k]} class={typeof cell === "number" ? "number" : undefined}>
                    {shown(cell)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <button type="button" class="quiet" onClick={() => download(`${title}.csv`, csv(), "text/csv")}>
        <Icon name="save" />
        <span>CSV</span>
      </button>
    </div>
  );
}

const verdicts: Readonly<Record<Verdict, string>> = {
  annotate: "Annotate: more labels gain more for their cost.",
  grow: "Grow: the bigger model gains more for its cost.",
  either: "Either: both gain, and neither more than the other for its cost.",
  saturated: "Saturated: neither gains a point.",
  "not enough data": "These results do not tell.",
};

const points = (score: number): string => `${score >= 0 ? "+" : "−"}${Math.abs(100 * score).toFixed(1)}`;
const gainText = ({ gain, interval, cost }: Gain): string =>
  gain === undefined
    ? "not measured"
    : `${points(gain)} points${interval ? ` (90 %: ${points(interval[0])} to ${points(interval[1])})` : ""}, cost ${cost}`;

function Advised({ name, advice }: StudyAnswer["advice"][number]) {
  const { verdict, annotate, grow, annotateBetter, missing } = advice;
  return (
    <div class="advice">
      {name !== "" && <h2>{name}</h2>}
      <p>
        <strong>{verdicts[verdict]}</strong>
      </p>
      <ul>
        <li>Twice the labels: {gainText(annotate)}</li>
        <li>The next bigger model: {gainText(grow)}</li>
        {annotateBetter !== undefined && (
          <li>Labels gain more for their cost in {Math.round(100 * annotateBetter)} % of resamples.</li>
        )}
        {missing.map(({ size, labels }) => (
          <li key={`${size} ${labels}`}>
            Would help: {countText(size)} with {labels} labels.
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Results() {
  const { section, advice } = answer.value!;
  return (
    <div class="study-answer">
      {advice.map((one) => (
        <Advised key={one.name} {...one} />
      ))}
      {section.tables.map((table) => (
        <Table key={table.title} {...table} />
      ))}
      <div class="figures">
        {section.figures.map((figure) => (
          <Drawing key={figure.title} {...figure} />
        ))}
      </div>
      {section.notes.map((note) => (
        <p key={note} class="quiet">
          {note}
        </p>
      ))}
    </div>
  );
}
