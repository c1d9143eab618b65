/** Every count that was published, exact where it was published as an integer. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { shapeOfConfig } from "./configs.ts";
import { countByFormula } from "./formulas.ts";
import { findKnown, knownModels, knownNames } from "./known.ts";
import { tunedTensors } from "./memory.ts";
import { count, tensorsOf } from "./tensors.ts";

const totalOf = (name: string) => countByFormula(findKnown(name)!.shape!).total;
const activeOf = (name: string) => countByFormula(findKnown(name)!.shape!).active;

test("the formula and the sum over the tensors agree for every model of the table, active ones too", () => {
  const counted = knownModels.flatMap(({ name, shape }) => (shape ? [{ name, shape }] : []));
  const others = knownModels.filter(({ shape }) => !shape);
  expect(others.filter(({ config }) => !config).map(({ name }) => name)).toEqual(["wu-dao-2"]);
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

/** What the safetensors files of these models hold, each tensor once; of Gemma 3 4B without the part for images. */
test.each([
  ["smollm2-135m", 134_515_008],
  ["smollm2-360m", 361_821_120],
  ["smollm2-1.7b", 1_711_376_384],
  ["tinyllama-1.1b", 1_100_048_384],
  ["pythia-70m", 70_426_624],
  ["pythia-160m", 162_322_944],
  ["pythia-410m", 405_334_016],
  ["pythia-1b", 1_011_781_632],
  ["pythia-1.4b", 1_414_647_808],
  ["pythia-2.8b", 2_775_208_960],
  ["pythia-6.9b", 6_857_302_016],
  ["pythia-12b", 11_846_072_320],
  ["gpt-neo-125m", 125_198_592],
  ["gpt-neo-1.3b", 1_315_575_808],
  ["gpt-neo-2.7b", 2_651_307_520],
  ["gpt-j-6b", 6_050_882_784],
  ["mistral-7b", 7_241_732_096],
  ["mistral-7b-v0.3", 7_248_023_552],
  ["qwen2.5-0.5b", 494_032_768],
  ["qwen2.5-1.5b", 1_543_714_304],
  ["qwen2.5-3b", 3_085_938_688],
  ["qwen2.5-7b", 7_615_616_512],
  ["qwen2.5-14b", 14_770_033_664],
  ["qwen2.5-32b", 32_763_876_352],
  ["qwen2.5-72b", 72_706_203_648],
  ["qwen3-0.6b", 596_049_920],
  ["qwen3-1.7b", 1_720_574_976],
  ["qwen3-4b", 4_022_468_096],
  ["qwen3-8b", 8_190_735_360],
  ["qwen3-14b", 14_768_307_200],
  ["qwen3-32b", 32_762_123_264],
  ["gemma-3-270m", 268_098_176],
  ["gemma-3-1b", 999_885_952],
  ["gemma-3-4b", 3_880_263_168],
  ["phi-3-mini", 3_821_079_552],
])("%s has %i parameters by its network", (name, total) => {
  const shape = shapeOfConfig(findKnown(name)!.config!, name)!;
  expect(count(tensorsOf(shape)).total).toBe(total);
});

test.each([
  ["qwen3-0.6b", { feedForward: 3072, gated: true, heads: 16, headSize: 128, kvHeads: 8, tied: true }],
  ["gemma-3-1b", { feedForward: 6912, gated: true, heads: 4, headSize: 256, kvHeads: 1, tied: true }],
  ["phi-3-mini", { feedForward: 8192, gated: true, heads: 32, headSize: 96, kvHeads: 32, tied: false }],
  ["pythia-160m", { feedForward: 3072, gated: false, heads: 12, headSize: 64, kvHeads: 12, tied: false }],
  ["gpt-neo-125m", { feedForward: 3072, gated: false, heads: 12, headSize: 64, tied: true, positions: 2048 }],
  ["gpt-j-6b", { feedForward: 16384, gated: false, heads: 16, headSize: 256, tied: false }],
])("%s has the sizes %o", (name, sizes) => {
  expect(shapeOfConfig(findKnown(name)!.config!, name)).toMatchObject(sizes);
});

test.each([
  ["GPT-3", "gpt3-175b"],
  ["megatron-530b", "mt-nlg-530b"],
  ["wu-dao", "wu-dao-2"],
  ["Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5-0.5b"],
  ["google/gemma-3-4b-it", "gemma-3-4b"],
])("%s is %s", (said, name) => {
  expect(findKnown(said)?.name).toBe(name);
});

test.each([
  // What the reference library counts, without a head.
  ["roberta-base", 124_645_632],
  ["FacebookAI/roberta-large", 355_359_744],
  ["distilroberta-base", 82_118_400],
  ["xlm-roberta-base", 278_043_648],
  ["xlm-roberta-large", 559_890_432],
  ["camembert-base", 110_621_952],
  ["distilbert-base-uncased", 66_362_880],
  ["distilbert-base-cased", 65_190_912],
  ["distilbert-base-multilingual-cased", 134_734_080],
  ["electra-small-discriminator", 13_483_008],
  ["electra-base-discriminator", 108_891_648],
  ["electra-large-discriminator", 334_092_288],
  ["mpnet-base", 109_486_464],
  ["all-mpnet-base-v2", 109_486_464],
  ["answerdotai/ModernBERT-base", 149_014_272],
  ["modernbert-large", 394_781_696],
  ["deberta-v3-xsmall", 70_682_112],
  ["deberta-v3-small", 141_304_320],
  ["deberta-v3-base", 183_831_552],
  ["deberta-v3-large", 434_012_160],
  ["mdeberta-v3-base", 278_218_752],
  ["bert-base-uncased", 109_482_240],
  ["bert-base-cased", 108_310_272],
  ["bert-base-multilingual-cased", 177_853_440],
  ["bert-large-uncased", 335_141_888],
  ["bert-large-cased", 333_579_264],
  ["sentence-transformers/all-MiniLM-L6-v2", 22_713_216],
  ["all-minilm-l12-v2", 33_360_000],
])("%s has %i parameters, counted from its network", (name, total) => {
  expect(count(tensorsOf(shapeOfConfig(findKnown(name)!.config!, name)!)).total).toBe(total);
});

test.each([
  ["modernbert-base", { feedForward: 1152, gated: true, heads: 12, headSize: 64 }, 22 * 8 * (768 + 3 * 768)],
  ["modernbert-large", { feedForward: 2624, gated: true, heads: 16, headSize: 64 }, 28 * 8 * (1024 + 3 * 1024)],
  ["distilbert-base-uncased", { feedForward: 3072, gated: false, layers: 6, positions: 512 }, 6 * 2 * 8 * 2 * 768],
  ["deberta-v3-base", { feedForward: 3072, gated: false, layers: 12 }, 12 * 2 * 8 * 2 * 768],
  ["roberta-base", { feedForward: 3072, gated: false, positions: 512 }, 12 * 2 * 8 * 2 * 768],
])("%s: its layers, and what LoRA trains of it", (name, layers, lora) => {
  const shape = shapeOfConfig(findKnown(name)!.config!, name)!;
  expect(shape).toMatchObject(layers);
  const tuned = tunedTensors(shape, tensorsOf(shape), { method: "lora", rank: 8, virtualTokens: 0 });
  expect(tuned.reduce((sum, { shape: [a = 1, b = 1], times }) => sum + a * b * times, 0)).toBe(lora);
});

test("every name that is counted from a network stands in the list above", () => {
  const source = readFileSync(new URL(import.meta.url), "utf8").toLowerCase();
  const counted = knownModels.filter(({ config }) => config);
  const unlisted = counted.filter(
    ({ name, hub }) => ![name, ...hub].some((one) => source.includes(`"${one.toLowerCase()}"`)),
  );
  expect([counted.length > 20, unlisted]).toEqual([true, []]);
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
