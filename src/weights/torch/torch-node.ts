/** torch's files on disk. */
import { fstatSync, realpathSync } from "node:fs";
import { needFile, readAt, withFile } from "../../base/read-node.ts";
import type { PlainTensor } from "../weights.ts";
import { readTorch } from "./torch.ts";
import type { ReadAt } from "./zip.ts";

/**
 * The tensors of a torch file by name, none of them read.
 * @throws not_found; corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function openTorch(path: string): ReadonlyMap<string, PlainTensor> {
  needFile(path);
  return withFile(path, (file) => {
    const { size } = fstatSync(file);
    const read: ReadAt = (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, readAt(file, bytes, offset));
    };
    return readTorch(read, size, path, realpathSync(path));
  });
}
