/** A mixture file with its data: files and templates found, read through once, and closed together. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parseJsonObject } from "../base/json.ts";
import { createGroupCache } from "../data/group-cache.ts";
import { type DataSetOptions, findDataSet } from "../data/hub-node.ts";
import { openData } from "../data/open-node.ts";
import { type RowData, sampled } from "../data/rows.ts";
import { readText } from "../data/source-node.ts";
import { chooseSplit } from "../data/split-files.ts";
import { fail, throwIfAborted } from "../errors.ts";
import { flanWordings } from "./flan.ts";
import { type InstructionData, openInstructions } from "./instructions-node.ts";
import { ownTemplates } from "./library-node.ts";
import { createMixture, type Mixture, type MixtureTask } from "./mixture.ts";
import { type MixtureFile, parseMixtureFile, type MixtureTask as TaskEntry } from "./mixture-file.ts";
import { rateOf } from "./rates.ts";
import { type T0DataSet, t0DataSets } from "./t0.ts";
import { templateWordings } from "./template-wordings.ts";
import { addedColumns, pairWording, type ReadTemplates, type Wording } from "./wording.ts";

/** What a mixture needs besides its file. */
export interface MixtureSettings {
  /** Reads templates.yaml files; promptsource's format if not given. */
  readonly readTemplates?: ReadTemplates;
  /** How data sets come from a hub. */
  readonly hub?: Omit<DataSetOptions, "signal">;
  /** Bytes of Parquet row groups that are kept. Default 256 MiB. */
  readonly cacheBytes?: number;
}

export interface MixtureOptions extends MixtureSettings {
  /** Which files of the tasks: default those for training. */
  readonly split?: "train" | "validation";
  /** Of the order of tasks and rows. Default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenMixture extends Mixture, AsyncDisposable {
  readonly file: MixtureFile;
  /** Rows of all data sets. */
  readonly rows: number;
  /** Data sets of a mixture by name that are not here and were left out. */
  readonly missing: readonly string[];
  /** Follows from the file, the wordings and the data: another mixture, another digest. */
  readonly digest: string;
}

type Entries = readonly (readonly [name: string, entry: TaskEntry])[];

const list = (files: string | readonly string[]): readonly string[] => (typeof files === "string" ? [files] : files);
const nameOf = ({ dataset, subset }: T0DataSet) => (subset === undefined ? dataset : `${dataset}/${subset}`);

/** Files of one split of a data set in a folder: DATASET/SUBSET/train.jsonl, DATASET/train.jsonl, DATASET.train.jsonl. */
function filesIn(folder: string, { dataset, subset }: T0DataSet, split: string): string[] | undefined {
  const own = join(folder, dataset, subset ?? "");
  const flat = subset === undefined ? dataset : `${dataset}_${subset}`;
  const beside = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`${flat}.`)) : [];
  for (const [at, names] of [
    [own, existsSync(own) ? readdirSync(own) : []],
    [folder, beside],
  ] as const) {
    try {
      return chooseSplit(names, { split }, at).map((name) => join(at, name));
    } catch {
      // Not there, or not in a way that says what it is: looked for at the next place.
    }
  }
  return undefined;
}

/** The entries of a mixture by name, and which of its data sets are not here. */
function namedEntries(file: MixtureFile, split: string): { entries: Entries; missing: string[] } {
  const { mixture, data, templates, use } = file;
  if (mixture === undefined) return { entries: [], missing: [] };
  const entries: [string, TaskEntry][] = [];
  const missing: string[] = [];
  for (const set of t0DataSets(mixture)) {
    const name = nameOf(set);
    const yaml = join(templates!, name, "templates.yaml");
    const found = data === "hub" ? [] : filesIn(data!, set, split);
    if (!existsSync(yaml)) missing.push(`${name} (templates)`);
    else if (!found) missing.push(name);
    else {
      const source = data === "hub" ? { hub: set.dataset, subset: set.subset } : { [split]: found };
      entries.push([name, { templates: yaml, use, ...source }]);
    }
  }
  // Not every data set has rows for validation.
  if (split === "train" && missing.length > 0 && (file.missing === "error" || entries.length === 0)) {
    const sets = entries.length + missing.length;
    fail("not_found", `${missing.length} of the ${sets} data sets of ${mixture} are not here: ${missing.join(", ")}`, {
      where: data!,
      hint: 'put them there as DATASET/SUBSET/train.jsonl, or set "missing" to "skip"; "data": "hub" downloads them',
    });
  }
  return { entries, missing };
}

function chosen(wordings: readonly Wording[], use: TaskEntry["use"], where: string): readonly Wording[] {
  if (use === "all") return wordings;
  if (use === "original") {
    const original = wordings.filter((one) => one.original === true);
    return original.length > 0
      ? original
      : fail("bad_input", "none of its templates is for the original task", { where });
  }
  return use.map(
    (name) =>
      wordings.find((one) => one.name === name) ??
      fail("not_found", `there is no template ${JSON.stringify(name)}`, {
        where,
        hint: `there are ${wordings.map((one) => one.name).join(", ")}`,
      }),
  );
}

/**
 * Open a mixture file. Paths in it are relative to its folder.
 * @throws bad_input naming the key; not_found naming what is missing; as its files do
 */
export async function openMixture(path: string, options: MixtureOptions = {}): Promise<OpenMixture> {
  const { split = "train", seed = 0, readTemplates = templateWordings, signal, hub = {}, cacheBytes } = options;
  const json = readText(path);
  const at = (name: string) => (isAbsolute(name) ? name : join(dirname(path), name));
  const parsed = parseMixtureFile(parseJsonObject(json, path), path);
  const file: MixtureFile = {
    ...parsed,
    ...(parsed.data === undefined || parsed.data === "hub" ? {} : { data: at(parsed.data) }),
    ...(parsed.templates === undefined ? {} : { templates: at(parsed.templates) }),
  };
  const opening = { opened: [] as AsyncDisposable[], cache: createGroupCache(cacheBytes), signal };
  const close = async () => {
    for (const one of opening.opened.splice(0)) await one[Symbol.asyncDispose]();
  };
  const hash = createHash("sha256").update(json);

  const filesOf = async (entry: TaskEntry): Promise<readonly string[] | undefined> => {
    const given = split === "train" && entry.hub !== undefined ? (entry.train ?? "train") : entry[split];
    if (given === undefined) return undefined;
    if (entry.hub === undefined) return list(given).map(at);
    const found: string[] = [];
    for (const name of list(given)) {
      const wanted = { subset: entry.subset, split: name };
      found.push(...(await findDataSet(entry.hub, wanted, { ...hub, ...(signal ? { signal } : {}) })));
    }
    return found;
  };

  const wordingsOf = async (entry: TaskEntry): Promise<readonly Wording[]> => {
    const { templates, patterns, pairs } = entry;
    if (pairs !== undefined) {
      const { prompt, target } = pairs === true ? { prompt: "prompt", target: "target" } : pairs;
      return [pairWording(prompt, target)];
    }
    // A name that is no file's is one of this package's own templates.
    const own = templates !== undefined && !/\.ya?ml$/.test(templates);
    const where = own ? join(ownTemplates(), templates, "templates.yaml") : at((templates ?? patterns)!);
    const content = readText(where);
    hash.update(content);
    if (patterns !== undefined) return chosen(flanWordings(parseJsonObject(content, where), where), entry.use, where);
    return chosen(readTemplates(content, where), entry.use, where);
  };

  /** The data sets of an entry with their wordings: one, or the tasks of a collection of instructions. */
  const setsOf = async (name: string, entry: TaskEntry, files: readonly string[]) => {
    if (entry.instructions === undefined) {
      return [{ name, data: await openData(files, opening), wordings: await wordingsOf(entry) }];
    }
    const { tasks: headers, ...shown } =
      entry.instructions === true
        ? { tasks: undefined, positive: 0, negative: 0, explanations: false }
        : entry.instructions;
    if (headers !== undefined) hash.update(await readFile(at(headers)).catch(() => ""));
    const tasks = await openInstructions(files, headers && at(headers), shown, opening);
    return tasks.map((one: InstructionData) => ({
      name: `${name}/${one.name}`,
      data: one.data,
      wordings: [one.wording],
    }));
  };

  try {
    const named = namedEntries(file, split);
    const tasks: MixtureTask[] = [];
    const sets: RowData[] = [];
    for (const [name, entry] of [...named.entries, ...Object.entries(file.tasks)]) {
      throwIfAborted(signal);
      const files = await filesOf(entry);
      if (files === undefined) continue;
      const columns = entry.columns && addedColumns(entry.columns, `${path}, tasks.${name}.columns`);
      for (const set of await setsOf(name, entry, files)) {
        const data = sampled(set.data, entry.max_examples ?? file.max_examples);
        const { length: wordings } = set.wordings;
        const rate = rateOf({ rows: data.size, wordings, weight: entry.weight, cap: entry.cap }, file.rule);
        hash.update(`${set.name}\0${data.digest}\0`);
        sets.push(data);
        for (const wording of set.wordings) {
          const task = wordings === 1 && entry.instructions ? set.name : `${set.name}/${wording.name}`;
          tasks.push({ name: task, dataset: set.name, data, wording, rate, columns });
        }
      }
    }
    if (tasks.length === 0) fail("bad_input", `no task has ${split} files`, { where: path });
    const mixture = createMixture(tasks, seed);
    return {
      file,
      tasks,
      at: mixture.at,
      stream: mixture.stream,
      get dropped() {
        return mixture.dropped;
      },
      rows: sets.reduce((sum, { size }) => sum + size, 0),
      missing: named.missing,
      digest: hash.digest("hex"),
      [Symbol.asyncDispose]: close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
