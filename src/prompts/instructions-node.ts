/** Collections of instructions from files: one JSON file a task, or headers and instances as JSON Lines. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isJsonObject, jsonLimits, parseJsonObject } from "../base/json.ts";
import { openLines, spooled } from "../data/lines-node.ts";
import { type Opening, openData } from "../data/open-node.ts";
import { picked, type RowData, rowsFrom } from "../data/rows.ts";
import { readText } from "../data/source-node.ts";
import { plain } from "../data/values.ts";
import { fail } from "../errors.ts";
import { type InstructionOptions, instructionWording, parseInstructionHeader } from "./instructions.ts";
import type { Wording } from "./wording.ts";

export interface InstructionData {
  readonly name: string;
  readonly data: RowData;
  readonly wording: Wording;
}

/** Rows of a data set by the task they name. */
async function grouped(data: RowData, signal: AbortSignal | undefined): Promise<Map<string, number[]>> {
  const rows = new Map<string, number[]>();
  let i = 0;
  for await (const row of rowsFrom(data, 0, signal)) {
    const task = row.get("task");
    if (typeof task !== "string") fail("bad_input", `instance ${i + 1} does not name its "task"`);
    const list = rows.get(task) ?? [];
    list.push(i++);
    rows.set(task, list);
  }
  return rows;
}

/** Headers in a file of their own, joined to the instances by `task`. Headers without instances are left out. */
async function fromLines(
  headers: string,
  instances: readonly string[],
  options: InstructionOptions,
  opening: Opening,
): Promise<InstructionData[]> {
  await using lines = await openLines(headers, opening);
  const data = await openData(instances, opening);
  const rows = await grouped(data, opening.signal);
  const found: InstructionData[] = [];
  for await (const row of rowsFrom(lines, 0, opening.signal)) {
    const name = row.get("task");
    if (typeof name !== "string") return fail("bad_input", 'a header without "task"', { where: headers });
    const header = parseInstructionHeader(plain(row), `${headers}, ${name}`);
    const own = rows.get(name);
    rows.delete(name);
    if (own) found.push({ name, data: picked(data, own, name), wording: instructionWording(header, options) });
  }
  const [orphan] = rows.keys();
  if (orphan !== undefined) fail("bad_input", `instances of "${orphan}" have no header`, { where: headers });
  return found;
}

/** Files of {Definition, …, Instances}; a folder is all of its .json files. */
async function fromTaskFiles(
  paths: readonly string[],
  options: InstructionOptions,
  opening: Opening,
): Promise<InstructionData[]> {
  const files: string[] = [];
  for (const path of paths) {
    const kind = await stat(path).catch(() => fail("not_found", "no such file or folder", { where: path }));
    const names = kind.isDirectory() ? (await readdir(path)).filter((name) => name.endsWith(".json")).sort() : [];
    if (kind.isDirectory() && names.length === 0) fail("not_found", "holds no .json files of tasks", { where: path });
    files.push(...(kind.isDirectory() ? names.map((name) => join(path, name)) : [path]));
  }
  const tasks: { name: string; first: number; count: number; wording: Wording }[] = [];
  async function* instances() {
    let row = 0;
    for (const file of files) {
      const task = parseJsonObject(readText(file), file, jsonLimits.tokenizer);
      const { Instances: list } = task;
      if (!Array.isArray(list) || !list.every(isJsonObject)) {
        return fail("bad_input", '"Instances" must be a list of {input, output}', { where: file });
      }
      const wording = instructionWording(parseInstructionHeader(task, file), options);
      tasks.push({ name: basename(file, ".json"), first: row, count: list.length, wording });
      row += list.length;
      if (list.length > 0) yield Buffer.from(list.map((one) => `${JSON.stringify(one)}\n`).join(""));
    }
    return undefined;
  }
  const data = await spooled(instances(), paths.join(", "), opening.signal);
  opening.opened.push(data);
  return tasks.map(({ name, first, count, wording }) => {
    const rows = Uint32Array.from({ length: count }, (_, i) => first + i);
    return { name, data: picked(data, rows, name), wording };
  });
}

/**
 * The tasks of a collection, each with its instances and its one wording.
 * @param headers the file of the headers, where instances lie apart
 * @throws not_found, bad_input naming file and task
 */
export function openInstructions(
  files: readonly string[],
  headers: string | undefined,
  options: InstructionOptions,
  opening: Opening,
): Promise<InstructionData[]> {
  return headers === undefined ? fromTaskFiles(files, options, opening) : fromLines(headers, files, options, opening);
}
