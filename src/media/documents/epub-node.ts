/** Books from files. */
import { inflateRawSync } from "node:zlib";
import { shown } from "../../base/json.ts";
import { readBytes, withFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { readZip, type Zip } from "../../weights/torch/zip.ts";
import type { DocumentText } from "./document.ts";
import { bookDocument, limits, type Members } from "./epub.ts";

/** The members of a book, unpacked within bounds. */
function membersOf(path: string, where: string): Members {
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

/** @throws as {@link bookDocument} */
export const epubDocument = (path: string, where: string): DocumentText => bookDocument(membersOf(path, where), where);
