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

/** What a table in text, a line of JSON or a template file is made of. */
const csvParts = ['"', '""', ",", ";", "\t", "\n", "\r", "\r\n", '"a', 'b"', "\ufeff", "é", "x".repeat(3000)];
const yamlParts = [
  ...["? ", "- ", ": ", "\n", "\n  ", "&a ", "*a ", "!x ", "!Template ", "|\n", ">\n", "[", "]", "{", "}", ","],
  ...['"', "'", "#", "---\n", "%YAML 1.1\n", "<<: *a", "y", "n", "1e3", "0x", "~", "\t", "@", "`"],
];

/** Texts with parts of their format put in, doubled, moved or repeated until they are deep or long. */
export const textMutation = (parts, repeats) => (seed, random) => {
  let text = seed;
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(text.length + 1);
    const part = random.pick(parts);
    const length = random.below(24);
    const middle = [
      () => part,
      () => part.repeat(random.next() < 0.2 ? random.below(repeats) : random.below(8)),
      () => text.slice(at, at + length).repeat(2),
      () => text.slice(random.below(text.length + 1)).slice(0, 80),
    ];
    text = text.slice(0, at) + random.pick(middle)() + text.slice(at + (random.next() < 0.5 ? length : 0));
  }
  const bytes = new TextEncoder().encode(text);
  return random.next() < 0.3 ? mutateBytes(bytes, random) : bytes;
};

/** Lines with values that are hard to read or to write, and bytes wrong in one of them. */
function mutateLines(seed, random) {
  const line = mutate(seed, random).replaceAll("\n", " ");
  const numbers = ["1.0", "1e999", "-0", "12345678901234567890", "NaN", "[".repeat(random.below(4000)), "\u2028"];
  const odd = seed.replace("1", random.pick(numbers));
  const bytes = new TextEncoder().encode(`${random.pick(["", "\ufeff"])}${line}\n${odd}\r\n${seed}\n`);
  return random.next() < 0.5 ? mutateBytes(bytes, random) : bytes;
}

const templates = `dataset: d
subset: s
templates:
  11111111-2222-4333-8444-555555555555: !Template
    answer_choices: yes ||| no
    id: 11111111-2222-4333-8444-555555555555
    jinja: "{{ text }} Good? ||| {{ answer_choices[label] }}"
    metadata: &m !TemplateMetadata
      choices_in_prompt: true
      languages: [en]
      metrics:
      - Accuracy
      original_task: on
    name: one
    reference: ''
`;

/** Readers of the files that rows and templates come from; `folder` is where a file is put for them. */
export function rowReaders({ openInput, openLines, parseTemplates }, folder) {
  const limits = { parquet: { milliseconds: 400, megabytes: 48 } };
  const stream = async (path) => {
    for await (const row of await openInput(path, limits)) if (row instanceof Error) throw row;
  };
  const byNumber = async (path) => {
    const data = await openLines(path);
    try {
      for (let i = 0; i < data.size; i++) await data.row(i);
    } finally {
      await data[Symbol.asyncDispose]();
    }
  };
  /** Both ways come to the same end. */
  const read = (name) => async (input) => {
    const path = join(folder, name);
    writeFileSync(path, input);
    if (name.endsWith(".parquet")) return stream(path);
    const [error, other] = await Promise.all([stream, byNumber].map((way) => way(path).catch((error) => error)));
    if (error?.code !== other?.code) throw new Error(`as a stream ${error}, by number ${other}`);
    if (error) throw error;
  };
  const fixture = (name) => new Uint8Array(readFileSync(new URL(`../test/fixtures/rows/${name}`, import.meta.url)));
  return [
    {
      name: "rows .parquet",
      seeds: ["prompts", "values", "groups", "int96", "codecs/zstd-1", "codecs/lz4-2", "codecs/brotli-1"].map((name) =>
        fixture(`${name}.parquet`),
      ),
      mutate: mutateParquet,
      read: read("rows.parquet"),
    },
    {
      name: "rows .csv",
      seeds: ['id,prompt\n1,"a ""quoted"" text, with a comma"\n2,b\n', "\ufeffprompt;target\r\na;b\r\n", "a,b\r1,2\r"],
      mutate: textMutation(csvParts, 300),
      read: read("rows.csv"),
    },
    {
      name: "rows .tsv",
      seeds: ['id\tprompt\n1\t"So, he said\n2\tb\n', 'a\tb\r\n"1\n2"\t"x"" y"\r\n'],
      mutate: textMutation(csvParts, 300),
      read: read("rows.tsv"),
    },
    {
      name: "rows .jsonl",
      seeds: [JSON.stringify({ id: 1, prompt: "a", choices: ["b", "c"], tokens: [1, 2] })],
      mutate: mutateLines,
      read: read("rows.jsonl"),
    },
    {
      name: "templates .yaml",
      seeds: [templates, templates.replaceAll("  ", "   ").replace("[en]", "[en, {a: b}]")],
      mutate: textMutation(yamlParts, 20_000),
      read: (bytes) => void parseTemplates(new TextDecoder().decode(bytes), "fuzz.yaml"),
    },
  ];
}
