/** Figures as SVG by Observable Plot. The document is given: a browser's own, or one without a browser. */
import * as Plot from "@observablehq/plot";
import { predicted } from "../law/fit.ts";
import type { Drawing } from "./sections.ts";

export interface Drawn {
  readonly svg: Element;
  /** What its colours mean; empty where there is one. */
  readonly legend: readonly { readonly label: string; readonly color: string }[];
}

const size = { width: 640, height: 380, marginLeft: 56, marginBottom: 40 };

type Options = Plot.PlotOptions & { readonly document: Document };

function drawn(options: Options, title: string, labels: readonly string[]): Drawn {
  const plot = Plot.plot({ ...size, ...options, ariaLabel: title });
  const colours = plot.scale("color");
  const several = labels.length > 1;
  // The page's own styles do what Plot's would; a strict policy lets none in from a script.
  plot.querySelector("style")?.remove();
  // The whole is one picture with a name; Plot names its groups, which have no role that takes one.
  for (const group of plot.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  plot.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  plot.setAttribute("role", "img");
  return {
    svg: plot,
    legend: several && colours ? labels.map((label) => ({ label, color: String(colours.apply(label)) })) : [],
  };
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];

function transfer(d: Extract<Drawing, { kind: "transfer" }>, title: string, document: Document): Drawn {
  const { us, ds, points, limits } = d;
  const labels = unique(points.map(({ by }) => by));
  const best = points.reduce((most, point) => Math.max(most, point.us), 0);
  const lowest = points.reduce((least, point) => Math.min(least, point.us), 1);
  const law = limits
    ? Array.from({ length: 101 }, (_, i) => lowest + ((1 - lowest) * i) / 100).map((x) => ({
        x,
        y: predicted(limits.law, x),
      }))
    : [];
  const hull = limits ? [...limits.hull.rising, ...limits.hull.falling.slice(1)] : [];
  const interval = limits?.interval ? [limits.interval] : [];
  return drawn(
    {
      document,
      x: { label: `${us} →`, domain: [0, 1], tickFormat: "%" },
      y: { label: `↑ ${ds}`, tickFormat: "%", grid: true, nice: true },
      color: { domain: labels },
      marks: [
        Plot.rectY(interval, { x1: 0, x2: 1, y1: "0", y2: "1", fill: "currentColor", fillOpacity: 0.08 }),
        Plot.dot(points, { x: "us", y: "ds", stroke: "by", r: 2.5 }),
        Plot.line(hull, { x: "us", y: "ds", stroke: "currentColor", strokeWidth: 1 }),
        // Beyond the best model the law is a prediction.
        Plot.line(
          law.filter(({ x }) => x <= best),
          { x: "x", y: "y", stroke: "currentColor", strokeWidth: 2, strokeOpacity: 0.6 },
        ),
        Plot.line(
          law.filter(({ x }) => x >= best),
          { x: "x", y: "y", stroke: "currentColor", strokeWidth: 2, strokeOpacity: 0.6, strokeDasharray: "2 4" },
        ),
        ...(limits ? [Plot.ruleY([limits.saturation], { strokeDasharray: "6 4", strokeOpacity: 0.6 })] : []),
      ],
    },
    title,
    labels,
  );
}

function heat({ x, y, cells }: Extract<Drawing, { kind: "heat" }>, title: string, document: Document): Drawn {
  const values = cells.map(({ value }) => value);
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  return drawn(
    {
      document,
      padding: 0.03,
      x: { type: "band", label: `${x} →`, domain: unique(cells.map((cell) => cell.x)) },
      // Large models on top.
      y: { type: "band", label: `↑ ${y}`, domain: unique(cells.map((cell) => cell.y)), reverse: true },
      color: { scheme: "viridis" },
      marks: [
        Plot.cell(cells, { x: "x", y: "y", fill: "value", inset: 0.5 }),
        Plot.text(cells, {
          ...{ x: "x", y: "y", fontSize: 12 },
          text: ({ value, sd }: (typeof cells)[number]) =>
            sd > 0 ? `${(100 * value).toFixed(1)} ± ${(100 * sd).toFixed(1)}` : (100 * value).toFixed(1),
          fill: ({ value }: (typeof cells)[number]) => (value > middle ? "black" : "white"),
        }),
      ],
    },
    title,
    [],
  );
}

function curve({ x, y, scale, lines }: Extract<Drawing, { kind: "curve" }>, title: string, document: Document): Drawn {
  const labels = unique(lines.map(({ by }) => by));
  const ordinal = scale === "ordinal";
  return drawn(
    {
      document,
      x: ordinal
        ? { type: "point", label: x, domain: unique(lines.map((line) => String(line.x))) }
        : { type: scale, label: `${x} →`, tickFormat: "~g" },
      y: { label: `↑ ${y}`, grid: true, nice: true },
      color: { domain: labels },
      marks: [
        Plot.ruleX(
          lines.filter(({ n }) => n > 1),
          {
            x: "x",
            y1: ({ mean, sd }: (typeof lines)[number]) => mean - sd,
            y2: ({ mean, sd }: (typeof lines)[number]) => mean + sd,
            ...{ stroke: "by", strokeOpacity: 0.5 },
          },
        ),
        Plot.line(lines, { x: "x", y: "mean", stroke: "by", strokeWidth: 1.5 }),
        Plot.dot(lines, { x: "x", y: "mean", stroke: "by", r: 3 }),
      ],
    },
    title,
    labels,
  );
}

/** One figure. @param document makes elements; its window is not asked for */
export function draw(drawing: Drawing, title: string, document: Document): Drawn {
  switch (drawing.kind) {
    case "transfer":
      return transfer(drawing, title, document);
    case "heat":
      return heat(drawing, title, document);
    case "curve":
      return curve(drawing, title, document);
  }
}
