/** `zeroth run`: a job, cut into partitions, its results in a store. */
import type { CommandDescription, Commands } from "../command.ts";
import { options, type RunFlags } from "../run/options.ts";

const description: CommandDescription & { readonly options: typeof options } = {
  group: "train",
  summary: "A long job cut into partitions: what is done once is done, by one process or many",
  arguments: "<job>",
  options,
  rows: 'events `{"event":"progress","partition","done","total","unit","rate"?,"eta"?}`, `{"event":"metric","partition","name","value"}`, `{"event":"check","partition","name","passed","severity"?,"about"?}`, `log`, `artifact`, `preview`, `table`; a partition ends with `{"done":true,"partition","key","output_hash","cached","metrics","seconds"}` or `{"partition","error"}`; `--list`: `{"partition"}`; `--dry-run`: `{"partition","key","cached"}`. Exit codes: 0 done, also where a check says no; 2 wrong use; 3 an input is missing; 4 some failed (`--keep-going`); 75 try again later; 130, 143 stopped, its work kept. `zeroth run JOB --help` shows the options of a job',
  example: "zeroth run eval --task super_glue/rte --data rte.jsonl --all --workers 2 --store results",
};

/** The job among the words: the first one, or the first that is a job's name and no option's value. */
function jobIn(argv: readonly string[], names: readonly string[]): string | undefined {
  const [first] = argv;
  if (first !== undefined && !first.startsWith("-")) return first;
  return argv.find((word, i) => names.includes(word) && !/^--[^=]+$/.test(argv[i - 1] ?? ""));
}

/** The command with the options of the job that is named. */
async function describe(argv: readonly string[]) {
  const { findJob, jobNames } = await import("../../jobs/registry.ts");
  const { optionsOf } = await import("../../jobs/job.ts");
  const name = jobIn(argv, jobNames);
  if (name === undefined) return { ...description, job: undefined };
  const job = await findJob(name);
  return {
    ...description,
    job,
    summary: job.summary,
    arguments: name,
    options: [...options, ...optionsOf(job.config)] as const,
  };
}

export default {
  ...description,
  words: ["eval", "embed", "generate", "index", "train", "tune"],
  describe,
  async start(name: string, given: readonly string[], signal: AbortSignal, _commands: Commands): Promise<number> {
    const { withoutPipesOptions } = await import("../../jobs/pipes/params-node.ts");
    const argv = withoutPipesOptions(given);
    const { parse } = await import("../parse.ts");
    const { createOutput } = await import("../output.ts");
    const { job, ...command } = await describe(argv);
    const { flags, shared } = await parse(name, { ...command, arguments: "<job>" }, argv);
    const output = createOutput(shared);
    const { runJob } = await import("../run/run.ts");
    try {
      return await runJob(job, flags as RunFlags & Readonly<Record<string, unknown>>, output, signal);
    } finally {
      output.progress("");
    }
  },
};
