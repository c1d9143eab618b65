/** Adapters as PEFT saves and computes them: logits, losses, gradients, answers (parity/adapters.py). */
import { describe, expect, test } from "vitest";
import { expectClose, readFloats, readJson, readTensors, readWeights } from "../../../test/support/fixtures.ts";
import type { JsonObject } from "../../base/json.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { gradients } from "../../graph/differentiate.ts";
import { graph } from "../../graph/graph.ts";
import { createScope } from "../../nn/scope.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";
import { readModel } from "../families.ts";
import type { Architecture } from "../family.ts";
import { decoderModel } from "../kinds/decoder.ts";
import { decoderLoss } from "../kinds/decoder-loss.ts";
import { encoderDecoderModel } from "../kinds/encoder-decoder.ts";
import { encoderDecoderLoss } from "../kinds/encoder-decoder-loss.ts";
import { encoderModel } from "../kinds/encoder.ts";
import { encoderLoss } from "../kinds/encoder-loss.ts";
import type { Example, Loss } from "../kinds/loss.ts";
import { adapted, fillersOf } from "./adapter.ts";
import { filledEncoder, filledLanguage, filledLoss, fillerOf } from "./fillers.ts";
import { headParameters } from "./heads.ts";
import { type Base, fromPeft, headOf } from "./peft.ts";
import { parsePeftConfig } from "./peft-config.ts";
import { type AdapterSettings, names } from "./settings.ts";
import { survey } from "./survey.ts";

interface Case {
  base: string;
  loss: number;
  inputs: Record<string, number[][]> & { labels: number[][] & number[] };
  answers: number[][] | null;
}

const arrays = (stored: Map<string, StoredTensor & { file: string; offset: number; length: number }>) =>
  new Map([...stored].map(([name, tensor]): [string, NdArray] => [name, float32(tensor.shape, readFloats(tensor))]));

function openBase(name: string): Base & { weights: Weights } {
  const folder = `adapters/base/${name}`;
  const { architecture, weights } = readModel(readJson<JsonObject>(folder, "config.json"), readWeights(folder), folder);
  const found = survey(architecture);
  const head = architecture.kind === "encoder" ? headParameters(architecture, architecture.head as "span", found.body) : [];
  return { architecture, survey: found, weights, head };
}

function openCase(name: string) {
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
const joined = (weights: Weights, values: ReadonlyMap<string, NdArray>): Weights =>
  new Map([
    ...weights,
    ...[...values].map(([name, { shape, data }]): [string, StoredTensor] => {
      const { buffer, byteOffset, byteLength } = data as Float32Array;
      return [name, { dtype: "float32", shape, data: new Uint8Array(buffer, byteOffset, byteLength) }];
    }),
  ]);

function lossOf(model: Architecture, settings: AdapterSettings): Loss {
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
function examplesOf(model: Architecture, { inputs }: Pick<Case, "inputs">): Example[] {
  const { input_ids, attention_mask, token_type_ids, labels, start_positions, end_positions } = inputs;
  return input_ids!.map((ids, row) => {
    const size = attention_mask![row]!.filter((seen) => seen === 1).length;
    const input = ids.slice(0, size);
    if (model.kind === "decoder") return { input: [], target: input };
    if (model.kind === "encoder-decoder") return { input, target: labels[row]!.filter((label) => label !== -100) };
    const types = token_type_ids?.[row]!.slice(0, size);
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
async function step(loss: Loss, given: Base & { weights: Weights }, values: ReadonlyMap<string, NdArray>, examples: readonly Example[]) {
  const scope = createScope();
  const written = loss.graph(scope, {});
  const learnt = [...scope.parameters.values()].filter(({ name }) => values.has(name));
  expect(learnt.map(({ name }) => name).sort()).toEqual([...values.keys()].sort());
  const grads = gradients(written, learnt.map(({ tensor }) => tensor));
  const outputs = Object.fromEntries(learnt.map(({ name }, i) => [`d.${name}`, grads[i]!]));
  const g = graph<string>({ loss: written, ...outputs });
  await using program = await compile(g, { weights: given.weights, threads: 1, trained: (name) => values.has(name) });
  const count = examples.reduce((sum, example) => sum + loss.labels(example), 0);
  const feeds = { ...loss.collate(examples.map((one) => [one]), count), ...Object.fromEntries(values) };
  const asked = Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.includes(name)));
  return program.run(asked);
}

/** PEFT's name of a gradient, by ours. */
function peftName(name: string, settings: AdapterSettings): string {
  if (name.startsWith("adapter.")) {
    return name
      .replace(/^adapter\.\w+\.projection\./, "prompt_encoder.transform.")
      .replace(/^adapter\.\w+\.weight$/, "prompt_encoder.embedding.weight");
  }
  return settings.method === "lora" ? `base_model.model.${name}` : `base_model.${name}`;
}

const cases = [
  ...["bert-prefix", "roberta-prefix", "bert-projection", "bert-span", "bert-prompt", "bert-lora"],
  ...["gpt2-prefix", "gpt2-prompt", "gpt2-lora", "t5-prefix", "t5-prompt", "t5-lora"],
];

describe.each(cases)("%s", (name) => {
  const { expected, base, adapter, reference, head } = openCase(name);
  const model = adapted(base.architecture, adapter.settings, base.survey);
  const weights = joined(base.weights, adapter.values);

  test("loss and gradients of what was learnt", async () => {
    let { settings, values } = adapter;
    if (name === "bert-projection") {
      // The adapter's file holds what the projection makes; the fixture keeps the projection beside it.
      settings = { ...(settings as typeof settings & { method: "prefix" }), projection: { from: 16, hidden: 7 } };
      const learnt = [...reference].flatMap(([key, array]): [string, NdArray][] => {
        const own = key
          .replace("learnt.prompt_encoder.embedding.weight", names.matrix("encoder"))
          .replace("learnt.prompt_encoder.transform", names.projection("encoder"))
          .replace("learnt.base_model.", "");
        return key.startsWith("learnt.") ? [[own, array]] : [];
      });
      values = new Map(learnt);
    }
    const changed = adapted(base.architecture, settings, base.survey);
    const result = await step(lossOf(changed, settings), base, values, examplesOf(changed, expected));
    expectClose([Number(result.loss!.data[0])], [expected.loss], 1e-5, "loss");
    for (const own of values.keys()) {
      const wanted = reference.get(`grad.${peftName(own, settings)}`)!;
      const found = result[`d.${own}`]!.data as Float32Array;
      // Of an encoder-decoder's prompt PEFT holds as many rows again, which nothing reads.
      const size = found.length;
      expectClose(found, (wanted.data as Float32Array).subarray(0, size), 2e-5, own, 1);
      expect((wanted.data as Float32Array).subarray(size).every((value) => value === 0)).toBe(true);
    }
  });

  const compiled = (g: Parameters<typeof compile>[0]) => compile(g, { weights, threads: 1 });
  const { whole, cached } = fillersOf(model, adapter.settings);

  if (model.kind === "encoder") {
    test("logits", async () => {
      expect(head).toBe(model.head);
      await using opened = filledEncoder(encoderModel(model, compiled), whole, fillerOf(model));
      const texts = examplesOf(model, expected).map(({ input, types }) => ({ ids: input, types }));
      const { scores } = await opened.answer!(texts);
      const logits = reference.get("logits")!;
      const each = logits.shape.slice(1).reduce((a, b) => a * b, 1);
      texts.forEach(({ ids }, row) => {
        const width = logits.shape.length === 3 ? ids.length * logits.shape[2]! : each;
        const part = ({ data }: NdArray) => (data as Float32Array).subarray(row * each, row * each + width);
        expectClose(part(scores), part(logits), 1e-5, `row ${row}`);
      });
    });
  } else {
    test("answers, also of several rows at once and of beams", async () => {
      const opened = model.kind === "decoder" ? decoderModel(model, compiled) : encoderDecoderModel(model as never, compiled);
      await using filled = filledLanguage(opened, { whole, cached }, fillerOf(model as never));
      const prompts = examplesOf(model, expected).map(({ input, target }) => (model.kind === "decoder" ? target : input));
      const greedy = async (rows: number[], beams: number) => {
        const reading = await filled.read(rows.map((row) => prompts[row]!));
        const decoding = reading.begin(beams, 6);
        const found: number[][] = rows.map(() => []);
        let last: readonly number[] | undefined;
        for (let i = 0; i < 6; i++) {
          last = await decoding.likeliest(last);
          rows.forEach((_, row) => found[row]!.push(last![row * beams]!));
        }
        return found;
      };
      const ended = (tokens: number[]) => {
        const at = tokens.indexOf(1);
        return at < 0 ? tokens : tokens.slice(0, at + 1);
      };
      const answers = expected.answers!;
      const all = await greedy([0, 1], 1);
      expect(all.map(ended)).toEqual(answers.map(ended));
      for (const [row, answer] of answers.entries()) {
        expect((await greedy([row], 1)).map(ended)).toEqual([ended(answer)]);
        expect((await greedy([row], 2)).map(ended)).toEqual([ended(answer)]);
      }
      const reading = await filled.read(prompts);
      const scores = await reading.score(answers.map((answer) => [answer]));
      expect(scores.flat(2).every((score) => score < 0)).toBe(true);
    });
  }
});
