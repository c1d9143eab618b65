import { expect, test } from "vitest";
import type { DType } from "../graph/dtype.ts";
import { needNumbers, refuseForeignStorage } from "./schemes.ts";
import type { StoredTensor } from "./weights.ts";

const plain = (dtype: DType): StoredTensor => ({ dtype, shape: [0], data: new Uint8Array(0) });
const check = (config: Record<string, unknown>, tensors: Record<string, DType> = {}) => {
  const weights = new Map(Object.entries(tensors).map(([name, dtype]) => [name, plain(dtype)]));
  return () => refuseForeignStorage(config, weights, "folder");
};

test.each<[string, Record<string, unknown>, RegExp]>([
  ["bitsandbytes", { quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } }, /"bitsandbytes"/],
  ["one without a name", { quantization_config: { load_in_4bit: true } }, /"bitsandbytes"/],
  ["gptq", { quantization_config: { quant_method: "gptq", bits: 4 } }, /stored by "gptq" \(quantization_config\)/],
  ["fp8", { quantization_config: { quant_method: "fp8" } }, /"fp8"/],
  ["one of tomorrow", { quantization_config: { quant_method: "x9" } }, /"x9"/],
  ["a number", { quantization_config: { quant_method: 3 } }, /an unknown scheme/],
  ["a text", { quantization_config: "awq" }, /an unknown scheme/],
  ["a part of a model", { text_config: { quantization_config: { quant_method: "awq" } } }, /"awq"/],
  ["an older key", { compression_config: { quant_method: "compressed-tensors" } }, /"compressed-tensors"/],
])("another program's scheme is refused by its name: %s", (_, config, message) => {
  expect(check(config)).toThrow(
    expect.objectContaining({ code: "unsupported", where: "folder", hint: expect.stringContaining("F32") }),
  );
  expect(check(config)).toThrow(message);
});

test.each<[string, DType, RegExp]>([
  ["a.q.SCB", "float32", /"a\.q\.SCB" belongs to weights stored by bitsandbytes/],
  ["a.q.weight.absmax", "uint8", /bitsandbytes/],
  ["a.q.weight.quant_state.bitsandbytes__nf4", "uint8", /bitsandbytes/],
  ["a.q.qweight", "int32", /GPTQ or AWQ/],
  ["a.q.weight_packed", "int32", /compressed-tensors/],
  ["a.q.weight_scale_inv", "float32", /fp8/],
  ["a.q.weight", "int8", /"a\.q\.weight" is stored as int8/],
  ["weight", "uint8", /stored as uint8/],
  ["a.in_proj_weight", "int64", /stored as int64/],
])("%s of %s gives it away where config.json is silent", (name, dtype, message) => {
  expect(check({}, { [name]: dtype })).toThrow(message);
});

test("numbers, our own scheme, and tables of whole numbers pass", () => {
  check({})();
  check({ quantization_config: null })();
  check({ quantization_config: { quant_method: "zeroth", bits: 8 } })();
  check(
    {},
    { "a.weight": "bfloat16", "h.attn.bias": "uint8", position_ids: "int64", "bn.num_batches_tracked": "int64" },
  )();
});

test("whole numbers are refused where a model asks for fractions, whatever the name", () => {
  needNumbers("a", plain("float16"), "folder");
  expect(() => needNumbers("a", plain("int32"), "folder")).toThrow(
    /folder: tensor "a" is stored as int32, where fractions/,
  );
});
