/** A JSON schema from outside as plain JSON. */
import { isJsonObject, type JsonObject, jsonKind } from "../../../base/json.ts";
import { fail } from "../../../errors.ts";

const maxLength = 1 << 20;
const maxDepth = 500;

/** The depth of a value, up to one beyond the greatest. */
function depthOf(value: unknown): number {
  let depth = 0;
  let level: unknown[] = [value];
  while (level.length > 0 && depth <= maxDepth) {
    depth++;
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return depth;
}

/**
 * The schema as JSON holds it, a copy.
 * @throws bad_input for what is no JSON, no schema, or too large
 */
export function readSchema(schema: unknown): boolean | JsonObject {
  if (typeof schema === "boolean") return schema;
  if (!isJsonObject(schema)) {
    fail("bad_input", `a schema is an object, true or false, got ${jsonKind(schema)}`, { where: "schema" });
  }
  let text: string;
  try {
    text = JSON.stringify(schema);
  } catch (cause) {
    return fail("bad_input", "the schema is no JSON: it contains itself, or is nested too deeply", {
      where: "schema",
      cause,
    });
  }
  if (text.length > maxLength) {
    fail("bad_input", `the schema has ${text.length} characters, at most ${maxLength} are read`, { where: "schema" });
  }
  const copy = JSON.parse(text) as JsonObject;
  if (depthOf(copy) > maxDepth)
    fail("bad_input", `the schema is nested deeper than ${maxDepth} levels`, { where: "schema" });
  return copy;
}
