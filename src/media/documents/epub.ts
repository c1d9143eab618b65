/** Books: the chapters of an EPUB in their order. Of its two lists only names and places are taken; nothing is fetched. */
import { type UnzipFileInfo, unzipSync } from "fflate";
import { shown } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";
import { decodeText } from "./decode.ts";
import type { DocumentText, Heading } from "./document.ts";
import { htmlDocument } from "./html.ts";
import { readTags } from "./tags.ts";

/** Most bytes of one chapter unpacked, and of all that is unpacked of a book. */
const limits = { chapter: 32 << 20, all: 128 << 20 } as const;
const mostChapters = 5000;
/** Members of the archive; pictures are some. */
const mostMembers = 1 << 16;

type Members = (wanted: (name: string) => boolean) => Map<string, Uint8Array>;

/** Unpacks members of a book, within bounds that hold for all calls together. */
function membersOf(bytes: Uint8Array, where: string): Members {
  let room: number = limits.all;
  return (wanted) => {
    const sizes = new Map<string, number>();
    let count = 0;
    const filter = ({ name, size, originalSize }: UnzipFileInfo): boolean => {
      if (++count > mostMembers) fail("corrupt_file", `lists more than ${mostMembers} members`, { where });
      if (!wanted(name) || sizes.has(name)) return false;
      room -= originalSize;
      if (originalSize > limits.chapter || room < 0 || size > bytes.length) {
        fail("corrupt_file", `${shown(name)} unpacks to ${originalSize} bytes, more than are read of one book`, {
          where,
        });
      }
      sizes.set(name, originalSize);
      return true;
    };
    let members: Record<string, Uint8Array>;
    try {
      members = unzipSync(bytes, { filter });
    } catch (cause) {
      if (cause instanceof ZerothError) throw cause;
      const hint = "a book is a zip file: get it again";
      return fail("corrupt_file", "cannot be unpacked", { where, hint, cause });
    }
    for (const [name, size] of sizes) {
      if (members[name]?.length !== size) fail("corrupt_file", `${shown(name)} is cut short`, { where });
    }
    return new Map(Object.entries(members));
  };
}

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** The tags of a list in their order, and the text of its first `title`. */
function listOf(source: string): { readonly tags: readonly Tag[]; readonly title: string } {
  const tags: Tag[] = [];
  let title = "";
  let state: "before" | "in" | "behind" = "before";
  const add = (text: string) => {
    if (state === "in" && title.length < 2000) title += text;
  };
  readTags(
    source,
    {
      open(name, attributes, empty) {
        tags.push({ name, attributes });
        if (name === "title" && state === "before" && !empty) state = "in";
      },
      close() {
        if (state === "in") state = "behind";
      },
      text: (start, end) => add(source.slice(start, Math.min(end, start + 2000))),
      character: add,
    },
    { xml: true },
  );
  return { tags, title: title.replace(/\s+/g, " ").trim() };
}

/** A path in the book, from the folder of the list that names it; what leads out of the book is none. */
function resolved(base: string, href: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(href.replace(/[#?].*$/s, ""));
  } catch {
    return undefined;
  }
  const parts: string[] = base.split("/").slice(0, -1);
  for (const part of name.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

const lists = new Set(["META-INF/container.xml", "META-INF/encryption.xml"]);

/**
 * @param bytes of the file
 * @throws corrupt_file for what is no book, or unpacks to more than is read; unsupported for one that is encrypted
 */
export function epubDocument(bytes: Uint8Array, where: string): DocumentText {
  const members = membersOf(bytes, where);
  const text = (found: ReadonlyMap<string, Uint8Array>, name: string): string => {
    const own = found.get(name) ?? fail("corrupt_file", `has no ${shown(name)}, which a book must have`, { where });
    return decodeText(own, `${where}:${name}`, true);
  };
  const meta = members((name) => lists.has(name));
  const encryption = meta.has("META-INF/encryption.xml") ? text(meta, "META-INF/encryption.xml") : "";
  // Fonts alone may be encrypted, of a book that can be read.
  if (/EncryptedData/.test(encryption) && /\.x?html?["']/.test(encryption)) {
    fail("unsupported", "is encrypted, and only its seller's program has the key", { where });
  }
  const root =
    listOf(text(meta, "META-INF/container.xml"))
      .tags.find(({ name }) => name === "rootfile")
      ?.attributes.get("full-path") ?? fail("corrupt_file", "does not say where its list of chapters is", { where });
  const { tags, title } = listOf(
    text(
      members((name) => name === root),
      root,
    ),
  );
  const files = new Map(
    tags
      .filter(({ name }) => name === "item")
      .map(({ attributes }) => [attributes.get("id"), attributes.get("href")] as const),
  );
  const spine = tags.filter(({ name, attributes }) => name === "itemref" && attributes.get("linear") !== "no");
  if (spine.length === 0 || spine.length > mostChapters)
    fail("corrupt_file", `lists ${spine.length} chapters`, { where });
  // Each chapter once: a list that names one a thousand times is no book's.
  const names = [...new Set(spine.map(({ attributes }) => resolved(root, files.get(attributes.get("idref")) ?? "")))];
  const listed = new Set(names);
  const chapters = members((name) => listed.has(name));

  const parts: string[] = [];
  const headings: Heading[] = [];
  let length = 0;
  let missing = 0;
  for (const name of names) {
    const own = name === undefined ? undefined : chapters.get(name);
    if (!own) {
      missing++;
      continue;
    }
    const chapter = htmlDocument(decodeText(own, `${where}:${name}`, true), "epub");
    if (chapter.text === "") continue;
    if (parts.length > 0) {
      parts.push("\n\n");
      length += 2;
    }
    for (const heading of chapter.headings) headings.push({ ...heading, start: length + heading.start });
    parts.push(chapter.text);
    length += chapter.text.length;
    if (length > limits.all) fail("corrupt_file", "has more text than is read of one book", { where });
  }
  if (missing === names.length) fail("corrupt_file", "none of the chapters it lists is in it", { where });
  // Its characters stand in many files: a place in one of them would say nothing.
  return { kind: "epub", title: title === "" ? undefined : title, text: parts.join(""), headings, stretches: [] };
}
