/** Sizes beside each other on a logarithmic scale: as bars of characters, and as an SVG that needs nothing else. */
import { type Landmark, ownLandmark, type Plan, sizeOf } from "./plan.ts";

/** 76.96 M, 2.85 B, 1,571 B: three digits and a word's letter; billions go on, as papers have them. */
export function short(parameters: number): string {
  const [divisor, unit] = parameters >= 1e9 ? [1e9, "B"] : parameters >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  const value = parameters / divisor;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits)).toLocaleString("en", { minimumFractionDigits: digits })} ${unit}`;
}

interface Scale {
  /** Decades at both ends. */
  readonly from: number;
  readonly to: number;
  /** 0 to 1. */
  at(parameters: number): number;
}

/** Whole decades around all that is drawn. */
function scaleOf(rows: readonly Landmark[]): Scale {
  const sizes = rows.flatMap((row) => [sizeOf(row), row.active ?? sizeOf(row)]);
  const from = Math.floor(Math.log10(Math.min(...sizes)));
  const to = Math.max(from + 1, Math.log10(Math.max(...sizes)));
  return { from, to, at: (parameters) => (Math.log10(parameters) - from) / (to - from) };
}

/** "10M", "1B", "1T": the beginning of a decade. */
function decade(power: number): string {
  const unit = Math.min(4, Math.floor(power / 3));
  return `${10 ** (power - 3 * unit)}${["", "k", "M", "B", "T"][unit]}`;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `cells` characters at most, an eighth of one exact; at least a sliver. */
function bar(share: number, cells: number): string {
  const parts = Math.max(1, Math.round(share * cells * 8));
  return "█".repeat(parts >> 3) + eighths[parts & 7]!;
}

/** Each row's bar, `cells` wide: solid as far as a token passes, ░ for experts it does not and for what is claimed. */
export function bars(rows: readonly Landmark[], cells: number): { readonly bars: string[]; readonly axis: string } {
  const scale = scaleOf(rows);
  const drawn = rows.map((row) => {
    const whole = Math.max(1, Math.round(scale.at(sizeOf(row)) * cells));
    const solid = row.claimed ? "" : bar(scale.at(row.active ?? sizeOf(row)), cells);
    const shade = row.sparse === undefined ? "" : "░".repeat(Math.max(0, whole - solid.length));
    return (solid + shade).padEnd(cells);
  });
  let axis = "";
  for (let power = scale.from; power <= scale.to; power++) {
    const label = decade(power);
    // A label stands where its decade begins, if the one before leaves room; the last may go beyond the bars.
    const place = Math.round(scale.at(10 ** power) * cells);
    if (place >= axis.length + (axis ? 1 : 0)) axis = axis.padEnd(place) + label;
  }
  return { bars: drawn, axis };
}

/** A path keeps its end, which tells it from others. */
export const clipped = (title: string, most: number): string =>
  title.length > most ? `…${title.slice(1 - most)}` : title;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const rounded = (x: number): string => String(Math.round(x * 10) / 10);

/** One picture: a bar a model, the planned one in another colour; follows light and dark. */
export function svg(plan: Pick<Plan, "subject" | "counts">, known: readonly Landmark[]): string {
  const planned = ownLandmark(plan);
  const rows = [...known, ...(planned ? [planned] : [])].sort((a, b) => sizeOf(a) - sizeOf(b));
  const [left, right, top, line, width] = [170, 150, 56, 26, 900];
  const scale = scaleOf(rows);
  const height = top + rows.length * line + 44;
  const x = (parameters: number) => left + scale.at(parameters) * (width - left - right);
  const powers = Array.from({ length: Math.floor(scale.to) - scale.from + 1 }, (_, i) => scale.from + i);
  const grid = powers.map((power) => {
    const at = rounded(x(10 ** power));
    return `<line class="grid" x1="${at}" x2="${at}" y1="${top - 6}" y2="${top + rows.length * line}"/><text class="axis" x="${at}" y="${top + rows.length * line + 18}" text-anchor="middle">${decade(power)}</text>`;
  });
  const drawn = rows.map((row, i) => {
    const y = top + i * line;
    const size = sizeOf(row);
    const solid = row.claimed ? left : x(row.active ?? size);
    const own = row === planned ? " own" : "";
    const label = row.claimed
      ? `${short(size)}, a claim`
      : row.sparse === undefined
        ? short(size)
        : `${short(size)}, active ${short(row.active ?? size)}`;
    return [
      `<text class="name${own}" x="${left - 8}" y="${y + 15}" text-anchor="end">${escaped(clipped(row.title, 22))}</text>`,
      solid > left
        ? `<rect class="bar${own}" x="${left}" y="${y + 3}" width="${rounded(Math.max(1, solid - left))}" height="${line - 10}"/>`
        : "",
      row.sparse === undefined
        ? ""
        : `<rect class="sparse${row.claimed ? " claim" : ""}" x="${rounded(solid)}" y="${y + 3}" width="${rounded(Math.max(1, x(size) - solid))}" height="${line - 10}"/>`,
      `<text class="value" x="${rounded(x(size) + 6)}" y="${y + 15}">${escaped(label)}</text>`,
    ].join("");
  });
  const title = "Parameters of models, on a logarithmic scale";
  const said = rows.map((row) => `${row.title} ${short(sizeOf(row))}${row.claimed ? " (claimed)" : ""}`).join(", ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${title}</title>
<desc id="d">${escaped(said)}.</desc>
<style>
svg { color: #1b1b1b; background: #fff; font: 13px system-ui, sans-serif; }
text { fill: currentColor; } .axis, .value { font-size: 12px; opacity: .75; } .own { font-weight: 600; }
.grid { stroke: currentColor; opacity: .15; } .bar { fill: #4a6fa5; } .bar.own { fill: #c8553d; }
.sparse { fill: #4a6fa5; opacity: .28; } .claim { fill: none; stroke: currentColor; stroke-dasharray: 4 3; opacity: .6; }
@media (prefers-color-scheme: dark) { svg { color: #eee; background: #161616; } .bar { fill: #7fa3d9; } .sparse { fill: #7fa3d9; } .bar.own { fill: #f08a6c; } }
</style>
<text x="${left}" y="22" font-size="16" font-weight="600">${title}</text>
<text class="axis" x="${left}" y="40">solid: what one token passes; pale: experts it does not; dashed: a claim without a layer table</text>
${grid.join("\n")}
${drawn.join("\n")}
</svg>
`;
}
