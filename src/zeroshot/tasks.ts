/** Templates of a task by the names a person gives, and what their results say together. */
import { fail } from "../errors.ts";
import type { Template, TemplateFile } from "../prompts/template.ts";
import type { Metric, TemplateResult } from "./evaluate.ts";
import { deviation, mean, median, quantile } from "./statistics.ts";

/** `rte` of super_glue as `super_glue/rte`. */
export const nameOf = ({ dataset, subset }: Pick<TemplateFile, "dataset" | "subset">): string =>
  subset === undefined ? dataset : `${dataset}/${subset}`;

/** `original`: those that ask what the data set was made for, as T0 is evaluated; `all`; or names. */
export type TemplateChoice = "original" | "all" | readonly string[];

type Nearest = (typed: string, known: readonly string[]) => string | undefined;

/**
 * The templates to evaluate, in the order of the file.
 * @throws not_found for a name that is none, with the one that was probably meant
 */
export function chosenTemplates(file: TemplateFile, choice: TemplateChoice, nearest: Nearest): readonly Template[] {
  const { templates } = file;
  if (choice === "all") return templates;
  if (choice === "original") {
    const original = templates.filter(({ metadata }) => metadata.originalTask);
    return original.length > 0 ? original : templates;
  }
  const names = templates.map(({ name }) => name);
  return choice.map((wanted) => {
    const found = templates.find(({ name, id }) => name === wanted || id === wanted);
    if (found) return found;
    const near = nearest(wanted, names);
    return fail("not_found", `${nameOf(file)} has no template "${wanted}"`, {
      hint: near ? `did you mean "${near}"?` : `there are ${names.map((name) => `"${name}"`).join(", ")}`,
    });
  });
}

/** Names with commas between them; a name that has commas itself is one name. */
export function templateNames(text: string, { templates }: TemplateFile): readonly string[] {
  const known = new Set(templates.map(({ name }) => name));
  const pieces = text.split(",");
  const names: string[] = [];
  for (let at = 0; at < pieces.length; ) {
    let end = pieces.length;
    const name = () => pieces.slice(at, end).join(",").trim();
    while (end > at + 1 && !known.has(name())) end--;
    names.push(name());
    at = end;
  }
  return names;
}

/** What the templates of a task give together, for one metric. */
export interface Aggregate {
  readonly metric: Metric;
  readonly templates: number;
  readonly n: number;
  readonly skipped: number;
  readonly median: number;
  readonly mean: number;
  /** Over templates: how much hangs on the wording. */
  readonly spread: {
    readonly min: number;
    readonly q1: number;
    readonly q3: number;
    readonly max: number;
    readonly std: number;
  };
  readonly chance: number;
  readonly majority: number;
}

export interface TaskResult {
  readonly task: string;
  readonly dataset: string;
  readonly subset?: string;
  readonly templates: readonly TemplateResult[];
  /** One for each metric, in the order in which the templates have them. */
  readonly aggregates: readonly Aggregate[];
}

export function aggregatesOf(results: readonly TemplateResult[]): Aggregate[] {
  const metrics = [...new Set(results.map(({ metric }) => metric))];
  return metrics.map((metric) => {
    const same = results.filter((result) => result.metric === metric);
    const values = same.map(({ value }) => value);
    const total = (pick: (result: TemplateResult) => number) => same.reduce((sum, result) => sum + pick(result), 0);
    return {
      metric,
      templates: same.length,
      n: total(({ n }) => n),
      skipped: total(({ skipped }) => skipped),
      median: median(values),
      mean: mean(values),
      spread: {
        min: Math.min(...values),
        q1: quantile(values, 0.25),
        q3: quantile(values, 0.75),
        max: Math.max(...values),
        std: deviation(values),
      },
      chance: mean(same.map(({ chance }) => chance)),
      majority: mean(same.map(({ majority }) => majority)),
    };
  });
}
