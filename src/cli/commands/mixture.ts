/** `zeroth mixture`: what a mixture file comes to, before a model is trained on it. */
import { fail } from "../../errors.ts";
import type { everyPair } from "../../prompts/mixture.ts";
import type { OpenMixture } from "../../prompts/open-mixture-node.ts";
import { defineCommand } from "../define.ts";
import type { Output } from "../output.ts";

interface Counts {
  pairs: number;
  dropped: number;
}

/** Every row in every wording; what gives nothing is counted by task. */
async function checked(mixture: OpenMixture, every: ReturnType<typeof everyPair>, output: Output) {
  const counts = new Map<string, Counts>(mixture.tasks.map(({ name }) => [name, { pairs: 0, dropped: 0 }]));
  let done = 0;
  for await (const { task, rendered } of every) {
    counts.get(task.name)![rendered ? "pairs" : "dropped"]++;
    if (++done % 1000 === 0) output.progress(`${done.toLocaleString("en")} pairs, ${task.name}`);
  }
  return counts;
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;
const short = (text: string) => (text.length > 600 ? `${text.slice(0, 600)} …` : text);

export default defineCommand({
  group: "train",
  summary: "What a mixture file mixes: tasks, shares, examples",
  arguments: "<file>",
  options: [
    { flags: "--examples <n>", help: "show the first n pairs of its stream (2)", as: "integer" },
    { flags: "--check", help: "put every row into every wording, and count" },
    { flags: "--validation", help: "the tasks' validation files instead of those for training" },
    { flags: "--seed <n>", help: "of the order (0)", as: "integer" },
  ],
  rows: 'one `{"task","dataset","rows","rate","share","pairs"?,"dropped"?}` a task, one `{"place","task","row","prompt","target"}` an example, then `{"done":true,"tasks","rows","rate","missing"}`',
  example: "zeroth mixture mixture.json --check",
  async run({ args: [file], flags, output, signal }) {
    if (file === undefined) fail("wrong_use", "no mixture file", { hint: "docs/mixtures.md shows one to start from" });
    const { everyPair } = await import("../../prompts/mixture.ts");
    const { openMixture } = await import("../../prompts/open-mixture-node.ts");
    const { dataSetSettings } = await import("../downloads.ts");
    const { examples = 2, seed = 0 } = flags;
    if (examples < 0) fail("wrong_use", `--examples ${examples}: expected 0 or more`);
    const split = flags.validation ? "validation" : "train";
    await using mixed = await openMixture(file, { ...dataSetSettings(output), split, seed, signal });
    const counts = flags.check ? await checked(mixed, everyPair(mixed.tasks, seed, signal), output) : undefined;
    const total = mixed.tasks.reduce((sum, { rate }) => sum + rate, 0);
    const sets = new Map<string, { rows: number; wordings: number; rate: number }>();
    for (const { name, dataset, data, rate } of mixed.tasks) {
      const set = sets.get(dataset) ?? { rows: data.size, wordings: 0, rate: 0 };
      sets.set(dataset, { ...set, wordings: set.wordings + 1, rate: set.rate + rate });
      output.row({ task: name, dataset, rows: data.size, rate, share: rate / total, ...counts?.get(name) });
    }
    const width = Math.max(...[...sets.keys()].map((name) => name.length), 8);
    output.text(output.dim(`${"data set".padEnd(width)}        rows  wordings   share\n`));
    for (const [name, { rows, wordings, rate }] of sets) {
      const columns = [
        rows.toLocaleString("en").padStart(12),
        `${wordings}`.padStart(10),
        percent(rate / total).padStart(8),
      ];
      output.text(`${name.padEnd(width)}${columns.join("")}\n`);
    }
    output.text(`${mixed.tasks.length} tasks of ${sets.size} data sets, ${mixed.rows.toLocaleString("en")} rows\n`);
    if (mixed.missing.length > 0) output.text(`not here, left out: ${mixed.missing.join(", ")}\n`);
    const empty = [...(counts ?? [])].filter(([, { dropped }]) => dropped > 0);
    for (const [name, { pairs, dropped }] of empty)
      output.text(`${name}: nothing for ${dropped} of ${pairs + dropped} rows\n`);
    if (counts && empty.length === 0) output.text("every row gives a pair in every wording\n");
    for (let place = 0; place < examples; place++) {
      const { task, row, prompt, target } = await mixed.at(place);
      output.row({ place, task: task.name, row, prompt, target });
      output.text(`\n${output.dim(`${task.name}, row ${row + 1}`)}\n`);
      output.answer(`${short(prompt)}\n${output.bold(`→ ${short(target)}`)}\n`);
    }
    output.row({ done: true, tasks: mixed.tasks.length, rows: mixed.rows, rate: total, missing: mixed.missing });
    return 0;
  },
});
