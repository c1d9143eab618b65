import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { type GgufSpec, type GgufTensorSpec, ggufBytes } from "../../../test/support/models/gguf.ts";
import { readGgufHeader } from "./header.ts";

const read = (bytes: Uint8Array) =>
  readGgufHeader((offset, length) => bytes.subarray(offset, offset + length), bytes.length, "m.gguf");
const floats = (count: number, more: Partial<GgufTensorSpec> = {}): GgufTensorSpec => ({
  shape: [count],
  type: 0,
  data: new Uint8Array(4 * count),
  ...more,
});

test("every type of metadata and of tensor", () => {
  const bytes = readFileSync(new URL("../../../test/fixtures/gguf/every-type.gguf", import.meta.url));
  const { metadata, tensors, dataStart, version } = read(bytes);
  const values = Object.fromEntries([...metadata].filter(([key]) => key.startsWith("a.")));
  const list = (key: string) => {
    const value = values[key];
    return typeof value === "object" ? ("read" in value ? value.read() : [...value]) : undefined;
  };
  expect(values).toMatchObject({
    "a.u8": 200,
    "a.i8": -5,
    "a.u16": 60000,
    "a.i16": -3000,
    "a.u32": 4000000000,
    "a.i32": -7,
    "a.f32": 0.5,
    "a.bool": true,
    "a.text": "grüß",
    "a.u64": 2n ** 60n + 1n,
    "a.i64": -(2n ** 55n),
    "a.f64": 1e300,
  });
  expect(list("a.texts")).toEqual(["one", "", "three"]);
  expect(list("a.ints")).toEqual([3, 1, 2]);
  expect(list("a.floats")).toEqual([0.25, -1.5]);
  expect(list("a.bools")).toEqual([1, 0, 1]);
  expect([version, dataStart % 64]).toEqual([3, 0]);
  expect([...tensors.values()].map(({ type }) => type)).toEqual(
    ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"], // biome-ignore format: one line
  );
  expect([...tensors.values()].every(({ shape }) => shape.join() === "2,256")).toBe(true);
});

test("version 2 and other alignments are read", () => {
  const spec: GgufSpec = {
    version: 2,
    alignment: 128,
    metadata: [
      ["general.alignment", [4, 128]],
      ["n", [10, 7]],
    ],
    tensors: [
      ["a", floats(2)],
      ["b", floats(3)],
    ],
  };
  const { tensors, dataStart, metadata } = read(ggufBytes(spec));
  expect(dataStart % 128).toBe(0);
  expect(metadata.get("n")).toBe(7);
  expect(tensors.get("b")).toEqual({ type: "F32", shape: [3], offset: dataStart + 128, length: 12 });
});

describe("what is wrong is named with its place", () => {
  const one = (more: Partial<GgufTensorSpec>, spec: GgufSpec = {}) =>
    ggufBytes({ ...spec, tensors: [["t", floats(8, more)]] });
  const blocks = (type: number, width: number, bytes: number) =>
    one({ type, shape: [width], data: new Uint8Array(bytes) });
  const twice = (key: string): NonNullable<GgufSpec["metadata"]> => [
    [key, [4, 1]],
    [key, [4, 2]],
  ];
  const latin = (text: string) => new TextEncoder().encode(text.padEnd(600, "\n"));
  it.each<[string, Uint8Array, RegExp, code?: string]>([
    ["nothing", new Uint8Array(0), /is an empty file/],
    ["a pointer", latin("version https://git-lfs.github.com/spec/v1\noid sha256:0"), /Git LFS pointer/],
    ["a page", latin("<!doctype html><html>"), /is an HTML page/],
    ["a zip file", Uint8Array.from([0x50, 0x4b, 3, 4, ...new Uint8Array(60)]), /is a zip file/],
    ["safetensors", Uint8Array.from([64, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22]), /looks like a safetensors file/],
    ["another file", latin("hello"), /does not begin with GGUF/],
    ["version 1", ggufBytes({ version: 1 }), /is of version 1, 2 and 3 are read/, "unsupported"],
    ["version 4", ggufBytes({ version: 4 }), /is of version 4/, "unsupported"],
    ["big-endian", ggufBytes({ version: 0x03000000 }), /is a big-endian file/, "unsupported"],
    ["a short header", ggufBytes({ metadata: [["k", [8, "text"]]] }).subarray(0, 40), /ends inside|are left/],
    ["only its first bytes", ggufBytes({}).subarray(0, 10), /ends inside a number at byte 8/],
    ["too many tensors", ggufBytes({ counts: { tensors: 2n ** 40n } }), /1099511627776 tensors at byte 8/],
    ["too many keys", ggufBytes({ counts: { keys: 2n ** 63n } }), /9223372036854775808 keys at byte 16/],
    ["a key twice", ggufBytes({ metadata: twice("k") }), /key "k" is there twice/],
    ["an unknown type of value", ggufBytes({ metadata: [["k", [13, 0]]] }), /key "k": has the unknown type 13/],
    ["a list of lists", ggufBytes({ metadata: [["k", [9, 9, []]]] }), /key "k": is a list of lists/, "unsupported"],
    ["a list of nothing known", ggufBytes({ metadata: [["k", [9, 13, []]]] }), /elements of the unknown type 13/],
    ["a truth of 2", ggufBytes({ metadata: [["k", [7, 2]]] }), /holds 2 as a truth value/],
    ["truths of 2", ggufBytes({ metadata: [["k", [9, 7, [1, 2]]]] }), /holds 2 as a truth value/],
    ["alignment 0", ggufBytes({ metadata: [["general.alignment", [4, 0]]] }), /is 0, expected a power of two/],
    ["alignment 48", ggufBytes({ metadata: [["general.alignment", [4, 48]]] }), /is 48, expected a power of two/],
    ["alignment of text", ggufBytes({ metadata: [["general.alignment", [8, "x"]]] }), /is x, expected/],
    ["no axes", one({ shape: [] }), /tensor "t": has 0 axes/],
    ["five axes", one({ shape: [1, 1, 1, 1, 8] }), /tensor "t": has 5 axes/],
    ["axes beyond all numbers", one({ shape: [2 ** 40, 2 ** 40] }), /which is too large/],
    ["an axis of 0", one({ shape: [2 ** 40, 0] }), /tensor "t": has an axis of 0/],
    ["an axis beyond them", one({ shape: [2n ** 60n] }), /has an axis of 1152921504606846976/],
    ["a type not read", blocks(20, 32, 18), /tensor "t": is stored as IQ4_NL, which is not read here/, "unsupported"],
    ["an unknown type", blocks(77, 32, 18), /tensor "t": has the unknown type 77/],
    ["rows of half a block", blocks(12, 128, 72), /has rows of 128, Q4_K stores whole blocks of 256/],
    ["an odd place", one({ offset: 4 }), /tensor "t": begins at 4, no multiple of 32/],
    ["a place beyond numbers", one({ offset: 2n ** 62n }), /begins at 4611686018427387904/],
    ["a place past the end", one({ offset: 64 }), /tensor "t": ends at byte \d+, the file has/],
    ["data cut short", one({}).subarray(0, -8), /tensor "t": ends at byte/],
    ["a long name", ggufBytes({ tensors: [["n".repeat(64), floats(1)]] }), /name of tensor 0 is 64 bytes long/],
  ])("%s", (_, bytes, message, code = "corrupt_file") => {
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(message),
        where: expect.stringMatching(/^m\.gguf/),
      }),
    );
  });

  it("tensors of one name, and one over another", () => {
    const both = (second: string, offset: number) =>
      ggufBytes({
        tensors: [
          ["t", floats(16)],
          [second, floats(16, { offset })],
        ],
      });
    expect(() => read(both("t", 64))).toThrow(/tensor "t" is there twice/);
    expect(() => read(both("u", 32))).toThrow(/tensor "u": lies over tensor "t"/);
  });

  it("text that is none", () => {
    const bytes = ggufBytes({ metadata: [["k", [8, "abcd"]]] });
    bytes[bytes.indexOf(0x61)] = 0xff;
    expect(() => read(bytes)).toThrow(/is not UTF-8/);
  });
});
