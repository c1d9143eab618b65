/** `zeroth study`: grids of runs declared, done and reported, and what bigger models or more labels would bring. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";

const words = [
  ...["declare", "plan", "run", "status", "merge", "report", "sql", "import"],
  ...["fit", "iso", "advise"],
] as const;

export default defineCommand({
  group: "train",
  summary:
    "Studies: a grid of runs declared, done by many processes and reported; laws and worth from anyone's results",
  arguments: "<declare|plan|run|status|merge|report|sql|import|fit|iso|advise> [path...]",
  words,
  options: [
    { flags: "--store <folder>", help: "where the study's results are (NAME.study here)" },
    { flags: "--workers <n>", help: "run: processes at once (1)", as: "integer" },
    { flags: "--threads <n>", help: "run: threads of all of them together (the machine's cores)", as: "integer" },
    { flags: "--shard <i/n>", help: "plan, run: one of n parts, for machines that share no disk" },
    { flags: "--budget <time>", help: "run: begin nothing that would last longer than 25m, 2h, …" },
    { flags: "--quick", help: "plan, run: the small study that the declaration has beside the whole one" },
    { flags: "--retry", help: "run: try again what failed" },
    { flags: "--yes", help: "run: more than 10,000 runs are meant" },
    { flags: "--output <file>", help: "report: the page (report.html in the study's folder)" },
    { flags: "--map <name=column>", help: "import: call a column by another name; may be repeated", as: "repeat" },
    { flags: "--input <file>", help: "fit, iso, advise: results, a row a model: .csv, .jsonl or .parquet" },
    { flags: "--us <column>", help: "fit, import: accuracy upstream, on what models were pre-trained for" },
    { flags: "--ds <column>", help: "fit, import: accuracy downstream, on the task" },
    { flags: "--group <column>", help: "for each of its values apart: tasks, numbers of shots" },
    {
      flags: "--run <column>",
      help: "fit, import: what checkpoints of one training share: they are resampled together",
    },
    { flags: "--size <column>", help: "iso, advise, import: parameters of the model" },
    { flags: "--labels <column>", help: "iso, advise, import: labelled examples it was trained on" },
    { flags: "--score <column>", help: "iso, advise, import: its score on the test set, a row a seed" },
    { flags: "--at <place>", help: "advise: where you stand, as model=60M,n=512" },
    { flags: "--label-cost <x>", help: "advise: cost of one more label (1)", as: "number" },
    { flags: "--growth-cost <x>", help: "advise: cost of the next bigger model, in the same money", as: "number" },
    { flags: "--test-items <n>", help: "advise: items of the test set", as: "integer" },
    { flags: "--percent", help: "accuracies and scores are written from 0 to 100" },
    { flags: "--resamples <n>", help: "fit, iso: resamples of the intervals (300, 500)", as: "integer" },
    { flags: "--seed <n>", help: "what is drawn follows from it (0)", as: "integer" },
  ],
  rows: '`declare`: `{"stage","needs"?,"factors","runs"}` a stage, then `{"done":true,"study","runs","written"}`; `plan`: `{"id","stage","factors","status":"open"|"done"|"diverged"|"failed"}` a run, then `{"done":true,"study","runs","open","failed","others","seconds"}`; `run`: `{"id","stage","factors","status","error"?}` as runs end, then `{"done":true,"store","runs","finished","failed","skipped"}`, exit 1 where one failed; `status`: `{"stage","done","diverged","failed","open"}` a stage and `{"id","stage","factors","attempts","error"}` a failed run; `merge`: `{"conflict","from","difference"}` each, then `{"done":true,"runs","added","same","conflicts"}`, exit 4 where there are some; `import`: `{"done":true,"store","rows","added","same"}`; `sql`: the rows of the question; `report`: `{"claim","verdict","figure"}` a claim, then `{"done":true,"report","data","rows"}`; `fit`: `{"group"?,"k","alpha","e_ir","saturation","interval","hull":[[us,ds],…],"falling","models","all_points","held_out"?,"doubts"?}` a group; `interval` bounds the saturation; `iso`: `{"group"?,"from","to","labels","score","needed","extra"?,"worth"?,"interval","never"}`, `needed` is a number of labels, `"more"` than measured or `"none"`; `advise`: `{"group"?,"verdict","annotate":{"gain","interval","cost"},"grow":{…},"annotate_better","missing":[{"size","labels"}]}`',
  example: "zeroth study run grid.mjs --workers 2",
  async run({ args: [action, ...paths], flags, output, signal }) {
    if (action === undefined) fail("wrong_use", "what is to be done?", { hint: "zeroth study run FILE" });
    const { oneOf } = await import("../parse.ts");
    const todo = oneOf("zeroth study", action, words);
    const study = { file: paths[0], flags, output, signal };
    const folders = { paths, flags, output, signal };
    switch (todo) {
      case "declare":
      case "plan":
      case "status":
      case "run":
        return (await import("../study/study.ts"))[todo](study);
      case "merge":
      case "sql":
        return (await import("../study/folders.ts"))[todo](folders);
      case "import":
        return (await import("../study/folders.ts")).importRows(folders);
      case "report":
        return (await import("../study/report.ts")).report(folders);
      case "fit":
        return (await import("../study/fit.ts")).fit(flags, output, signal);
      case "iso":
        return (await import("../study/grid.ts")).iso(flags, output, signal);
      case "advise":
        return (await import("../study/grid.ts")).advice(flags, output, signal);
    }
  },
});
