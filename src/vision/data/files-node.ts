/** Examples that are files: a folder for each class, or rows that name a file and its label. */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { plainRow } from "../../data/cli-rows-node.ts";
import { openRows } from "../../data/stream-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { decodePicture } from "../../media/images/decode-node.ts";
import { evenly, openFrames, pictureNames } from "../../media/images/frames-node.ts";
import type { Picture } from "../../media/images/image.ts";
import { type FramesWanted, type LabelledPictures, plainly } from "./labelled.ts";

export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

/** The frames of a file, or of a folder of frames. */
export async function readExample(path: string, { frames, repeatLast }: FramesWanted = {}): Promise<Picture[]> {
  if (frames === undefined) return [(await decodePicture(path)).picture];
  const clip = await openFrames(path);
  const chosen = evenly(clip.count, frames, path, repeatLast);
  const pictures: Picture[] = [];
  for (const i of chosen) pictures.push((await clip.frame(i)).picture);
  return pictures;
}

/** Bytes of a file; -1 of what cannot be looked at, which reading it says with its reason. */
function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
  } catch {
    return -1;
  }
}

export function labelledFiles(classes: readonly string[], files: readonly LabelledFile[]): LabelledPictures {
  const hash = createHash("sha256").update(classes.join("\n"));
  for (const { path, label } of files) {
    hash.update(`${path}\n${label} ${sizeOf(path)}\n`);
  }
  return {
    classes,
    labels: files.map(({ label }) => label),
    digest: hash.digest("hex"),
    read: (i, wanted) => readExample(files[i]!.path, wanted),
  };
}

/** CLASS/picture.png, the classes in the order of their names; of clips CLASS/clip.gif, or CLASS/clip/frame.png. */
export function openClassFolders(path: string): LabelledPictures {
  const classes = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort(plainly);
  if (classes.length === 0) {
    fail("bad_input", "holds no folder for a class", {
      where: path,
      hint: "expected CLASS/picture.png in it; or give an IDX file, or a .csv with the columns file and label",
    });
  }
  const files = classes.map((name) =>
    readdirSync(join(path, name), { withFileTypes: true })
      .filter((entry) => (pictureNames.test(entry.name) || entry.isDirectory()) && !entry.name.startsWith("."))
      .map((entry) => join(path, name, entry.name))
      .sort(plainly),
  );
  files.forEach((found, i) => {
    if (found.length === 0) fail("bad_input", `the class ${classes[i]} has no picture`, { where: path });
  });
  // Classes take turns, so that the first examples hold some of each.
  const most = files.reduce((longest, found) => Math.max(longest, found.length), 0);
  const all = Array.from({ length: most }, (_, i) =>
    files.flatMap((found, label) => (found[i] === undefined ? [] : [{ path: found[i], label }])),
  );
  return labelledFiles(classes, all.flat());
}

/** Characters of the longest path that systems take. */
const mostPath = 4000;

const columns = { file: ["file", "image", "path", "file_name"], label: ["label", "class"] } as const;

/**
 * Rows of `file` and `label` (.csv, .tsv, .jsonl, .parquet); files are found beside the rows' own. Labels are names, or
 * whole numbers that count from 0.
 * @throws bad_input for a row without them, or with a number where others have names
 */
export async function openManifest(path: string): Promise<LabelledPictures> {
  const found: { path: string; label: string }[] = [];
  let number = 0;
  for await (const row of await openRows(path)) {
    number++;
    if (row instanceof ZerothError) throw row;
    const plain = plainRow(row);
    const cell = (names: readonly string[]) => {
      const value = names.map((name) => plain[name]).find((one) => one !== undefined && one !== null);
      if (typeof value === "string" && value !== "") return value;
      if (typeof value === "number" && Number.isInteger(value)) return String(value);
      return fail("bad_input", `row ${number} has no ${names[0]}`, {
        where: path,
        hint: `expected columns ${columns.file[0]} and ${columns.label[0]}, has ${Object.keys(plain).join(", ")}`,
      });
    };
    const file = cell(columns.file);
    if (file.includes("\0") || file.length > mostPath) {
      fail("bad_input", `row ${number} names no file: ${file.slice(0, 80).replaceAll("\0", "\\0")}`, { where: path });
    }
    found.push({ path: isAbsolute(file) ? file : join(dirname(path), file), label: cell(columns.label) });
  }
  if (found.length === 0) fail("bad_input", "holds no row", { where: path });
  const names = [...new Set(found.map(({ label }) => label))];
  const numbered = names.every((name) => /^\d{1,6}$/.test(name));
  const highest = numbered ? names.reduce((most, name) => Math.max(most, Number(name)), 0) : 0;
  const classes = numbered ? Array.from({ length: highest + 1 }, (_, i) => String(i)) : names.sort(plainly);
  const place = new Map(classes.map((name, i) => [name, i]));
  return labelledFiles(
    classes,
    found.map((one) => ({ path: one.path, label: place.get(numbered ? String(Number(one.label)) : one.label)! })),
  );
}
