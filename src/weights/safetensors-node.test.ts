import { mkdtemp, readdir, readFile, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { float32, type NdArray, ndarray } from "../graph/array.ts";
import { dtypes } from "../graph/dtype.ts";
import {
  openSafetensors,
  readStored,
  readTensor,
  type SafetensorsFile,
  writeCheckpoint,
  writeSafetensors,
} from "./safetensors-node.ts";

const readTensors = (file: SafetensorsFile) =>
  new Map([...file.tensors].map(([name, stored]) => [name, readStored(stored)]));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zeroth-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors: [string, NdArray][] = [
  ["b", ndarray("int8", [3], Int8Array.of(1, -2, 3))],
  ["a", float32([2, 2], [1, 2, 3, 4])],
  ["__proto__", ndarray("bfloat16", [1], Uint16Array.of(0x3f80))],
  ["7", ndarray("int64", [], BigInt64Array.of(5n))],
  ["empty", float32([0, 4], [])],
];

describe("writing and reading", () => {
  test("gives back what was written, aligned, with metadata", async () => {
    const path = join(folder, "sub", "model.safetensors");
    await writeSafetensors(path, tensors, { format: "pt" });
    const file = openSafetensors(path);
    expect(file.metadata).toEqual(new Map([["format", "pt"]]));
    expect(readTensors(file)).toEqual(new Map(tensors));
    expect(readTensor(file, "a")).toEqual(tensors[1]![1]);
    for (const { offset, dtype } of file.tensors.values()) expect(offset % dtypes[dtype].bytes).toBe(0);
    expect(await readdir(join(folder, "sub"))).toEqual(["model.safetensors"]);
  });

  test("equal contents give equal files, whatever their order", async () => {
    await writeSafetensors(join(folder, "one"), tensors);
    await writeSafetensors(join(folder, "two"), [...tensors].reverse());
    expect(await readFile(join(folder, "one"))).toEqual(await readFile(join(folder, "two")));
  });

  test("shards when a file would be too large, with an index", async () => {
    const out = join(folder, "shards");
    const many = ["x", "y", "z"].map((name): [string, NdArray] => [name, float32([4], [1, 2, 3, 4])]);
    const written = await writeCheckpoint(out, many, { maxShardBytes: 32 });
    expect(written).toEqual([
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
    const index = JSON.parse(await readFile(join(out, written[2]!), "utf8"));
    expect(index).toEqual({
      metadata: { total_size: 48 },
      weight_map: { x: written[0], y: written[0], z: written[1] },
    });
    expect(await writeCheckpoint(join(folder, "whole"), many)).toEqual(["model.safetensors"]);
  });

  test("copies from file to file", async () => {
    const from = join(folder, "from");
    await writeSafetensors(from, tensors);
    await writeSafetensors(join(folder, "to"), openSafetensors(from).tensors);
    expect(await readFile(join(folder, "to"))).toEqual(await readFile(from));
  });

  test("the path is the real one", async () => {
    await writeSafetensors(join(folder, "real"), tensors);
    await symlink(join(folder, "real"), join(folder, "link"));
    expect(openSafetensors(join(folder, "link")).path).toBe(join(folder, "real"));
  });
});

describe("what goes wrong", () => {
  test("a missing file, a folder, a missing tensor, a file that shrank", async () => {
    expect(() => openSafetensors(join(folder, "none"))).toThrowError(expect.objectContaining({ code: "not_found" }));
    expect(() => openSafetensors(folder)).toThrowError(expect.objectContaining({ code: "bad_input" }));
    const path = join(folder, "shrinks");
    await writeSafetensors(path, tensors);
    const file = openSafetensors(path);
    expect(() => readTensor(file, "none")).toThrowError(expect.objectContaining({ code: "not_found" }));
    await truncate(path, 200);
    expect(() => readTensors(file)).toThrowError(expect.objectContaining({ code: "corrupt_file" }));
    expect(() => openSafetensors(path)).toThrowError(expect.objectContaining({ code: "corrupt_file" }));
  });

  test("a write that fails leaves the old file and nothing beside it", async () => {
    const path = join(folder, "kept", "file");
    await writeSafetensors(path, tensors);
    const before = await readFile(path);
    const source = join(folder, "source");
    await writeSafetensors(source, tensors);
    const stored = openSafetensors(source).tensors;
    await truncate(source, 300);
    await expect(writeSafetensors(path, stored)).rejects.toMatchObject({ code: "corrupt_file" });
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(join(folder, "kept"))).toEqual(["file"]);
  });

  test("names that come twice or are reserved are refused", async () => {
    const one = tensors[1]![1];
    const path = join(folder, "refused");
    await expect(
      writeSafetensors(path, [
        ["a", one],
        ["a", one],
      ]),
    ).rejects.toMatchObject({ code: "bad_input" });
    await expect(writeSafetensors(path, [["__metadata__", one]])).rejects.toMatchObject({ code: "bad_input" });
  });
});
