/** Zip files, true ones and ones that lie about themselves. */
import { ascii, calls, int, pickle, stateOf, storage, tensor, text, u16, u32, u64 } from "./codes.ts";

export interface Entry {
  name: string;
  data: ArrayLike<number>;
  /** What the entry's own header says, where that differs. */
  local?: string;
  method?: number;
  flags?: number;
  localFlags?: number;
  localSize?: number;
  plain?: number;
  localPlain?: number;
  /** The mode of a file on Unix. */
  mode?: number;
  at?: number;
  /** What follows the data; flag bit 3 says that something does. */
  after?: readonly number[];
  extra?: readonly number[];
}

export interface ZipLies {
  before?: readonly number[];
  after?: readonly number[];
  /** Between the directory and its end record. */
  within?: readonly number[];
  comment?: string;
  count?: number;
  length?: number;
  offset?: number;
  disk?: number;
}

/** A zip file of these entries, each as it wants to be seen. */
export function zip(entries: readonly Entry[], lies: ZipLies = {}): Uint8Array {
  // Too long to be spread into a call, which a few of these files would be.
  let bytes = Buffer.from(lies.before ?? []);
  const push = (...parts: ArrayLike<number>[]) => {
    bytes = Buffer.concat([bytes, ...parts.map((part) => Buffer.from(part as number[]))]);
  };
  const directory: number[] = [];
  for (const entry of entries) {
    const { name, data, local = name, method = 0, flags = 0, plain = data.length, extra = [] } = entry;
    const offset = entry.at ?? bytes.length;
    const own = entry.localSize ?? data.length;
    const head = (flag: number) => [...u16(20), ...u16(flag), ...u16(method), ...u32(0), ...u32(0)];
    push(u32(0x04034b50), head(entry.localFlags ?? flags), u32(own), u32(entry.localPlain ?? own));
    push(u16(ascii(local).length), u16(0), ascii(local), data, entry.after ?? []);
    const { mode } = entry;
    const madeBy = mode === undefined ? 20 : 20 | (3 << 8);
    directory.push(...u32(0x02014b50), ...u16(madeBy), ...head(flags), ...u32(data.length), ...u32(plain));
    directory.push(...u16(ascii(name).length), ...u16(extra.length), ...Array(6).fill(0));
    directory.push(...u32((mode ?? 0) * 65536), ...u32(offset));
    directory.push(...ascii(name), ...extra);
  }
  const count = lies.count ?? entries.length;
  const end = [...u32(0x06054b50), ...u16(lies.disk ?? 0), ...u16(0), ...u16(count), ...u16(count)];
  const comment = ascii(lies.comment ?? "");
  const place = [...u32(lies.length ?? directory.length), ...u32(lies.offset ?? bytes.length)];
  const tail = [...end, ...place, ...u16(comment.length), ...comment, ...(lies.after ?? [])];
  push(directory, lies.within ?? [], tail);
  return new Uint8Array(bytes);
}

/** A torch file of one pickle and its storages. */
export const torchZip = (
  state: Uint8Array,
  storages: Readonly<Record<string, ArrayLike<number>>> = {},
  more: readonly Entry[] = [],
) =>
  zip([
    { name: "a/data.pkl", data: state },
    ...Object.entries(storages).map(([key, data]) => ({ name: `a/data/${key}`, data })),
    ...more,
  ]);

export const sixteen = Array<number>(16).fill(0);
const lying = (value: number[], data: number[] = sixteen) => torchZip(stateOf(value), { "0": data });

/** The records of 64 bits that stand before the end of a zip file. */
const wideRecords = (count: number, length: number, offset: number, at: number) => [
  ...u32(0x06064b50),
  ...u64(44n),
  ...u16(45),
  ...u16(45),
  ...u32(0),
  ...u32(0),
  ...[count, count, length, offset].flatMap((n) => u64(BigInt(n))),
  ...[...u32(0x07064b50), ...u32(0), ...u64(BigInt(at)), ...u32(1)],
];

const empty = [...pickle([0x7d])];
const one: Entry = { name: "a/data.pkl", data: empty };
const descriptor = (size: number) => [...u32(0x08074b50), ...u32(0), ...u32(size), ...u32(size)];
const whole = zip([one]);
const directoryLength = 46 + one.name.length;
const directoryAt = whole.length - 22 - directoryLength;

export const hostileZips: Readonly<Record<string, [bytes: Uint8Array, message: RegExp]>> = {
  "no pickle": [zip([{ name: "a/data/0", data: [1] }]), /one data.pkl, this one 0/],
  "two pickles": [zip(["a/data.pkl", "b/data.pkl"].map((name) => ({ name, data: empty }))), /this one 2/],
  "one name twice": [zip([one, one]), /two entries are called "a\/data.pkl"/],
  "another name inside": [zip([{ ...one, local: "a/evil.pkl" }]), /something else at its own place/],
  "a way up": [zip([{ ...one, name: "../data.pkl" }]), /leads out/],
  "a way up within": [zip([{ ...one, name: "a/../../data.pkl" }]), /leads out/],
  "an absolute name": [zip([{ ...one, name: "/etc/data.pkl" }]), /leads out/],
  "a drive": [zip([{ ...one, name: "C:data.pkl" }]), /leads out/],
  "a backslash": [zip([{ ...one, name: "..\\data.pkl" }]), /leads out/],
  "a NUL in a name": [zip([{ ...one, name: "a\0/data.pkl" }]), /leads out/],
  "no name": [zip([{ ...one, name: "" }]), /leads out/],
  compressed: [zip([{ ...one, method: 8 }]), /is compressed/],
  "compressed in another way": [zip([{ ...one, method: 99 }]), /is compressed/],
  "a ratio of a million": [zip([{ ...one, method: 8, plain: 10_000_000 }]), /is compressed/],
  "stored, and larger when unpacked": [zip([{ ...one, plain: 0xfffffff0 }]), /is compressed/],
  encrypted: [zip([{ ...one, flags: 1 }]), /is encrypted/],
  "encrypted strongly": [zip([{ ...one, flags: 1 << 6 }]), /is encrypted/],
  "a masked header": [zip([{ ...one, flags: 1 << 13 }]), /is encrypted/],
  "flags of a patch": [zip([{ ...one, flags: 1 << 5 }]), /flags that torch does not write/],
  "encrypted at its own place only": [zip([{ ...one, localFlags: 1 }]), /something else at its own place/],
  "another size at its own place": [zip([{ ...one, localSize: 3 }]), /other sizes at its own place/],
  "a descriptor that lies": [zip([{ ...one, flags: 8, after: descriptor(3) }]), /other sizes at its own place/],
  "a descriptor that is missing": [zip([{ ...one, flags: 8 }]), /other sizes at its own place/],
  "a large size that is missing": [zip([{ ...one, plain: 0xffffffff }]), /lacks its large size/],
  "a large size beyond the file": [
    zip([{ ...one, plain: 0xffffffff, extra: [...u16(1), ...u16(8), ...u64(1n << 62n)] }]),
    /is compressed/,
  ],
  overlapping: [zip([one, { name: "a/data.pkl2", data: empty, at: 0 }]), /something else at its own place/],
  "entries within an entry": [
    zip([
      { name: "a/x", data: [...zip([one])] },
      { ...one, at: 30 + 3 },
    ]),
    /overlap/,
  ],
  "an entry beyond the file": [zip([{ ...one, at: 0x7fffffff }]), /lies outside the file/],
  "65,534 entries that are not there": [zip([one], { count: 65534 }), /directory of 65534 entries/],
  "fewer entries than there are": [zip([one, { ...one, name: "b" }], { count: 1 }), /more than its entries/],
  "a directory elsewhere": [zip([one], { offset: 0 }), /does not end where/],
  "a directory of 2 GiB": [zip([one], { length: 0x7fffffff }), /does not end where/],
  "a part of several": [zip([one], { disk: 1 }), /one part of a zip file/],
  "something before": [zip([one], { before: ascii("PK..") }), /no dictionary/],
  "something between directory and end": [zip([one], { within: [0, 0] }), /does not end where/],
  "something after": [zip([one], { after: [0] }), /something follows/],
  "a comment": [zip([one], { comment: "hello" }), /something follows/],
  "an end within a comment": [zip([one], { comment: String.fromCharCode(...zip([])) }), /does not end where/],
  "a large directory that is missing": [
    zip([one], { within: [...u32(0x07064b50), ...u32(0), ...u64(1n << 60n), ...u32(1)] }),
    /large directory of the zip file is not where/,
  ],
  "a large directory that disagrees": [
    zip([one], { within: wideRecords(7, directoryLength, directoryAt, directoryAt + directoryLength) }),
    /disagree/,
  ],
  "a large directory of 2^60 entries": [
    zip([one], {
      count: 0xffff,
      within: wideRecords(2 ** 52, directoryLength, directoryAt, directoryAt + directoryLength),
    }),
    /a zip directory of 4503599627370496 entries/,
  ],
  "something after the pickle": [zip([{ ...one, data: [...empty, 0x63] }]), /follows the pickle/],
  "a second pickle after the first": [
    zip([{ ...one, data: [...empty, ...calls("os", "system")] }]),
    /follows the pickle/,
  ],
  "a pickle in a pickle": [
    torchZip(pickle([0x43, 30], [...calls("os", "system")], Array(30 - calls("os", "system").length).fill(0))),
    /no dictionary of tensors/,
  ],
  "no tensors": [whole, /no dictionary of tensors/],
  "cut short": [whole.slice(0, -5), /cut short/],
  "nothing but an end": [zip([]), /one data.pkl, this one 0/],
  "big-endian numbers": [zip([one, { name: "a/byteorder", data: ascii("big") }]), /big-endian/],
  "a tensor larger than its storage": [lying(tensor(int(0), [int(5)], [int(1)])), /beyond its storage/],
  "a tensor that begins after its storage": [lying(tensor(int(4), [int(1)], [int(1)])), /beyond its storage/],
  "a stride that leads out": [lying(tensor(int(0), [int(2), int(2)], [int(3), int(1)])), /beyond its storage/],
  "a size whose product overflows": [
    lying(tensor(int(0), Array(3).fill(int(2 ** 30)), [int(0), int(0), int(0)])),
    /has the shape/,
  ],
  "a quarter of a gibibyte from one number": [lying(tensor(int(0), [int(2 ** 26)], [int(0)])), /more than once/],
  "a window that overlaps itself": [lying(tensor(int(0), [int(3), int(3)], [int(1), int(0)])), /more than once/],
  "a storage larger than its entry": [lying(tensor(int(0), [int(4)], [int(1)], storage("0", int(5)))), /beyond/],
  "a storage that is not there": [lying(tensor(int(0), [int(4)], [int(1)], storage("9"))), /storage "9" is missing/],
  "a storage called ../../x": [
    lying(tensor(int(0), [int(4)], [int(1)], storage("../../x"))),
    /storage "..\/..\/x" is missing/,
  ],
  "one storage put in order many times": [
    torchZip(
      pickle(
        [0x7d, 0x28],
        ...Array.from({ length: 200 }, (_, i) => [
          ...text(`w${i}`),
          ...tensor(int(0), [int(2), int(500)], [int(1), int(2)], storage("0", int(1000))),
        ]),
        [0x75],
      ),
      { "0": new Uint8Array(4000) },
    ),
    /stored out of order and too large/,
  ],
};
