/** Plots as SVG text: shares from 0 to 1 along an axis, BLEU from 0 to 100. */
import type { CalibrationBin } from "./statistics.ts";
import type { Aggregate, TaskResult } from "./tasks.ts";

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const number = (value: number): string => String(Math.round(value * 100) / 100);
const labelWidth = 240;
const plotWidth = 480;
const rowHeight = 24;

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${number(width)} ${number(height)}" width="${number(width)}" height="${number(height)}" role="img" aria-label="${escaped(title)}"><title>${escaped(title)}</title>${parts.join("")}</svg>`;
}

const line = (x1: number, y1: number, x2: number, y2: number, kind: string, width = 1): string =>
  `<line x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}" class="${kind}" stroke-width="${width}"/>`;

const dot = (x: number, y: number, radius: number, title: string, opacity = 1): string =>
  `<circle cx="${number(x)}" cy="${number(y)}" r="${radius}" class="mark" fill-opacity="${opacity}"><title>${escaped(title)}</title></circle>`;

const label = (x: number, y: number, text: string, anchor: "start" | "middle" | "end"): string =>
  `<text x="${number(x)}" y="${number(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;

/** A name short enough for its margin. */
const short = (text: string): string => (text.length > 36 ? `${text.slice(0, 35)}…` : text);

const scaleOf = (metric: string): number => (metric === "bleu" ? 100 : 1);
const place = (value: number, scale: number): number => labelWidth + (plotWidth * value) / scale;

/** Vertical lines with their values under `rows` rows. */
function axis(rows: number, scale: number): string[] {
  const bottom = rows * rowHeight + 8;
  return [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const x = labelWidth + plotWidth * share;
    return [line(x, 4, x, bottom, "grid"), label(x, bottom + 16, String(share * scale), "middle")];
  });
}

/** Every template's value with its interval; chance and majority as lines. */
export function templatePlot({ task, templates }: TaskResult, { metric, chance, majority }: Aggregate): string {
  const shown = templates.filter((one) => one.metric === metric);
  const scale = scaleOf(metric);
  const bottom = shown.length * rowHeight + 8;
  const levels = [
    line(place(chance, scale), 4, place(chance, scale), bottom, "chance", 1.5),
    line(place(majority, scale), 4, place(majority, scale), bottom, "majority", 1.5),
  ];
  const rows = shown.flatMap(({ template, value, interval }, i) => {
    const y = i * rowHeight + rowHeight / 2 + 4;
    return [
      label(labelWidth - 10, y + 4, short(template), "end"),
      line(place(interval.low, scale), y, place(interval.high, scale), y, "mark", 2),
      dot(place(value, scale), y, 4.5, `${template}: ${value.toFixed(3)}`),
    ];
  });
  const parts = [...axis(shown.length, scale), ...levels, ...rows];
  return svg(labelWidth + plotWidth + 20, bottom + 24, `${task}: ${metric} by template`, parts);
}

/** How much hangs on the wording, a row for each task and metric. */
export function sensitivityPlot(tasks: readonly TaskResult[]): string {
  const rows = tasks.flatMap((result) => result.aggregates.map((aggregate) => ({ result, aggregate })));
  const parts = rows.flatMap(({ result, aggregate }, i) => {
    const { metric, spread, median, chance } = aggregate;
    const scale = scaleOf(metric);
    const y = i * rowHeight + rowHeight / 2 + 4;
    const at = (value: number) => place(value, scale);
    const measured = metric === "bleu" ? "bleu / 100" : metric;
    const name = metric === "accuracy" ? result.task : `${result.task} (${measured})`;
    const values = result.templates.filter((one) => one.metric === metric);
    return [
      label(labelWidth - 10, y + 4, short(name), "end"),
      line(at(spread.min), y, at(spread.max), y, "mark", 1.5),
      line(at(spread.q1), y, at(spread.q3), y, "mark", 5),
      line(at(median), y - 8, at(median), y + 8, "mark", 3),
      line(at(chance), y - 10, at(chance), y + 10, "chance", 1.5),
      ...values.map(({ template, value }) => dot(at(value), y, 3, `${template}: ${value.toFixed(3)}`, 0.5)),
    ];
  });
  const height = rows.length * rowHeight + 32;
  return svg(labelWidth + plotWidth + 20, height, "Spread over templates", [...axis(rows.length, 1), ...parts]);
}

/** Confidence against how often it is right, over bars of how many examples there are. */
export function calibrationPlot(bins: readonly CalibrationBin[], task: string): string {
  const [size, left, top] = [260, 50, 10];
  const x = (share: number) => left + size * share;
  const y = (share: number) => top + size * (1 - share);
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    line(x(0), y(share), x(1), y(share), "grid"),
    label(left - 8, y(share) + 4, String(share), "end"),
    label(x(share), y(0) + 18, String(share), "middle"),
  ]);
  const bars = bins.map(({ from, to, count }) => {
    const height = (size * count) / most / 3;
    const title = `${from.toFixed(1)} to ${to.toFixed(1)}: ${count} examples`;
    return `<rect x="${number(x(from) + 1)}" y="${number(y(0) - height)}" width="${number(x(to) - x(from) - 2)}" height="${number(height)}" class="bar"><title>${title}</title></rect>`;
  });
  const there = bins.filter(({ count }) => count > 0);
  const curve = there.slice(1).map((bin, i) => {
    const before = there[i]!;
    return line(x(before.confidence), y(before.accuracy), x(bin.confidence), y(bin.accuracy), "mark", 1.5);
  });
  const points = there.map(({ confidence, accuracy, count }) =>
    dot(
      x(confidence),
      y(accuracy),
      4.5,
      `sure ${confidence.toFixed(3)}, right ${accuracy.toFixed(3)}, ${count} examples`,
    ),
  );
  const parts = [...grid, ...bars, line(x(0), y(0), x(1), y(1), "chance"), ...curve, ...points];
  return svg(left + size + 20, top + size + 28, `${task}: calibration`, parts);
}
