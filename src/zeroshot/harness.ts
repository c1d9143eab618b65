/** Results in the shapes others read: lm-evaluation-harness' results file, T0's result files, scores of examples. */
import { type Template, type TemplateFile, taskName } from "../prompts/template.ts";
import type { TemplateResult } from "./evaluate.ts";
import type { Normalization } from "./ranking.ts";
import type { TaskResult } from "./tasks.ts";

/** How an evaluation was made, as far as its numbers hang on it. */
export interface RunSettings {
  readonly model: string;
  readonly dtype: string;
  readonly device: string;
  readonly limit: number | null;
  readonly normalize: Normalization;
  readonly promptEnd: boolean;
  readonly eos: boolean;
  readonly delimiter: string;
  readonly window: number;
  readonly seed: number;
  /** Of this program. */
  readonly version: string;
}

/** A finished task with the file its templates are from. */
export interface Evaluated {
  readonly file: TemplateFile;
  readonly result: TaskResult;
}

/** Standard error of a share of n. */
const shareError = (p: number, n: number): number | "N/A" => (n > 1 ? Math.sqrt((p * (1 - p)) / (n - 1)) : "N/A");

/** `acc` is by the plain sum and `acc_norm` by characters, as there; other ways have their own name. */
function measures(result: TemplateResult, normalize: Normalization): Record<string, number | string> {
  const { metrics, metric, value, stderr, n } = result;
  if (metric !== "accuracy") {
    return Object.fromEntries(
      Object.entries(metrics).flatMap(([name, number]) => [
        [`${name},none`, number],
        [`${name}_stderr,none`, name === metric ? stderr : "N/A"],
      ]),
    );
  }
  const own = normalize === "sum" || normalize === "characters" ? [] : [[`acc_${normalize}`, value] as const];
  const all = [["acc", metrics.accuracy_sum!] as const, ["acc_norm", metrics.accuracy_characters!] as const, ...own];
  return Object.fromEntries(
    all.flatMap(([name, number]) => [
      [`${name},none`, number],
      [`${name}_stderr,none`, shareError(number, n)],
    ]),
  );
}

const metricNames = (values: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(values)
    .map((key) => key.replace(/,none$/, ""))
    .filter((name) => !name.endsWith("_stderr"));

/** `super_glue_rte`: the group of a data set's templates. */
const groupName = ({ dataset, subset }: TemplateFile): string =>
  (subset === undefined ? dataset : `${dataset}_${subset}`).replace(/[^\p{L}\p{N}_.]+/gu, "_");

/** What lm-evaluation-harness 0.4 writes as results_*.json: a task a template, a group a data set. */
export function harnessResults(evaluated: readonly Evaluated[], settings: RunSettings): object {
  const tasks = evaluated.flatMap(({ file, result }) =>
    result.templates.map((one) => {
      const template = file.templates.find(({ name }) => name === one.template)!;
      const values = measures(one, settings.normalize);
      return { file, template, one, name: taskName(file, template), values };
    }),
  );
  const byTask = <T>(value: (task: (typeof tasks)[number]) => T) =>
    Object.fromEntries(tasks.map((task) => [task.name, value(task)]));
  const groups = Object.fromEntries(
    evaluated.map(({ file, result }) => {
      const summaries = result.aggregates.flatMap(({ metric, mean, median, spread }) => {
        const name = metric === "accuracy" ? "acc" : metric;
        return [
          [`${name},none`, mean],
          [`${name}_median,none`, median],
          [`${name}_std,none`, spread.std],
        ] as const;
      });
      return [groupName(file), { alias: result.task, ...Object.fromEntries(summaries) }];
    }),
  );
  const { model, dtype, device, limit, seed, version } = settings;
  return {
    results: byTask(({ name, values }) => ({ alias: name, ...values })),
    groups,
    group_subtasks: Object.fromEntries(
      evaluated.map(({ file }) => [
        groupName(file),
        tasks.filter((task) => task.file === file).map(({ name }) => name),
      ]),
    ),
    configs: byTask(({ file, template, one, name, values }) => configOf(file, template, one, name, values)),
    versions: byTask(() => 1),
    "n-shot": byTask(() => 0),
    higher_is_better: byTask(({ values }) => Object.fromEntries(metricNames(values).map((metric) => [metric, true]))),
    "n-samples": byTask(({ one }) => ({ original: one.n + one.skipped, effective: one.n })),
    config: {
      model: "zeroth",
      model_args: `pretrained=${model},dtype=${dtype}`,
      device,
      limit,
      bootstrap_iters: 1000,
      random_seed: seed,
      prompt_end: settings.promptEnd,
      eos: settings.eos,
      target_delimiter: settings.delimiter,
      max_length: settings.window,
      normalize: settings.normalize,
    },
    model_source: "zeroth",
    model_name: model,
    zeroth_version: version,
  };
}

function configOf(
  { dataset, subset }: TemplateFile,
  template: Template,
  { ranked }: TemplateResult,
  task: string,
  values: Readonly<Record<string, unknown>>,
): object {
  const [text = "", target = ""] = template.jinja.split("|||").map((part) => part.trim());
  return {
    task,
    dataset_path: dataset,
    ...(subset === undefined ? {} : { dataset_name: subset }),
    output_type: ranked ? "multiple_choice" : "generate_until",
    doc_to_text: text,
    doc_to_target: target,
    ...(template.answerChoices === undefined ? {} : { doc_to_choice: template.answerChoices }),
    num_fewshot: 0,
    repeats: 1,
    metric_list: metricNames(values).map((metric) => ({ metric, aggregation: "mean", higher_is_better: true })),
  };
}

/** What T0's evaluation writes for a template. */
export const t0Result = ({ dataset, subset }: TemplateFile, { template, metric, value }: TemplateResult): object => ({
  dataset_name: dataset,
  dataset_config_name: subset ?? null,
  template_name: template,
  evaluation: { [metric]: value },
});

/** A line for each example: enough to rank its choices again in any way, without the model. */
export function* sampleLines({ result }: Evaluated): Generator<object> {
  for (const { template, ranked, written } of result.templates) {
    for (const example of ranked?.results ?? written ?? []) yield { task: result.task, template, ...example };
  }
}
