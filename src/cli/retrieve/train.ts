/** The trainings of `zeroth retriever` and `zeroth reranker`. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { parseRetrieverConfig, type RetrieverConfig } from "../../retrieve/training/config.ts";
import { type Stage, trainStage } from "../../retrieve/training/run-node.ts";
import { modelFor } from "../downloads.ts";
import type { Output } from "../output.ts";

interface Call {
  readonly flags: { readonly config?: string | undefined; readonly resume?: boolean | undefined };
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Paths are relative to the configuration's file; what is nothing there is a model's name. */
async function rooted(
  config: RetrieverConfig,
  folder: string,
  output: Output,
  signal: AbortSignal,
): Promise<RetrieverConfig> {
  const at = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const model = async (name: string) => (existsSync(at(name)) ? at(name) : (await modelFor(name, output, signal)).path);
  return {
    ...config,
    data: at(config.data),
    out: at(config.out),
    ...(config.model !== undefined && { model: await model(config.model) }),
    ...(config.ranker !== undefined && { ranker: await model(config.ranker) }),
  };
}

export async function train(stage: Stage, { flags, output, signal }: Call): Promise<number> {
  const { config: file, resume } = flags;
  if (file === undefined)
    fail("wrong_use", "--config is missing", { hint: "docs/search.md shows a configuration to start from" });
  const config = await rooted(parseRetrieverConfig(readJsonFile(file), file), dirname(file), output, signal);
  let shown = 0;
  let smooth = Number.NaN;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const result = await trainStage(stage, config, {
    resume,
    signal,
    events: {
      step(row) {
        output.row(row);
        smooth = Number.isNaN(smooth) ? row.loss : 0.9 * smooth + 0.1 * row.loss;
        const line = `${row.stage}  step ${row.step}  loss ${smooth.toFixed(3)}  lr ${row.lr.toExponential(1)}  ${row.seconds.toFixed(2)} s a step`;
        output.progress(line);
        if (output.terminal || output.json || Date.now() - shown < 30_000) return;
        output.say(line);
        shown = Date.now();
      },
      mined: ({ questions, source, skipped, repeated }) =>
        output.say(
          `negatives of ${questions.toLocaleString("en")} questions (${source})${skipped > 0 ? `, ${skipped} have none and are left out` : ""}${repeated > 0 ? `, of ${repeated} they are repeated` : ""}`,
        ),
      judged: ({ retriever, ranker }) =>
        output.say(
          `right passage first among the candidates: retriever ${percent(retriever)}, ranker ${percent(ranker)}`,
        ),
      warned: (text) => output.say(`warning: ${text}`),
    },
  });
  const { loss, ...made } = result;
  output.row({ done: true, ...made });
  const what = Object.entries(made).map(([name, path]) => `${name}: ${output.bold(path)}`);
  output.text(
    `${what.join("\n")}${loss !== undefined && Number.isFinite(loss) ? `\nlast loss ${loss.toFixed(4)}` : ""}\n`,
  );
  return 0;
}
