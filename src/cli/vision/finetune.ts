/** `zeroth vision finetune`: a model of images and a person's pictures to a model of their classes. */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { parseVisionConfig, type VisionConfig } from "../../vision/finetune/config.ts";
import { finetune, type VisionEvents } from "../../vision/finetune/run-node.ts";
import { modelFor } from "../downloads.ts";
import { duration, type Output } from "../output.ts";
import { withHint } from "../report.ts";
import { threadsFor } from "../threads.ts";

export interface FinetuneFlags {
  readonly config?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly threads?: number | undefined;
  readonly [name: string]: unknown;
}

/** Options of the command that are entries of the configuration, and what they are called there. */
const named = [
  ...(["model", "data", "eval", "split", "out", "method", "freeze", "rank", "targets", "size", "augment"] as const),
  ...(["lr", "optimizer", "schedule", "warmup", "batch", "epochs", "steps", "patience", "clip", "dropout"] as const),
  ...(["smoothing", "mixup", "seed"] as const),
  ...([
    ["layerDecay", "layer_decay"],
    ["weightDecay", "weight_decay"],
    ["evalEvery", "eval_every"],
    ["repeatLast", "repeat_last"],
  ] as const),
] as const;

/** Names of a project's configuration in its folder. */
const files = ["config.json", "config.mjs", "config.js"];

/** A project's configuration: JSON, or a module whose default export is the same as an object. */
async function readProject(given: string): Promise<{ json: JsonObject; folder: string }> {
  const stat = statSync(given, { throwIfNoEntry: false });
  if (!stat) return fail("not_found", "no such file or folder", { where: given });
  const path = stat.isDirectory() ? files.map((name) => join(given, name)).find((one) => existsSync(one)) : given;
  if (path === undefined) {
    return fail("not_found", `holds no ${files.join(" and no ")}`, {
      where: given,
      hint: 'a project is a folder with a config.json such as {"model": …, "data": …, "epochs": 10}',
    });
  }
  if (path.endsWith(".json")) return { json: readJsonFile(path), folder: dirname(path) };
  const { default: made } = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (!isJsonObject(made)) fail("wrong_use", "its default export is no object", { where: path });
  return { json: made, folder: dirname(path) };
}

/** Paths in a project are found from its folder; a model may be a name of the hub. */
function placed({ json, folder }: { json: JsonObject; folder: string }): JsonObject {
  const from = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const paths = ["data", "eval", "out"].flatMap((key) =>
    typeof json[key] === "string" ? [[key, from(json[key])] as const] : [],
  );
  const { model } = json;
  const here = typeof model === "string" && existsSync(from(model));
  return { out: join(folder, "out"), ...json, ...Object.fromEntries(paths), ...(here && { model: from(model) }) };
}

async function configOf(flags: FinetuneFlags, output: Output): Promise<VisionConfig> {
  const project = flags.config === undefined ? {} : placed(await readProject(flags.config));
  const typed = named.flatMap((entry) => {
    const [flag, key] = typeof entry === "string" ? [entry, entry] : entry;
    return flags[flag] === undefined ? [] : [[key, flags[flag]] as const];
  });
  const given: JsonObject = { ...project, ...Object.fromEntries(typed) };
  for (const [key, hint] of [
    ["data", "a folder with a folder for each class, an IDX file of pictures, or a .csv with file and label"],
    ["out", "the folder that the model is written to"],
  ] as const) {
    if (given[key] === undefined) fail("wrong_use", `--${key} is missing`, { hint });
  }
  const targets = given.targets;
  const all = Array.isArray(targets) && targets.join() === "all-linear";
  return parseVisionConfig(
    { ...given, ...(all && { targets: "all-linear" }), threads: threadsFor(flags.threads, output) },
    flags.config,
  );
}

const counted = (value: number) => value.toLocaleString("en");
const percent = (value: number) => `${(100 * value).toFixed(2)} %`;

function eventsOf(output: Output): VisionEvents {
  let seconds = 0;
  return {
    started({ classes, examples, held, trained, parameters, step, steps, notes }) {
      for (const note of notes) output.say(note);
      const names = classes.slice(0, 6).join(", ") + (classes.length > 6 ? ", …" : "");
      output.say(`${counted(examples)} pictures of ${classes.length} classes (${names}), ${counted(held)} to judge by`);
      output.say(`${counted(trained)} of ${counted(parameters)} numbers are learnt in ${counted(steps)} steps`);
      if (held === 0) output.say("nothing is held out: the last step is kept, whatever it is worth");
      if (step > 0) output.say(`going on after step ${step}`);
    },
    step({ step, steps, loss, lr, seconds: took, grad_norm }) {
      seconds += took;
      output.row({ step, loss, lr, grad_norm, seconds: took });
      const left = duration(((steps - step) * seconds) / Math.max(1, step));
      output.progress(`step ${step} of ${steps}  loss ${loss.toFixed(4)}  ${left} left`);
    },
    evaluated({ step, accuracy, top5, loss, best }) {
      output.row({ step, eval_accuracy: accuracy, eval_top5: top5, eval_loss: loss });
      output.progress("");
      output.text(`step ${step}: ${percent(accuracy)} right, loss ${loss.toFixed(4)}${best ? " (best so far)" : ""}\n`);
    },
    warned: (text) => output.say(`warning: ${text}`),
  };
}

export async function finetuneCommand(flags: FinetuneFlags, output: Output, signal: AbortSignal): Promise<number> {
  if (flags.method === "attention" || flags.method === "gradient") {
    fail("wrong_use", `--method ${flags.method} is one of explain's: expected full, head or lora`);
  }
  const config = await configOf(flags, output);
  const model = config.model === undefined ? undefined : (await modelFor(config.model, output, signal)).path;
  const run = () =>
    finetune(
      { ...config, ...(model !== undefined && { model }) },
      { resume: flags.resume, signal, events: eventsOf(output) },
    );
  const {
    model: out,
    steps,
    best,
    trained,
    parameters,
    stopped,
  } = await withHint(`add --resume to go on with it`, run);
  output.row({ done: true, model: out, steps, best, trainable: trained, parameters });
  const why = stopped === "patience" ? ", ended as no evaluation was better" : "";
  output.text(`${out}: ${steps} steps${best ? `, ${percent(best.accuracy)} right at step ${best.step}` : ""}${why}\n`);
  output.say(`use it: zeroth vision classify --model ${out} PICTURE`);
  return 0;
}
