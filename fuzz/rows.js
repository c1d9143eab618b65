/**
 * Files of rows for fuzzing, as `--input` reads them. A Parquet file's footer is a tree in Thrift's compact protocol:
 * it is read as one, things go wrong in the tree, and it is written again.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutate, mutateBytes, mutateList, oddNumbers } from "./mutate.js";

const kinds = {
  yes: 1,
  no: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};

/** Structs are lists of { id, type, value }, lists { type, items }; whole numbers are bigints. */
function readThrift(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length) => {
    at += length;
    return bytes.slice(at - length, at);
  };
  const read = (type) => {
    if (type === kinds.yes || type === kinds.no) return undefined;
    if (type === kinds.byte) return bytes[at++];
    if (type <= kinds.i64) return varint();
    if (type === kinds.double) return take(8);
    if (type === kinds.binary) return take(Number(varint()));
    if (type === kinds.list) {
      const head = bytes[at++];
      const length = head >> 4 === 15 ? Number(varint()) : head >> 4;
      return { type: head & 15, items: Array.from({ length }, () => read(head & 15)) };
    }
    const fields = [];
    for (let id = 0, head = bytes[at++]; head !== 0; head = bytes[at++]) {
      if (head >> 4 === 0) {
        const wide = varint();
        id = Number((wide >> 1n) ^ -(wide & 1n));
      } else id += head >> 4;
      fields.push({ id, type: head & 15, value: read(head & 15) });
    }
    return fields;
  };
  return read(kinds.struct);
}

function writeThrift(tree) {
  const out = [];
  const varint = (value) => {
    let rest = BigInt.asUintN(64, value);
    for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
  };
  const write = (type, value) => {
    if (type === kinds.yes || type === kinds.no) return;
    if (type === kinds.byte) out.push(value & 255);
    else if (type <= kinds.i64) varint(value);
    else if (type === kinds.double) out.push(...value);
    else if (type === kinds.binary) {
      varint(BigInt(value.length));
      out.push(...value);
    } else if (type === kinds.list) {
      out.push(0xf0 | value.type);
      varint(BigInt(value.items.length));
      for (const item of value.items) write(value.type, item);
    } else {
      for (const { id, type: held, value: inner } of value) {
        out.push(held);
        varint((BigInt(id) << 1n) ^ (BigInt(id) >> 63n));
        write(held, inner);
      }
      out.push(0);
    }
  };
  write(kinds.struct, tree);
  return Uint8Array.from(out);
}

/** Every list and field of a tree. */
function parts(fields, out) {
  out.lists.push(fields);
  for (const field of fields) {
    out.fields.push(field);
    if (field.type === kinds.struct) parts(field.value, out);
    if (field.type === kinds.list) {
      out.lists.push(field.value.items);
      if (field.value.type === kinds.struct) for (const item of field.value.items) parts(item, out);
    }
  }
  return out;
}

function mutateTree(tree, random) {
  const { lists, fields } = parts(tree, { lists: [], fields: [] });
  if (random.next() < 0.3) mutateList(random.pick(lists), random);
  else if (fields.length > 0) {
    const field = random.pick(fields);
    const odd = BigInt(Math.trunc(random.pick(oddNumbers)));
    // Whole numbers are written zigzag.
    const zigzag = (n) => (n << 1n) ^ (n >> 63n);
    if (field.type >= kinds.i16 && field.type <= kinds.i64) {
      field.value = random.next() < 0.5 ? zigzag(odd) : field.value + BigInt(random.pick([-4, -2, 2, 4]));
    } else if (field.type === kinds.binary) field.value = mutateBytes(field.value, random);
    else if (field.type === kinds.yes) field.type = kinds.no;
    else if (field.type === kinds.list && field.value.type >= kinds.i16 && field.value.type <= kinds.i64) {
      field.value.items = field.value.items.map((item) => (random.next() < 0.5 ? zigzag(odd) : item));
    } else field.id = random.below(16);
  }
}

const magic = [...new TextEncoder().encode("PAR1")];

function mutateParquet(seed, random) {
  const length = new DataView(seed.buffer, seed.byteOffset).getUint32(seed.length - 8, true);
  const footerAt = seed.length - 8 - length;
  const tree = readThrift(seed.subarray(footerAt, footerAt + length));
  let data = seed.subarray(0, footerAt);
  if (random.next() < 0.4) data = mutateBytes(data, random);
  if (random.next() < 0.7) for (let n = 1 + random.below(3); n > 0; n--) mutateTree(tree, random);
  const footer = writeThrift(tree);
  const claimed = random.next() < 0.03 ? random.pick(oddNumbers) >>> 0 : footer.length;
  return Uint8Array.from([...data, ...footer, ...new Uint8Array(Uint32Array.of(claimed).buffer), ...magic]);
}

/** Readers of the files that `--input` takes; `folder` is where a file is put for them. */
export function rowReaders({ readInput }, folder) {
  const read = (name) => async (input) => {
    writeFileSync(join(folder, name), input);
    await readInput(join(folder, name), { milliseconds: 400, megabytes: 48 });
  };
  const fixture = new URL("../test/fixtures/rows/prompts.parquet", import.meta.url);
  return [
    {
      name: "rows .parquet",
      seeds: [new Uint8Array(readFileSync(fixture))],
      mutate: mutateParquet,
      // The reader's thread may hold so much before it is ended.
      threadBytes: 64e6,
      read: read("rows.parquet"),
    },
    {
      name: "rows .csv",
      seeds: ['id,prompt\n1,"a ""quoted"" text, with a comma"\n2,b\n', "\ufeffprompt;target\r\na;b\r\n"],
      mutate: (seed, random) => mutateBytes(new TextEncoder().encode(seed), random),
      read: read("rows.csv"),
    },
    {
      name: "rows .jsonl",
      seeds: [JSON.stringify({ id: 1, prompt: "a", choices: ["b", "c"], tokens: [1, 2] })],
      mutate: (seed, random) => `${mutate(seed, random)}\n${seed}\n${mutate(seed, random)}`,
      read: read("rows.jsonl"),
    },
  ];
}
