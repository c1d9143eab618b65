/** How `zeroth eval` works: tasks under their templates, one after another, with a table for people and rows for scripts. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { makeFolder, writeFileSafely } from "../../base/files-node.ts";
import { nearest } from "../../base/nearest.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { TemplateFile } from "../../prompts/template.ts";
import { zerothHome } from "../../text/copies/kept-node.ts";
import { dataOf, fileIn } from "../../zeroshot/data-node.ts";
import { type EvaluateOptions, evaluate, fileRows, openTask, promptEndOf } from "../../zeroshot/evaluate-node.ts";
import type { Evaluated } from "../../zeroshot/harness.ts";
import { reportHtml } from "../../zeroshot/report.ts";
import { type SuperGlueResult, superGlueTasks } from "../../zeroshot/superglue.ts";
import { evaluateSuperGlue } from "../../zeroshot/superglue-node.ts";
import { type TaskResult, type TemplateChoice, templateNames } from "../../zeroshot/tasks.ts";
import { writeResults } from "../../zeroshot/write-node.ts";
import { dataSetSettings } from "../downloads.ts";
import { openForCommand } from "../engine.ts";
import { version } from "../help.ts";
import type { Output } from "../output.ts";
import { promptRows } from "../prompt-rows.ts";
import { withHint } from "../report.ts";
import { needFreeFile, needFreeFolder } from "../targets.ts";
import type { EvalFlags } from "./options.ts";
import { liveLine, superGlueTable, table, templateRow } from "./tables.ts";

const suite = "superglue";

/** What `--templates` asks of one file. */
function choiceOf(text: string | undefined, file: TemplateFile): TemplateChoice | undefined {
  return text === "all" || text === "original" || text === undefined ? text : templateNames(text, file);
}

/** The files of SuperGLUE's tasks that are in the folder and have templates. */
function suiteFiles({
  data,
  split,
  folder,
  templates = "original",
}: EvalFlags): Map<string, { file: TemplateFile; path: string }> {
  if (data === undefined || !existsSync(data) || !statSync(data).isDirectory()) {
    fail("wrong_use", `--task ${suite} needs the folder of its files`, {
      hint: `--data FOLDER with ${superGlueTasks[0]!.name}.validation.jsonl and the like`,
    });
  }
  if (templates !== "all" && templates !== "original") {
    fail(
      "wrong_use",
      `--templates ${templates}: for ${suite} all or original, its tasks have templates of different names`,
    );
  }
  const found = new Map<string, { file: TemplateFile; path: string }>();
  for (const { task } of superGlueTasks) {
    try {
      const { file } = openTask(task, { folder, nearest });
      const path = fileIn(data, file, split);
      if (path !== undefined) found.set(task, { file, path });
    } catch (error) {
      // A task without templates is told as missing; a split that is not there is a mistake.
      if (!(error instanceof ZerothError) || error.code !== "not_found" || error.where !== undefined) throw error;
    }
  }
  return found;
}

type Job =
  | { readonly files: ReturnType<typeof suiteFiles> }
  | { readonly file: TemplateFile; readonly templates: TemplateChoice | undefined; readonly paths?: readonly string[] };

/** Templates and rows of every task; stdin has no paths. */
async function jobsOf(tasks: readonly string[], flags: EvalFlags, output: Output, signal: AbortSignal): Promise<Job[]> {
  const hub = { ...dataSetSettings(output).hub, signal };
  const { data: path, split, folder } = flags;
  const jobs: Job[] = [];
  for (const name of tasks) {
    if (name === suite) {
      jobs.push({ files: suiteFiles(flags) });
      continue;
    }
    const { file, templates: named, own = false } = openTask(name, { folder, nearest });
    const templates = choiceOf(flags.templates, file) ?? named;
    if (path === "-") jobs.push({ file, templates });
    else jobs.push({ file, templates, paths: await dataOf({ path, split, file, own, hub }) });
  }
  return jobs;
}

/** What the flags say of the evaluation itself, with their defaults. */
function recipeOf(flags: EvalFlags) {
  const { dtype, activations, limit, nullPrompt, window = 1024, maxNewTokens, seed = 0, folder } = flags;
  if (limit !== undefined && limit < 1) fail("wrong_use", `--limit ${limit}: expected 1 or more`);
  return {
    normalize: flags.normalize ?? "sum",
    window,
    seed,
    eos: flags.eos !== false,
    delimiter: flags.delimiter ?? "",
    cache: flags.cache !== false,
    ...(dtype === undefined ? {} : { dtype }),
    ...(activations === undefined ? {} : { activations }),
    ...(limit === undefined ? {} : { limit }),
    ...(nullPrompt === undefined ? {} : { nullPrompt }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens }),
    ...(folder === undefined ? {} : { folder }),
  };
}

type Recipe = ReturnType<typeof recipeOf> & { readonly promptEnd: boolean };

/** The files that were asked for. */
async function writeFiles(
  { out, html, dtype, device = "cpu", limit }: EvalFlags,
  { normalize, window, seed, promptEnd, eos, delimiter }: Recipe,
  model: string,
  { evaluated, superGlue }: { evaluated: readonly Evaluated[]; superGlue: SuperGlueResult | undefined },
  output: Output,
): Promise<void> {
  const stored = dtype ?? "as stored";
  if (out !== undefined) {
    const settings = {
      model,
      dtype: stored,
      device,
      limit: limit ?? null,
      normalize,
      promptEnd,
      eos,
      delimiter,
      window,
      seed,
      version: version(),
    };
    const paths = await writeResults(out, evaluated, settings);
    output.say(`${paths.length} files written to ${out}`);
  }
  if (html !== undefined) {
    const notes = [
      `Weights ${stored}; prompts ${promptEnd ? "with" : "without"} the end token, at most ${window} tokens.`,
      ...(eos ? [] : ["The end token of choices does not count."]),
      ...(delimiter === "" ? [] : [`Between prompts and choices stands ${JSON.stringify(delimiter)}.`]),
      ...(limit === undefined ? [] : [`Only the first ${limit} rows of each task.`]),
      `zeroth ${version()}, intervals from 1,000 bootstrap resamples, seed ${seed}.`,
    ];
    const tasks = evaluated.map(({ result }) => result);
    const report = reportHtml({ model, tasks, normalize, notes, ...(superGlue ? { superGlue } : {}) });
    await writeFileSafely(html, report);
    output.say(`the report is ${html}`);
  }
}

/** Whether results can be kept in a folder, which is made where it is not there; a cache that cannot be is no failure. */
function canKeep(folder: string, output: Output): boolean {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    output.say(`results are not kept: ${why}; ZEROTH_HOME names another place`);
    return false;
  }
}

/** Evaluate the tasks; gives the exit code. */
export async function evaluateTasks(
  tasks: readonly string[],
  flags: EvalFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const wanted = recipeOf(flags);
  if (flags.out !== undefined) needFreeFolder(flags.out, flags.overwrite);
  if (flags.html !== undefined) needFreeFile(flags.html, flags.overwrite);
  const kept = `${zerothHome(process.env)}/evaluations`;
  // Every name and file is looked up before the model is: a mistyped one is told at once.
  const jobs = await jobsOf(tasks, flags, output, signal);
  await using model = await openForCommand(flags, output, signal);
  // Known before hours of work are done, not after them.
  if (flags.out !== undefined) makeFolder(flags.out);
  const cache = wanted.cache && canKeep(kept, output);
  const recipe: Recipe = { ...wanted, cache, promptEnd: flags.promptEnd ?? promptEndOf(model.folder) };
  const options: Omit<EvaluateOptions, "task" | "data"> = {
    ...recipe,
    model,
    nearest,
    signal,
    onProgress: liveLine(output),
    onTemplate(one, task) {
      output.row(templateRow(task, one, recipe));
      for (const warning of one.warnings) output.say(`${task}, "${one.template}", ${warning}`);
      if (one.cut === 0) return;
      const longer = `${one.cut} of ${one.n} prompts are longer than ${recipe.window} tokens and were cut`;
      output.say(`${task}, "${one.template}": ${longer}`);
    },
  };
  const evaluated: Evaluated[] = [];
  const show = (file: TemplateFile, result: TaskResult) => {
    for (const aggregate of result.aggregates) output.row({ task: result.task, template: null, ...aggregate });
    output.text(table(result, recipe.normalize, output));
    evaluated.push({ file, result });
  };
  let superGlue: SuperGlueResult | undefined;
  const work = async () => {
    for (const job of jobs) {
      if ("files" in job) {
        const { files } = job;
        superGlue = await evaluateSuperGlue({
          ...options,
          ...(flags.templates === "all" ? { templates: "all" } : {}),
          data: (task) => files.get(task)?.path,
          onTask: (result) => show(files.get(result.task)!.file, result),
        });
        const { scores, average, missing } = superGlue;
        output.row({ task: suite, template: null, metric: "average", value: average, scores, missing });
        output.text(superGlueTable(superGlue, output));
      } else {
        const { file, templates, paths } = job;
        const chosen = templates === undefined ? {} : { templates };
        const data = paths ? fileRows(paths, signal) : promptRows("-");
        show(file, await evaluate({ ...options, ...chosen, task: file, data }));
      }
    }
  };
  await (cache
    ? withHint("stopped; what was computed is kept, and the same command goes on from there", work)
    : work());
  await writeFiles(flags, recipe, model.name, { evaluated, superGlue }, output);
  if (recipe.cache && output.terminal) {
    output.say(output.dim(`results are kept in ${kept}`));
  }
  return 0;
}
