/** `zeroth study fit`: hull, law and interval of models that anybody measured. */
import { fail, throwIfAborted } from "../../errors.ts";
import { heldOut, type TransferLimits, transferLimits, worthUpTo } from "../../study/law/limits.ts";
import { pointReader } from "../../study/points.ts";
import type { Output } from "../output.ts";
import { needResamples, type RowFlags, readGroups } from "./rows.ts";

export interface FitFlags extends RowFlags {
  readonly us?: string | undefined;
  readonly ds?: string | undefined;
  readonly run?: string | undefined;
}

/** Downstream accuracy that more pre-training must gain to be called worth it. */
const enough = 0.01;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function told(
  name: string,
  count: number,
  { law, saturation, interval, hull, doubts }: TransferLimits,
  output: Output,
): void {
  const say = (line: string) => output.text(`${line}\n`);
  if (name !== "") say(output.bold(name));
  const { k, alpha, irreducible } = law;
  say(`${count} models, ${hull.rising.length} corners of the rising hull`);
  say(`error downstream = ${k.toFixed(3)} · (error upstream)^${alpha.toFixed(2)} + ${irreducible.toFixed(3)}`);
  say(
    interval
      ? `saturates at ${percent(saturation)} (95 % interval ${percent(interval[0])} to ${percent(interval[1])})`
      : "no saturation value is given without an interval",
  );
  const best = Math.max(...hull.rising.map(({ us }) => us));
  const last = worthUpTo(law, enough);
  say(
    last <= best
      ? `halving the upstream error gains less than ${percent(enough)} from ${percent(last)} upstream on; the best model here has ${percent(best)}`
      : `halving the upstream error gains ${percent(enough)} or more up to ${percent(last)} upstream, beyond the best model here (${percent(best)})`,
  );
  if (hull.falling.length > 1) {
    say(`beyond ${percent(hull.falling[0]!.us)} upstream the hull falls: upstream and downstream are at odds there`);
  }
  for (const doubt of doubts) say(output.dim(`not to be relied on: ${doubt}`));
  say("");
}

export async function fit(flags: FitFlags, output: Output, signal: AbortSignal): Promise<number> {
  const { input, us, ds, group, run, seed = 0, resamples = 300 } = flags;
  if (input === undefined || us === undefined || ds === undefined) {
    return fail("wrong_use", "--input, --us and --ds are needed", {
      hint: "zeroth study fit --input results.csv --us imagenet --ds my_task",
    });
  }
  needResamples(resamples);
  const groups = await readGroups(input, pointReader({ us, ds, group, run }), [us, ds], flags, output, signal);
  for (const [name, points] of groups) {
    throwIfAborted(signal);
    output.progress(`${name || input}: ${resamples} resamples of ${points.length} models`);
    const found = transferLimits(points, { seed, resamples });
    const upstream = points.map((point) => point.us).sort((a, b) => a - b);
    const ahead = heldOut(points, upstream[Math.floor(0.7 * (upstream.length - 1))]!);
    output.progress("");
    const { law, saturation, interval, hull, doubts, allPoints } = found;
    output.row({
      ...(group !== undefined && { group: name }),
      k: law.k,
      alpha: law.alpha,
      e_ir: law.irreducible,
      saturation,
      interval: interval ?? null,
      hull: hull.rising.map((corner) => [corner.us, corner.ds]),
      falling: hull.falling.slice(1).map((corner) => [corner.us, corner.ds]),
      models: points.length,
      all_points: { k: allPoints.k, alpha: allPoints.alpha, e_ir: allPoints.irreducible },
      ...(ahead && {
        held_out: { cut: ahead.cut, corners: ahead.corners, hull: ahead.hull, all_points: ahead.allPoints },
      }),
      ...(doubts.length > 0 && { doubts }),
    });
    told(name, points.length, found, output);
  }
  return 0;
}
