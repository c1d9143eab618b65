/** Folders of adapters with drawn numbers, as `zeroth tune` writes them. */
import { openModelFolder } from "../../src/folders/open-node.ts";
import type { Adapter } from "../../src/models/adapters/adapter.ts";
import type { TaskHead } from "../../src/models/adapters/heads.ts";
import type { Survey } from "../../src/models/adapters/survey.ts";
import { fingerprintOf, writeAdapter } from "../../src/text/adapters/files-node.ts";
import { readBase } from "../../src/text/adapters/read-node.ts";
import { drawnArray } from "./random-adapters.ts";

/** Write an adapter of a model's folder; with a head, numbers for what the head asks for are drawn as well. */
export async function writeDrawn(
  path: string,
  model: string,
  draw: (survey: Survey) => Adapter,
  headed?: { readonly head: TaskHead; readonly labels: readonly string[]; readonly seed: number },
): Promise<void> {
  const folder = openModelFolder(model);
  const base = readBase(folder, headed?.head, headed?.labels);
  const { settings, values } = draw(base.survey);
  const head = headed && base.head.map(({ name, shape }, i) => [name, drawnArray(shape, headed.seed + i)] as const);
  const adapter: Adapter = {
    settings,
    values: new Map([...values, ...(head ?? [])]),
    ...(headed && { head: headed.head, labels: headed.labels }),
  };
  await writeAdapter(path, adapter, base, { baseName: "drawn", fingerprint: fingerprintOf(folder) });
}
