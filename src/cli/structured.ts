/** `--json-schema` and `--grammar`: what an answer must fit, from files. */
import { parseJsonObject } from "../base/json.ts";
import { readTextFile } from "../base/read-node.ts";
import { fail, ZerothError } from "../errors.ts";
import type { GenerateOptions } from "../text/options.ts";
import type { Output } from "./output.ts";

const maxBytes = 1 << 20;

interface StructuredFlags {
  readonly jsonSchema?: string | undefined;
  readonly grammar?: string | undefined;
  readonly choices?: readonly string[] | undefined;
}

export type Structured = Pick<GenerateOptions, "schema" | "grammar">;

/**
 * The schema or grammar that is asked for, read and checked.
 * @throws wrong_use for both of them, or one beside choices; not_found without the file; bad_input and unsupported with
 *   the file and the place in it
 */
export async function structuredOptions({ jsonSchema, grammar, choices }: StructuredFlags): Promise<Structured> {
  const file = jsonSchema ?? grammar;
  if (file === undefined) return {};
  if (jsonSchema !== undefined && grammar !== undefined)
    fail("wrong_use", "--json-schema and --grammar do not go together");
  if (choices) fail("wrong_use", "--choices is an answer's form already, and goes without --json-schema or --grammar");
  const text = readTextFile(file, maxBytes);
  const asked = jsonSchema === undefined ? { grammar: text } : { schema: parseJsonObject(text, file, maxBytes) };
  const { checkAsked } = await import("../text/structured/constraint.ts");
  try {
    checkAsked(asked);
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    const { code, where, message, hint } = error;
    const what = where === undefined ? message : message.slice(where.length + 2);
    fail(code, what, { where: where === undefined ? file : `${file}, ${where}`, ...(hint ? { hint } : {}) });
  }
  return asked;
}

/** Tell that an answer was cut before it was what was asked for. */
export function sayIncomplete({ schema }: Structured, cut: number, of: number, output: Output): void {
  if (cut === 0) return;
  const what = schema === undefined ? "the grammar is not complete" : "the JSON is not complete";
  output.say(`${of === 1 ? "the answer was" : `${cut} of ${of} answers were`} cut by --max-new-tokens: ${what}`);
}
