/**
 * Pickles, and what pickles hide in. A file may hold several in a row, as torch's older format does; a program that
 * unpickles may go on to any of them, so all are read, to the file's last byte.
 */

import { pickleBudget, readPickle } from "../weights/torch/pickle.ts";
import { readTorchFile, type TorchFile } from "../weights/torch/torch.ts";
import { type Content, type Finding, hints, largest, reading, safe, unknown, unsafe, whole } from "./findings.ts";
import { parseDtype } from "./numpy.ts";

/** Every opcode of every protocol, as pickletools lists them: a byte that is none ends an unpickler. */
const opcodes = new Set([
  ...Buffer.from("(.012FNIJKLMPQRSTUVXabcdeghijlopqrstu}]"),
  0x29, // EMPTY_TUPLE
  ...Buffer.from("BC"),
  ...Array.from({ length: 0x99 - 0x80 }, (_, i) => 0x80 + i),
]);

/** torch's own number at the beginning of its older format, in protocol 2. */
const legacyMagic = Buffer.from([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

/** How protocols 0 and 1 begin where they ask for a name or make a list or dictionary of text: they have no mark of their own. */
const older =
  /^\(*(?:[ci][A-Za-z_][\w.]*\r?\n[A-Za-z_][\w.]*\r?\n|\([ld]p?\d*\r?\n|[ld]p\d+\r?\n|S(?:'[^'\n]*'|"[^"\n]*")\r?\np\d+\r?\n|\(S['"]|[\]}]q[\s\S])/;

/** Whether these first bytes begin a pickle of any protocol. */
export function beginsPickle(head: Uint8Array): boolean {
  if (head[0] === 0x80) return head[1]! >= 2 && head[1]! <= 5;
  return older.test(Buffer.from(head.subarray(0, 512)).toString("latin1"));
}

const isLegacyTorch = (head: Uint8Array): boolean => legacyMagic.equals(head.subarray(0, legacyMagic.length));

/** All pickles of a file, one after another. */
function everyPickle(bytes: Uint8Array, name: string): Finding {
  const budget = pickleBudget(bytes.length);
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    if (!opcodes.has(bytes[start]!)) {
      const rest = bytes.length - start;
      return start === 0
        ? unknown(hints.other, "is no pickle")
        : unknown(hints.loose, `${rest} bytes after the pickle that ends at byte ${start}`);
    }
    const looked = reading(() => {
      at = readPickle(bytes, start, name, budget).end;
    });
    if (looked.verdict !== "safe") return { ...looked, verdict: "unsafe", hint: hints.pickle };
  }
  return safe;
}

/** A file of pickles: our own reader of torch's older format where it is one, as that accounts for what follows. */
export function lookAtPickle(content: Content): Finding {
  if (isLegacyTorch(content.read(0, legacyMagic.length))) return lookAtTorchPickles(content);
  return whole(largest, (bytes) => everyPickle(bytes, content.name))(content);
}

/** A torch file, and what of it is not explained by its tensors. */
export function openTorchContent({ name, size, read }: Content): { file?: TorchFile; finding: Finding } {
  let file: TorchFile | undefined;
  const finding = reading(() => {
    file = readTorchFile(read, size, name);
  });
  return { finding, ...(file && { file }) };
}

/** Files called as torch's are that are no zip files. */
export function lookAtTorchPickles(content: Content): Finding {
  const first = content.read(0, 1)[0];
  if (first !== undefined && !opcodes.has(first)) {
    return unknown(hints.other, "neither a zip file nor a pickle, as torch's files are");
  }
  return openTorchContent(content).finding;
}

/** An array of NumPy's: its header says how long it is; arrays of Python objects are pickles. */
export function lookAtNumpy({ size, read }: Content): Finding {
  const head = read(0, Math.min(size, 1 << 16));
  if (Buffer.from(head.subarray(0, 6)).toString("latin1") !== "\u0093NUMPY" || head.length < 12) {
    return unsafe(hints.refused, "is no array of NumPy's");
  }
  const wide = head[6]! >= 2;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = Buffer.from(head.subarray(start, start + length)).toString("latin1");
  // Any object in it, also as one field of several.
  if (/'\|?O\d*'/.test(header)) return unsafe(hints.pickle, "an array of Python objects, which is a pickle");
  const bytes = header.length === length ? parseDtype(header) : undefined;
  if (bytes === undefined) return unknown(hints.other, "an array of NumPy's whose header is not read here");
  const after = size - start - length - bytes;
  if (after === 0) return safe;
  return unknown(hints.loose, after > 0 ? `${after} bytes follow the array` : "the array is cut short");
}
