/** `tune`: frozen models taught with a person's rows; a partition is a point of the grid of methods, rates and seeds. */
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../../errors.ts";
import { tune } from "../../tune/folder-node.ts";
import { methods, parseTuneOptions, type TuneInput, tuneSchema } from "../../tune/options.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel } from "../inputs-node.ts";
import { defineJob, nothing, unkeyed } from "../job.ts";
import { lossFell, moveInto } from "./training-node.ts";

const { threads } = tuneSchema.shape;

const config = z.strictObject({
  ...tuneSchema.shape,
  model: unkeyed(z.string().describe("folder or name of the hub")),
  data: unkeyed(z.string().describe("rows to learn from")),
  eval: unkeyed(z.string().optional().describe("rows to judge by")),
  dtype: z.enum(["int8", "int4"]).optional().describe("frozen weights in a copy of int8 or int4"),
  // What a grid is made of is in the partition's name, not in the rest of the key.
  method: unkeyed(z.array(z.enum(methods)).min(1).default(["p-tuning-v2"]).describe("one or several (p-tuning-v2)")),
  lr: unkeyed(
    z.array(z.number().positive()).min(1).optional().describe("one or several learning rates (the usual one)"),
  ),
  seed: unkeyed(z.array(z.number().int().nonnegative()).min(1).default([0]).describe("one or several seeds (0)")),
  threads: unkeyed(threads.describe("threads of the engine")),
});
type Config = z.output<typeof config>;

/** The points of the grid. */
function points({ method, lr = [], seed }: Config) {
  const rates: readonly (number | undefined)[] = lr.length === 0 ? [undefined] : lr;
  return method.flatMap((name) =>
    rates.flatMap((rate) =>
      seed.map((number) => ({
        partition: [name, ...(rate === undefined ? [] : [`lr=${rate}`]), `seed=${number}`].join(" "),
        options: { method: name, ...(rate !== undefined && { lr: rate }), seed: number },
      })),
    ),
  );
}

function optionsFor(settings: Config, partition: string) {
  const point =
    points(settings).find((one) => one.partition === partition) ?? fail("wrong_use", `there is no ${partition}`);
  const { model: _, data: __, eval: ___, dtype: ____, method: _____, lr: ______, seed: _______, ...rest } = settings;
  return parseTuneOptions({ ...rest, ...point.options } as TuneInput);
}

export default defineJob({
  name: "tune",
  version: 1,
  summary: "A frozen model taught with rows; a partition is a method, with its rate and seed",
  checks: { loss_fell: "WARN", no_nan: "ERROR" },
  config,
  async partitions(settings) {
    const all = points(settings).map(({ partition }) => partition);
    for (const partition of all) optionsFor(settings, partition);
    return all;
  },
  async inputs({ model, data, eval: held }, _, signal) {
    const inputs = [{ name: "rows", sha256: await hashInput(data) }];
    if (held !== undefined) inputs.push({ name: "eval", sha256: await hashInput(held) });
    return { inputs, ...(await hashModel(model, signal)) };
  },
  open: async () => nothing,
  async run({ config: settings, partition, work, out, signal, tell }) {
    const options = optionsFor(settings, partition);
    const { model, data, eval: held, dtype } = settings;
    const folder = join(work, "run");
    let follow: ReturnType<typeof progressFrom> | undefined;
    const { best, adapter, trained } = await tune({ model, data, eval: held, out: folder, dtype }, options, {
      resume: true,
      signal,
      events: {
        step({ step, steps }) {
          follow ??= progressFrom(tell, { unit: "steps", known: step - 1 });
          follow(step, steps);
        },
        evaluated: ({ step, metric, value }) => tell({ event: "metric", name: metric, value, step }),
        warned: (message) => tell({ event: "log", level: "WARNING", message }),
      },
    });
    moveInto(adapter, out);
    lossFell(join(folder, "metrics.jsonl"), tell);
    tell({ event: "metric", name: "trained_parameters", value: trained });
    if (best) tell({ event: "metric", name: `best/${best.metric}`, value: best.value });
    const about = best ? `best ${best.metric} ${best.value.toFixed(4)} at step ${best.step}` : "no rows to judge by";
    tell({ event: "preview", markdown: `**${partition}**: ${about}` });
  },
});
