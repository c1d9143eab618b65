/**
 * The chart of growth: bars by category one on the other, growth as a line on a second axis. Written by hand so that it
 * is the same to the byte everywhere: places to a tenth of a pixel, fonts by their generic family, colours that follow
 * the page's own in light and dark.
 */
import { escaped } from "../render/escape.ts";
import { type Grown, percent } from "./count.ts";

export interface ChartOptions {
  readonly title: string;
  /** What it shows, in a sentence, for those who do not see it. */
  readonly description: string;
  readonly series: "listed" | "primary";
  /** Periods that are shown at most, the last ones. */
  readonly most?: number;
}

const [width, height] = [760, 400];
const plot = { left: 62, right: 700, top: 46, bottom: 330 };

/** Told apart by lightness too, for people who do not tell colours apart. */
const colours = ["#1f5fa8", "#5b9bd5", "#9cc5ea", "#2f7d5b", "#7fbf9a", "#c9a227", "#8a6fb0", "#b0b0b0"];
const lineColour = "#c0392b";

const px = (n: number): string => String(Math.round(n * 10) / 10);

/** The next of 1, 2, 2.5, 5 times a power of ten, so that about `steps` of it reach `most`. */
export function niceStep(most: number, steps: number): number {
  if (!(most > 0)) return 1;
  const raw = most / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 2.5, 5, 10].find((n) => n * power >= raw) ?? 10);
}

const short = (n: number): string =>
  n >= 1000 ? `${(n / 1000).toLocaleString("en", { maximumFractionDigits: 1 })}k` : String(n);

/** The seven largest categories, the rest together. */
function layersOf(counts: readonly Grown[]): string[] {
  const sums = new Map<string, number>();
  for (const { by } of counts) for (const [name, n] of Object.entries(by)) sums.set(name, (sums.get(name) ?? 0) + n);
  return [...sums].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name);
}

const style = `<style>svg.growth{color:#1b1b1b;background:#fff}svg.growth text{font:12px sans-serif;fill:currentColor}svg.growth .t{font-size:15px;font-weight:600}svg.growth .g{stroke:currentColor;stroke-opacity:.15}@media (prefers-color-scheme:dark){svg.growth{color:#eaeaea;background:#16181c}}</style>`;

export function growthChart(all: readonly Grown[], { title, description, series, most = 24 }: ChartOptions): string {
  const counts = all.slice(-most);
  const names = layersOf(counts);
  const shown = names.length > 8 ? names.slice(0, 7) : names;
  const top = Math.max(1, ...counts.map((count) => count[series]));
  const step = niceStep(top, 5);
  const ceiling = Math.ceil(top / step) * step;
  const y = (n: number): number => plot.bottom - ((plot.bottom - plot.top) * n) / ceiling;
  const slot = (plot.right - plot.left) / Math.max(1, counts.length);
  const bar = Math.min(48, slot * 0.7);
  const middle = (i: number): number => plot.left + slot * (i + 0.5);
  const parts: string[] = [];
  for (let n = 0; n <= ceiling + step / 2; n += step) {
    parts.push(`<line class="g" x1="${plot.left}" x2="${plot.right}" y1="${px(y(n))}" y2="${px(y(n))}"/>`);
    parts.push(`<text x="${plot.left - 8}" y="${px(y(n) + 4)}" text-anchor="end">${short(n)}</text>`);
  }
  counts.forEach((count, i) => {
    const x = middle(i) - bar / 2;
    let from = 0;
    const layer = (n: number, colour: string): void => {
      if (n <= 0) return;
      const [high, low] = [y(from + n), y(from)];
      const box = `x="${px(x)}" y="${px(high)}" width="${px(bar)}" height="${px(low - high)}"`;
      // What is not whole is hollow.
      parts.push(
        count.whole
          ? `<rect ${box} fill="${colour}"/>`
          : `<rect ${box} fill="none" stroke="${colour}" stroke-dasharray="3 2"/>`,
      );
      from += n;
    };
    if (series === "primary") {
      for (const [at, name] of shown.entries()) layer(count.by[name] ?? 0, colours[at]!);
      layer(count.primary - from, colours[7]!);
    } else layer(count.listed, colours[0]!);
    parts.push(
      `<text x="${px(middle(i))}" y="${plot.bottom + 18}" text-anchor="middle">${periodLabel(count.period, i, counts.length)}</text>`,
    );
  });
  const rates = counts.flatMap(({ growth }, i) => (growth === undefined ? [] : [{ i, growth }]));
  const [lowest, highest] = [Math.min(0, ...rates.map((r) => r.growth)), Math.max(0.1, ...rates.map((r) => r.growth))];
  const rateStep = niceStep(highest - lowest, 4);
  const [floor, roof] = [Math.floor(lowest / rateStep) * rateStep, Math.ceil(highest / rateStep) * rateStep];
  const ry = (r: number): number => plot.bottom - ((plot.bottom - plot.top) * (r - floor)) / (roof - floor);
  if (rates.length > 0) {
    for (let r = floor; r <= roof + rateStep / 2; r += rateStep)
      parts.push(`<text x="${plot.right + 8}" y="${px(ry(r) + 4)}" style="fill:${lineColour}">${percent(r)}</text>`);
    const points = rates.map(({ i, growth }) => `${px(middle(i))},${px(ry(growth))}`);
    parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${lineColour}" stroke-width="2"/>`);
    for (const { i, growth } of rates)
      parts.push(
        `<circle cx="${px(middle(i))}" cy="${px(ry(growth))}" r="3.5" fill="${lineColour}"><title>${escaped(counts[i]!.period)}: ${percent(growth)}</title></circle>`,
      );
    const last = rates.at(-1)!;
    parts.push(
      `<text x="${px(middle(last.i))}" y="${px(ry(last.growth) - 9)}" text-anchor="middle" style="fill:${lineColour};font-weight:600;paint-order:stroke;stroke:var(--paper,#fff);stroke-width:3px">${percent(last.growth)}</text>`,
    );
  }
  return `<svg class="growth" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="growth-title growth-text"><title id="growth-title">${escaped(title)}</title><desc id="growth-text">${escaped(description)}</desc>${style}<text class="t" x="${plot.left}" y="24">${escaped(title)}</text>${parts.join("")}${legend(series === "primary" ? [...shown, ...(names.length > 8 ? ["others"] : [])] : ["listed"], rates.length > 0)}</svg>`;
}

/** Every label of a few periods, the Januaries and the last of many months. */
function periodLabel(period: string, i: number, count: number): string {
  if (count <= 13 && period.length === 4) return period;
  if (period.length === 4) return (count - 1 - i) % 2 === 0 ? period : "";
  return period.endsWith("-01") || i === 0 ? period.slice(0, 4) : period.endsWith("-07") ? "Jul" : "";
}

function legend(names: readonly string[], line: boolean): string {
  let x = plot.left;
  const parts = names.map((name, i) => {
    const at = x;
    x += 26 + name.length * 7.2;
    return `<rect x="${px(at)}" y="366" width="12" height="12" fill="${colours[i === 7 ? 7 : i]}"/><text x="${px(at + 17)}" y="376">${escaped(name)}</text>`;
  });
  if (line)
    parts.push(
      `<line x1="${px(x)}" x2="${px(x + 18)}" y1="372" y2="372" stroke="${lineColour}" stroke-width="2"/><text x="${px(x + 24)}" y="376">growth a year (right)</text>`,
    );
  return parts.join("");
}
