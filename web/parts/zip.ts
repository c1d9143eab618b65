/** A ZIP archive of files as they are, none compressed: what an adapter holds does not get smaller. */

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = table[(sum ^ byte) & 255]! ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** Numbers little-endian, each with its bytes. */
function numbers(...list: readonly (readonly [value: number, bytes: 2 | 4])[]): Uint8Array<ArrayBuffer> {
  const out = new DataView(new ArrayBuffer(list.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of list) {
    if (bytes === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(out.buffer);
}

/** 1980-01-01: the same files give the same archive. */
const firstDay = 0x21;
/** Names are UTF-8. */
const utf8 = 0x800;

/** PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16. */
export function zipOf(
  files: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[],
): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const entries: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  const size = (list: readonly Uint8Array[]) => list.reduce((sum, { length }) => sum + length, 0);
  for (const { name, bytes } of files) {
    const called = new TextEncoder().encode(name);
    const about = [
      ...([
        [20, 2],
        [utf8, 2],
        [0, 2],
        [0, 2],
        [firstDay, 2],
        [crc32(bytes), 4],
        [bytes.length, 4],
        [bytes.length, 4],
        [called.length, 2],
        [0, 2],
      ] as const),
    ];
    const local = [numbers([0x04034b50, 4], ...about), called, bytes];
    entries.push(numbers([0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), called);
    pieces.push(...local);
    at += size(local);
  }
  const count = files.length;
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size(entries), 4], [at, 4], [0, 2]);
  return [...pieces, ...entries, end];
}
