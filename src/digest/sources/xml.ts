/** XML of strangers: no document types, so that there are no entities but XML's own five, and bounds on size and depth. */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";

/** Characters of the longest page; arXiv's have 2,000 records and 5 MB. */
const longestPage = 64 << 20;
const deepest = 40;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  textNodeName: "#text",
  // Names with their prefixes taken off: which prefix stands for a namespace is up to the document.
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  // White space within a text belongs to it: `tidy` collapses it.
  trimValues: false,
  // Without a document type these are XML's own and numbers.
  processEntities: true,
  maxNestedTags: deepest,
});

/**
 * The elements of a document as an object: an element with text alone is a text, several of a name are a list,
 * attributes are `@name`.
 * @throws corrupt_file for what is not well-formed, has a document type, or is too large or deep
 */
export function parseXml(text: string, where: string): JsonObject {
  const bad = (what: string, cause?: unknown): never =>
    fail("corrupt_file", what, { where, hint: "is this a page of the source that was named?", cause });
  if (text.length > longestPage) bad(`${text.length} characters of XML, at most ${longestPage} are read`);
  // Characters that XML does not have, some of which arXiv has sent.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const source = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
  if (/<!(?:DOCTYPE|ENTITY)/i.test(source)) bad("has a document type, which could define entities; it is not read");
  try {
    const valid = XMLValidator.validate(source);
    if (valid !== true) bad(`not well-formed XML (line ${valid.err.line}: ${valid.err.msg.slice(0, 200)})`);
    const parsed: unknown = parser.parse(source);
    return isJsonObject(parsed) ? parsed : bad("holds no element");
  } catch (cause) {
    if (cause instanceof Error && cause.name === "ZerothError") throw cause;
    return bad(`cannot be read as XML (${(cause as Error).message.slice(0, 200)})`, cause);
  }
}

/** The elements of a name below another one. */
export function elements(parent: unknown, name: string): readonly unknown[] {
  if (!isJsonObject(parent) || !Object.hasOwn(parent, name)) return [];
  const found = parent[name];
  return Array.isArray(found) ? found : [found];
}

/** The text of the first element of a name, as it stands; undefined where there is none. */
export function textIn(parent: unknown, name: string): string | undefined {
  const [first] = elements(parent, name);
  return textOf(first);
}

export function textOf(element: unknown): string | undefined {
  if (typeof element === "string") return element;
  const text = isJsonObject(element) ? element["#text"] : undefined;
  return typeof text === "string" ? text : undefined;
}

export function attribute(element: unknown, name: string): string | undefined {
  const value = isJsonObject(element) ? element[`@${name}`] : undefined;
  return typeof value === "string" ? value : undefined;
}
