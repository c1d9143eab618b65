/** `zeroth metrics`: how near written answers are to their references. */
import type { InputRow } from "../../data/cli-rows-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { rows } from "../options.ts";

const words = ["rouge", "bleu", "f1", "exact", "coverage"] as const;

function textsOf(row: InputRow, name: string): readonly string[] {
  const value = row[name];
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) return value;
  return fail("bad_input", `"${name}" must be a list of at least one text`, {
    hint: `the row has ${Object.keys(row).join(", ") || "no columns"}`,
  });
}

export default defineCommand({
  group: "train",
  summary: "Score answers against references: ROUGE, BLEU, token F1, exact match; how much a summary copies",
  arguments: "<rouge|bleu|f1|exact|coverage>",
  words,
  options: [...rows, { flags: "--stem", help: "rouge: words by their stems (Porter), as papers do" }],
  rows: '`{"prediction","references":[…]}` → rouge: `{"rouge1":{"precision","recall","f"},"rouge2":…,"rougeL":…,"rougeLsum":…}`; bleu, f1, exact: `{"value"}`; coverage: `{"prediction","text"}` → `{"coverage","density","compression"}`',
  example: "zeroth metrics rouge --stem --input answers.jsonl --json",
  async run({ args: [given], flags, output, signal }) {
    if (given === undefined) fail("wrong_use", "which metric?", { hint: `one of ${words.join(", ")}` });
    const { oneOf } = await import("../parse.ts");
    const metric = oneOf("zeroth metrics", given, words);
    if (flags.stem && metric !== "rouge") fail("wrong_use", "--stem is for rouge");
    if (!flags.input)
      fail("wrong_use", "--input is needed: the rows", { hint: "--input answers.jsonl, or - for JSON lines on stdin" });
    const { textOf } = await import("../../data/cli-rows-node.ts");
    const { bleu, bleuCounts, exactMatch, tokenF1 } = await import("../../text/metrics/text-metrics.ts");
    const { copiedShares, fragmentTokens } = await import("../../text/metrics/fragments.ts");
    const { rougeBest, rougeKinds } = await import("../../text/metrics/rouge.ts");
    const { jobsOf } = await import("../jobs.ts");
    const { openRowJob } = await import("../rows/run.ts");
    const best = (score: (text: string, reference: string) => number) => (row: InputRow) => {
      const text = textOf(row, "prediction");
      return { value: Math.max(...textsOf(row, "references").map((one) => score(text, one))) };
    };
    const metrics: Readonly<Record<(typeof words)[number], (row: InputRow) => object>> = {
      rouge: (row) =>
        rougeBest(textOf(row, "prediction"), textsOf(row, "references"), rougeKinds, { stem: flags.stem === true }),
      bleu: (row) => ({ value: bleu([bleuCounts(textOf(row, "prediction"), textsOf(row, "references"))]) }),
      f1: best(tokenF1),
      exact: best(exactMatch),
      coverage: (row) => ({
        ...copiedShares(fragmentTokens(textOf(row, "prediction")), fragmentTokens(textOf(row, "text"))),
      }),
    };
    const job = await openRowJob("metrics", { flags, given: [], output, signal });
    if (job === undefined) return 0;
    return job.run({
      model: { name: metric, path: ".", files: [], bytes: 0 },
      things: "answers",
      async batch(inputs) {
        return jobsOf(inputs, metrics[metric]).map((row) =>
          row instanceof ZerothError ? row : { row, show: () => output.text(`${JSON.stringify(row)}\n`) },
        );
      },
    });
  },
});
