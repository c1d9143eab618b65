import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseFiles, lacking, matchesPattern } from "./choose.ts";
import { isSafeFilePath, type Listing } from "./listing.ts";

const listing = (...names: string[]): Listing => ({
  commit: "0".repeat(40),
  refused: [],
  files: names.map((name) => ({ name, bytes: 1, etag: "1".repeat(40), hash: "git-sha1" as const })),
});
const chosen = (...names: string[]) => chooseFiles(listing(...names), "acme/tiny").map(({ name }) => name);

describe("which files", () => {
  test("one format of weights: a single safetensors file, then shards, then PyTorch's", () => {
    const shards = [
      "model.safetensors.index.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
    ];
    const other = [
      "tf_model.h5",
      "flax_model.msgpack",
      "rust_model.ot",
      "model.onnx",
      "training_args.bin",
      "optimizer.pt",
    ];
    expect(chosen("config.json", "model.safetensors", "pytorch_model.bin", ...shards, ...other)).toEqual([
      "config.json",
      "model.safetensors",
    ]);
    expect(chosen("config.json", "pytorch_model.bin", ...shards, ...other)).toEqual(["config.json", ...shards]);
    expect(chosen("config.json", "pytorch_model.bin", ...other)).toEqual(["config.json", "pytorch_model.bin"]);
    expect(chosen("adapter_config.json", "adapter_model.safetensors", "README.md")).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "README.md",
    ]);
  });

  test("how sentence-transformers make vectors, with the layers behind the pooling", () => {
    const wanted = [
      ...["config.json", "model.safetensors", "modules.json", "sentence_bert_config.json"],
      ...["config_sentence_transformers.json", "1_Pooling/config.json", "2_Dense/config.json"],
      ...["2_Dense/model.safetensors", "2_Dense/pytorch_model.bin"],
    ];
    const other = [
      "onnx/model.onnx",
      "0_Transformer/model.safetensors",
      "2_Dense/notes.txt",
      "3_Extra/deep/config.json",
    ];
    expect(chosen(...wanted, ...other)).toEqual(wanted);
  });

  test("a repository with nothing to run says what it has", () => {
    expect(() => chosen("config.json", "model.gguf")).toThrowError(
      expect.objectContaining({ hint: expect.stringMatching(/model\.gguf/) }),
    );
    expect(() => chosen("model.safetensors")).toThrow(/holds no config\.json/);
    expect(() => chosen()).toThrow(/holds no weights/);
  });
});

describe("patterns", () => {
  test.each([
    ["*.json", "a/b.json", true],
    ["*.json", "b.json5", false],
    ["model-0000?-of-*", "model-00001-of-00002.safetensors", true],
    ["[a-c]*", "beta", true],
    ["[!a-c]*", "beta", false],
    ["[]]x", "]x", true],
    ["[x", "[x", true],
    ["", "", true],
    ["*", "", true],
    ["?", "", false],
    ["a*b*c", "axxbyybzc", true],
  ])("%s on %s", (pattern, name, fits) => expect(matchesPattern(name, pattern)).toBe(fits));

  test("as a regular expression would have it", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (name, glob) => {
        const expression = glob.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        expect(matchesPattern(name, glob)).toBe(new RegExp(`^${expression}$`).test(name));
      }),
      { numRuns: 2000 },
    );
  });

  test("stars without end take no time", () => {
    expect(matchesPattern("a".repeat(500), `${"*a".repeat(200)}b`)).toBe(false);
  });
});

test("names that may become paths", () => {
  for (const name of [
    "config.json",
    "onnx/model.onnx",
    ".gitattributes",
    "a b/c (1).txt",
    "größe.json",
    "1_Pooling/config.json",
  ]) {
    expect([name, isSafeFilePath(name)]).toEqual([name, true]);
  }
  const hostile = [
    "",
    ".",
    "..",
    "a/..",
    "../a",
    "/a",
    "a/",
    "a//b",
    "a\\b",
    "C:a",
    "a\n",
    "CON",
    "com1.txt",
    "a/nul",
    "a.",
    "a ",
  ];
  for (const name of [
    ...hostile,
    " a",
    "a\u202eb",
    "a\u0000",
    "e\u0301",
    "x".repeat(201),
    `${"a/".repeat(20)}a`,
    "a*",
    "%2e%2e/a",
    "$HOME",
    "a|b",
  ]) {
    expect([name, isSafeFilePath(name)]).toEqual([name, false]);
  }
});

test("what a snapshot lacks", () => {
  const lacks = (names: string[], shards: string[] | undefined = undefined, known: string[] = []) =>
    lacking(
      new Set(names),
      () => shards,
      (name) => known.includes(name),
    );
  expect(lacks(["config.json", "model.safetensors", "tokenizer.json"])).toBeUndefined();
  expect(lacks(["tokenizer.json"])).toBe("config.json");
  expect(lacks(["config.json", "tokenizer.json"])).toBe("weights");
  expect(lacks(["config.json", "pytorch_model.bin", "spiece.model"])).toBeUndefined();
  expect(lacks(["config.json", "model.safetensors"])).toBe("tokenizer.json");
  expect(lacks(["config.json", "model.safetensors"], undefined, ["tokenizer.json"])).toBeUndefined();
  const sharded = ["config.json", "vocab.txt", "model.safetensors.index.json", "a.safetensors"];
  expect(lacks(sharded, ["a.safetensors", "b.safetensors"])).toBe("b.safetensors");
  expect(lacks(sharded, ["a.safetensors"])).toBeUndefined();
  expect(lacks(sharded)).toBeUndefined();
  expect(lacks(["adapter_config.json"])).toBe("adapter_model.safetensors");
});
