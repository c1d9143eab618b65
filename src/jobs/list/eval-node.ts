/** `eval`: a model on a task, zero-shot; a partition is a template. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../base/canonical.ts";
import { writeFileSafely } from "../../base/files-node.ts";
import { nearest } from "../../base/nearest.ts";
import { fail } from "../../errors.ts";
import { openLanguageModel } from "../../text/open-node.ts";
import { dataOf } from "../../zeroshot/data-node.ts";
import { evaluate, fileRows, openTask } from "../../zeroshot/evaluate-node.ts";
import { sampleLines } from "../../zeroshot/harness.ts";
import { chosenTemplates, templateNames } from "../../zeroshot/tasks.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob, unkeyed } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";

const config = z.strictObject({
  ...modelKeys,
  model: modelKeys.model.default("zeroth-nano").describe("folder or name of the hub (zeroth-nano)"),
  task: unkeyed(z.array(z.string()).min(1).describe("data sets with templates, such as super_glue/rte, or FILE.yaml")),
  data: unkeyed(z.string().optional().describe("rows: a file, a folder of TASK.SPLIT.jsonl, or a data set of the hub")),
  split: unkeyed(z.string().optional().describe("of a folder or a data set of the hub (validation)")),
  templates: unkeyed(z.string().default("original").describe("original (default), all, or names with commas between")),
  folder: unkeyed(z.string().optional().describe("templates from here, such as a promptsource checkout")),
  limit: z.number().int().positive().optional().describe("only the first n rows"),
  normalize: z
    .enum(["sum", "tokens", "characters", "unconditional", "calibrated"])
    .default("sum")
    .describe("how choices are ranked (sum)"),
  nullPrompt: z.string().optional().describe("unconditional: the prompt that says nothing"),
  promptEnd: z.boolean().optional().describe("whether prompts get the end token (as the model's folder says)"),
  eos: z.boolean().default(true).describe("do not append the end token to choices"),
  delimiter: z.string().default("").describe("put this between a prompt and its choices"),
  window: z.number().int().min(2).default(1024).describe("longest prompt in tokens (1024)"),
  maxNewTokens: z.number().int().positive().default(256).describe("longest written answer in tokens (256)"),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("of the intervals, and of templates that choose at random (0)"),
});
type Config = z.output<typeof config>;

const named = ({ dataset, subset }: { dataset: string; subset?: string | undefined }) =>
  subset === undefined ? dataset : `${dataset}/${subset}`;

/** Templates of every task, by the partition that each is. */
function partitionsOf({ task: tasks, templates, folder }: Config) {
  return tasks.flatMap((task) => {
    const { file, templates: own, own: plain = false } = openTask(task, { folder, nearest });
    const choice =
      templates === "original" || templates === "all" ? (own ?? templates) : templateNames(templates, file);
    return chosenTemplates(file, choice, nearest).map((template) => ({
      // Of several tasks the task's name comes first, as where two dimensions meet in an orchestrator.
      partition: tasks.length === 1 ? template.name : `${named(file)}|${template.name}`,
      template,
      file,
      own: plain,
    }));
  });
}

const partitionOf = (config: Config, partition: string) =>
  partitionsOf(config).find((one) => one.partition === partition) ??
  fail("wrong_use", `there is no template "${partition}"`);

const rowsOf = ({ data: path, split }: Config, { file, own }: ReturnType<typeof partitionOf>, signal: AbortSignal) =>
  dataOf({ path, split, file, own, hub: { signal } });

export default defineJob({
  name: "eval",
  version: 1,
  summary: "A model on a task, zero-shot; a partition is a template",
  checks: { above_chance: "WARN", no_nan: "ERROR" },
  config,
  partitions: async (settings) => partitionsOf(settings).map(({ partition }) => partition),
  async inputs(settings, partition, signal) {
    const one = partitionOf(settings, partition);
    const paths = await rowsOf(settings, one, signal);
    const rows = await Promise.all(paths.map((path) => hashInput(path)));
    // A template that chooses at random draws by its id; where its file lies says nothing.
    const { id, name, jinja, answerChoices, metadata } = one.template;
    const text = canonicalJson([named(one.file), { id, name, jinja, answerChoices, metadata }]);
    return {
      inputs: [
        { name: "template", sha256: createHash("sha256").update(text).digest("hex") },
        ...rows.map((sha256, i) => ({ name: rows.length === 1 ? "rows" : `rows ${i}`, sha256 })),
      ],
      ...(await hashModel(settings.model, signal)),
    };
  },
  async open(settings, signal) {
    const { base, adapter } = withoutAdapter(settings.model);
    return openLanguageModel(base, { ...openOptions(settings, adapter), download: { signal } });
  },
  async run({ config: settings, partition, work, out, signal, tell, opened }) {
    const one = partitionOf(settings, partition);
    const { limit, normalize, nullPrompt, promptEnd, eos, delimiter, window, maxNewTokens, seed, activations } =
      settings;
    let follow: ReturnType<typeof progressFrom> | undefined;
    const result = await evaluate({
      model: opened,
      task: one.file,
      templates: [one.template.name],
      data: fileRows(await rowsOf(settings, one, signal), signal),
      ...{ normalize, eos, delimiter, window, maxNewTokens, seed, signal },
      ...(limit !== undefined && { limit }),
      ...(nullPrompt !== undefined && { nullPrompt }),
      ...(promptEnd !== undefined && { promptEnd }),
      ...(activations !== undefined && { activations }),
      // What was computed before an interruption is kept here, and nowhere else.
      env: { ...process.env, ZEROTH_HOME: work },
      onProgress({ done, total, known }) {
        follow ??= progressFrom(tell, { unit: "examples", known });
        follow(done, total);
      },
    });
    const [template] = result.templates;
    if (!template) fail("bad_input", "the template gave no example", { where: partition });
    const { interval, ranked, written: _, ...row } = template;
    const line = {
      task: result.task,
      ...row,
      interval: [interval.low, interval.high],
      ...(ranked && { ece: ranked.ece }),
    };
    await writeFileSafely(join(out, "result.json"), `${JSON.stringify(line)}\n`);
    const lines = [...sampleLines({ file: one.file, result })].map((sample) => `${JSON.stringify(sample)}\n`);
    await writeFileSafely(join(out, "examples.jsonl"), lines.join(""));
    const { metric, value, stderr, chance, majority, n } = template;
    tell({ event: "metric", name: `${result.task}/${metric}`, value });
    tell({ event: "metric", name: "stderr", value: stderr });
    tell({ event: "metric", name: "chance", value: chance });
    tell({ event: "metric", name: "majority", value: majority });
    tell({ event: "metric", name: "examples", value: n });
    const figures = `${metric} ${value.toFixed(4)} ± ${stderr.toFixed(4)}, chance ${chance.toFixed(4)}`;
    tell({ event: "check", name: "no_nan", passed: [value, stderr].every(Number.isFinite), about: figures });
    const above = value >= chance + 2 * stderr;
    tell({ event: "check", name: "above_chance", passed: above, severity: "WARN", about: figures });
    tell({ event: "table", rows: [{ template: template.template, metric, value, stderr, chance, majority, n }] });
    tell({
      event: "preview",
      markdown: `**${result.task}** · ${template.template}\n\n${figures}, always the commonest ${majority.toFixed(4)}, ${n} examples`,
    });
  },
});
