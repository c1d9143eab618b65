/**
 * FLAN's patterns (Wei et al. 2021, arXiv 2109.01652): pairs of format strings for input and target, ten a data set,
 * some of which turn the task around. In them `{options_}` is the list of options and `{answer}` the right one.
 */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import type { Row, Value } from "../data/values.ts";
import { fail } from "../errors.ts";
import { formatString, valueAt, type Wording } from "./wording.ts";

const schema = z.strictObject({
  dataset: z.string(),
  /** The options of every row, or the column they stand in. */
  options: z.union([z.array(z.string()).min(2), z.string()]).optional(),
  /** The column of the right option: its number, its text, or its name … */
  label: z.string().optional(),
  /** … in the column that names the options: A, B, C. */
  names: z.string().optional(),
  patterns: z.array(z.tuple([z.string(), z.string()])).min(1),
});

/** As FLAN writes them below a question. */
export const optionsText = (options: readonly string[]): string =>
  `OPTIONS:${options.map((option) => `\n- ${option}`).join("")}`;

function textsOf(row: Row, list: readonly string[] | string): readonly string[] {
  if (typeof list !== "string") return list;
  const value = valueAt(row, list);
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value as string[];
  return fail("bad_input", `"${list}" is no list of texts`);
}

/** Test splits hide their labels as −1 or empty: such a row is none to learn from. */
const isHidden = (value: Value | undefined): boolean =>
  value === undefined || value === null || value === -1 || value === "-1" || value === "";

function answerOf(value: Value, options: readonly string[], names: readonly string[], label: string): string {
  const found = typeof value === "string" ? Math.max(names.indexOf(value), options.indexOf(value)) : -1;
  if (found >= 0) return options[found]!;
  const index = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  const option = typeof index === "number" ? options[index] : undefined;
  return option ?? fail("bad_input", `"${label}" is ${String(value)}, which is none of ${options.length} options`);
}

/**
 * The wordings of a file of patterns; `pattern_0`, `pattern_1`, … by name.
 * @throws bad_input naming the key, or the row's column when it is rendered
 */
export function flanWordings(json: unknown, where: string): Wording[] {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { what, hint } = schemaIssue(parsed.error, schema, "the file");
    return fail("bad_input", what, { where, ...(hint && { hint }) });
  }
  const { options, label, names, patterns } = parsed.data;
  return patterns.map(([input, target], i) => {
    const [prompt, answer] = [input, target].map((pattern) => formatString(pattern, `${where}, patterns.${i}`));
    return {
      name: `pattern_${i}`,
      render(row) {
        const list = options === undefined ? undefined : textsOf(row, options);
        const value = label === undefined ? undefined : valueAt(row, label);
        if (label !== undefined && isHidden(value)) return undefined;
        const called = names === undefined ? [] : textsOf(row, names);
        const more = {
          ...(list ? { options_: optionsText(list) } : {}),
          ...(list && label !== undefined ? { answer: answerOf(value!, list, called, label) } : {}),
        };
        const asks = list !== undefined && target.trim() === "{answer}";
        return {
          prompt: prompt!(row, more).trim(),
          target: answer!(row, more).trim(),
          ...(asks ? { choices: list } : {}),
        };
      },
    };
  });
}
