/** IDX pairs, as MNIST is published: a file of pictures, and beside it one of labels. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readWholeFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { evenly } from "../../media/images/frames-node.ts";
import { type Idx, parseIdx } from "../../media/images/idx.ts";
import type { LabelledPictures } from "./labelled.ts";

/** Bytes of the largest IDX file, packed or not. */
const mostBytes = 2 ** 30;

/** Files of an IDX pair's pictures. */
export const idxPictures = /images?[^/\\]*idx[34]/;

/** The numbers of an IDX file, also .gz. @throws corrupt_file, unsupported, not_found */
export function readIdx(path: string): Idx {
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
function labelsBeside(path: string): string {
  const name = basename(path);
  const stem = name.replace(/images?.*$/, "");
  const found = readdirSync(dirname(path)).find(
    (other) => other.startsWith(`${stem}labels`) && /idx1/.test(other) && other !== name,
  );
  if (found) return join(dirname(path), found);
  return fail("not_found", "its labels are not beside it", { where: path, hint: `expected ${stem}labels-idx1-ubyte` });
}

/** An IDX pair by its file of pictures. @throws bad_input for labels that do not fit; corrupt_file */
export function openIdxPair(path: string): LabelledPictures {
  const found = labelsBeside(path);
  const [images, labels] = [readIdx(path), readIdx(found)];
  // Of clips an axis more: [count, frames, rows, columns].
  const long = images.shape.length === 4 ? images.shape[1]! : 1;
  const [count] = images.shape;
  const [height, width] = images.shape.slice(-2);
  const { data } = images;
  if (![3, 4].includes(images.shape.length) || data instanceof Int16Array) {
    const shape = images.shape.join(", ");
    return fail(
      "corrupt_file",
      `numbers of shape [${shape}], expected pictures [count, rows, columns] in bytes, or clips [count, frames, rows, columns]`,
      {
        where: path,
      },
    );
  }
  if (count === 0 || long === 0 || height === 0 || width === 0) fail("bad_input", "holds no picture", { where: path });
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    fail("bad_input", `${count} pictures and labels of shape [${labels.shape.join(", ")}]`, { where: path });
  }
  const of = Array.from(labels.data);
  const bad = of.findIndex((label) => label < 0);
  if (bad >= 0) fail("bad_input", `label ${of[bad]} of picture ${bad}: classes count from 0`, { where: found });
  const size = height! * width!;
  const classes = Array.from({ length: of.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, i) => String(i));
  return {
    classes,
    labels: of,
    digest: createHash("sha256").update(data).update(of.join()).digest("hex"),
    read: async (i, { frames, repeatLast } = {}) => {
      const chosen = frames === undefined ? [0] : evenly(long, frames, path, repeatLast);
      return chosen.map((k) => {
        const begin = (i * long + k) * size;
        return { width: width!, height: height!, channels: 1, data: data.subarray(begin, begin + size) };
      });
    },
  };
}
