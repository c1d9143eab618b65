/** How Dagster tells a process that it was started by it: two values of base64, zlib and JSON. */
import { inflateSync } from "node:zlib";
import { isJsonObject, type JsonObject, jsonKind } from "../../base/json.ts";
import { fail } from "../../errors.ts";

export const contextVariable = "DAGSTER_PIPES_CONTEXT";
export const messagesVariable = "DAGSTER_PIPES_MESSAGES";
const options = { [contextVariable]: "--dagster-pipes-context", [messagesVariable]: "--dagster-pipes-messages" };

/** What one of Dagster's values says. @throws wrong_use with the variable and the step that failed */
export function decodeParam(value: string, name: string): JsonObject {
  const wrong = (step: string, why: unknown): never =>
    fail("wrong_use", `cannot be read (${step}): ${why instanceof Error ? why.message : String(why)}`, {
      where: name,
      hint: "Dagster sets it as base64 of zlib of JSON",
    });
  const text = value.trim();
  if (!/^[A-Za-z0-9+/_-]+=*$/.test(text)) return wrong("base64", "other characters than base64 has");
  let plain: Buffer;
  try {
    plain = inflateSync(Buffer.from(text, "base64"), { maxOutputLength: 64 << 20 });
  } catch (error) {
    return wrong("zlib", error);
  }
  let json: unknown;
  try {
    json = JSON.parse(plain.toString("utf8"));
  } catch (error) {
    return wrong("JSON", error);
  }
  return isJsonObject(json) ? json : wrong("JSON", `expected an object, got ${jsonKind(json)}`);
}

export interface Bootstrap {
  readonly context: JsonObject;
  readonly messages: JsonObject;
}

/** The value of an option of the command line, as `--name V` or `--name=V`. */
function optionOf(argv: readonly string[], name: string): string | undefined {
  const at = argv.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const word = argv[at]!;
  return word === name ? argv[at + 1] : word.slice(name.length + 1);
}

/** The command line without Dagster's own options. */
export function withoutPipesOptions(argv: readonly string[]): readonly string[] {
  const names = Object.values(options);
  return argv.filter(
    (word, i) => !names.some((name) => word === name || word.startsWith(`${name}=`) || (argv[i - 1] === name && i > 0)),
  );
}

/** undefined where the process was not started by Dagster. */
export function bootstrapOf(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): Bootstrap | undefined {
  const context = optionOf(argv, options[contextVariable]!) ?? env[contextVariable];
  if (context === undefined) return undefined;
  const messages = optionOf(argv, options[messagesVariable]!) ?? env[messagesVariable];
  if (messages === undefined) {
    return fail("wrong_use", `${contextVariable} is set and ${messagesVariable} is not: Dagster sets both`);
  }
  return { context: decodeParam(context, contextVariable), messages: decodeParam(messages, messagesVariable) };
}
