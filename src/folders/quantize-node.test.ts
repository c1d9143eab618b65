/** Quantised folders: what they hold, what they answer, and that a run cut short goes on. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nanoAsNumbers } from "../../test/support/models/nano.ts";
import { float32 } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { createScope } from "../nn/scope.ts";
import { compile } from "../runtime/compile-node.ts";
import { int8Levels } from "../runtime/int8-node.ts";
import type { Scored } from "../text/model.ts";
import { openLanguageModel } from "../text/open-node.ts";
import { dequantized, joinQuantized, quantizer, splitQuantized } from "../weights/quantize.ts";
import { readStored } from "../weights/safetensors-node.ts";
import { isQuantized } from "../weights/weights.ts";
import { openModelFolder } from "./open-node.ts";
import { type QuantizeOptions, quantizeFolder } from "./quantize-node.ts";
import { writeModelFolder } from "./write-node.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-quantize-"));
afterAll(() => rmSync(place, { recursive: true }));

let nano: string;
beforeAll(async () => {
  nano = await nanoAsNumbers(join(place, "nano"));
});
const tiedT5: QuantizeOptions["choose"] = (name) => (name === "shared.weight" ? "int8" : "int4");

test.each(["int8", "int8_rows", "int4"] as const)("%s loses at most half a step of each weight", (format) => {
  const shapes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 }), fc.integer());
  fc.assert(
    fc.property(shapes, ([out, blocks, seed]) => {
      const width = 32 * blocks;
      const values = Float32Array.from({ length: out * width }, (_, i) => Math.sin(i * 12.9898 + seed) * (1 + (i % 7)));
      const work = quantizer(format, [out, width]);
      const cut = Math.floor(out / 2) * width;
      work.rows(values.subarray(0, cut));
      work.rows(values.subarray(cut));
      const { values: stored, scales, error } = work.finish();
      const back = dequantized(format, stored, scales).data as Float32Array;
      const steps = scales.data as Float32Array;
      const group = format === "int4" ? 32 : width;
      values.forEach((value, i) => {
        const step = Math.abs(steps[Math.floor(i / group)]!);
        // The positive end of 4 bits is one step short of the negative one.
        expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(step * (format === "int4" ? 1.001 : 0.501));
      });
      expect(error).toBeLessThan(format === "int4" ? 0.2 : 0.02);
    }),
    { seed: 3, numRuns: 30 },
  );
});

test("a product and a look-up over quantised weights equal those over the numbers they stand for", async () => {
  for (const format of ["int8", "int8_rows", "int4"] as const) {
    const [out, width] = [40, 64];
    const work = quantizer(format, [out, width]);
    work.rows(Float32Array.from({ length: out * width }, (_, i) => Math.sin(i * 7.7)));
    const { values, scales } = work.finish();
    const bytes = ({ data }: typeof values) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const weights = joinQuantized(
      new Map([
        [`w.${format}`, { dtype: values.dtype, shape: values.shape, data: bytes(values) }],
        ["w.scale", { dtype: "float32", shape: scales.shape, data: bytes(scales) }],
      ]),
      "here",
    );
    expect(weights.get("w")!.shape).toEqual([out, width]);
    const w = createScope().param("w", [out, width]);
    const x = input("x", "float32", ["rows", width]);
    const ids = input("ids", "int64", ["n"]);
    const y = o.matmul(x, w, { transB: true, alpha: 0.5 });
    const g = graph<string>(format === "int4" ? { y } : { y, top: o.gather(w, ids) });
    const numbers = readStored(weights.get("w")!);
    const real = new Map([["w", { ...numbers, data: bytes(numbers) }]]);
    // Rows of whole numbers, the most there can be in every block: rounding to 8 bits leaves them as they are.
    const most = format === "int8" ? await int8Levels(weights) : 127;
    const whole = (i: number) => (i % 32 === 0 ? most : ((i * 37) % (2 * most - 1)) - most + 1);
    const row = Float32Array.from({ length: 3 * width }, (_, i) => whole(i));
    const feeds = {
      x: float32([3, width], row),
      ...(format === "int4" ? {} : { ids: { dtype: "int64", shape: [2], data: BigInt64Array.of(39n, 0n) } as const }),
    };
    await using few = await compile(g, { weights, threads: 1 });
    await using many = await compile(g, { weights: real, threads: 1 });
    const [got, wanted] = [await few.run(feeds), await many.run(feeds)];
    for (const name of Object.keys(wanted)) {
      const [a, b] = [got[name]!.data, wanted[name]!.data] as [Float32Array, Float32Array];
      const scale = b.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
      a.forEach((v, i) => {
        expect(Math.abs(v - b[i]!)).toBeLessThanOrEqual(1e-5 * scale);
      });
    }
  }
});

test("rows of zeros stay zero, and a row's product is the same to the last bit in any batch", async () => {
  const [out, width] = [48, 96];
  const work = quantizer("int8", [out, width]);
  work.rows(Float32Array.from({ length: out * width }, (_, i) => Math.sin(i * 3.3)));
  const { values, scales } = work.finish();
  const bytes = ({ data }: typeof values) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const part = (array: typeof values) => ({ dtype: array.dtype, shape: array.shape, data: bytes(array) });
  const stored = new Map([
    ["w.int8", part(values)],
    ["w.scale", part(scales)],
  ]);
  const x = input("x", "float32", ["rows", width]);
  const y = o.matmul(x, createScope().param("w", [out, width]), { transB: true });
  await using program = await compile(graph({ y }), { weights: joinQuantized(stored, "here"), threads: 2 });
  const rows = 19;
  const data = Float32Array.from({ length: rows * width }, (_, i) => Math.cos(i * 1.7) * 10 ** (((i / width) % 5) | 0));
  data.fill(0, 2 * width, 3 * width);
  const all = (await program.run({ x: float32([rows, width], data) })).y.data as Float32Array;
  for (let row = 0; row < rows; row++) {
    const one = await program.run({ x: float32([1, width], data.slice(row * width, (row + 1) * width)) });
    expect(all.slice(row * out, (row + 1) * out)).toEqual(one.y.data);
  }
  expect([...all.slice(2 * out, 3 * out)].every((v) => v === 0)).toBe(true);
});

test("the embedded model in 8 and in 4 bits opens at once and answers; a row's answer does not depend on its batch", async () => {
  for (const bits of [8, 4] as const) {
    const out = join(place, `nano-${bits}`);
    const choose: QuantizeOptions["choose"] = bits === 8 ? () => "int8" : tiedT5;
    const { reports } = await quantizeFolder(openModelFolder(nano), { out, bits, choose });
    expect(reports.filter(({ format }) => format === "int8" || format === "int4").length).toBeGreaterThan(30);
    const folder = openModelFolder(out);
    expect(folder.config.quantization_config).toMatchObject({ bits, quant_method: "zeroth" });
    expect([...folder.weights.values()].some(isQuantized)).toBe(true);
    await using model = await openLanguageModel(out, { threads: 1 });
    const question = "Is this review positive or negative? A warm, funny film.";
    const { text } = await model.text.generate(question);
    expect(text).toBe("positive");
    const rows = [
      { prompt: question, choices: ["positive", "negative"] },
      { prompt: "What topic is this? Shares fell sharply on Tuesday.", choices: ["World", "Business"] },
    ];
    const scores = async (given: typeof rows) => {
      const [first] = await model.text.scoreAll(given);
      return (first as Scored).scores;
    };
    const [alone, among] = [await scores(rows.slice(0, 1)), await scores(rows)];
    alone.forEach((score, i) => {
      expect(among[i]).toBeCloseTo(score, 4);
    });
  }
});

test("an interrupted run goes on with the files it has finished and ends the same", async () => {
  const whole = join(place, "whole");
  const cut = join(place, "cut");
  const folder = openModelFolder(nano);
  const options = { bits: 4, choose: tiedT5, shardBytes: 100_000 } as const;
  await quantizeFolder(folder, { ...options, out: whole });
  let stops = 0;
  for (let tries = 0; !existsSync(join(cut, "config.json")); tries++) {
    const controller = new AbortController();
    let seen = 0;
    const run = quantizeFolder(folder, {
      ...options,
      out: cut,
      signal: controller.signal,
      onProgress: () => {
        if (++seen === 20 + 7 * tries) controller.abort();
      },
    });
    await run.catch((error) => {
      expect(error).toMatchObject({ code: "interrupted" });
      stops++;
    });
  }
  expect(stops).toBeGreaterThan(2);
  const [a, b] = [whole, cut].map((path) => splitQuantized(openModelFolder(path).weights));
  expect([...b!.keys()].sort()).toEqual([...a!.keys()].sort());
  for (const [name, stored] of a!) expect(readStored(b!.get(name)!).data).toEqual(readStored(stored).data);
  expect(JSON.parse(readFileSync(join(cut, "quantization.json"), "utf8"))).toEqual(
    JSON.parse(readFileSync(join(whole, "quantization.json"), "utf8")),
  );
  await expect(quantizeFolder(folder, { ...options, out: cut })).rejects.toMatchObject({ code: "bad_input" });
  await expect(quantizeFolder(openModelFolder(cut), { ...options, out: join(place, "twice") })).rejects.toThrow(
    /is in 4 bits already/,
  );
});

test("matrices that lose too much are kept in better formats, small tensors as they are", async () => {
  const source = join(place, "source");
  // One number a thousand times larger than the others leaves nothing of them in its row or block.
  const spoilt = Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 32 === 5 ? 1 : Math.sin(i) * 0.002));
  const rough = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i * 3.3));
  await writeModelFolder(source, {
    config: { model_type: "t5" },
    tensors: [
      [
        "spoilt",
        float32(
          [64, 64],
          spoilt.map((v, i) => (i % 64 === 5 ? 40 * v : v * 20)),
        ),
      ],
      ["fine", float32([64, 64], rough)],
      [
        "narrow",
        float32(
          [64, 70],
          Float32Array.from({ length: 64 * 70 }, (_, i) => Math.cos(i)),
        ),
      ],
      ["norm", float32([64], rough.slice(0, 64))],
    ],
  });
  const { reports } = await quantizeFolder(openModelFolder(source), {
    out: join(place, "few"),
    bits: 4,
    choose: () => "int4",
  });
  const formats = Object.fromEntries(reports.map(({ tensor, format }) => [tensor, format]));
  expect(formats).toMatchObject({ fine: "int4", narrow: "int8", norm: "as stored" });
});

test("parts that do not belong together are corrupt", () => {
  const part = (dtype: "int8" | "uint8" | "float32", shape: number[]) => ({ dtype, shape, data: new Uint8Array(0) });
  const joined = (entries: [string, ReturnType<typeof part>][]) => () => joinQuantized(new Map(entries), "file");
  expect(joined([["w.int8", part("int8", [4, 3])]])).toThrow(/"w.scale" is missing/);
  const wrong: ReturnType<typeof part>[][] = [
    [part("uint8", [4, 3]), part("float32", [3])],
    [part("int8", [4, 3]), part("float32", [4])],
    [part("int8", [4, 3]), part("int8", [3])],
    [part("int8", [4, 3, 1]), part("float32", [3])],
  ];
  for (const [values, scales] of wrong) {
    expect(
      joined([
        ["w.int8", values!],
        ["w.scale", scales!],
      ]),
    ).toThrow(/do not belong together/);
  }
  expect(
    joined([
      ["w.int4", part("uint8", [4, 2, 16])],
      ["w.scale", part("float32", [4, 3])],
    ]),
  ).toThrow(/together/);
});

test("4 bits are made of 8, nothing is made twice", async () => {
  const [eight, four] = [join(place, "nano-8"), join(place, "four-of-eight")];
  await quantizeFolder(openModelFolder(eight), { out: four, bits: 4, choose: tiedT5 });
  const made = openModelFolder(four).weights;
  const formats = [...made.values()].map((stored) => (isQuantized(stored) ? stored.format : stored.dtype));
  expect(formats.filter((format) => format === "int4").length).toBeGreaterThan(30);
  // The table stays byte for byte what it was.
  const table = (path: string) => splitQuantized(openModelFolder(path).weights).get("shared.weight.int8")!;
  expect(readStored(table(four)).data).toEqual(readStored(table(eight)).data);
  const again = (path: string, bits: 4 | 8) =>
    quantizeFolder(openModelFolder(path), { out: join(place, "again"), bits, choose: tiedT5 });
  await expect(again(eight, 8)).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringContaining("is in 8 bits already"),
  });
  await expect(again(four, 4)).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringContaining("is in 4 bits already"),
  });
  await expect(again(four, 8)).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringContaining("is in 4 bits already"),
  });
});

const square = (fill: (i: number) => number) =>
  float32(
    [64, 64],
    Float32Array.from({ length: 64 * 64 }, (_, i) => fill(i)),
  );

test("a tensor is written under the name that its family asks for, and two never under one", async () => {
  const source = join(place, "aliased");
  const config = { model_type: "t5" };
  await writeModelFolder(source, {
    config,
    tensors: [
      ["module.embed.weight", square(Math.sin)],
      ["module.norm.weight", float32([2], [1, 2])],
    ],
  });
  const nameOf = (name: string) => (name === "module.embed.weight" ? "shared.weight" : name.replace(/^module\./, ""));
  const out = join(place, "canonical");
  const options: QuantizeOptions = { out, bits: 8, choose: () => "int8", nameOf };
  const { reports } = await quantizeFolder(openModelFolder(source), options);
  expect(reports.map(({ tensor }) => tensor).sort()).toEqual(["norm.weight", "shared.weight"]);
  const { weights } = openModelFolder(out);
  expect([...weights.keys()].sort()).toEqual(["norm.weight", "shared.weight"]);
  expect(isQuantized(weights.get("shared.weight")!)).toBe(true);
  const folder = openModelFolder(source);
  const clash = quantizeFolder(folder, { ...options, out: join(place, "clash"), nameOf: () => "x" });
  await expect(clash).rejects.toMatchObject({
    code: "bad_input",
    message: expect.stringMatching(/"module\.\w+\.weight" and "module\.\w+\.weight" would both be written as "x"/),
  });
  // Dropped, it is in nobody's way.
  const choose = (name: string) => (name.includes("norm") ? "drop" : "int8") as "drop" | "int8";
  await quantizeFolder(folder, { ...options, out: join(place, "clash"), choose, nameOf: () => "x" });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("a matrix that holds %d is refused by its name", async (value) => {
  const source = join(place, `spoilt-${value}`);
  await writeModelFolder(source, {
    config: { model_type: "t5" },
    tensors: [["q.weight", square((i) => (i === 999 ? value : Math.sin(i)))]],
  });
  const run = quantizeFolder(openModelFolder(source), {
    out: join(place, `few-${value}`),
    bits: 8,
    choose: () => "int8",
  });
  await expect(run).rejects.toMatchObject({ code: "corrupt_file", message: `tensor "q.weight" holds ${value}` });
});

test("every file of a tokenizer goes along, whatever its kind", async () => {
  const source = join(place, "companions");
  await writeModelFolder(source, { config: { model_type: "t5" }, tensors: [["q.weight", square(Math.cos)]] });
  const kept = `spiece.model tokenizer.model added_tokens.json vocab.json vocab.txt merges.txt source.spm
    special_tokens_map.json tokenizer_config.json chat_template.jinja generation_config.json README.md`.split(/\s+/);
  for (const name of kept) writeFileSync(join(source, name), name.endsWith("config.json") ? "{}" : name);
  for (const name of ["notes.py", "training_args.bin"]) writeFileSync(join(source, name), "x");
  const out = join(place, "with-companions");
  const { files } = await quantizeFolder(openModelFolder(source), { out, bits: 8, choose: () => "int8" });
  expect(files).toEqual(expect.arrayContaining(kept));
  for (const name of kept) expect(readFileSync(join(out, name))).toEqual(readFileSync(join(source, name)));
  expect(existsSync(join(out, "notes.py")) || existsSync(join(out, "training_args.bin"))).toBe(false);
});

test.skipIf(process.platform === "win32")("into a deleted folder is refused and ends", () => {
  const gone = join(place, "gone");
  mkdirSync(gone);
  const module = (name: string) =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../dist/folders", name)).href);
  const script = `
    import { rmdirSync } from "node:fs";
    import { openModelFolder } from ${module("open-node.js")};
    import { quantizeFolder } from ${module("quantize-node.js")};
    const folder = openModelFolder(${JSON.stringify(join(place, "companions"))});
    rmdirSync(${JSON.stringify(gone)});
    await quantizeFolder(folder, { out: "out", bits: 8, choose: () => "int8" })
      .catch((error) => console.log(error.code, error.message));
  `;
  const options = { cwd: gone, encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" } as const;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], options);
  expect(stdout).toMatch(/^bad_input .*has been deleted\n$/);
});

test("whole floats of the configuration keep their points: other programs tell 6.0 from 6", async () => {
  const source = join(place, "floats");
  await writeModelFolder(source, { config: { model_type: "t5" }, tensors: [["q.weight", square(Math.cos)]] });
  writeFileSync(join(source, "config.json"), '{"model_type": "t5", "soft_cap": 6.0, "layers": 6}');
  const out = join(place, "floats-8");
  await quantizeFolder(openModelFolder(source), { out, bits: 8, choose: () => "int8" });
  expect(readFileSync(join(out, "config.json"), "utf8")).toMatch(/"soft_cap": 6\.0,\n {2}"layers": 6,\n/);
});
