/** Fixtures of adapters (parity/adapters.py), opened: a base model, an adapter as PEFT saved it, what was computed. */
import { expect } from "vitest";
import type { JsonObject } from "../../src/base/json.ts";
import { float32, type NdArray } from "../../src/graph/array.ts";
import { gradients } from "../../src/graph/differentiate.ts";
import { graph } from "../../src/graph/graph.ts";
import { fillersOf } from "../../src/models/adapters/adapter.ts";
import { filledLoss, fillerOf } from "../../src/models/adapters/fillers.ts";
import { headParameters } from "../../src/models/adapters/heads.ts";
import { type Base, fromPeft, headOf } from "../../src/models/adapters/peft.ts";
import { parsePeftConfig } from "../../src/models/adapters/peft-config.ts";
import type { AdapterSettings } from "../../src/models/adapters/settings.ts";
import { survey } from "../../src/models/adapters/survey.ts";
import { readModel } from "../../src/models/families.ts";
import type { Architecture } from "../../src/models/family.ts";
import { decoderLoss } from "../../src/models/kinds/decoder-loss.ts";
import { encoderDecoderLoss } from "../../src/models/kinds/encoder-decoder-loss.ts";
import { encoderLoss } from "../../src/models/kinds/encoder-loss.ts";
import type { Example, Loss } from "../../src/models/kinds/loss.ts";
import { createScope } from "../../src/nn/scope.ts";
import { compile } from "../../src/runtime/compile-node.ts";
import type { StoredTensor, Weights } from "../../src/weights/weights.ts";
import { readFloats, readJson, readTensors, readWeights } from "./fixtures.ts";

export interface Case {
  base: string;
  loss: number;
  inputs: Record<string, number[][]> & { labels: number[][] & number[] };
  answers: number[][] | null;
}

export const arrays = (stored: Map<string, StoredTensor & { file: string; offset: number; length: number }>) =>
  new Map([...stored].map(([name, tensor]): [string, NdArray] => [name, float32(tensor.shape, readFloats(tensor))]));

export function openBase(name: string): Base & { weights: Weights } {
  const folder = `adapters/base/${name}`;
  const { architecture, weights } = readModel(readJson<JsonObject>(folder, "config.json"), readWeights(folder), folder);
  const found = survey(architecture);
  const head =
    architecture.kind === "encoder" ? headParameters(architecture, architecture.head as "span", found.body) : [];
  return { architecture, survey: found, weights, head };
}

export function openCase(name: string) {
  const folder = `adapters/${name}`;
  const expected = readJson<Case>(folder, "expected.json");
  const base = openBase(expected.base);
  const { config } = parsePeftConfig(readJson<JsonObject>(folder, "adapter_config.json"), "adapter_config.json");
  const files = { config: "adapter_config.json", tensors: "adapter_model.safetensors" };
  const tensors = arrays(readTensors(folder, "adapter_model.safetensors"));
  const adapter = fromPeft(config, tensors, base, files);
  const reference = arrays(readTensors(folder, "expected.safetensors"));
  return { expected, base, config, adapter, tensors, reference, head: headOf(config) };
}

/** Base weights with the adapter's numbers among them. */
export const joined = (weights: Weights, values: ReadonlyMap<string, NdArray>): Weights =>
  new Map([
    ...weights,
    ...[...values].map(([name, { shape, data }]): [string, StoredTensor] => {
      const { buffer, byteOffset, byteLength } = data as Float32Array;
      return [name, { dtype: "float32", shape, data: new Uint8Array(buffer, byteOffset, byteLength) }];
    }),
  ]);

export function lossOf(model: Architecture, settings: AdapterSettings): Loss {
  const { whole } = fillersOf(model, settings);
  if (model.kind === "encoder") {
    const head = model.head as "sequence";
    return filledLoss(encoderLoss(model, head), whole, fillerOf(model), head);
  }
  if (model.kind === "decoder") return filledLoss(decoderLoss(model), whole, fillerOf(model));
  if (model.kind !== "encoder-decoder") throw new Error(model.kind);
  return filledLoss(encoderDecoderLoss(model), whole, fillerOf(model));
}

/** The rows of a fixture, without their padding, as examples. */
export function examplesOf(model: Architecture, { inputs }: Pick<Case, "inputs">): Example[] {
  const { input_ids, attention_mask, token_type_ids, labels, start_positions, end_positions } = inputs;
  return input_ids!.map((ids, row) => {
    const size = attention_mask![row]!.filter((seen) => seen === 1).length;
    const input = ids.slice(0, size);
    if (model.kind === "decoder") return { input: [], target: input };
    if (model.kind === "encoder-decoder") return { input, target: labels[row]!.filter((label) => label !== -100) };
    const types = token_type_ids?.[row]?.slice(0, size);
    const spans = start_positions as unknown as number[] | undefined;
    const target = spans
      ? [spans[row]!, (end_positions as unknown as number[])[row]!]
      : Array.isArray(labels[row])
        ? labels[row]!.slice(0, size)
        : [labels[row] as unknown as number];
    return { input, target, types };
  });
}

/** Loss and gradients of what was learnt, by our names. */
export async function step(
  loss: Loss,
  given: Base & { weights: Weights },
  values: ReadonlyMap<string, NdArray>,
  examples: readonly Example[],
) {
  const scope = createScope();
  const written = loss.graph(scope, {});
  const learnt = [...scope.parameters.values()].filter(({ name }) => values.has(name));
  expect(learnt.map(({ name }) => name).sort()).toEqual([...values.keys()].sort());
  const grads = gradients(
    written,
    learnt.map(({ tensor }) => tensor),
  );
  const outputs = Object.fromEntries(learnt.map(({ name }, i) => [`d.${name}`, grads[i]!]));
  const g = graph<string>({ loss: written, ...outputs });
  await using program = await compile(g, { weights: given.weights, threads: 1, trained: (name) => values.has(name) });
  const count = examples.reduce((sum, example) => sum + loss.labels(example), 0);
  const feeds = {
    ...loss.collate(
      examples.map((one) => [one]),
      count,
    ),
    ...Object.fromEntries(values),
  };
  const asked = Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.includes(name)));
  return program.run(asked);
}
