/** Memory, bounds and verdicts: the figures that were worked out by hand, and what quantising really writes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nanoAsNumbers } from "../../test/support/models/nano.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { quantizeFolder } from "../folders/quantize-node.ts";
import { readModel } from "../models/families.ts";
import { formatsOf } from "../models/kinds/formats.ts";
import { storedBytes } from "../weights/quantize.ts";
import { findKnown, knownModels } from "./known.ts";
import { parseMachine } from "./machine.ts";
import { openSubject } from "./open-node.ts";
import { landmarks, type PlanOptions, planModel, type Subject } from "./plan.ts";
import { weightBytes } from "./precision.ts";
import { touched } from "./roofline.ts";
import type { Shape } from "./shapes.ts";
import { tensorsOf } from "./tensors.ts";

const named = (name: string): Subject => {
  const known = findKnown(name)!;
  return { name, architecture: known.shape!.family, known, shape: known.shape! };
};
const plan = (name: string, options: PlanOptions = {}) => planModel(named(name), options);
const small = parseMachine("24GB,46GB/s");
const gb = (bytes: number) => Number((bytes / 1e9).toFixed(1));

describe("T0 11B on 24 GB and 46 GB/s", () => {
  const planned = plan("bigscience/T0", { input: 1, output: 1, machine: small });

  test("44.5 GB in fp32 are too many, 22.3 in 16 bits and 11.1 in 8 are not", () => {
    expect([planned.bytes!.fp32, planned.bytes!.bf16, planned.bytes!.int8].map(gb)).toEqual([44.5, 22.3, 11.1]);
    expect(planned.verdict).toEqual({ verdict: "fits_quantised", dtype: "fp32", largest: "bf16" });
    const less = { ...small, memory: 16e9 };
    expect(plan("t0", { machine: less }).verdict!.largest).toBe("int8");
    expect(plan("t0", { machine: less, dtype: "int8" }).verdict!.verdict).toBe("fits");
    expect(plan("t0", { machine: { ...small, memory: 6e9 } }).verdict!.verdict).toBe("does_not_fit");
  });

  test("in blocks with scales of 16 bits: 11.8 GB, 5.9 of them for each output token, at most 7.8 tokens/s", () => {
    expect(gb(planned.bytes!.q8)).toBe(11.8);
    const { output } = planned.speeds!.q8;
    expect(gb(output!.bytes)).toBe(5.9);
    expect(output!.rate.toFixed(1)).toBe("7.8");
    expect(output!.bound).toBe("bandwidth");
  });

  test("the caches of 512 input tokens are read as well: fewer than 7.8 tokens/s in 8 bits by column", () => {
    const { speeds, inference } = plan("t0", { machine: small });
    expect(inference!.int8.cross).toBe(2 * 24 * 4096 * 4 * 512);
    expect(inference!.int8.self).toBe(2 * 24 * 4096 * 4 * 128);
    expect(speeds!.int8.output!.rate.toFixed(1)).toBe("7.6");
  });
});

describe("Switch-C", () => {
  const planned = plan("switch-c", { machine: small });

  test("3.1 TB in 16 bits, which fit nowhere here, for the arithmetic of 1.7 billion parameters", () => {
    expect((planned.bytes!.bf16 / 1e12).toFixed(1)).toBe("3.1");
    expect(planned.verdict).toEqual({ verdict: "does_not_fit", dtype: "fp32" });
    expect(planned.speeds!.bf16.output!.bound).toBe("memory");
    expect(planned.flops!.training).toBe(6 * planned.counts!.active);
  });

  test("a batch touches more experts: E·(1 − (1 − 1/E)^b)", () => {
    expect(touched(2048, 1) * 2048).toBeCloseTo(1, 9);
    expect(touched(4, 2) * 4).toBeCloseTo(1.75, 9);
    const bytes = (batch: number) => plan("switch-c", { batch, machine: small }).speeds!.fp32.output!.bytes;
    const [one, two] = [bytes(1), bytes(2)];
    // Fifteen sparse layers, one more expert of 2·2080·6144 weights each, and the second sequence's caches.
    const caches = 2 * 15 * 2048 * 4 * (64 + 512);
    expect((two - one - caches) / (15 * 2 * 2080 * 6144 * 4)).toBeCloseTo(1 - 1 / 2048, 3);
  });
});

describe("training", () => {
  test("Adam in fp32 is 16 bytes a parameter; so is mixed precision, for MT-NLG 8.5 TB", () => {
    for (const dtype of ["fp32", "bf16"] as const) {
      const { training, counts } = plan("mt-nlg-530b", { dtype });
      const { weights, gradients, optimizer } = training!;
      expect(weights + gradients + optimizer).toBe(16 * counts!.total);
      expect((16 * counts!.total) / 1e12).toBeCloseTo(8.47, 2);
    }
  });

  test("GPT-3 on 300 billion tokens takes 3.14e23 operations", () => {
    const { trainingSet } = plan("gpt3-175b", { tokens: 300e9 });
    expect(trainingSet!.flops.toExponential(2)).toBe("3.14e+23");
    expect(trainingSet!.hours).toBeUndefined();
  });

  test("an encoder-decoder sends a token through one stack: about half of 6·N", () => {
    const { flops } = plan("t0", { input: 512, output: 512 });
    expect(flops!.trainingThrough / flops!.training).toBeCloseTo(0.49, 2);
    const machine = parseMachine("24GB,46GB/s,500GFLOP/s");
    const { trainingSet } = plan("t0", { tokens: 1e6, machine });
    const { trainingThrough } = plan("t0").flops!;
    expect(trainingSet!.hours! * 3600).toBeCloseTo((trainingThrough * 1e6) / 500e9, 6);
  });

  test("Adafactor remembers rows and columns, SGD nothing", () => {
    const [adam, adafactor, sgd] = (["adam", "adafactor", "sgd"] as const).map(
      (optimizer) => plan("t5-base", { optimizer }).training!.optimizer,
    );
    expect(adam).toBe(8 * 222_903_552);
    expect(adafactor).toBeLessThan(adam! / 500);
    expect(sgd).toBe(0);
    expect(plan("t5-base", { optimizer: "none" })).not.toHaveProperty("training");
  });

  test("tuning pays for what it trains alone", () => {
    const tuned = (method: "lora" | "prefix" | "prompt") =>
      plan("t0-3b", { dtype: "int8", tuning: { method } }).tuning!;
    // 24 encoder blocks with one attention, 24 decoder blocks with two, q and v of [2048, 2048] in each.
    expect(tuned("lora").trained).toBe(72 * 2 * 8 * (2048 + 2048));
    expect(tuned("prefix").trained).toBe(20 * 2 * 48 * 2048);
    expect(tuned("prompt").trained).toBe(20 * 2048);
    for (const method of ["lora", "prefix", "prompt"] as const) {
      const { optimizer, gradients, trained, weights } = tuned(method);
      expect([optimizer, gradients]).toEqual([8 * trained, 4 * trained]);
      expect(weights).toBe(plan("t0-3b").bytes!.int8 + 4 * trained);
    }
  });
});

test("ViT-G/14 at 224 pixels: 965 GFLOP an image are published", () => {
  const { flops, work } = plan("vit-g-14");
  expect(work).toEqual({ batch: 1, input: 256, output: 0 });
  expect((flops!.input * work.input) / 1e9).toBeCloseTo(965, -1);
});

test("a decoder alone: caches of what it reads and writes, and no more tokens than positions", () => {
  const { inference } = plan("gpt2", { input: 512, output: 512 });
  expect(inference!.fp32.self).toBe(2 * 12 * 768 * 4 * 1024);
  expect(inference!.fp32.cross).toBe(0);
  expect(() => plan("gpt2", { input: 1000, output: 100 })).toThrow("positions for 1024");
  expect(() => plan("gpt2", { input: 1025 })).toThrow("positions for 1024");
  const work = (options: PlanOptions, limit = 1024) => {
    const shape = { ...findKnown("gpt2")!.shape!, positions: limit } as Shape;
    const { input, output } = planModel({ name: "x", architecture: "gpt2", shape }, options).work;
    return [input, output];
  };
  expect(work({ input: 1024 })).toEqual([1023, 1]);
  expect(work({ input: 1000 })).toEqual([1000, 24]);
  expect(work({ output: 1000 })).toEqual([24, 1000]);
  expect(work({ output: 5000 })).toEqual([1, 1023]);
  expect(work({}, 100)).toEqual([50, 50]);
  expect(work({})).toEqual([512, 128]);
});

test("arithmetic binds where a machine reads faster than it computes", () => {
  const machine = parseMachine("640GB,3000GB/s,1GFLOP/s,2GB/s");
  const { speeds } = plan("t5-large", { machine, batch: 8 });
  expect(speeds!.fp32.output!.bound).toBe("arithmetic");
  expect(speeds!.fp32.input!.bound).toBe("arithmetic");
  const { speeds: bound } = plan("t5-large", { machine: parseMachine("640GB,30GB/s,500TFLOP/s,2GB/s") });
  expect(bound!.fp32.input!.bound).toBe("bandwidth");
  // First token cold: the whole file through the disk.
  expect(bound!.fp32.first.cold).toBeCloseTo((4 * 737_668_096) / 2e9, 6);
});

test("what makes no sense is refused", () => {
  for (const options of [{ batch: 0 }, { input: -1 }, { output: 1.5 }, { tokens: 0 }]) {
    expect(() => plan("t5-base", options)).toThrow("whole number above zero");
  }
  expect(() => plan("t5-base", { optimizer: "none", tokens: 5 })).toThrow("need an optimiser");
  expect(() => plan("vit-g-14", { input: 5 })).toThrow("always");
  expect(() => planModel({ name: "x", architecture: "bert", shape: bert }, { output: 3 })).toThrow("only reads");
});
const bert = {
  family: "bert",
  layers: 12,
  width: 768,
  feedForward: 3072,
  heads: 12,
  headSize: 64,
  vocabulary: 30522,
  positions: 512,
  types: 2,
} as const;

test("a claim is a claim: nothing is computed of it, and it stands among the sparse ones", () => {
  const known = findKnown("wu-dao-2")!;
  const planned = planModel({ name: "wu-dao-2", architecture: "?", known }, { machine: small });
  expect(planned).not.toHaveProperty("counts");
  expect(planned).not.toHaveProperty("verdict");
  expect(landmarks().at(-1)).toMatchObject({ claimed: true, sparse: 1.75e12 });
});

test("landmarks: sorted, dense or sparse and never both, the planned one left out", () => {
  const rows = landmarks(named("switch-c"));
  expect(rows.map(({ name }) => name)).not.toContain("switch-c");
  for (const { dense, sparse } of rows) expect([dense, sparse].filter((n) => n !== undefined)).toHaveLength(1);
  expect(knownModels.filter(({ landmark }) => landmark)).toHaveLength(rows.length + 1);
});

describe("machines", () => {
  test("units and order", () => {
    expect(parseMachine("24GB,46GB/s")).toEqual({ memory: 24e9, bandwidth: 46e9 });
    expect(parseMachine("480 GFLOP/s, 46 GB/s, 16GiB, 500MB/s")).toEqual({
      memory: 16 * 2 ** 30,
      bandwidth: 46e9,
      flops: 480e9,
      disk: 500e6,
    });
    expect(parseMachine("1TB,2TB/s,1.5tflops").flops).toBe(1.5e12);
  });

  test.each([
    "",
    "24GB",
    "46GB/s",
    "24GB,46GB/s,46GB/s,1GB/s",
    "24GB,-3GB/s",
    "lots",
    "0GB,1GB/s",
    "24GB,46",
    "1GB,2GB,3GB/s",
  ])("%j is refused", (text) => {
    expect(() => parseMachine(text)).toThrow("--machine");
  });
});

const folders = mkdtempSync(join(tmpdir(), "zeroth-plan-"));
afterAll(() => rmSync(folders, { recursive: true, force: true }));

test.each([8, 4] as const)("the bytes in %i bits are those that quantising writes", async (bits) => {
  const folder = openModelFolder(await nanoAsNumbers(join(folders, `numbers${bits}`)));
  const { architecture } = readModel(folder.config, folder.weights, folder.path);
  const out = join(folders, `int${bits}`);
  const choose = formatsOf(architecture, bits);
  await quantizeFolder(folder, { out, bits, choose, onProgress: () => {} });
  const written = openModelFolder(out);
  const subject = await openSubject(out);
  expect(subject).toMatchObject({ stored: `int${bits}`, files: { equal: true } });
  const tensors = tensorsOf(subject.shape!);
  expect(weightBytes(tensors, bits === 8 ? "int8" : "int4")).toBe(storedBytes(written.weights));
});
