/** torch's files on disk. */
import { realpathSync } from "node:fs";
import { readBytes, withFile } from "../../base/read-node.ts";
import type { PlainTensor } from "../weights.ts";
import { readTorch } from "./torch.ts";

/**
 * The tensors of a torch file by name, none of them read.
 * @throws not_found; corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function openTorch(path: string): ReadonlyMap<string, PlainTensor> {
  return withFile(path, (file, size) => {
    const read = (offset: number, length: number) =>
      readBytes(file, offset, Math.max(0, Math.min(length, size - offset)));
    return readTorch(read, size, path, realpathSync(path));
  });
}
