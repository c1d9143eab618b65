/** Which files of a data set's repository hold one of its splits. Names only: nothing is read here. */
import { fail } from "../errors.ts";

const kinds = [/\.parquet$/i, /\.(jsonl|ndjson)(\.gz)?$/i, /\.json(\.gz)?$/i, /\.csv(\.gz)?$/i, /\.tsv(\.gz)?$/i];

const otherNames: { readonly [split: string]: readonly string[] } = {
  train: ["training"],
  validation: ["valid", "val", "dev"],
  test: ["testing", "eval", "evaluation"],
};

/** Folders that say nothing: what lies there belongs to no subset. */
const plainFolders = ["", "data", "default", "plain_text"];

export interface SplitWanted {
  readonly subset?: string | undefined;
  readonly split: string;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
const folderOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf("/")));

/** Ways a file can say that it is of a split, clear ones first: a shard, the whole name, a word of it or a folder. */
const patternsOf = (split: string): RegExp[] => {
  const words = [split, ...(otherNames[split] ?? [])].map(escaped).join("|");
  return [
    new RegExp(`(^|[/_.-])(${words})-\\d{5}-of-\\d{5}\\.`, "i"),
    new RegExp(`(^|/)(${words})\\.`, "i"),
    new RegExp(`(^|[/_. -])(${words})([/. -]|\\d*\\.)`, "i"),
  ];
};

const inSubset = (name: string, subset: string) => new RegExp(`(^|/)${escaped(subset)}(/|[_.-][^/]*$)`).test(name);

/** All parts of files that say of how many they are one. */
function checkShards(names: readonly string[], where: string): void {
  for (const name of names) {
    const [, before = "", , total] = /^(.*)-(\d{5})-of-(\d{5})\./.exec(name) ?? [];
    if (total === undefined) continue;
    const parts = names.filter((other) => other.startsWith(`${before}-`) && other.includes(`-of-${total}.`)).length;
    if (parts !== Number(total))
      fail("not_found", `${parts} of the ${Number(total)} parts of ${before} are there`, { where });
  }
}

/**
 * The files of a split, in the order of their rows, in one format.
 * @throws not_found with what there is; bad_input when a subset has to be chosen
 */
export function chooseSplit(names: readonly string[], { subset, split }: SplitWanted, where: string): string[] {
  const data = names.filter((name) => kinds.some((kind) => kind.test(name))).sort();
  const list = (items: readonly string[]) => items.slice(0, 8).join(", ");
  if (data.length === 0) {
    return fail("not_found", "holds no .parquet, .jsonl, .csv or .tsv files", {
      where,
      hint: names.some((name) => name.endsWith(".py"))
        ? "it is made by a program of its own, which is not run; choose a copy of it that holds files"
        : "is this the right repository?",
    });
  }
  const ours = subset === undefined ? data : data.filter((name) => inSubset(name, subset));
  if (ours.length === 0) {
    return fail("not_found", `no file belongs to the subset ${JSON.stringify(subset)}`, {
      where,
      hint: `files there: ${list(data)}`,
    });
  }
  const saying = (wanted: string): string[] =>
    patternsOf(wanted)
      .map((pattern) => ours.filter((name) => pattern.test(name)))
      .find((found) => found.length > 0) ?? [];
  let found = saying(split);
  // Where no file names a split, all rows are for training.
  if (
    found.length === 0 &&
    split === "train" &&
    [...Object.keys(otherNames)].every((other) => saying(other).length === 0)
  ) {
    found = ours;
  }
  if (found.length === 0) {
    return fail("not_found", `no file holds the split ${JSON.stringify(split)}`, {
      where,
      hint: `files there: ${list(ours)}`,
    });
  }
  if (subset === undefined) {
    const bare = (name: string) => folderOf(name).replace(new RegExp(`(^|/)${escaped(split)}$`), "");
    const folders = [...new Set(found.map(bare))];
    const plain = plainFolders.find((folder) => folders.includes(folder));
    if (folders.length > 1 && plain === undefined) {
      return fail("bad_input", `has ${folders.length} subsets`, {
        where,
        hint: `give subset, one of ${list(folders)}`,
      });
    }
    if (plain !== undefined) found = found.filter((name) => bare(name) === plain);
  }
  const kind = kinds.find((one) => found.some((name) => one.test(name)))!;
  const chosen = found.filter((name) => kind.test(name));
  checkShards(chosen, where);
  return chosen;
}
