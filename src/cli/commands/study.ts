/** `zeroth study`: what bigger models or more labels would bring, from results. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = ["fit"] as const;

export default defineCommand({
  group: "train",
  summary: "How far better pre-training takes a task: hull, law and interval of measured models",
  arguments: "<fit>",
  words,
  options: [
    { flags: "--input <file>", help: "results, a model a row: .csv, .jsonl or .parquet" },
    { flags: "--us <column>", help: "accuracy upstream, on what models were pre-trained for" },
    { flags: "--ds <column>", help: "accuracy downstream, on the task" },
    { flags: "--group <column>", help: "a law for each of its values: tasks, numbers of shots" },
    { flags: "--run <column>", help: "what checkpoints of one training share: they are resampled together" },
    { flags: "--percent", help: "accuracies are written from 0 to 100" },
    { flags: "--resamples <n>", help: "resamples of the interval (300)", as: "integer" },
    { flags: "--seed <n>", help: "what is drawn follows from it (0)", as: "integer" },
  ],
  rows: '`fit`: `{"group"?,"k","alpha","e_ir","saturation","interval","hull":[[us,ds],…],"falling","models","all_points","held_out"?,"doubts"?}` a group; `interval` bounds the saturation',
  example: "zeroth study fit --input results.csv --us imagenet --ds birds --group shots",
  async run({ args: [action], flags, output, signal }) {
    if (action === undefined)
      fail("wrong_use", "what is to be done?", { hint: "zeroth study fit --input FILE --us COLUMN --ds COLUMN" });
    const { oneOf } = await import("../parse.ts");
    oneOf("zeroth study", action, words);
    return (await import("../study/fit.ts")).fit(flags, output, signal);
  },
});
