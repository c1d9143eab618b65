/** The files of a Dagster project whose assets are jobs. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { filesBelow, writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { packageFolder } from "../run-node.ts";

/**
 * Write them; nothing that is there is written over.
 * @returns their names
 * @throws wrong_use naming what is there
 */
export async function initDagster(folder: string): Promise<readonly string[]> {
  const source = join(packageFolder(), "scaffold", "dagster");
  const files = filesBelow(source)
    .map((file) => relative(source, file).replaceAll("\\", "/"))
    .filter((file) => !/(^|\/)(__pycache__|\.pytest_cache)\//.test(file));
  const there = files.filter((file) => existsSync(join(folder, file)));
  if (there.length > 0) {
    fail("wrong_use", `${there.join(", ")}: there already`, {
      where: folder,
      hint: "name a folder of its own, or remove what is there",
    });
  }
  for (const file of files) await writeFileSafely(join(folder, file), readFileSync(join(source, file)));
  return files;
}
