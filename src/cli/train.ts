/** `zeroth train`: a configuration to a model folder, with what a person wants to see meanwhile. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parseJsonObject } from "../base/json.ts";
import { fail, ZerothError } from "../errors.ts";
import { parseTrainingConfig, type TrainingConfig } from "../train/config.ts";
import { train as run } from "../train/train-node.ts";
import { mixtureSettings } from "./mixture.ts";
import { modelFor } from "./models.ts";
import { bytes, type Output } from "./output.ts";

const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
};

/** Paths in a configuration are relative to its file, so a run means the same from every folder. */
function rooted(config: TrainingConfig, folder: string): TrainingConfig {
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const source = <T>(entry: T): T => {
    if (typeof entry === "string") return at(entry) as T;
    const { file } = entry as { file: string };
    return { ...entry, file: at(file) };
  };
  const { train, validation, mixture } = config.data;
  return {
    ...config,
    ...(config.model?.startsWith(".") ? { model: at(config.model) } : {}),
    ...(config.tokenizer ? { tokenizer: at(config.tokenizer) } : {}),
    ...(config.embeddings ? { embeddings: at(config.embeddings) } : {}),
    data: {
      ...(train === undefined ? {} : { train: Array.isArray(train) ? train.map(source) : source(train) }),
      ...(mixture === undefined ? {} : { mixture: at(mixture) }),
      ...(validation === undefined
        ? {}
        : { validation: Array.isArray(validation) ? validation.map(at) : at(validation) }),
    },
    out: at(config.out),
  };
}

export async function train(
  flags: { config?: string; resume?: boolean },
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (!flags.config)
    fail("wrong_use", "--config is missing", { hint: "docs/train.md shows a configuration to start from" });
  const text = await readFile(flags.config, "utf8").catch(() =>
    fail("not_found", "no such file", { where: flags.config! }),
  );
  const config = rooted(parseTrainingConfig(parseJsonObject(text, flags.config), flags.config), dirname(flags.config));
  if (config.model !== undefined) await modelFor(config.model, output, signal);
  let smooth = Number.NaN;
  let speed = Number.NaN;
  let shown = 0;
  const resume = `zeroth train --config ${flags.config} --resume`;
  try {
    const result = await run(config, {
      resume: flags.resume ?? false,
      signal,
      mixture: mixtureSettings(output),
      events: {
        started({ parameters, trained, rows, skipped, mixture, step, steps }) {
          const part = trained === parameters ? "" : ` (${trained.toLocaleString("en")} trained)`;
          output.say(
            `${parameters.toLocaleString("en")} parameters${part}, ${rows.toLocaleString("en")} rows${mixture ? ` in ${mixture.tasks.toLocaleString("en")} tasks` : ""}, steps ${step + 1} to ${steps}`,
          );
          const missing = mixture?.missing ?? [];
          if (missing.length > 0) output.say(`left out, not here: ${missing.join(", ")}`);
          if (skipped > 0)
            output.say(`${skipped.toLocaleString("en")} rows are longer than max_input or max_target and left out`);
        },
        step({ step, loss, lr, tokens, seconds }) {
          smooth = Number.isNaN(smooth) ? loss : 0.95 * smooth + 0.05 * loss;
          speed = Number.isNaN(speed) ? tokens / seconds : 0.95 * speed + 0.05 * (tokens / seconds);
          const left = duration((config.steps - step) * seconds);
          const line = `step ${step}/${config.steps}  loss ${smooth.toFixed(3)}  lr ${lr.toExponential(1)}  ${Math.round(speed)} tokens/s  ${bytes(process.memoryUsage.rss())}  ${left} left`;
          output.progress(line);
          // Where no terminal is, a line now and then.
          if (!output.terminal && Date.now() - shown > 30_000) {
            output.say(line);
            shown = Date.now();
          }
        },
        evaluated: ({ step, eval_loss }) => output.say(`step ${step}: validation loss ${eval_loss.toFixed(4)}`),
        saved: (path) => output.say(output.dim(`saved ${path}`)),
      },
    });
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
  } catch (error) {
    if (error instanceof ZerothError && error.code === "interrupted") {
      throw new ZerothError("interrupted", "stopped on request; everything up to this step is saved", {
        hint: `continue with: ${resume}`,
      });
    }
    throw error;
  }
}
