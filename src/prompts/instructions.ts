/**
 * Instructions in the format of Super-NaturalInstructions (Wang et al. 2022, arXiv 2204.07705): a task has a
 * definition and examples, good and bad; the prompt is these and an input, as Tk-Instruct writes it.
 */
import { z } from "zod";
import { schemaIssue } from "../base/schema-issue.ts";
import type { Value } from "../data/values.ts";
import { fail } from "../errors.ts";
import { siteSeed } from "../graph/random.ts";
import type { Wording } from "./wording.ts";

const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const example = z.object({ input: z.string(), output: texts, explanation: z.string().optional() });

/** A task's header. Other keys (Source, Domains, licences, …) may be there and are left alone. */
const header = z.object({
  Definition: texts,
  "Positive Examples": z.array(example).default([]),
  "Negative Examples": z.array(example).default([]),
  Categories: z.array(z.string()).default([]),
});
export type InstructionHeader = z.infer<typeof header>;

export interface InstructionOptions {
  /** Examples that are shown, at most. */
  readonly positive: number;
  readonly negative: number;
  readonly explanations: boolean;
}

/** @throws bad_input naming the key */
export function parseInstructionHeader(json: unknown, where: string): InstructionHeader {
  const parsed = header.safeParse(json);
  if (parsed.success) return parsed.data;
  const { what, hint } = schemaIssue(parsed.error, header, "the task");
  return fail("bad_input", what, { where, ...(hint && { hint }) });
}

const first = (text: string | readonly string[]): string => (typeof text === "string" ? text : text[0]!);

/** With a full stop where it ends in no punctuation. */
const closed = (text: string): string => (/[!-/:-@[-`{-~]$/.test(text) ? text : `${text}.`);

/** Definition and examples: everything that comes before the input, the same for all of a task. */
export function instructionIntroduction(task: InstructionHeader, options: InstructionOptions): string {
  const shown = (kind: "Positive" | "Negative", count: number) =>
    task[`${kind} Examples`].slice(0, count).map(({ input, output, explanation }, i) => {
      const lines = [
        ` ${kind} Example ${i + 1} -`,
        closed(`Input: ${input.trim()}`),
        ` ${closed(`Output: ${first(output).trim()}`)}`,
      ];
      if (options.explanations && explanation) lines.push(` ${closed(`Explanation: ${explanation.trim()}`)}`);
      return `${lines.join("\n")}\n\n`;
    });
  const definition = `${closed(`Definition: ${first(task.Definition).trim()}`)}\n\n`;
  return [definition, ...shown("Positive", options.positive), ...shown("Negative", options.negative)].join("");
}

const outputsOf = (value: Value | undefined): readonly string[] => {
  const list = Array.isArray(value) ? (value as readonly Value[]) : [value];
  if (list.length > 0 && list.every((one) => typeof one === "string")) return list as string[];
  return fail("bad_input", 'an instance needs "output": a text, or several');
};

/** A task's one wording; its rows are instances {input, output}. Of several outputs one is drawn. */
export function instructionWording(task: InstructionHeader, options: InstructionOptions): Wording {
  const introduction = instructionIntroduction(task, options);
  return {
    name: "instruction",
    render(row, { seed, index }) {
      const input = row.get("input");
      if (typeof input !== "string") return fail("bad_input", 'an instance needs "input": a text');
      const outputs = outputsOf(row.get("output"));
      const prompt = `${introduction}Now complete the following example -\n${closed(`Input: ${input.trim()}`)}\nOutput: `;
      return { prompt, target: outputs[siteSeed(seed, index, 0) % outputs.length]!.trim() };
    },
  };
}
