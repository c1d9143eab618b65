/** Files of a model folder by name, never outside of it. */
import { realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { systemError } from "../base/read-node.ts";
import { fail } from "../errors.ts";

/**
 * Folders a model's (or a data set's) files may really lie in: its own; in the Hugging Face cache the blobs of its repository, and those
 * that Python shares between repositories.
 */
export function allowedRoots(folder: string): string[] {
  const repository = dirname(dirname(folder));
  const cached = basename(dirname(folder)) === "snapshots" && /^(models|datasets)--/.test(basename(repository));
  return cached ? [folder, join(repository, "blobs"), join(dirname(repository), "blobs")] : [folder];
}

/**
 * The real path of a file of the folder; undefined when it is not there. Whatever is read or copied from a folder by
 * its name goes through here. Hard links are files like any other: who could make one could read the file.
 * @throws corrupt_file for a link that leads out of the folder; bad_input for one in a circle
 */
export function locate(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw systemError(cause, path);
  }
  if (!allowedRoots(folder).some((root) => real.startsWith(root + sep))) {
    fail("corrupt_file", "is a link that leads outside the model's folder", {
      where: path,
      hint: "copy or hard-link the file into the folder instead",
    });
  }
  return real;
}
