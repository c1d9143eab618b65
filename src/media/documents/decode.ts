/** Bytes of a text file as text: by its byte order mark, by what a page says of itself, else UTF-8. */
import { fail } from "../../errors.ts";

const marks: readonly (readonly [string, readonly number[]])[] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/** What a page or an XML file says of its encoding in its first bytes. */
function declared(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 1024));
  return (
    /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(head)?.[1] ??
    /^<\?xml[^>]{0,200}encoding\s*=\s*["']([\w-]{1,40})/.exec(head)?.[1]
  );
}

/**
 * The text of a file; offsets into it count from behind its byte order mark.
 * @param page whether it may name its own encoding
 * @throws corrupt_file for what is no text, with the byte where it stops being UTF-8
 */
export function decodeText(bytes: Uint8Array, where: string, page = false): string {
  const marked = marks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte));
  const named = page && !marked ? declared(bytes) : undefined;
  const encoding = marked?.[0] ?? (named && !/^utf-?16/i.test(named) ? named : "utf-8");
  const zeros = marked ? -1 : bytes.subarray(0, 1 << 16).indexOf(0);
  if (zeros >= 0) {
    fail("corrupt_file", `is no text: byte ${zeros} is zero`, {
      where,
      hint: "text files are UTF-8, or UTF-16 with a byte order mark",
    });
  }
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    return fail("unsupported", `names the encoding "${encoding}", which is not known`, { where });
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    return fail("corrupt_file", `is not ${encoding.toUpperCase()}`, {
      where,
      hint: "save it as UTF-8, or as UTF-16 with a byte order mark",
      cause,
    });
  }
}
