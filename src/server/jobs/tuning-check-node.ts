/** Looking at a job's files: every row is read as it will be learnt from, so that what is wrong is found before a step. */
import { countOf } from "../../graph/array.ts";
import { stepsPerEpoch } from "../../learn/batches.ts";
import { openTuning } from "../../tune/open-node.ts";
import { prepare, sourcesOf } from "../../tune/prepare.ts";
import type { TuningStart } from "./tuning-messages.ts";
import { type ChosenTuning, chooseOptions } from "./tuning-options.ts";

type Files = Extract<TuningStart["work"], { stage: "files" }>;

/**
 * What a job's steps will be made with, and how many there are.
 * @throws as reading rows and putting them to a model does: see `failureOf`
 */
export async function lookAtFiles({
  model,
  training,
  validation,
  work: { asked, seed, threads },
}: TuningStart & { readonly work: Files }): Promise<{ readonly chosen: ChosenTuning; readonly steps: number }> {
  const opened = await openTuning({ model: model.path, data: training.path, eval: validation?.path, out: "" });
  const { options, hyperparameters } = chooseOptions(asked, opened.data.rows.length, seed, threads);
  const prepared = prepare(opened, options);
  const { data } = prepared;
  const plan = { sources: sourcesOf(data.train), rows: options.batch, shuffle: options.shuffle, seed: options.seed };
  const perEpoch = stepsPerEpoch(plan, options.accumulate);
  const { trained, all } = prepared.model;
  const chosen: ChosenTuning = {
    ...{ options, hyperparameters, rows: data.train.length, held: data.held.length, skipped: data.skipped },
    ...{ labels: data.labels ?? [], task: data.task, trained: countOf(trained), parameters: countOf(all) },
  };
  return { chosen, steps: perEpoch * hyperparameters.n_epochs };
}
