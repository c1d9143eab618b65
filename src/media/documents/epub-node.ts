/** Books: the chapters of an EPUB in their order. Of its two lists only names and places are taken; nothing is fetched. */
import { inflateRawSync } from "node:zlib";
import { shown } from "../../base/json.ts";
import { readBytes, withFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { readZip, type Zip } from "../../weights/torch/zip.ts";
import { decodeText } from "./decode.ts";
import type { DocumentText, Heading } from "./document.ts";
import { entityAt } from "./entities.ts";
import { htmlDocument } from "./html.ts";

/** Most bytes of a book's file, of one chapter unpacked, and of all that is unpacked of it. */
const limits = { file: 256 << 20, chapter: 32 << 20, all: 128 << 20 } as const;
const mostChapters = 5000;

/** The members of a book, unpacked within bounds. */
function membersOf(path: string, where: string): (name: string) => Uint8Array | undefined {
  return withFile(
    path,
    (file, size) => {
      if (size > limits.file) fail("corrupt_file", `${size} bytes, at most ${limits.file} are read`, { where });
      const bytes = readBytes(file, 0, size);
      const zip: Zip = readZip((offset, length) => bytes.subarray(offset, offset + length), size, where, {
        deflated: true,
      });
      let room: number = limits.all;
      return (name) => {
        const entry = zip.entries.get(name);
        if (!entry || entry.isLink) return undefined;
        const packed = bytes.subarray(entry.offset, entry.offset + entry.length);
        const wanted = entry.unpacked ?? entry.length;
        room -= wanted;
        if (wanted > limits.chapter || room < 0) {
          fail("corrupt_file", `${shown(name)} unpacks to ${wanted} bytes, more than are read of one book`, { where });
        }
        if (entry.unpacked === undefined) return packed;
        try {
          return inflateRawSync(packed, { maxOutputLength: Math.max(1, wanted) });
        } catch (cause) {
          return fail("corrupt_file", `${shown(name)} cannot be unpacked`, { where, cause });
        }
      };
    },
    where,
  );
}

const plain = (value: string): string => value.replace(/&[^;\s]{1,10};/g, (whole) => entityAt(whole, 0)?.text ?? whole);

/** The tags of a name in a list, as their attributes; comments are none. */
function tagsOf(xml: string, name: string): Record<string, string>[] {
  const bare = xml.replace(/<!--[\s\S]*?(-->|$)/g, "");
  return [...bare.matchAll(new RegExp(`<(?:[\\w.-]+:)?${name}\\b([^<>]{0,4000})>`, "g"))].map(([, attributes]) =>
    Object.fromEntries(
      [...attributes!.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, key, a, b]) => [
        key,
        plain(a ?? b ?? ""),
      ]),
    ),
  );
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

/**
 * @throws corrupt_file for what is no book, or unpacks to more than is read; unsupported for one that is encrypted
 */
export function epubDocument(path: string, where: string): DocumentText {
  const member = membersOf(path, where);
  const text = (name: string): string => {
    const bytes = member(name) ?? fail("corrupt_file", `has no ${shown(name)}, which a book must have`, { where });
    return decodeText(bytes, `${where}:${name}`, true);
  };
  if (
    member("META-INF/encryption.xml") &&
    /EncryptedData/.test(text("META-INF/encryption.xml")) &&
    /\.x?html?["']/.test(text("META-INF/encryption.xml"))
  ) {
    fail("unsupported", "is encrypted, and only its seller's program has the key", { where });
  }
  const rootName = tagsOf(text("META-INF/container.xml"), "rootfile")[0]?.["full-path"];
  const root = rootName ?? fail("corrupt_file", "does not say where its list of chapters is", { where });
  const list = text(root);
  const files = new Map(tagsOf(list, "item").map((item) => [item.id, item.href]));
  const spine = tagsOf(list, "itemref").filter(({ linear }) => linear !== "no");
  if (spine.length === 0 || spine.length > mostChapters)
    fail("corrupt_file", `lists ${spine.length} chapters`, { where });
  const title = /<(?:[\w.-]+:)?title\b[^>]{0,500}>([^<]{1,2000})</.exec(list)?.[1];

  const parts: string[] = [];
  const headings: Heading[] = [];
  let length = 0;
  let missing = 0;
  for (const { idref } of spine) {
    const name = resolved(root, files.get(idref) ?? "");
    const bytes = name === undefined ? undefined : member(name);
    if (!bytes) {
      missing++;
      continue;
    }
    const chapter = htmlDocument(decodeText(bytes, `${where}:${name}`, true), "epub");
    if (chapter.text === "") continue;
    if (parts.length > 0) {
      parts.push("\n\n");
      length += 2;
    }
    for (const heading of chapter.headings) headings.push({ ...heading, start: length + heading.start });
    parts.push(chapter.text);
    length += chapter.text.length;
  }
  if (missing === spine.length) fail("corrupt_file", "none of the chapters it lists is in it", { where });
  // Its characters stand in many files: a place in one of them would say nothing.
  return { kind: "epub", title: title && plain(title).trim(), text: parts.join(""), headings, stretches: [] };
}
