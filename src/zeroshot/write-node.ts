/** Results as files: lm-evaluation-harness' JSON, T0's, and every example's scores. */
import { join } from "node:path";
import { writeFileSafely } from "../base/files-node.ts";
import { taskName } from "../prompts/template.ts";
import { type Evaluated, harnessResults, type RunSettings, sampleLines, t0Result } from "./harness.ts";

const json = (value: object): string => `${JSON.stringify(value, null, 1)}\n`;

function* encoded(lines: Iterable<object>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const line of lines) yield encoder.encode(`${JSON.stringify(line)}\n`);
}

/**
 * Write `results.json`, `t-zero/TASK_TEMPLATE.json` and `samples_TASK.jsonl` into a folder.
 * @returns the paths written
 */
export async function writeResults(
  folder: string,
  evaluated: readonly Evaluated[],
  settings: RunSettings,
): Promise<string[]> {
  const paths: string[] = [];
  const write = async (name: string, content: Parameters<typeof writeFileSafely>[1]) => {
    const path = join(folder, name);
    await writeFileSafely(path, content);
    paths.push(path);
  };
  for (const one of evaluated) {
    const { file, result } = one;
    for (const template of result.templates) {
      const named = file.templates.find(({ name }) => name === template.template)!;
      await write(join("t-zero", `${taskName(file, named)}.json`), json(t0Result(file, template)));
    }
    await write(`samples_${result.task.replace(/[^\w.-]+/g, "_")}.jsonl`, () => encoded(sampleLines(one)));
  }
  await write("results.json", json(harnessResults(evaluated, settings)));
  return paths;
}
