/** `zeroth train`: a configuration to a model folder, with what a person wants to see meanwhile. */
import { dirname } from "node:path";
import { fail } from "../../errors.ts";
import type { TrainEvents } from "../../train/train-node.ts";
import { defineCommand } from "../define.ts";
import { bytes, duration, type Output } from "../output.ts";

/** Lines while a run goes on: what it begins with, a live one a step, losses and checkpoints as they come. */
function progressOf(steps: number, output: Output): TrainEvents {
  let smooth = Number.NaN;
  let speed = Number.NaN;
  let shown = 0;
  return {
    started({ parameters, trained, rows, skipped, mixture, step, steps: last }) {
      const part = trained === parameters ? "" : ` (${trained.toLocaleString("en")} trained)`;
      const left = step < last ? `steps ${step + 1} to ${last}` : `step ${step} of ${last}: nothing is left to do`;
      output.say(
        `${parameters.toLocaleString("en")} parameters${part}, ${rows.toLocaleString("en")} rows${mixture ? ` in ${mixture.tasks.toLocaleString("en")} tasks` : ""}, ${left}`,
      );
      const missing = mixture?.missing ?? [];
      if (missing.length > 0) output.say(`left out, not here: ${missing.join(", ")}`);
      if (skipped > 0)
        output.say(`${skipped.toLocaleString("en")} rows are longer than max_input or max_target and left out`);
    },
    step({ step, loss, lr, tokens, seconds }) {
      smooth = Number.isNaN(smooth) ? loss : 0.95 * smooth + 0.05 * loss;
      speed = Number.isNaN(speed) ? tokens / seconds : 0.95 * speed + 0.05 * (tokens / seconds);
      const left = duration((steps - step) * seconds);
      const line = `step ${step}/${steps}  loss ${smooth.toFixed(3)}  lr ${lr.toExponential(1)}  ${Math.round(speed)} tokens/s  ${bytes(process.memoryUsage.rss())}  ${left} left`;
      output.progress(line);
      // Where no terminal is, a line now and then.
      if (!output.terminal && Date.now() - shown > 30_000) {
        output.say(line);
        shown = Date.now();
      }
    },
    evaluated: ({ step, eval_loss }) => output.say(`step ${step}: validation loss ${eval_loss.toFixed(4)}`),
    saved: (path) => output.say(output.dim(`saved ${path}`)),
  };
}

export default defineCommand({
  group: "train",
  summary: "Train a model from a configuration",
  arguments: "",
  options: [
    { flags: "--config <file>", help: "the configuration (docs/train.md)" },
    { flags: "--resume", help: "continue from the latest checkpoint" },
  ],
  rows: '`{"done":true,"model","steps"}`; the run\'s folder has `metrics.jsonl`',
  example: "zeroth train --config train.json --resume",
  async run({ flags, output, signal }) {
    const { config: file } = flags;
    if (!file) fail("wrong_use", "--config is missing", { hint: "docs/train.md shows a configuration to start from" });
    const { makeFolder } = await import("../../base/files-node.ts");
    const { readJsonFile } = await import("../../base/read-node.ts");
    const { parseTrainingConfig } = await import("../../train/config.ts");
    const { rooted } = await import("../../train/rooted-node.ts");
    const { train } = await import("../../train/train-node.ts");
    const { dataSetSettings, modelFor } = await import("../downloads.ts");
    const { withHint } = await import("../report.ts");
    const config = rooted(parseTrainingConfig(readJsonFile(file), file), dirname(file));
    if (config.model !== undefined) await modelFor(config.model, output, signal);
    // Known before the data is read, not after.
    makeFolder(config.out);
    const hint = `everything up to this step is saved; continue with: zeroth train --config ${file} --resume`;
    const result = await withHint(hint, () =>
      train(config, {
        resume: flags.resume ?? false,
        signal,
        mixture: dataSetSettings(output),
        events: progressOf(config.steps, output),
      }),
    );
    const { dropped, cut, skipped } = result;
    if (config.data.mixture !== undefined && dropped + cut + skipped > 0) {
      const counts = [
        `${dropped} rows gave no prompt`,
        `${cut} pairs were cut`,
        `${skipped} were too long and left out`,
      ];
      output.say(counts.filter((text) => !text.startsWith("0 ")).join(", "));
    }
    output.row({ done: true, model: result.model, steps: result.steps });
    output.say(`done: ${result.model}`);
    output.text(`Try it: zeroth generate --model ${result.model} "…"\n`);
    return 0;
  },
});
