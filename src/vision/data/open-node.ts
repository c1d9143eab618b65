/** Pictures with classes, by their path. */
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { fail } from "../../errors.ts";
import { openClassFolders, openManifest } from "./files-node.ts";
import { idxPictures, openIdxPair } from "./idx-node.ts";
import type { LabelledPictures } from "./labelled.ts";

const rows = /\.(?:csv|tsv|jsonl|ndjson|parquet)(?:\.gz)?$/i;

/** What a picture's file begins with that is no IDX file. */
const known = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".avif", ".npz", ".zip"]);

function openFolder(path: string): LabelledPictures {
  const pairs = readdirSync(path).filter((name) => idxPictures.test(name));
  if (pairs.length === 1) return openIdxPair(join(path, pairs[0]!));
  if (pairs.length > 1) {
    fail("bad_input", `holds ${pairs.length} IDX files of pictures`, {
      where: path,
      hint: `name one of them: ${pairs.sort().slice(0, 4).join(", ")}`,
    });
  }
  return openClassFolders(path);
}

/**
 * A folder with one folder a class, or with an IDX pair; the file of an IDX pair's pictures (also .gz); rows of file and
 * label.
 * @throws not_found; bad_input for a class without pictures and labels that do not fit; corrupt_file
 */
export async function openLabelled(path: string): Promise<LabelledPictures> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return fail("not_found", "no such file or folder", { where: path });
  if (stat.isDirectory()) return openFolder(path);
  if (rows.test(path)) return openManifest(path);
  if (known.has(extname(path).toLowerCase())) {
    return fail("bad_input", "is a single file, expected examples of several classes", {
      where: path,
      hint: "a folder with a folder for each class, an IDX file of pictures, or a .csv with the columns file and label",
    });
  }
  return openIdxPair(path);
}

/** What a folder of data calls its parts. */
const parts = { train: ["train", "training"], held: ["val", "valid", "validation", "test"] } as const;

/**
 * Examples to learn from and, where the folder has a part for them (train and val, valid, validation or test), others to
 * judge by.
 * @throws bad_input for a part whose classes are others
 */
export async function openSplits(path: string): Promise<{ train: LabelledPictures; held?: LabelledPictures }> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return { train: await openLabelled(path) };
  const isFolder = (name: string) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory() === true;
  const train = parts.train.find(isFolder);
  const held = parts.held.find(isFolder);
  if (train === undefined || held === undefined) return { train: await openLabelled(path) };
  return openPair(join(path, train), join(path, held));
}

/** Examples to learn from and to judge by. @throws bad_input where the second has a class that the first has not */
export async function openPair(
  train: string,
  held: string,
): Promise<{ train: LabelledPictures; held: LabelledPictures }> {
  const [first, second] = [await openLabelled(train), await openLabelled(held)];
  const place = new Map(first.classes.map((name, i) => [name, i]));
  const labels = second.labels.map((label) => {
    const name = second.classes[label]!;
    return (
      place.get(name) ??
      fail("bad_input", `the class ${name} is not among those to learn`, {
        where: held,
        hint: `classes of ${train}: ${first.classes.slice(0, 8).join(", ")}`,
      })
    );
  });
  return { train: first, held: { ...second, classes: first.classes, labels } };
}
