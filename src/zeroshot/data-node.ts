/** The rows of a task: the file that was named, or the one in a folder that is called like the task. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { nearest } from "../base/nearest.ts";
import { type DataSetOptions, findDataSet } from "../data/hub-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { TemplateFile } from "../prompts/template.ts";

const ending = /\.((jsonl|ndjson|csv|tsv)(\.gz)?|parquet)$/;
const splits = ["validation", "dev", "test"];

/** Names under which a task's files may lie: `super_glue_rte`, `rte`; `wsc` for `wsc.fixed`. */
function namesOf({ dataset, subset }: Pick<TemplateFile, "dataset" | "subset">): string[] {
  if (subset === undefined) return [dataset];
  const plain = subset.replace(/\.fixed$/, "");
  return [...new Set([`${dataset}_${subset}`, `${dataset}_${plain}`, subset, plain])];
}

/** The file of this task and split in a folder; undefined where the folder has none of the task. */
export function fileIn(
  folder: string,
  task: Pick<TemplateFile, "dataset" | "subset">,
  split: string | undefined,
): string | undefined {
  const files = readdirSync(folder).sort();
  for (const name of namesOf(task)) {
    const own = files.filter((file) => ending.test(file) && file.startsWith(`${name}.`));
    const found = new Map(own.map((file) => [file.slice(name.length + 1).replace(ending, ""), file]));
    const plain = files.find((file) => file.replace(ending, "") === name && ending.test(file));
    if (found.size === 0 && (plain === undefined || split !== undefined)) continue;
    const wanted = split ?? splits.find((one) => found.has(one));
    if (wanted === undefined && plain !== undefined) return join(folder, plain);
    const file = wanted === undefined ? undefined : found.get(wanted);
    if (file !== undefined) return join(folder, file);
    const there = [...found.keys()];
    const near = split === undefined ? undefined : nearest(split, there);
    fail("not_found", `${name} has no split "${split ?? "validation"}"; there are ${there.join(", ")}`, {
      where: folder,
      hint: near ? `did you mean --split ${near}?` : `choose with --split ${there[0]}`,
    });
  }
  return undefined;
}

/** `org/name`, perhaps with a revision: a data set of the hub, where no file or folder is called so. */
const hubName = /^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/;

export interface DataWanted {
  /** A file, a folder, a data set of the hub; the one the templates are for where it is not given. */
  readonly path: string | undefined;
  readonly split: string | undefined;
  readonly file: TemplateFile;
  /** A task file of one's own: there is no data set of its name. */
  readonly own: boolean;
  readonly hub: DataSetOptions;
}

/**
 * The files of a task's rows.
 * @throws wrong_use or not_found with what to give
 */
export async function dataOf({ path, split, file, own, hub }: DataWanted): Promise<readonly string[]> {
  const { dataset, subset } = file;
  const name = subset === undefined ? dataset : `${dataset}/${subset}`;
  const hint = `give the rows: --data FILE.jsonl, or a folder with ${namesOf(file).at(-1)}.validation.jsonl`;
  if (path === undefined && own) return fail("wrong_use", `the rows of ${name} are needed`, { hint });
  if (path === undefined || (!existsSync(path) && hubName.test(path) && !ending.test(path))) {
    const wanted = { split: split ?? "validation", ...(subset === undefined ? {} : { subset }) };
    try {
      return await findDataSet(path ?? dataset, wanted, hub);
    } catch (error) {
      if (!(error instanceof ZerothError) || error.code !== "not_found") throw error;
      const more = error.hint === undefined ? hint : `${error.hint}; or ${hint}`;
      throw new ZerothError("not_found", error.message, { hint: more, cause: error });
    }
  }
  if (!existsSync(path)) fail("not_found", "no such file or folder", { where: path });
  if (!statSync(path).isDirectory()) {
    if (split !== undefined) {
      fail("wrong_use", `--split ${split} chooses among the files of a folder, ${path} is one file`, {
        hint: "name the split's file, or leave --split out",
      });
    }
    return [path];
  }
  const found = fileIn(path, file, split);
  if (found !== undefined) return [found];
  const names = namesOf(file).map((one) => `${one}.SPLIT.jsonl`);
  return fail("not_found", `there are no rows of ${name}`, { where: path, hint: `expected ${names.join(" or ")}` });
}
