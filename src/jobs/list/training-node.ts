/** What jobs that train have in common. */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { filesBelow } from "../../base/files-node.ts";
import { readTextFile } from "../../base/read-node.ts";
import type { Tell } from "../events.ts";

/** The partition of a job that is not cut. */
export const whole = "all";

/** What a run keeps for going on, and what differs from run to run: not part of its result. */
const leftOut = /(^|\/)(step-\d+|checkpoint-[^/]*|\..*|metrics\.jsonl|events\.out\.tfevents\..*)(\/|$)|\.(lock|owner)$/;

/** The files of a run's folder that are its result. */
export function moveInto(folder: string, out: string): void {
  for (const file of filesBelow(folder)) {
    const name = relative(folder, file).replaceAll("\\", "/");
    if (leftOut.test(name)) continue;
    mkdirSync(join(out, name, ".."), { recursive: true });
    cpSync(file, join(out, name));
  }
}

/** The losses of all steps, also of lives before an interruption, as two checks and a metric. */
export function lossFell(metrics: string, tell: Tell): void {
  const rows = existsSync(metrics)
    ? readTextFile(metrics, 2 ** 30)
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as { readonly loss?: number })
    : [];
  const losses = rows.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const part = Math.max(1, Math.floor(losses.length / 5));
  const [begun, ended] = [mean(losses.slice(0, part)), mean(losses.slice(-part))];
  tell({ event: "metric", name: "steps", value: losses.length });
  tell({ event: "metric", name: "loss", value: ended });
  const about = `${begun.toFixed(4)} in the first ${part} of ${losses.length} steps, ${ended.toFixed(4)} in the last`;
  tell({ event: "check", name: "loss_fell", passed: ended < begun, severity: "WARN", about });
  tell({ event: "check", name: "no_nan", passed: losses.every((loss) => Number.isFinite(loss)), about });
}
