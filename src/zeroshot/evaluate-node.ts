/** A model on a task: templates by name, rows from anywhere, results kept on the disk. */
import { existsSync } from "node:fs";
import { createGroupCache } from "../data/group-cache.ts";
import { openData } from "../data/open-node.ts";
import { rowsFrom } from "../data/rows.ts";
import { readText } from "../data/source-node.ts";
import { type Row, renamedColumns, rowFromObject } from "../data/values.ts";
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import type { ModelFolder } from "../folders/open-node.ts";
import type { Environment } from "../hub/names.ts";
import { findTemplates, ownTemplates } from "../prompts/library-node.ts";
import type { TemplateFile } from "../prompts/template.ts";
import { zerothHome } from "../text/copies/kept-node.ts";
import { type OpenedLanguageModel, type OpenOptions, openLanguageModel } from "../text/open-node.ts";
import { canonicalRows } from "./columns.ts";
import { evaluateTemplate, type TemplateResult } from "./evaluate.ts";
import type { Normalization } from "./ranking.ts";
import { memoryStore } from "./scoring.ts";
import { diskStore } from "./store-node.ts";
import { isTaskFile, parseTaskFile } from "./task-file.ts";
import { aggregatesOf, chosenTemplates, nameOf, type TaskResult, type TemplateChoice } from "./tasks.ts";

type Nearest = (typed: string, known: readonly string[]) => string | undefined;
type AnyRow = Row | Readonly<Record<string, unknown>> | ZerothError;

/** How far an evaluation is. */
export interface EvaluationProgress {
  readonly task: string;
  readonly template: string;
  /** Number of the template from 0, and of how many. */
  readonly at: number;
  readonly of: number;
  /** Examples of this template; `known` of them were kept from an earlier run. */
  readonly done: number;
  readonly total: number;
  readonly known: number;
}

export interface EvaluateOptions {
  /** A folder or name (zeroth-nano), or a model that is open, which stays open. */
  readonly model?: string | Pick<OpenedLanguageModel, "text" | "tokenizer" | "folder">;
  readonly dtype?: NonNullable<OpenOptions["dtype"]>;
  /** Of a GGUF file. */
  readonly activations?: NonNullable<OpenOptions["activations"]>;
  /** `super_glue/rte`, a file of templates or of a task, or templates. */
  readonly task: string | TemplateFile;
  /** Rows in the columns of the data set, or a file of them: .jsonl, .csv, .tsv (also .gz) or .parquet. */
  readonly data: string | Iterable<AnyRow> | AsyncIterable<AnyRow>;
  readonly templates?: TemplateChoice;
  /** Only so many rows. */
  readonly limit?: number;
  readonly normalize?: Normalization;
  readonly nullPrompt?: string;
  /** Whether prompts get the end token; as the model's folder says (`promptEndOf`), which is off for T0. */
  readonly promptEnd?: boolean;
  /** Whether choices get the end token, which then counts (true). */
  readonly eos?: boolean;
  /** What stands between a prompt and its choices, which are then read as one text: nothing by default. */
  readonly delimiter?: string;
  /** Longest prompt and choice in tokens (1024). */
  readonly window?: number;
  readonly maxNewTokens?: number;
  readonly seed?: number;
  /** Keep results and use those kept (true). */
  readonly cache?: boolean;
  /** Where templates are looked up: a folder of promptsource's layout (the package's own). */
  readonly folder?: string;
  readonly env?: Environment;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly onTemplate?: (result: TemplateResult, task: string) => void;
  /** The known name that was probably meant, for messages. */
  readonly nearest?: Nearest;
}

/** The templates a task's name means, those of them it names itself, and whether it is a task file: of no known data. */
export function openTask(
  task: string,
  {
    folder = ownTemplates(),
    nearest = () => undefined,
  }: { folder?: string | undefined; nearest?: Nearest | undefined } = {},
): { file: TemplateFile; templates?: readonly string[]; own?: boolean } {
  if (/\.(ya?ml|json)$/.test(task) && existsSync(task)) {
    const content = readText(task);
    if (isTaskFile(content)) return { file: parseTaskFile(content, task), own: true };
  }
  const { file, template } = findTemplates(task, { folder, nearest });
  return { file, ...(template ? { templates: [template.name] } : {}) };
}

/** The rows of files, one after another: .jsonl, .csv or .tsv (also .gz) or .parquet. */
export async function* fileRows(paths: readonly string[], signal?: AbortSignal): AsyncGenerator<Row> {
  const opened: AsyncDisposable[] = [];
  try {
    yield* rowsFrom(await openData(paths, { opened, cache: createGroupCache(), signal }), 0, signal);
  } finally {
    for (const one of opened) await one[Symbol.asyncDispose]();
  }
}

/** Rows of a task, in its columns; at most `limit`. */
export async function readRows(
  task: string,
  data: EvaluateOptions["data"],
  limit = Number.POSITIVE_INFINITY,
  signal?: AbortSignal,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const row of typeof data === "string" ? fileRows([data], signal) : data) {
    if (rows.length >= limit) break;
    if (row instanceof ZerothError) throw row;
    rows.push(
      renamedColumns(row instanceof Map ? (row as Row) : rowFromObject(row as Readonly<Record<string, unknown>>)),
    );
  }
  return canonicalRows(task, rows).slice(0, limit);
}

/**
 * Whether the prompts of a model are asked with an end token: only where its tokenizer_config.json says that they had one
 * in training (`add_eos_token`). T0's do not say so, and T0's evaluation asks without.
 */
export const promptEndOf = (folder: Pick<ModelFolder, "tokenizerConfig">): boolean =>
  folder.tokenizerConfig?.add_eos_token === true;

const atLeast = (name: string, value: number, least: number): void => {
  if (!Number.isInteger(value) || value < least)
    fail("wrong_use", `${name} is ${value}; expected a whole number from ${least}`);
};

/**
 * Evaluate a model on a task, zero-shot: each template on all rows, and the templates together. By default as T0 is
 * evaluated: templates of the original task, prompts cut at 1024 tokens and without end token (unless `promptEndOf` says
 * otherwise), choices ranked by the sum of their log-probabilities with the end token.
 * @throws not_found for a task or template that is none; bad_input where rows do not fit; too_long; interrupted, with
 *   everything computed so far kept
 */
export async function evaluate(options: EvaluateOptions): Promise<TaskResult> {
  const { model = "zeroth-nano", nearest = () => undefined, env = process.env, signal, seed = 0 } = options;
  const { normalize = "sum", nullPrompt = "", window = 1024, maxNewTokens = 256, limit } = options;
  const { dtype, activations, eos = true, delimiter = "" } = options;
  atLeast("the window", window, 2);
  if (limit !== undefined) atLeast("the limit", limit, 1);
  const named: ReturnType<typeof openTask> =
    typeof options.task === "string"
      ? openTask(options.task, { folder: options.folder, nearest })
      : { file: options.task };
  const { file } = named;
  const chosen = chosenTemplates(file, options.templates ?? named.templates ?? "original", nearest);
  const task = nameOf(file);
  const rows = await readRows(task, options.data, limit, signal);
  throwIfAborted(signal);
  const own =
    typeof model === "string"
      ? await openLanguageModel(model, { ...(dtype && { dtype }), ...(activations && { activations }) })
      : undefined;
  try {
    const subject = own ?? (model as Pick<OpenedLanguageModel, "text" | "tokenizer" | "folder">);
    const promptEnd = options.promptEnd ?? promptEndOf(subject.folder);
    const settings = { promptEnd, eos, delimiter, window, maxNewTokens };
    const asT0 = eos && delimiter === "" && activations === undefined;
    const templates: TemplateResult[] = [];
    for (const [at, template] of chosen.entries()) {
      const store =
        options.cache === false
          ? memoryStore()
          : diskStore({
              home: zerothHome(env),
              folder: subject.folder,
              settings: [dtype ?? null, promptEnd, window, ...(asT0 ? [] : [eos, delimiter, activations ?? null])],
              group: `${task}\n${template.name}`,
            });
      const result = await evaluateTemplate(subject, template, rows, {
        ...settings,
        store,
        signal,
        normalize,
        nullPrompt,
        seed,
        onDone: (done, total, known) =>
          options.onProgress?.({ task, template: template.name, at, of: chosen.length, done, total, known }),
      });
      templates.push(result);
      options.onTemplate?.(result, task);
    }
    const { dataset, subset } = file;
    return {
      task,
      dataset,
      ...(subset === undefined ? {} : { subset }),
      templates,
      aggregates: aggregatesOf(templates),
    };
  } finally {
    await own?.[Symbol.asyncDispose]();
  }
}
