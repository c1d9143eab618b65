/** Files as byte sources: opened once, read in places. */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { fail } from "../errors.ts";
import { type ByteSource, checkRange } from "./bytes.ts";
import { systemError } from "./safetensors-node.ts";

/** One read call moves at most this much: above 2 GiB the system refuses. */
const chunkBytes = 1 << 30;

/**
 * Hand a file to `use` as a source that is good until it returns, with the file's real path.
 * @param name what messages call it; the path when absent
 * @throws not_found; bad_input for what is no file or cannot be read
 */
export function withFileSource<T>(path: string, use: (source: ByteSource, real: string) => T, name: string = path): T {
  // Asked before opening: opening a pipe would wait for a writer.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    fail("bad_input", "is not a file", { where: name });
  }
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    return use({ name, size, read: reading(file, name, size) }, realpathSync(path));
  } catch (cause) {
    throw systemError(cause, name);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function reading(file: number, name: string, size: number): ByteSource["read"] {
  return (offset, length) => {
    checkRange(name, size, offset, length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const got = readSync(file, bytes, done, Math.min(chunkBytes, length - done), offset + done);
      if (got === 0) {
        fail("corrupt_file", `${length} bytes expected at ${offset}, ${done} are there`, {
          where: name,
          hint: "the file changed while it was in use",
        });
      }
      done += got;
    }
    return bytes;
  };
}
