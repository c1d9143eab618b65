/** torch's files on disk. */
import { realpathSync } from "node:fs";
import { readBytes, withFile } from "../../base/read-node.ts";
import type { PlainTensor } from "../weights.ts";
import { readTorchFile, type TorchFile } from "./torch.ts";

/**
 * A torch file: its tensors by name, none of them read, and what else it holds.
 * @throws not_found; corrupt_file for damage and for whatever wants to run code; unsupported for big-endian files
 */
export function openTorchFile(path: string): TorchFile {
  return withFile(path, (file, size) => {
    const read = (offset: number, length: number) =>
      readBytes(file, offset, Math.max(0, Math.min(length, size - offset)));
    return readTorchFile(read, size, path, realpathSync(path));
  });
}

/** The tensors of {@link openTorchFile} alone. */
export const openTorch = (path: string): ReadonlyMap<string, PlainTensor> => openTorchFile(path).tensors;
