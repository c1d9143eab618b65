/** GGUF files on disk: headers read, weights located. */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { namesIn } from "../../base/files-node.ts";
import { readBytes, withFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { locate } from "../../hub/locate-node.ts";
import { ggufFellows } from "../../hub/names.ts";
import { readGgufHeader } from "../../weights/gguf/header.ts";
import { ggufBytes } from "../../weights/safetensors-node.ts";
import { type GgufModel, type GgufPart, ggufModel } from "./model.ts";

export interface OpenedGguf extends GgufModel {
  /** The first file: absolute, not resolved. */
  readonly file: string;
  /** All files, resolved, and their names. */
  readonly files: readonly string[];
  readonly names: readonly string[];
}

function readPart(path: string): GgufPart & { readonly file: string } {
  return withFile(path, (file, size) => {
    const read = (offset: number, length: number) =>
      readBytes(file, offset, Math.max(0, Math.min(length, size - offset)));
    const header = readGgufHeader(read, size, path);
    const real = realpathSync(path);
    return { header, where: path, file: real, place: (offset, length) => ({ file: real, offset, length }) };
  });
}

/** `split.count` and `split.no` of a file must be what its name says. */
function needShard({ header, where }: GgufPart, i: number, count: number): void {
  const [said, at] = ["split.count", "split.no"].map((key) => header.metadata.get(key));
  if ((said ?? 1) === count && (at ?? 0) === i) return;
  const got = said === undefined ? "one file alone" : `number ${Number(at) + 1} of ${said}`;
  fail("corrupt_file", `says that it is ${got}, by its name it is number ${i + 1} of ${count}`, {
    where,
    hint: "give the files the names that they were published under",
  });
}

/**
 * Open a GGUF file, or the several that it is one of.
 * @throws not_found; corrupt_file, unsupported naming what is wrong and where
 */
export function openGguf(path: string): OpenedGguf {
  const folder = dirname(path);
  const names = ggufFellows(basename(path));
  const parts = names.map((name, i) => {
    const file = names.length === 1 ? path : join(folder, name);
    if (names.length > 1 && locate(realpathSync(folder), name) === undefined) {
      fail("corrupt_file", `file ${i + 1} of ${names.length} is missing: ${name}`, {
        where: folder,
        hint: "fetch the missing file into the folder",
      });
    }
    const part = readPart(file);
    needShard(part, i, names.length);
    return part;
  });
  const file = join(folder, names[0]!);
  return { ...ggufModel(parts, ggufBytes), file, names, files: parts.map((part) => part.file) };
}

/** The GGUF files of a folder that begin a model, by their names. */
export const ggufFiles = (folder: string): string[] =>
  namesIn(folder).filter((name) => name.endsWith(".gguf") && ggufFellows(name)[0] === name);

/**
 * The one model that a folder's GGUF files hold.
 * @throws bad_input where there are several to choose from
 */
export function onlyGguf(folder: string): string | undefined {
  const [first, ...rest] = ggufFiles(folder);
  if (first === undefined || rest.length === 0) return first;
  const some = [first, ...rest].slice(0, 8).join(", ");
  return fail("bad_input", `holds ${1 + rest.length} GGUF files: ${some}`, {
    where: folder,
    hint: `name one of them, as in ${join(folder, first)}`,
  });
}
