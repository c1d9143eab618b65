/** Every count that was published, exact where it was published as an integer. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { countByFormula } from "./formulas.ts";
import { findKnown, knownModels, knownNames } from "./known.ts";
import { count, tensorsOf } from "./tensors.ts";

const totalOf = (name: string) => countByFormula(findKnown(name)!.shape!).total;
const activeOf = (name: string) => countByFormula(findKnown(name)!.shape!).active;

test("the formula and the sum over the tensors agree for every model of the table, active ones too", () => {
  const counted = knownModels.flatMap(({ name, shape }) => (shape ? [{ name, shape }] : []));
  expect(counted.length).toBe(knownModels.length - 1);
  for (const { name, shape } of counted) {
    const { total, active } = count(tensorsOf(shape));
    expect({ name, total, active }).toEqual({ name, ...countByFormula(shape) });
  }
});

test.each([
  ["distilgpt2", 81_912_576],
  ["gpt2", 124_439_808],
  ["gpt2-medium", 354_823_168],
  ["gpt2-large", 774_030_080],
  ["gpt2-xl", 1_557_611_200],
  ["gpt3-175b", 174_604_259_328],
  ["mt-nlg-530b", 529_600_819_200],
  ["google/switch-base-8", 619_339_008],
  ["google/switch-base-256", 14_664_154_368],
  ["bigscience/T0pp", 11_135_332_352],
  ["google/t5-v1_1-xxl", 11_135_332_352],
  ["bigscience/T0_3B", 2_849_757_184],
  ["google/flan-t5-xl", 2_849_757_184],
  // What the reference library counts.
  ["t5-small", 60_506_624],
  ["t5-base", 222_903_552],
  ["t5-large", 737_668_096],
  ["t5-3b", 2_851_598_336],
  ["t5-11b", 11_307_321_344],
  ["bart-base", 139_420_416],
  ["facebook/bart-large", 406_291_456],
  ["bart-large-cnn", 406_290_432],
  ["mbart-large-cc25", 610_851_840],
  ["mbart-large-50", 610_879_488],
  // Without the sinusoids, which the reference counts.
  ["pegasus-xsum", 568_699_904],
  ["opus-mt-en-de", 73_886_208],
  ["umt5-small", 306_601_984],
  ["umt5-xxl", 12_972_531_712],
  ["google/flan-t5-small", 76_961_152],
  ["google/flan-t5-base", 247_577_856],
  ["google/flan-t5-large", 783_150_080],
  ["google/vit-base-patch16-224", 86_567_656],
])("%s has %i parameters", (name, total) => {
  expect(totalOf(name)).toBe(total);
});

test.each([
  ["gpt3-small", 0.125, 3],
  ["gpt3-medium", 0.356, 3],
  ["gpt3-large", 0.76, 3],
  ["gpt3-1.3b", 1.316, 3],
  ["gpt3-2.7b", 2.652, 3],
  ["gpt3-6.7b", 6.658, 3],
  ["gpt3-13b", 12.95, 2],
  ["megatron-1.7b", 1.652, 3],
  ["megatron-3.6b", 3.562, 3],
  ["megatron-7.5b", 7.468, 3],
  ["megatron-18b", 18.45, 2],
  ["megatron-39b", 39.1, 2],
  ["megatron-76b", 76.05, 2],
  ["megatron-145b", 145.6, 1],
  ["megatron-310b", 310.1, 1],
  ["megatron-1008b", 1008, 0],
  ["switch-base-16", 1.072, 3],
  ["switch-base-32", 1.979, 3],
  ["switch-base-64", 3.791, 3],
  ["switch-base-128", 7.415, 3],
  ["switch-c", 1571.3, 1],
  ["switch-xxl", 394.5, 1],
  ["lamda-137b", 137.4, 1],
  ["vit-g-14", 1.84, 2],
])("%s has %f billion parameters", (name, billions, digits) => {
  expect((totalOf(name) / 1e9).toFixed(digits)).toBe(billions.toFixed(digits));
});

describe("mixtures of experts", () => {
  test.each([
    ["switch-base-8", "0.223"],
    ["switch-c", "1.73"],
    ["switch-xxl", "11.0"],
  ])("a token passes one expert: %s has %s billion active", (name, active) => {
    expect((activeOf(name) / 1e9).toFixed(active.length - active.indexOf(".") - 1)).toBe(active);
  });

  test("Switch-XXL with the 64 experts that the paper's table names has half of the published total", () => {
    const shape = findKnown("switch-xxl")!.shape!;
    if (shape.family !== "t5" || !shape.experts) throw new Error("Switch-XXL has experts");
    const { total } = countByFormula({ ...shape, experts: { ...shape.experts, count: 64 } });
    expect((total / 1e9).toFixed(0)).toBe("201");
  });

  test("zero sparse layers leave block 1 sparse, as in the reference", () => {
    const shape = findKnown("switch-base-8")!.shape!;
    if (shape.family !== "t5" || !shape.experts) throw new Error("Switch has experts");
    const none = { ...shape, experts: { ...shape.experts, sparseEncoder: 0, sparseDecoder: 0, bias: true } };
    expect(count(tensorsOf(none)).total).toBe(countByFormula(none).total);
    expect(countByFormula(none).total - countByFormula(none).active).toBe(2 * 7 * 2 * 768 * 3072);
  });
});

test("docs/plan.md lists every well-known name", () => {
  const text = readFileSync(new URL("../../docs/plan.md", import.meta.url), "utf8");
  const series = /^((t5-v1\.1|flan-t5|mt5)-(base|large|xl|xxl)|switch-base-(16|32|64|128))$/;
  const unlisted = knownModels.filter(({ name }) => !series.test(name) && !text.includes(`\`${name}\``));
  expect(unlisted).toEqual([]);
  expect(new Set(knownNames).size).toBe(knownNames.length);
});

test("T0 11B: what an output token reads has 5.57 billion parameters", () => {
  const { parts } = count(tensorsOf(findKnown("t0")!.shape!));
  expect(((parts.decoder.total + parts.head.total) / 1e9).toFixed(2)).toBe("5.57");
  expect(parts.memory.total).toBe(24 * 2 * 4096 * 4096);
});

test("BERT and Llama: the totals everybody knows", () => {
  const bert = { family: "bert", layers: 12, width: 768, feedForward: 3072, heads: 12, headSize: 64 } as const;
  const base = { ...bert, vocabulary: 30522, positions: 512, types: 2 };
  const llama = { family: "llama", layers: 32, width: 4096, feedForward: 11008, heads: 32, headSize: 128 } as const;
  const seven = { ...llama, keyHeads: 32, vocabulary: 32000, positions: 4096, tied: false };
  const mistral = { ...seven, feedForward: 14336, keyHeads: 8 };
  for (const [shape, total] of [
    [base, 109_482_240],
    [seven, 6_738_415_616],
    [mistral, 7_241_732_096],
  ] as const) {
    expect(countByFormula(shape).total).toBe(total);
    expect(count(tensorsOf(shape)).total).toBe(total);
  }
});
