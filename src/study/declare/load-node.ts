/** Declarations from files: a module's default export, JSON, YAML. */
import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { jsonLimits } from "../../base/json.ts";
import { readTextFile } from "../../base/read-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import { checkStudy } from "./check.ts";
import type { Study } from "./study.ts";

async function fromModule(file: string): Promise<unknown> {
  try {
    const { default: declared } = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown };
    if (declared === undefined) return fail("bad_input", "has no default export", { where: file });
    return declared;
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
      fail("unsupported", `this Node (${process.version}) does not read TypeScript`, {
        where: file,
        hint: "use Node 22.18 or later, or write the study as .mjs",
      });
    }
    return fail("bad_input", `cannot be loaded: ${(cause as Error).message}`, { where: file, cause });
  }
}

async function fromText(file: string): Promise<unknown> {
  const text = readTextFile(file, jsonLimits.config);
  try {
    return /\.json$/i.test(file) ? (JSON.parse(text) as unknown) : ((await import("yaml")).parse(text) as unknown);
  } catch (cause) {
    return fail("bad_input", `cannot be read: ${(cause as Error).message}`, { where: file, cause });
  }
}

const isModule = /^\.[cm]?[jt]s$/;
const isText = /^\.(?:json|ya?ml)$/i;

/** A module's code runs: it is the person's own program. @throws not_found; bad_input for what is no study */
export async function loadStudy(file: string): Promise<Study> {
  if (!statSync(file, { throwIfNoEntry: false })) fail("not_found", "no such declaration", { where: file });
  const kind = extname(file);
  if (!isModule.test(kind) && !isText.test(kind)) {
    fail("wrong_use", "is no declaration of a study", { where: file, hint: "expected .mjs, .js, .ts, .json or .yaml" });
  }
  return checkStudy(isModule.test(kind) ? await fromModule(file) : await fromText(file), file);
}
