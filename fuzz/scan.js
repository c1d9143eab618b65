/**
 * Files for `scan`: pickles in a row, arrays of NumPy's, pictures, zip files of all of these and of zip files, called
 * whatever files are called, with things wrong in them. Whatever a file is, it gets a verdict, and none that holds the
 * sentinel, a pickle that asks for a name, is called safe.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { mutateBytes, oddNumbers } from "./mutate.js";

const latin = (text) => Buffer.from(text, "latin1");
const little = (bytes, n) => {
  const big = BigInt.asUintN(8 * bytes, BigInt(Math.trunc(n)));
  return Buffer.from(Array.from({ length: bytes }, (_, i) => Number((big >> BigInt(8 * i)) & 255n)));
};

const sentinel = latin("\u0080\u0002cos\nsystem\n.");
const pickles = ["\u0080\u0002}.", "\u0080\u0002N.", "\u0080\u0004\u008c\u0001a\u0094.", "(S'x'\np0\n.", "}q\0."].map(
  latin,
);
const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }`.padEnd(117);
const npy = latin(`\u0093NUMPY\u0001\0v\0${header}\n12345678`);
const png = latin("\u0089PNG\r\n\u001a\n\0\0\0\u0001IDATx\0\0\0\0\0\0\0\0IEND\0\0\0\0");
const jpeg = latin("\u00ff\u00d8\u00ff\u00e0\0\u0004ab\u00ff\u00da\0\u0003c\u0001\u00ff\0\u0002\u00ff\u00d9");
const tensors = '{"a.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
const safetensors = Buffer.concat([little(8, tensors.length), latin(tensors), Buffer.alloc(4)]);
const json = latin(
  '{"weight_map":{"a":"m.safetensors"},"Regex":"a+","chat_template":"{{ x }}","class_name":["Dense"]}',
);
const texts = ["hello", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "<html></html>", ""].map(
  latin,
);

const names = ["a.pkl", "a.dat", "a.joblib", "a", "a.bin", "a.pt", "a.zip", "a.npz", "a.npy", "a.json", "a.keras", "a.h5", "a.png", "a.jpg", "a.webp", "README.md", "a.safetensors", "a.onnx", "spiece.model", "a.gz", "a.txt", "a.jinja", "data.pkl", "a.gguf"]; // biome-ignore format: a table

/** A zip file of these members, which now and then lies about one of them. */
export function zip(members, random) {
  const wrong = () => random.next() < 0.02;
  const number = (bytes, n) => little(bytes, wrong() ? random.pick(oddNumbers) : n);
  const parts = [];
  const directory = [];
  let at = 0;
  const push = (...more) => {
    for (const part of more) at += part.length;
    parts.push(...more);
  };
  for (const [name, plain] of members) {
    const packed = random.next() < 0.5;
    const data = packed ? deflateRawSync(plain) : plain;
    const method = packed ? 8 : 0;
    const place = at;
    const sizes = () => [little(4, 0), number(4, data.length), number(4, plain.length), number(2, name.length)];
    push(little(4, 0x04034b50), little(2, 20), number(2, 0), number(2, method), little(4, 0), ...sizes(), little(2, 0));
    push(latin(name), data);
    if (wrong()) push(random.pick([sentinel, latin("between")]));
    directory.push(little(4, 0x02014b50), little(2, wrong() ? 20 | 768 : 20), little(2, 20), number(2, 0));
    directory.push(number(2, method), little(4, 0), ...sizes(), little(2, 0), little(2, 0), little(4, 0));
    directory.push(number(4, wrong() ? 0xa0000000 : 0), number(4, place), latin(wrong() ? `../${name}` : name));
  }
  const whole = Buffer.concat(directory);
  const count = members.length;
  const end = [little(4, 0x06054b50), little(4, 0), number(2, count), number(2, count), number(4, whole.length)];
  return Buffer.concat([...parts, whole, ...end, number(4, at), little(2, 0)]);
}

function build(random, depth = 0) {
  switch (random.below(depth > 4 ? 6 : 9)) {
    case 0:
    case 1: {
      const row = Array.from({ length: 1 + random.below(4) }, () => random.pick(pickles));
      if (random.next() < 0.4) row.splice(random.below(row.length + 1), 0, sentinel);
      if (random.next() < 0.2) row.push(latin("rest"));
      return Buffer.concat(row);
    }
    case 2:
      return random.pick([npy, safetensors, json]);
    case 3:
      return Buffer.concat([random.pick([png, jpeg]), ...(random.next() < 0.3 ? [sentinel] : [])]);
    case 4:
      return random.pick(texts);
    case 5:
      return gzipSync(random.pick([...pickles, sentinel, npy]));
    default:
      return zip(
        Array.from({ length: random.below(4) }, (_, i) => [`${i}/${random.pick(names)}`, build(random, depth + 1)]),
        random,
      );
  }
}

/** The reader of whatever files a folder holds. */
export function scanReader({ scan }, place) {
  const folder = join(place, "scanned");
  return {
    name: "scan",
    seeds: [undefined],
    mutate(_, random) {
      let bytes = build(random);
      if (random.next() < 0.5) bytes = mutateBytes(bytes, random);
      return { name: random.pick(names), bytes: new Uint8Array(bytes) };
    },
    sizeOf: ({ bytes }) => bytes.length,
    // Members of archives are unpacked, up to 64 MB each.
    threadBytes: 64e6,
    read({ name, bytes }) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), bytes);
      const [row] = scan(folder);
      if (!["safe", "unsafe", "unknown"].includes(row?.verdict)) throw new Error(`no verdict: ${row?.verdict}`);
      if (row.verdict === "safe" && Buffer.from(bytes).includes(sentinel))
        throw new Error("the sentinel is called safe");
      if ((row.verdict === "safe") !== (row.findings.length === 0)) throw new Error("a finding without a verdict");
      // Counted as refused, as what other readers throw.
      if (row.verdict !== "safe") throw new ScanFinding(row.findings.join());
    },
    expected: (error) => error instanceof ScanFinding,
  };
}

class ScanFinding extends Error {}
