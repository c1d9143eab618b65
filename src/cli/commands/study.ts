/** `zeroth study`: what bigger models or more labels would bring, from results. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["fit", "iso", "advise"] as const;

export default defineCommand({
  group: "train",
  summary: "From results: how far better pre-training takes a task, and what a bigger model is worth in labels",
  arguments: "<fit|iso|advise>",
  words,
  options: [
    { flags: "--input <file>", help: "results, a model a row: .csv, .jsonl or .parquet" },
    { flags: "--us <column>", help: "fit: accuracy upstream, on what models were pre-trained for" },
    { flags: "--ds <column>", help: "fit: accuracy downstream, on the task" },
    { flags: "--group <column>", help: "for each of its values apart: tasks, numbers of shots" },
    { flags: "--run <column>", help: "fit: what checkpoints of one training share: they are resampled together" },
    { flags: "--size <column>", help: "iso, advise: parameters of the model" },
    { flags: "--labels <column>", help: "iso, advise: labelled examples it was trained on" },
    { flags: "--score <column>", help: "iso, advise: its score on the test set, a row a seed" },
    { flags: "--at <place>", help: "advise: where you stand, as model=60M,n=512" },
    { flags: "--label-cost <x>", help: "advise: cost of one more label (1)", as: "number" },
    { flags: "--growth-cost <x>", help: "advise: cost of the next bigger model, in the same money", as: "number" },
    { flags: "--test-items <n>", help: "advise: items of the test set", as: "integer" },
    { flags: "--percent", help: "accuracies and scores are written from 0 to 100" },
    { flags: "--resamples <n>", help: "fit, iso: resamples of the intervals (300, 500)", as: "integer" },
    { flags: "--seed <n>", help: "what is drawn follows from it (0)", as: "integer" },
  ],
  rows: '`fit`: `{"group"?,"k","alpha","e_ir","saturation","interval","hull":[[us,ds],…],"falling","models","all_points","held_out"?,"doubts"?}` a group; `interval` bounds the saturation; `iso`: `{"group"?,"from","to","labels","score","needed","extra"?,"worth"?,"interval","never"}`, `needed` is a number of labels, `"more"` than measured or `"none"`; `advise`: `{"group"?,"verdict","annotate":{"gain","interval","cost"},"grow":{…},"annotate_better","missing":[{"size","labels"}]}`',
  example: "zeroth study fit --input results.csv --us imagenet --ds birds --group shots",
  async run({ args: [action], flags, output, signal }) {
    if (action === undefined)
      fail("wrong_use", "what is to be done?", { hint: "zeroth study fit --input FILE --us COLUMN --ds COLUMN" });
    const { oneOf } = await import("../parse.ts");
    const todo = oneOf("zeroth study", action, words);
    if (todo === "fit") return (await import("../study/fit.ts")).fit(flags, output, signal);
    const { iso, advice } = await import("../study/grid.ts");
    return todo === "iso" ? iso(flags, output, signal) : advice(flags, output, signal);
  },
});
