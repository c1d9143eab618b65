/** Templates on the disk: this package's own, another folder of promptsource's layout, or one file. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readText } from "../data/source-node.ts";
import { fail } from "../errors.ts";
import type { Template, TemplateFile } from "./template.ts";
import { parseTemplates } from "./yaml.ts";

const fileName = "templates.yaml";

/** The folder of templates that comes with the package. */
export const ownTemplates = (): string => fileURLToPath(new URL("../../templates", import.meta.url));

/** Paths of data sets in a folder, as `ag_news` or `super_glue/rte`, sorted. A promptsource checkout works too. */
export function datasetsIn(folder: string): { root: string; paths: string[] } {
  const inner = join(folder, "promptsource", "templates");
  const root = existsSync(inner) ? inner : folder;
  if (!existsSync(root)) fail("not_found", "no such folder", { where: folder });
  const paths: string[] = [];
  const walk = (path: string, depth: number) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const inside = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && depth < 3 && !entry.name.startsWith(".")) walk(inside, depth + 1);
      else if (entry.name === fileName && path !== "") paths.push(path);
    }
  };
  walk("", 0);
  return { root, paths: paths.sort() };
}

/** Read a file of templates. */
export function readTemplates(path: string): TemplateFile {
  if (!existsSync(path)) fail("not_found", "no such file", { where: path });
  return parseTemplates(readText(path), path);
}

const last = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const first = (path: string): string => path.split("/")[0]!;

/** What a name of a template means: the file, and the template unless the name was of the whole file. */
export interface Found {
  readonly path: string;
  readonly file: TemplateFile;
  readonly template: Template | undefined;
}

interface FindOptions {
  readonly folder: string;
  /** The known name that was probably meant. */
  readonly nearest: (typed: string, known: readonly string[]) => string | undefined;
}

/**
 * Find `FILE.yaml`, `FILE.yaml:NAME`, `DATASET` or `DATASET/NAME`, where DATASET may have a subset and NAME slashes.
 * @throws not_found, with the name that was probably meant
 */
export function findTemplates(name: string, { folder, nearest }: FindOptions): Found {
  const colon = /^(.*?\.ya?ml)(?::(.*))?$/s.exec(name);
  if (colon) {
    const [, path = "", wanted] = colon;
    return pick({ path, file: readTemplates(path) }, wanted, nearest);
  }
  const { root, paths } = datasetsIn(folder);
  const names = new Map<string, string>();
  // A part of a path is a name too where no other path has it: rte for super_glue/rte, cos_e for cos_e/v1.11.
  for (const part of [last, first]) {
    for (const path of paths)
      if (paths.filter((other) => part(other) === part(path)).length === 1) names.set(part(path), path);
  }
  for (const path of paths) names.set(path, path);
  const fits = [...names.keys()].filter((path) => name === path || name.startsWith(`${path}/`));
  const best = fits.sort((a, b) => b.length - a.length)[0];
  if (best === undefined) {
    const near = nearest(name, [...names.keys()]) ?? nearest(name.split("/")[0]!, [...names.keys()]);
    return fail("not_found", `there are no templates for "${name}"`, {
      hint: near
        ? `did you mean ${near}?`
        : "zeroth prompts list shows the data sets; a file is given as FILE.yaml:NAME",
    });
  }
  const path = join(root, names.get(best)!, fileName);
  return pick({ path, file: readTemplates(path) }, name === best ? undefined : name.slice(best.length + 1), nearest);
}

function pick(found: Omit<Found, "template">, wanted: string | undefined, nearest: FindOptions["nearest"]): Found {
  if (wanted === undefined) return { ...found, template: undefined };
  const { templates } = found.file;
  const template = templates.find(({ name, id }) => name === wanted || id === wanted);
  if (template) return { ...found, template };
  const names = templates.map(({ name }) => name);
  const near = nearest(wanted, names);
  return fail("not_found", `there is no template "${wanted}"`, {
    where: found.path,
    hint: near ? `did you mean "${near}"?` : `there are ${names.map((name) => `"${name}"`).join(", ")}`,
  });
}
