/** `zeroth study iso` and `advise`: what a bigger model is worth in labels, and which of the two to get next. */
import { fail } from "../../errors.ts";
import { type Advice, advise, type Gain, type Verdict } from "../../study/grid/advise.ts";
import { gridOf, type Result } from "../../study/grid/cells.ts";
import { type Labels, type Worth, worth } from "../../study/grid/worth.ts";
import { countOf, resultReader, countText as short } from "../../study/results.ts";
import type { Output } from "../output.ts";
import { needResamples, type RowFlags, readGroups } from "./rows.ts";

export interface GridFlags extends RowFlags {
  readonly size?: string | undefined;
  readonly labels?: string | undefined;
  readonly score?: string | undefined;
  readonly at?: string | undefined;
  readonly labelCost?: number | undefined;
  readonly growthCost?: number | undefined;
  readonly testItems?: number | undefined;
}

const example = "zeroth study iso --input results.csv --size parameters --labels n --score accuracy";

async function groupsOf(
  flags: GridFlags,
  output: Output,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Result[]>> {
  const { input, size, labels, score, group } = flags;
  if (input === undefined || size === undefined || labels === undefined || score === undefined) {
    return fail("wrong_use", "--input, --size, --labels and --score are needed", { hint: example });
  }
  return readGroups(input, resultReader({ size, labels, score, group }), [score], flags, output, signal);
}

const points = (score: number): string => `${score >= 0 ? "+" : "−"}${Math.abs(100 * score).toFixed(1)}`;

function neededText(needed: Labels, most: number, fewest: number): string {
  if (needed === "more") return `more than ${short(most)}`;
  return needed === "none" ? `${short(fewest)} or fewer` : short(Math.round(needed));
}

function worthLine({ from, to, labels, score, needed, interval, never }: Worth, most: number, fewest: number): string {
  const sure = interval ? ` (90 %: ${short(Math.round(interval[0]))} to ${short(Math.round(interval[1]))})` : "";
  const lost =
    never > 0 && needed !== "more" ? `; in ${Math.round(100 * never)} % of resamples it never gets there` : "";
  const reached = neededText(needed, most, fewest);
  return `${short(to)} with ${short(labels)} labels (${(100 * score).toFixed(1)}) = ${short(from)} with ${reached}${sure}${lost}`;
}

export async function iso(flags: GridFlags, output: Output, signal: AbortSignal): Promise<number> {
  const { seed = 0, resamples = 500, group } = flags;
  needResamples(resamples);
  for (const [name, results] of await groupsOf(flags, output, signal)) {
    const grid = gridOf(results);
    if (grid.sizes.length < 2) {
      fail("bad_input", `there is one model size, ${short(grid.sizes[0]!)}: two or more are needed`, {
        where: name || flags.input!,
      });
    }
    if (name !== "") output.text(`${output.bold(name)}\n`);
    for (const one of worth(grid, { seed, resamples })) {
      const { from, to, labels, score, needed, interval, never } = one;
      output.row({
        ...(group !== undefined && { group: name }),
        ...{ from, to, labels, score, needed },
        ...(typeof needed === "number" && { extra: needed - labels, worth: needed / labels - 1 }),
        ...{ interval: interval ?? null, never },
      });
      output.text(`${worthLine(one, grid.labels.at(-1)!, grid.labels[0]!)}\n`);
    }
  }
  return 0;
}

const said: Readonly<Record<Verdict, string>> = {
  annotate: "annotate: more labels gain more for their cost",
  grow: "grow: the bigger model gains more for its cost",
  either: "either: both gain, and neither more than the other for its cost",
  saturated: "saturated: neither gains a point",
  "not enough data": "not enough data: these results do not tell",
};

const gainText = ({ gain, interval, cost }: Gain): string =>
  gain === undefined
    ? "not measured"
    : `${points(gain)} points${interval ? ` (90 %: ${points(interval[0])} to ${points(interval[1])})` : ""}, cost ${cost}`;

/** "model=60M,n=512" as a place of the grid. */
function placeOf(at: string | undefined): { size: number; labels: number } {
  const [, model, n] = /^\s*model=([^,]+),\s*n=([^,]+)$/.exec(at ?? "") ?? [];
  const [size, labels] = [countOf(model), countOf(n)];
  if (size === undefined || labels === undefined) {
    return fail("wrong_use", at === undefined ? "--at is missing: where do you stand?" : `--at ${at}`, {
      hint: "--at model=60M,n=512",
    });
  }
  return { size, labels };
}

export async function advice(flags: GridFlags, output: Output, signal: AbortSignal): Promise<number> {
  const place = placeOf(flags.at);
  const { labelCost = 1, growthCost, testItems, seed = 0, group } = flags;
  if (growthCost === undefined) {
    fail("wrong_use", "--growth-cost is missing: what does the bigger model cost more, in the money of --label-cost?", {
      hint: "--label-cost 0.2 --growth-cost 50",
    });
  }
  if (testItems === undefined || testItems < 1) {
    fail("wrong_use", "--test-items is needed: of how few items a score is says how sure it is", {
      hint: "--test-items 1000",
    });
  }
  if (labelCost < 0 || growthCost < 0) fail("wrong_use", "costs are 0 or more");
  for (const [name, results] of await groupsOf(flags, output, signal)) {
    const costs = { label: labelCost, growth: growthCost, testItems };
    const found: Advice = advise(gridOf(results), place, costs, { seed });
    const { verdict, annotate, grow, annotateBetter, missing } = found;
    output.row({
      ...(group !== undefined && { group: name }),
      ...{ verdict, annotate, grow, annotate_better: annotateBetter ?? null, missing },
    });
    if (name !== "") output.text(`${output.bold(name)}\n`);
    output.text(`${said[verdict]}\n`);
    output.text(`  twice the labels: ${gainText(annotate)}\n  the next bigger model: ${gainText(grow)}\n`);
    if (annotateBetter !== undefined) {
      output.text(`  labels gain more for their cost in ${Math.round(100 * annotateBetter)} % of resamples\n`);
    }
    for (const cell of missing) output.text(`  would help: ${short(cell.size)} with ${short(cell.labels)} labels\n`);
  }
  return 0;
}
