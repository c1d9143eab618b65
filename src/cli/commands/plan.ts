/** `zeroth plan`: how big a model is, whether it fits, how fast it could be, and what it stands beside. */
import { defineCommand } from "../define.ts";
import { modelNames } from "../options.ts";
import { planOptions } from "../plan/options.ts";

/** Models on this machine, and those whose layers were published. */
async function plannedNames(): Promise<readonly string[]> {
  const { knownNames } = await import("../../plan/known.ts");
  return [...new Set([...(await modelNames()), ...knownNames])];
}

export default defineCommand({
  group: "models",
  summary: "How big a model is, whether it fits and how fast it could be",
  arguments: "[model|config.json]",
  names: plannedNames,
  options: planOptions,
  rows: '`{"model","architecture","shape"?,"parameters","files"?,"work","bytes","inference","training","tuning","flops","training_set"?,"machine","speed","verdict","known"}`, every key in [plan.md](plan.md#the-row)',
  example: "zeroth plan google/flan-t5-xl --machine 24GB,46GB/s",
  async run({ args, flags, output, signal }) {
    const { plan } = await import("../plan/run.ts");
    return plan(args[0], flags, output, signal);
  },
});
