/** Where a model's chat templates are: files of their own, else the tokenizer's configuration. */
import { isJsonObject, type JsonObject, jsonKind } from "../base/json.ts";
import { fail } from "../errors.ts";

/** The chat templates' files. */
export const chatTemplateFiles = {
  /** The template alone. */
  jinja: "chat_template.jinja",
  /** `{"chat_template": …}`, as processors wrote it. */
  json: "chat_template.json",
  /** A folder of further ones, NAME.jinja each. */
  additional: "additional_chat_templates",
} as const;

/** The greatest size in bytes of a template. */
export const templateLimit = 1 << 20;

interface Sources {
  /** tokenizer_config.json */
  readonly config: JsonObject | undefined;
  readonly json: JsonObject | undefined;
  readonly jinja: string | undefined;
  readonly additional: ReadonlyMap<string, string>;
}

/** A text, or a list of `{"name", "template"}`. */
function listed(value: unknown, where: string): (readonly [string, string])[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [["default", value]];
  const wrong = (got: unknown): never =>
    fail(
      "corrupt_file",
      `chat_template: a text, or a list of a name and a template each, is expected, got ${jsonKind(got)}`,
      {
        where,
      },
    );
  // Python writes one of names to templates, too.
  const pairs: unknown[] = isJsonObject(value)
    ? Object.entries(value).map(([name, template]) => ({ name, template }))
    : Array.isArray(value)
      ? value
      : wrong(value);
  return pairs.map((pair) => {
    if (!isJsonObject(pair) || typeof pair.name !== "string" || typeof pair.template !== "string") return wrong(pair);
    return [pair.name, pair.template];
  });
}

/**
 * Templates by name, `default` being the one for ordinary talk; a file of its own goes before the configuration.
 * @throws corrupt_file for an entry that is no template
 */
export function chatTemplatesOf({ config, json, jinja, additional }: Sources): ReadonlyMap<string, string> {
  return new Map([
    ...listed(config?.chat_template, "tokenizer_config.json"),
    ...listed(json?.chat_template, chatTemplateFiles.json),
    ...(jinja === undefined ? [] : [["default", jinja] as const]),
    ...additional,
  ]);
}
