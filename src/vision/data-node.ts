/** Pictures with classes: a folder for each class, or an IDX pair. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readWholeFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import { decodePicture } from "../media/images/decode-node.ts";
import { type Idx, parseIdx } from "../media/images/idx.ts";
import type { Picture } from "../media/images/image.ts";

export interface LabelledPictures {
  /** Names of the classes, where the data has them. */
  readonly classes: readonly string[];
  readonly labels: readonly number[];
  picture(i: number): Promise<Picture>;
}

const pictures = /\.(?:png|jpe?g|webp|gif|avif|tiff?)$/i;
/** Bytes of the largest IDX file, packed or not. */
const mostBytes = 2 ** 30;

const plainly = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** train/<class>/… and so on, the classes in the order of their names. */
function openFolder(path: string): LabelledPictures {
  const classes = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort(plainly);
  if (classes.length === 0) {
    fail("bad_input", "holds no folder for a class", { where: path, hint: "expected CLASS/picture.png in it" });
  }
  const files = classes.map((name) =>
    readdirSync(join(path, name))
      .filter((file) => pictures.test(file))
      .sort(plainly)
      .map((file) => join(path, name, file)),
  );
  files.forEach((found, i) => {
    if (found.length === 0) fail("bad_input", `the class ${classes[i]} has no picture`, { where: path });
  });
  // Classes take turns, so that the first examples hold some of each.
  const most = files.reduce((longest, found) => Math.max(longest, found.length), 0);
  const all = Array.from({ length: most }, (_, i) =>
    files.flatMap((found, label) => (found[i] === undefined ? [] : [{ file: found[i], label }])),
  ).flat();
  return {
    classes,
    labels: all.map(({ label }) => label),
    picture: async (i) => (await decodePicture(all[i]!.file)).picture,
  };
}

function readIdx(path: string): Idx {
  const bytes = readWholeFile(path, mostBytes, path, "gzip");
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return parseIdx(bytes, path);
  try {
    return parseIdx(new Uint8Array(gunzipSync(bytes, { maxOutputLength: mostBytes })), path);
  } catch (cause) {
    if (cause instanceof RangeError || (cause as { code?: string }).code?.startsWith("Z_")) {
      return fail("corrupt_file", "cannot be unpacked", { where: path, cause });
    }
    throw cause;
  }
}

/** The labels of `…images-idx3-ubyte` lie in `…labels-idx1-ubyte` beside it. */
function openPair(path: string): LabelledPictures {
  const name = basename(path);
  const beside = readdirSync(dirname(path)).filter((other) => /labels/.test(other) && /idx1/.test(other));
  const stem = name.replace(/images?.*$/, "");
  const found = beside.find((other) => other.startsWith(`${stem}labels`));
  if (!found) {
    fail("not_found", "its labels are not beside it", { where: path, hint: `expected ${stem}labels-idx1-ubyte` });
  }
  const [images, labels] = [readIdx(path), readIdx(join(dirname(path), found))];
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || images.data instanceof Int16Array) {
    fail(
      "corrupt_file",
      `numbers of shape [${images.shape.join(", ")}], expected pictures [count, rows, columns] in bytes`,
      {
        where: path,
      },
    );
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    fail("bad_input", `${count} pictures and labels of shape [${labels.shape.join(", ")}]`, { where: path });
  }
  const of = Array.from(labels.data);
  const bad = of.findIndex((label) => label < 0);
  if (bad >= 0) fail("bad_input", `label ${of[bad]} of picture ${bad}: classes count from 0`, { where: found });
  const size = height! * width!;
  const data = images.data;
  const classes = Array.from({ length: of.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, i) => String(i));
  return {
    classes,
    labels: of,
    picture: async (i) => ({
      width: width!,
      height: height!,
      channels: 1,
      data: data.subarray(i * size, (i + 1) * size),
    }),
  };
}

/**
 * A folder with one folder a class, or the file of an IDX pair's pictures (also .gz).
 * @throws not_found; bad_input for a class without pictures and labels that do not fit; corrupt_file
 */
export function openLabelled(path: string): LabelledPictures {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return fail("not_found", "no such file or folder", { where: path });
  return stat.isDirectory() ? openFolder(path) : openPair(path);
}
