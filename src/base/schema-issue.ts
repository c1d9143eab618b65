/** What a schema says of a file that a person wrote: unknown keys first, with the name that was probably meant. */
import type { z } from "zod";
import { nearest } from "./nearest.ts";

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** The objects that may stand at a path of a schema: several where it leaves a choice. */
function shapesAt(schema: Schema, path: readonly PropertyKey[]): Readonly<Record<string, Schema>>[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return shapesAt(def.innerType, path);
    case "pipe":
      return shapesAt(def.in, path);
    case "union":
      return def.options.flatMap((option) => shapesAt(option, path));
  }
  const [key, ...rest] = path;
  if (key === undefined) return def.type === "object" ? [def.shape] : [];
  switch (def.type) {
    case "object": {
      const next = def.shape[String(key)];
      return next === undefined ? [] : shapesAt(next, rest);
    }
    case "array":
      return shapesAt(def.element, rest);
    case "record":
      return shapesAt(def.valueType, rest);
    default:
      return [];
  }
}

/** Issues with those of the branches of a choice, their paths from the top. */
function flat(issues: readonly Issue[], above: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...above, ...issue.path];
    const inner = issue.code === "invalid_union" ? issue.errors.flatMap((branch) => flat(branch, path)) : [];
    return [{ ...issue, path }, ...inner];
  });
}

/** What is wrong, and the next step where it is known. */
export interface SchemaIssue {
  /** `data: unknown key "trian"`, `steps: Invalid input: expected number, received string`. */
  readonly what: string;
  /** `did you mean "train"?` */
  readonly hint: string | undefined;
}

/**
 * The one thing to say. A misspelt key is also one that lacks, and what lacks would be named first.
 * @param whole what the file is called where the issue is at its top
 */
export function schemaIssue(error: z.core.$ZodError, schema: Schema, whole: string): SchemaIssue {
  const all = flat(error.issues);
  const unknown = all.find((issue) => issue.code === "unrecognized_keys");
  const issue = unknown ?? all[0]!;
  const at = issue.path.join(".") || whole;
  if (unknown === undefined) return { what: `${at}: ${issue.message}`, hint: undefined };
  const [key = ""] = unknown.keys;
  const near = nearest(key, [...new Set(shapesAt(schema, unknown.path).flatMap((shape) => Object.keys(shape)))]);
  return { what: `${at}: unknown key "${key}"`, hint: near === undefined ? undefined : `did you mean "${near}"?` };
}
