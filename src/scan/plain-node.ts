/** Texts and pictures: kinds of files that nothing runs, if they are that and no more. */
import { type Content, type Finding, hints, safe, unknown } from "./findings.ts";

const pieceBytes = 1 << 20;

/** UTF-8 to the last byte, without what no text holds. */
export function lookAtText({ size, read }: Content): Finding {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < size; at += pieceBytes) {
    const piece = read(at, pieceBytes);
    const zero = piece.indexOf(0);
    if (zero >= 0) return unknown(hints.other, `is no text: a zero at byte ${at + zero}`);
    try {
      decoder.decode(piece, { stream: at + pieceBytes < size });
    } catch {
      return unknown(hints.other, `is no text in UTF-8, in the ${pieceBytes} bytes from byte ${at} on`);
    }
  }
  return safe;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where a PNG ends: after its chunk IEND. */
function pngEnd({ size, read }: Content): number | undefined {
  let chunks = 0;
  for (let at = 8; at + 12 <= size && chunks < 100_000; chunks++) {
    const head = view(read(at, 8));
    at += 12 + head.getUint32(0);
    if (head.getUint32(4) === 0x49454e44) return at;
  }
  return undefined;
}

/** Where a JPEG ends: its segments one after another, those of the picture up to the next marker. */
function jpegEnd({ size, read }: Content): number | undefined {
  const bytes = read(0, Math.min(size, 32 << 20));
  for (let at = 2; at + 2 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xd9) return at + 2;
    if (at + 4 > bytes.length) return undefined;
    at += 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    if (marker !== 0xda) continue;
    // In the picture's own bytes 0xff is followed by 0, or by the number of a restart.
    for (; at + 1 < bytes.length; at++) {
      const next = bytes[at + 1]!;
      if (bytes[at] === 0xff && next !== 0 && !(next >= 0xd0 && next <= 0xd7)) break;
    }
  }
  return undefined;
}

interface Picture {
  readonly begins: (head: string) => boolean;
  end(content: Content): number | undefined;
}

const pictures: readonly Picture[] = [
  { begins: (head) => head.startsWith("\u0089PNG\r\n\u001a\n"), end: pngEnd },
  { begins: (head) => head.startsWith("\u00ff\u00d8\u00ff"), end: jpegEnd },
  {
    begins: (head) => head.startsWith("RIFF") && head.startsWith("WEBP", 8),
    end: ({ read }) => 8 + view(read(4, 4)).getUint32(0, true),
  },
];

/** A picture that ends where its format says it does; what is appended to one is seen by other readers. */
export function lookAtPicture(content: Content): Finding {
  const head = Buffer.from(content.read(0, 16)).toString("latin1");
  const end = pictures.find(({ begins }) => begins(head))?.end(content);
  if (end === content.size) return safe;
  if (end !== undefined && end < content.size) {
    return unknown(hints.loose, `${content.size - end} bytes follow the picture`);
  }
  return unknown(hints.other, "is no whole picture of a kind that is read here");
}
