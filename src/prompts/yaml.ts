/** Files of templates in promptsource's YAML: read with their lines, written back in the same shape. */
import { Document, isMap, isNode, type Node, Pair, type Scalar, type Tags, YAMLMap } from "yaml";
import { jsonKind, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { Template, TemplateFile, TemplateMetadata } from "./template.ts";
import { plainYaml, pythonTags, readYaml } from "./yaml-document.ts";

/** promptsource's two types: mappings with a tag. */
const customTags = (tags: Tags): Tags => [
  ...pythonTags(tags),
  ...["!Template", "!TemplateMetadata"].map((tag) => ({
    tag,
    collection: "map" as const,
    identify: () => false,
    resolve: (value: unknown) => value as YAMLMap,
  })),
];
// PyYAML reads YAML 1.1.
const options = { version: "1.1", customTags } as const;

type Fields = ReadonlyMap<string, unknown>;

/**
 * Templates of one data set.
 * @param where the file, for messages
 * @throws bad_input naming file, template and line: not YAML, an unknown tag, a missing or wrong key, a key twice
 */
export function parseTemplates(yamlText: string, where: string): TemplateFile {
  const { document, lineOf } = readYaml(yamlText, where, { ...options, stringKeys: true });
  const wrong = (what: string, offset: number): never =>
    fail("bad_input", what, { where: `${where}:${lineOf(offset)}` });
  const top = document.contents;
  if (!isMap(top)) return wrong("expected a mapping with dataset and templates", 0);
  const plain = (node: unknown): unknown => plainYaml(() => (node as Scalar).toJS(document, { mapAsMap: true }), where);
  const entries = (map: YAMLMap) =>
    map.items.map(({ key, value }) => ({
      key: String((key as Scalar).value),
      value,
      at: (key as Scalar).range?.[0] ?? 0,
    }));

  let dataset: string | undefined;
  let subset: string | undefined;
  let templates: Template[] | undefined;
  const source = new Map<string, unknown>();
  for (const { key, value, at } of entries(top)) {
    if (key === "templates") {
      if (!isMap(value)) return wrong("templates: expected a mapping from ids to templates", at);
      templates = entries(value).map((entry) => {
        const line = lineOf(entry.at);
        if (!isMap(entry.value)) return wrong(`templates: expected a !Template under ${shown(entry.key)}`, entry.at);
        return template(plain(entry.value) as Fields, { where, line, key: entry.key });
      });
    } else if (key === "dataset" || key === "subset") {
      const text = plain(value);
      if (typeof text !== "string" && !(key === "subset" && text === null))
        wrong(`${key}: expected a text, got ${jsonKind(text)}`, at);
      if (key === "dataset") dataset = text as string;
      else if (text !== null) subset = text as string;
    } else source.set(key, plain(value));
  }
  if (dataset === undefined) return wrong('the key "dataset" is missing', 0);
  if (!templates) return wrong('the key "templates" is missing', 0);
  return {
    dataset,
    ...(subset === undefined ? {} : { subset }),
    templates,
    ...(source.size > 0 ? { source } : {}),
  };
}

/** How a key of a template is read: its name here, its type, whether it may be absent or null. */
const textFields = { name: true, jinja: true, id: false, answer_choices: false, reference: false } as const;

function template(fields: Fields, { where, line, key }: { where: string; line: number; key: string }): Template {
  const name = fields.get("name");
  const place = `${where}:${line}, template ${shown(typeof name === "string" ? name : key)}`;
  const wrong = (what: string): never => fail("bad_input", what, { where: place });
  const text = (field: keyof typeof textFields): string | undefined => {
    const value = fields.get(field);
    if (typeof value === "string") return value;
    if (value === undefined || value === null) {
      return textFields[field] ? wrong(`the key "${field}" is missing`) : undefined;
    }
    return wrong(`${field}: expected a text, got ${jsonKind(value)}`);
  };
  const answerChoices = text("answer_choices");
  const reference = text("reference");
  return {
    id: text("id") ?? key,
    name: text("name")!,
    jinja: text("jinja")!,
    ...(answerChoices === undefined ? {} : { answerChoices }),
    ...(reference === undefined ? {} : { reference }),
    metadata: metadataOf(fields.get("metadata"), wrong),
    where,
    line,
    source: new Map([...fields, [keyField, key]]),
  };
}

/** Under which key of the file the template stood; it should be the id, which `check` looks at. */
const keyField = "\u0000key";
export const keyOf = ({ source, id }: Template): string => (source?.get(keyField) as string | undefined) ?? id;

function metadataOf(value: unknown, wrong: (what: string) => never): TemplateMetadata {
  if (value !== undefined && value !== null && !(value instanceof Map)) {
    return wrong(`metadata: expected a !TemplateMetadata, got ${jsonKind(value)}`);
  }
  const fields: Fields = value instanceof Map ? value : new Map();
  const flag = (key: string): boolean | undefined => {
    const given = fields.get(key);
    if (given === undefined || given === null || typeof given === "boolean") return given ?? undefined;
    return wrong(`metadata.${key}: expected true or false, got ${jsonKind(given)}`);
  };
  const texts = (key: string): readonly string[] => {
    const given = fields.get(key) ?? [];
    if (Array.isArray(given) && given.every((item) => typeof item === "string")) return given;
    return wrong(`metadata.${key}: expected a list of texts`);
  };
  const [choicesInPrompt, originalTask] = [flag("choices_in_prompt"), flag("original_task")];
  return {
    ...(choicesInPrompt === undefined ? {} : { choicesInPrompt }),
    ...(originalTask === undefined ? {} : { originalTask }),
    languages: texts("languages"),
    metrics: texts("metrics"),
  };
}

/** The keys to write: those nothing here reads keep their values. */
function written(source: Fields | undefined, known: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const all = new Map(source);
  all.delete(keyField);
  for (const [key, value] of Object.entries(known)) {
    const absent = value === undefined || (Array.isArray(value) && value.length === 0);
    // A key that was not there, or was null, stays so while it has nothing to say.
    if (!absent) all.set(key, value);
    else if (!source || all.has(key)) all.set(key, Array.isArray(value) && all.get(key) !== null ? value : null);
  }
  return all;
}

/** A file of templates as promptsource writes it: keys sorted, the two tags, one template after the other by id. */
export function writeTemplates(file: TemplateFile): string {
  const document = new Document(null, options);
  // Not createNode alone: in YAML 1.1 it would write a Map as an ordered list of pairs.
  const node = (value: unknown, tag?: string): Node => {
    if (!(value instanceof Map)) return isNode(value) ? value : document.createNode(value);
    const map = new YAMLMap(document.schema);
    for (const [key, item] of value) map.items.push(new Pair(document.createNode(key), node(item)));
    if (tag) map.tag = tag;
    return map;
  };
  const sorted = (fields: Iterable<readonly [string, unknown]>) =>
    new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
  const templates = file.templates.map((entry) => {
    const { metadata, source } = entry;
    const old = source?.get("metadata");
    const described = written(old instanceof Map ? old : undefined, {
      choices_in_prompt: metadata.choicesInPrompt,
      languages: metadata.languages,
      metrics: metadata.metrics,
      original_task: metadata.originalTask,
    });
    const fields = written(source, {
      answer_choices: entry.answerChoices,
      id: entry.id,
      jinja: entry.jinja,
      metadata: node(sorted(described), "!TemplateMetadata"),
      name: entry.name,
      reference: entry.reference,
    });
    return [keyOf(entry), node(sorted(fields), "!Template")] as const;
  });
  const top = written(file.source, { dataset: file.dataset, templates: node(sorted(templates)) });
  if (file.subset !== undefined) top.set("subset", file.subset);
  document.contents = node(sorted(top)) as typeof document.contents;
  return document.toString({ lineWidth: 0, singleQuote: true });
}
