import { describe, expect, it } from "vitest";
import { ZerothError } from "../errors.ts";
import { float32, int64, type NdArray } from "../graph/array.ts";
import { encodeSafetensorsHeader, parseSafetensorsHeader } from "./safetensors.ts";

function file(json: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const text = typeof json === "string" ? new TextEncoder().encode(json) : json;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A whole file: the header of `tensors`, their bytes in its order. */
function encode(tensors: [string, NdArray][], metadata?: Record<string, string>): Uint8Array {
  const header = encodeSafetensorsHeader(tensors, metadata);
  const data = new Map(tensors.map(([name, { data }]) => [name, data]));
  const parts = [...header.tensors.keys()].map((name) => Buffer.from(data.get(name)!.buffer as ArrayBuffer));
  const bytes = Buffer.concat([header.bytes, ...parts]);
  expect(bytes.length).toBe(header.fileSize);
  return bytes;
}

const parse = (bytes: Uint8Array) => parseSafetensorsHeader(bytes, bytes.length, "x.safetensors");
const entry = (fields: string) => `{"a":{${fields}}}`;
const good = '"dtype":"F32","shape":[2],"data_offsets":[0,8]';
const at = (name: string, begin: number, end: number) =>
  `"${name}":{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;

const bad: [name: string, bytes: Uint8Array, rule: RegExp, tensor?: string][] = [
  ["empty file", new Uint8Array(0), /is an empty file/],
  [
    "a Git LFS pointer",
    new TextEncoder().encode(`version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`),
    /is a Git LFS pointer, the file was not fetched/,
  ],
  ["a page", new TextEncoder().encode("<!DOCTYPE html><html></html>"), /is an HTML page/],
  ["a zip file", Uint8Array.from([0x50, 0x4b, 3, 4, ...Array(30).fill(0)]), /is a zip file/],
  ["seven bytes", new Uint8Array(7), /too short/],
  ["length longer than the file", file("{}", 0, 50n), /does not fit/],
  ["length 2^63", file("{}", 0, 1n << 63n), /larger than the format allows/],
  ["length 100 MB + 1", file("{}", 0, 100_000_001n), /larger than the format allows/],
  ["length zero", file("", 0), /cannot hold/],
  ["not UTF-8", file(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not valid UTF-8/],
  ["array", file("[1]"), /does not start with \{/],
  ["space first", file(" {}"), /does not start with \{/],
  ["byte order mark first", file("\ufeff{}"), /does not start with \{/],
  ["broken JSON", file('{"a":'), /not valid JSON/],
  ["text after the object", file("{} x"), /not valid JSON/],
  ["deep nesting", file(`{"a":${"[".repeat(50_000)}`), /nested 50001 deep/],
  ["repeated tensor", file(`{${at("a", 0, 4)},${at("a", 0, 4)}}`, 4), /"a" appears twice/],
  ["repeated tensor, escaped", file(`{${at("a", 0, 4)},${at("\\u0061", 0, 4)}}`, 4), /"a" appears twice/],
  ["repeated field", file(entry(`${good},"dtype":"F32"`), 8), /"dtype" appears twice/],
  ["repeated metadata key", file('{"__metadata__":{"k":"1","k":"2"}}'), /"k" appears twice/],
  ["entry is a number", file('{"a":1}'), /entry must be an object/, "a"],
  ["entry is null", file('{"a":null}'), /entry must be an object/, "a"],
  ["no dtype", file(entry('"shape":[2],"data_offsets":[0,8]'), 8), /dtype must be a string/, "a"],
  ["unknown dtype", file(entry('"dtype":"F33","shape":[2],"data_offsets":[0,8]'), 8), /unknown dtype "F33"/, "a"],
  ["no shape", file(entry('"dtype":"F32","data_offsets":[0,8]'), 8), /shape must be an array/, "a"],
  [
    "negative shape",
    file(entry('"dtype":"F32","shape":[-2],"data_offsets":[0,8]'), 8),
    /shape must hold integers/,
    "a",
  ],
  ["shape of text", file(entry('"dtype":"F32","shape":["2"],"data_offsets":[0,8]'), 8), /got "2"/, "a"],
  ["negative offset", file(entry('"dtype":"F32","shape":[2],"data_offsets":[-8,0]'), 8), /data_offsets must hold/, "a"],
  ["fraction", file(entry('"dtype":"F32","shape":[2],"data_offsets":[0.5,8]'), 8), /data_offsets must hold/, "a"],
  ["1.0", file(entry('"dtype":"F32","shape":[2],"data_offsets":[0.0,8]'), 8), /plain non-negative integers/],
  ["8e0", file(entry('"dtype":"F32","shape":[2],"data_offsets":[0,8e0]'), 8), /plain non-negative integers/],
  ["2^53", file(entry('"dtype":"F32","shape":[2],"data_offsets":[0,9007199254740992]'), 8), /integers from 0/, "a"],
  ["three offsets", file(entry('"dtype":"F32","shape":[2],"data_offsets":[0,8,8]'), 8), /got \[0, 8, 8\]/, "a"],
  ["backwards", file(entry('"dtype":"F32","shape":[2],"data_offsets":[8,0]'), 8), /run backwards/, "a"],
  ["end outside", file(entry('"dtype":"F32","shape":[4],"data_offsets":[0,16]'), 8), /holds 8 bytes/, "a"],
  ["wrong size", file(entry('"dtype":"F32","shape":[3],"data_offsets":[0,8]'), 8), /takes 12 bytes/, "a"],
  [
    "overflow",
    file(entry('"dtype":"F64","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]'), 8),
    /shape overflows/,
    "a",
  ],
  ["overlap", file(`{${at("a", 0, 4)},${at("b", 2, 6)}}`, 6), /overlaps/, "b"],
  ["same place twice", file(`{${at("a", 0, 4)},${at("b", 0, 4)}}`, 4), /overlaps/, "b"],
  ["hole", file(`{${at("a", 0, 4)},${at("b", 6, 8)}}`, 8), /leaves a hole/, "b"],
  ["hole at the start", file(`{${at("a", 2, 4)}}`, 4), /leaves a hole/, "a"],
  ["tail", file(`{${at("a", 0, 4)}}`, 6), /2 bytes after the last tensor/],
  ["data without tensors", file("{}", 1), /1 bytes after/],
  ["unknown key", file(entry(`${good},"x":1`), 8), /unknown key "x"/, "a"],
  ["metadata array", file('{"__metadata__":[]}'), /must be an object/],
  ["metadata number", file('{"__metadata__":{"k":1}}'), /must be a string/],
  ["metadata null", file('{"__metadata__":null}'), /must be an object/],
  ["__proto__ not a tensor", file('{"__proto__":{"polluted":1}}'), /dtype must be a string/, "__proto__"],
];

it("a header whose length looks like the beginning of a zip file is read", () => {
  const bytes = file(" ".repeat(0x04034b50).replace(/^ /, "{").replace(/ $/, "}"));
  expect([...bytes.subarray(0, 4)]).toEqual([0x50, 0x4b, 3, 4]);
  expect(parse(bytes).tensors.size).toBe(0);
});

describe("bad files", () => {
  it.each(bad)("%s", (_, bytes, rule, tensor) => {
    let error: unknown;
    try {
      parse(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ZerothError);
    expect(error).toMatchObject({ code: "corrupt_file", message: expect.stringMatching(rule) });
    expect((error as ZerothError).where).toContain("x.safetensors");
    if (tensor) expect((error as ZerothError).where).toContain(`tensor "${tensor}"`);
  });

  it("says unsupported for types of the format that are not computed with", () => {
    const bytes = file(entry('"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]'), 2);
    expect(() => parse(bytes)).toThrowError(expect.objectContaining({ code: "unsupported" }));
  });

  it("says so when the prefix is shorter than the header", () => {
    expect(() => parseSafetensorsHeader(file(entry(good), 8).subarray(0, 20), 1000, "x")).toThrow(/only 12 were read/);
  });
});

describe("good files", () => {
  it("gives absolute offsets, in file order, with padding, metadata, empty tensors and odd names", () => {
    const json = `{"__metadata__":{"a":"\\"{:}"},${at("b", 4, 6)},${at("__proto__", 0, 4)},"e":{"dtype":"F16","shape":[0,3],"data_offsets":[4,4]},"s":{"dtype":"U8","shape":[],"data_offsets":[6,7]}}   `;
    const { tensors, metadata, dataStart } = parse(file(json, 7));
    expect([...tensors.keys()]).toEqual(["__proto__", "e", "b", "s"]);
    expect(tensors.get("b")).toEqual({ dtype: "uint8", shape: [2], begin: dataStart + 4, end: dataStart + 6 });
    expect(metadata.get("a")).toBe('"{:}');
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it("writes what it reads: wide types first, then names, aligned", () => {
    const tensors: [string, NdArray][] = [
      ["z", float32([2], [1, 2])],
      ["a", { dtype: "bool", shape: [1], data: new Uint8Array([1]) }],
      ["m", int64([1], [7])],
      ["b", { dtype: "bfloat16", shape: [3], data: new Uint16Array([1, 2, 3]) }],
      ["y", float32([1], [3])],
    ];
    const bytes = encode(tensors, { format: "pt" });
    const read = parse(bytes);
    expect([...read.tensors.keys()]).toEqual(["m", "y", "z", "b", "a"]);
    expect(read.dataStart % 8).toBe(0);
    expect(read.metadata.get("format")).toBe("pt");
    for (const { begin, dtype } of read.tensors.values()) expect(begin % (dtype === "int64" ? 8 : 1)).toBe(0);
    expect(() => encodeSafetensorsHeader([tensors[0]!, tensors[0]!])).toThrow(/given twice/);
    expect(() => encodeSafetensorsHeader([["__metadata__", tensors[0]![1]]])).toThrow(/reserved/);
  });

  it("reads the header of 16,000 tensors", () => {
    const tensors = Array.from({ length: 16_000 }, (_, i): [string, NdArray] => [
      `encoder.block.${i}.layer.0.SelfAttention.q.weight`,
      float32([1, 1], [i]),
    ]);
    const bytes = encode(tensors);
    expect(parse(bytes).tensors.size).toBe(16_000);
  });
});
