/**
 * torch files for fuzzing: a state dictionary as opcodes with things wrong in it, written as a pickle, laid into a zip
 * file or an older one whose records have things wrong in them, bytes wrong in that.
 */
import { readFileSync } from "node:fs";
import { mutateBytes, mutateList, oddNumbers } from "./mutate.js";

const encoder = new TextEncoder();
const ascii = (text) => [...encoder.encode(text)];
const little = (bytes, n) => {
  const big = BigInt.asUintN(8 * bytes, BigInt(Math.trunc(n)));
  return Array.from({ length: bytes }, (_, i) => Number((big >> BigInt(8 * i)) & 255n));
};
const text = (value) => [0x58, ...little(4, value.length), ...ascii(value)];
const int = (n) => (Math.abs(n) < 2 ** 31 ? [0x4a, ...little(4, n)] : [0x8a, 8, ...little(8, n)]);
const global = (module, name) => ascii(`c${module}\n${name}\n`);

const types = ["FloatStorage", "HalfStorage", "LongStorage", "BoolStorage", "DoubleStorage"];
const strange = [
  global("os", "system"),
  global("collections", "OrderedDict"),
  global("torch._utils", "_rebuild_tensor_v2"),
  global("torch", "FloatStorage"),
  [0x28],
  [0x29],
  [0x2e],
  [0x30],
  [0x31],
  [0x32],
  [0x4e],
  [0x51],
  [0x52],
  [0x5d],
  [0x61],
  [0x62],
  [0x65],
  [0x6c],
  [0x71, 0],
  [0x68, 0],
  [0x68, 3],
  [0x72, 255, 255, 255, 255],
  [0x6a, 0, 0, 0, 0],
  [0x73],
  [0x74],
  [0x75],
  [0x7d],
  [0x64],
  [0x80, 4],
  [0x81],
  [0x82, 1],
  [0x85],
  [0x86],
  [0x87],
  [0x88],
  [0x8a, 60],
  [0x8b, 255, 255, 255, 127],
  [0x8d, 0, 0, 0, 0, 0, 0, 0, 128],
  [0x8e, 4, 0, 0, 0, 0, 0, 0, 0],
  [0x92],
  [0x93],
  [0x94],
  [0x95, 4, 0, 0, 0, 0, 0, 0, 0],
  [0x96],
  [0x97],
  text("storage"),
  int(-1),
  int(2 ** 40),
  [0x47, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
];

/** Opcodes of a tensor over storage `key` of `elements`, as torch writes it. */
function tensor({ key, type, elements, offset, shape, strides }) {
  return [
    global("torch._utils", "_rebuild_tensor_v2"),
    [0x28],
    [0x28],
    text("storage"),
    global("torch", type),
    text(String(key)),
    text("cpu"),
    int(elements),
    [0x74],
    [0x51],
    int(offset),
    [0x28],
    ...shape.map(int),
    [0x74],
    [0x28],
    ...strides.map(int),
    [0x74],
    [0x89],
    global("collections", "OrderedDict"),
    [0x29],
    [0x52],
    [0x74],
    [0x52],
  ];
}

const pickle = (codes) => [0x80, 2, ...codes.flat(), 0x2e];

/** Codes with up to three things wrong. */
function damaged(codes, random) {
  const out = [...codes];
  for (let n = random.below(4); n > 0; n--) {
    if (random.next() < 0.6) mutateList(out, random);
    else out.splice(random.below(out.length + 1), random.below(2), random.pick(strange));
  }
  return out;
}

function record(i, random) {
  const rows = 1 + random.below(4);
  const [shape, strides] =
    random.next() < 0.3
      ? [
          [2, rows],
          [1, 2],
        ]
      : [
          [rows, 2],
          [2, 1],
        ];
  const it = { key: i, type: random.pick(types), elements: rows * 2, offset: 0, shape, strides };
  if (random.next() < 0.4) {
    const which = random.pick(["elements", "offset", "shape", "strides", "key"]);
    const odd = random.pick(oddNumbers);
    if (Array.isArray(it[which])) it[which] = it[which].map((n) => (random.next() < 0.5 ? odd : n));
    else it[which] = odd;
  }
  return it;
}

const width = { FloatStorage: 4, HalfStorage: 2, LongStorage: 8, BoolStorage: 1, DoubleStorage: 8 };

function zip(entries, random) {
  const wrong = () => random.next() < 0.02;
  const number = (bytes, n) => little(bytes, wrong() ? random.pick(oddNumbers) : n);
  const bytes = [];
  const directory = [];
  for (const { name, data } of entries) {
    const described = random.next() < 0.5;
    const flags = described ? 8 : 0;
    const offset = bytes.length;
    const sizes = described ? [0, 0] : [data.length, data.length];
    bytes.push(...little(4, 0x04034b50), ...little(2, 20), ...number(2, flags), ...number(2, 0), ...little(8, 0));
    bytes.push(
      ...sizes.flatMap((n) => number(4, n)),
      ...number(2, name.length),
      ...number(2, 0),
      ...ascii(name),
      ...data,
    );
    if (described)
      bytes.push(...little(4, 0x08074b50), ...little(4, 0), ...number(4, data.length), ...number(4, data.length));
    directory.push(...little(4, 0x02014b50), ...little(4, 20), ...number(2, flags), ...number(2, 0), ...little(8, 0));
    directory.push(...number(4, data.length), ...number(4, data.length), ...number(2, name.length), ...number(2, 0));
    directory.push(...little(10, 0), ...number(4, offset), ...ascii(wrong() ? `../${name.slice(3)}` : name));
  }
  const count = entries.length;
  const wide = random.next() < 0.5;
  const [length, at] = [directory.length, bytes.length];
  const records = wide
    ? [
        ...[...little(4, 0x06064b50), ...number(8, 44), ...little(4, 45), ...little(8, 0)],
        ...[count, count, length, at].flatMap((n) => number(8, n)),
        ...[...little(4, 0x07064b50), ...little(4, 0), ...number(8, at + length), ...little(4, 1)],
      ]
    : [];
  const end = [...little(4, 0x06054b50), ...number(4, 0), ...number(2, count), ...number(2, count)];
  return Uint8Array.from([...bytes, ...directory, ...records, ...end, ...number(4, length), ...number(4, at), 0, 0]);
}

function older(state, records, random) {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const keys = [[0x5d], [0x28], ...records.map(({ key }) => text(String(key))), [0x65]];
  const parts = [[magic], [int(1001)], [[0x7d]], state, random.next() < 0.2 ? damaged(keys, random) : keys];
  const data = records.flatMap(({ type, elements }) => {
    const count = Math.max(0, Math.min(64, elements));
    return [
      ...little(8, random.next() < 0.05 ? random.pick(oddNumbers) : count),
      ...Array(count * width[type]).fill(1),
    ];
  });
  return Uint8Array.from([...parts.flatMap(pickle), ...data]);
}

/** A file of torch's, with things wrong in half of them. */
export function builtTorch(random) {
  const records = Array.from({ length: 1 + random.below(3) }, (_, i) => record(i, random));
  const items = records.flatMap((it, i) => [text(`w${i}`), ...tensor(it)]);
  const plain = [[0x7d], [0x28], ...items, [0x75]];
  const state = random.next() < 0.5 ? damaged(plain, random) : plain;
  if (random.next() < 0.3) return older(state, records, random);
  const data = records.map(({ key, type, elements }) => ({
    name: `a/data/${key}`,
    data: Array(Math.max(0, Math.min(64, elements)) * width[type]).fill(1),
  }));
  const entries = [
    { name: "a/data.pkl", data: pickle(state) },
    { name: "a/byteorder", data: ascii("little") },
    ...data,
  ];
  if (random.next() < 0.1) mutateList(entries, random);
  return zip(entries, random);
}

const fixture = (name) => new Uint8Array(readFileSync(new URL(`../test/fixtures/torch/${name}`, import.meta.url)));

/** The reader of torch files. */
export function torchReader(readTorchFile) {
  return {
    name: "torch .bin",
    seeds: ["tensors.zip.bin", "tensors.legacy.bin", "nested.bin"].map(fixture),
    mutate(seed, random) {
      if (random.next() < 0.3) return mutateBytes(seed, random);
      const built = builtTorch(random);
      return random.next() < 0.1 ? mutateBytes(built, random) : built;
    },
    read(bytes) {
      const { tensors } = readTorchFile((at, length) => bytes.subarray(at, at + length), bytes.length, "fuzz.bin");
      for (const stored of tensors.values()) {
        if ("file" in stored && !(stored.offset >= 0 && stored.offset + stored.length <= bytes.length)) {
          throw new Error("a tensor outside the file");
        }
      }
    },
  };
}
