/** Bytes of fixtures. */
import { readFileSync } from "node:fs";
import { readTensors } from "./fixtures.ts";

/** Every uint8 tensor of a fixture by its name. */
export const readBytes = (...path: string[]): ReadonlyMap<string, Uint8Array> =>
  new Map(
    [...readTensors(...path)].map(([name, { file, offset, length }]) => [
      name,
      new Uint8Array(readFileSync(file).subarray(offset, offset + length)),
    ]),
  );
