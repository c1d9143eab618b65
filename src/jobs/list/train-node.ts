/** `train`: a configuration to a model folder; one partition. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../base/canonical.ts";
import { makeFolder } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { parseTrainingConfig, type TrainingConfig } from "../../train/config.ts";
import { rooted } from "../../train/rooted-node.ts";
import { train } from "../../train/train-node.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel } from "../inputs-node.ts";
import { defineJob, nothing, unkeyed } from "../job.ts";
import { lossFell, moveInto, whole } from "./training-node.ts";

const read = (file: string): TrainingConfig => rooted(parseTrainingConfig(readJsonFile(file), file), dirname(file));

/** Files that a configuration names, with the key that names each. */
function filesOf({ data, embeddings, tokenizer, model }: TrainingConfig): [name: string, path: string][] {
  const list = (value: unknown) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
  const pathOf = (entry: unknown) => (typeof entry === "string" ? entry : (entry as { file: string }).file);
  return [
    ...list(data.train).map((entry, i): [string, string] => [`train ${i}`, pathOf(entry)]),
    ...list(data.validation).map((entry, i): [string, string] => [`validation ${i}`, pathOf(entry)]),
    ...(data.mixture === undefined ? [] : [["mixture", data.mixture] as [string, string]]),
    ...(embeddings === undefined ? [] : [["embeddings", embeddings] as [string, string]]),
    ...(tokenizer === undefined || model !== undefined ? [] : [["tokenizer", tokenizer] as [string, string]]),
  ];
}

/** The configuration without what says where files are, where the result goes, and how fast. */
function settingsOf({
  model: _,
  tokenizer: __,
  embeddings: ___,
  data: ____,
  out: _____,
  threads: ______,
  ...rest
}: TrainingConfig) {
  return rest;
}

export default defineJob({
  name: "train",
  version: 1,
  summary: "A training configuration to a model folder",
  checks: { loss_fell: "WARN", no_nan: "ERROR" },
  config: z.strictObject({ config: unkeyed(z.string().describe("the training configuration (docs/train.md)")) }),
  partitions: async () => [whole],
  async inputs({ config: file }, _, signal) {
    const config = read(file);
    const settings = createHash("sha256")
      .update(canonicalJson(settingsOf(config)))
      .digest("hex");
    const inputs = [{ name: "configuration", sha256: settings }];
    for (const [name, path] of filesOf(config)) inputs.push({ name, sha256: await hashInput(path) });
    return { inputs, ...(config.model !== undefined && (await hashModel(config.model, signal))) };
  },
  open: async () => nothing,
  async run({ config: { config: file }, work, out, signal, tell }) {
    const config = { ...read(file), out: join(work, "run") };
    makeFolder(config.out);
    let follow: ReturnType<typeof progressFrom> | undefined;
    const { model } = await train(config, {
      resume: true,
      signal,
      events: {
        step({ step, total }) {
          follow ??= progressFrom(tell, { unit: "steps", known: step - 1 });
          follow(step, total);
        },
        evaluated: ({ step, eval_loss }) => tell({ event: "metric", name: "validation_loss", value: eval_loss, step }),
      },
    });
    moveInto(model, out);
    lossFell(join(config.out, "metrics.jsonl"), tell);
  },
});
