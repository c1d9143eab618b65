/** What a file is by its first bytes, for readers that were given something else than what its name promises. */
import { fail } from "../errors.ts";

/** How many bytes of a file's beginning tell what it is. */
export const headBytes = 512;

/** What a file can be mistaken for. */
export type Mistaken = "empty" | "lfs" | "html" | "zip" | "gzip" | "zstd" | "xz" | "bzip2" | "7z" | "rar";

interface Row {
  /** Follows the file's name in a message. */
  readonly what: string;
  readonly hint: string;
  /** What its first bytes are, any of these; as Latin-1 text. */
  readonly begins?: readonly string[];
}

const unpack = "unpack it, and give the file that is in it";

/** In the order in which they are looked for. */
const rows: Readonly<Record<Mistaken, Row>> = {
  empty: { what: "an empty file", hint: "its download stopped before it began; fetch it again" },
  lfs: {
    what: "a Git LFS pointer, the file was not fetched",
    hint: 'run "git lfs pull" in the repository, or fetch the model with "zeroth pull"',
    begins: ["version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/"],
  },
  html: {
    what: "an HTML page saved as a file",
    hint: "the server answered with a page (a sign-in, an error, a viewer) instead of the file; fetch it again",
  },
  zip: { what: "a zip file", hint: unpack, begins: ["PK\u0003\u0004", "PK\u0005\u0006", "PK\u0007\u0008"] },
  gzip: { what: "a gzip file", hint: unpack, begins: ["\u001f\u008b\u0008"] },
  zstd: { what: "a Zstandard file", hint: unpack, begins: ["\u0028\u00b5\u002f\u00fd"] },
  xz: { what: "an xz file", hint: unpack, begins: ["\u00fd7zXZ\u0000"] },
  // The level of compression, then the first block.
  bzip2: { what: "a bzip2 file", hint: unpack, begins: Array.from("123456789", (level) => `BZh${level}1AY&SY`) },
  "7z": { what: "a 7z archive", hint: unpack, begins: ["7z\u00bc\u00af\u0027\u001c"] },
  rar: { what: "a RAR archive", hint: unpack, begins: ["Rar!\u001a\u0007"] },
};

const order = Object.keys(rows) as Mistaken[];

/** The words and the next step for each kind. */
export const mistakenFor: Readonly<Record<Mistaken, { readonly what: string; readonly hint: string }>> = rows;

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, headBytes));

/** Whether a text is a page: a byte order mark, white space and comments may stand before its first tag. */
function isPage(text: string): boolean {
  let rest = text.replace(/^\u00ef\u00bb\u00bf/, "").trimStart();
  while (rest.startsWith("<!--")) {
    const end = rest.indexOf("-->", 4);
    if (end < 0) return false;
    rest = rest.slice(end + 3).trimStart();
  }
  return /^<(!doctype\s+html|html|head|body|script|meta|title)\b/i.test(rest);
}

/**
 * What a file is, of the kinds people come by instead of the file they wanted; undefined when it is none of them.
 * @param head its first {@link headBytes} bytes, or all of them where it is shorter
 * @param size bytes of the whole file
 */
export function sniff(head: Uint8Array, size: number = head.length): Mistaken | undefined {
  if (size === 0) return "empty";
  const text = latin(head);
  return order.find((kind) =>
    kind === "html" ? isPage(text) : rows[kind].begins?.some((begin) => text.startsWith(begin)),
  );
}

/**
 * Refuse a file that is none of what its reader expects. Every reader of files asks this first.
 * @param accepts kinds that this reader does read
 * @throws corrupt_file that says what the file is, and how to get the right one
 */
export function refuseMistaken(head: Uint8Array, size: number, where: string, ...accepts: readonly Mistaken[]): void {
  const kind = sniff(head, size);
  if (kind === undefined || accepts.includes(kind)) return;
  const { what, hint } = rows[kind];
  fail("corrupt_file", `is ${what}`, { where, hint });
}
