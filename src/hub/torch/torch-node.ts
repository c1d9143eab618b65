/** torch's files on disk. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { needFile, systemError } from "../safetensors-node.ts";
import type { PlainTensor } from "../weights.ts";
import { readTorch } from "./torch.ts";
import type { ReadAt } from "./zip.ts";

/**
 * The tensors of a torch file by name, none of them read.
 * @throws not_found; corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function openTorch(path: string): ReadonlyMap<string, PlainTensor> {
  needFile(path);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw systemError(cause, path);
  }
  try {
    const { size } = fstatSync(file);
    const read: ReadAt = (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      let done = 0;
      while (done < bytes.length) {
        const got = readSync(file, bytes, done, Math.min(bytes.length - done, 1 << 30), offset + done);
        if (got === 0) break;
        done += got;
      }
      return bytes.subarray(0, done);
    };
    return readTorch(read, size, path, realpathSync(path));
  } catch (cause) {
    throw systemError(cause, path);
  } finally {
    closeSync(file);
  }
}
