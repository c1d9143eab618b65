/** Folders of a case laid on the disk, and what may be opened while they are read. */
import { linkSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { traceOpens } from "./trace.js";

/** A folder for cases below `place`, beside one called `outside` with files that no case may open. */
export function disk(place, outside) {
  const root = realpathSync(place);
  mkdirSync(join(root, "outside"), { recursive: true });
  for (const [name, bytes] of Object.entries(outside)) writeFileSync(join(root, "outside", name), bytes);
  const lay = (folder, files) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, held] of Object.entries(files)) {
      const path = join(folder, name);
      if (held instanceof Uint8Array) writeFileSync(path, held);
      else if (held.link !== undefined) symlinkSync(held.link, path);
      else if (held.hard !== undefined) linkSync(join(root, held.hard), path);
      else mkdirSync(path);
    }
  };
  const traced = async (folder, work) => {
    const { error, opened } = await traceOpens(work);
    const away = opened.find((path) => path !== folder && !path.startsWith(folder + sep));
    if (away !== undefined) throw new Error(`opened ${away}, which is outside of the folder`);
    if (error !== undefined) throw error;
  };
  return { root, lay, traced };
}
