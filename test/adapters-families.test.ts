/** Prefixes, prompts and LoRA in every family: a token at a time gives what whole rows do, and gradients are numbers. */
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../src/base/json.ts";
import { float32, type NdArray } from "../src/graph/array.ts";
import { gradients } from "../src/graph/differentiate.ts";
import { graph } from "../src/graph/graph.ts";
import { adapted, fillersOf } from "../src/models/adapters/adapter.ts";
import { filledEncoder, filledLanguage, filledLoss, fillerOf } from "../src/models/adapters/fillers.ts";
import { bodyGraph } from "../src/models/adapters/heads.ts";
import { loraSettings } from "../src/models/adapters/peft-targets.ts";
import { type AdapterSettings, isBeside } from "../src/models/adapters/settings.ts";
import { type Site, survey } from "../src/models/adapters/survey.ts";
import { readModel } from "../src/models/families.ts";
import type { Architecture } from "../src/models/family.ts";
import { decoderModel } from "../src/models/kinds/decoder.ts";
import { decoderLoss } from "../src/models/kinds/decoder-loss.ts";
import { encoderModel } from "../src/models/kinds/encoder.ts";
import { encoderDecoderModel } from "../src/models/kinds/encoder-decoder.ts";
import { encoderDecoderLoss } from "../src/models/kinds/encoder-decoder-loss.ts";
import type { LanguageModel } from "../src/models/kinds/language.ts";
import { createScope } from "../src/nn/scope.ts";
import { compile } from "../src/runtime/compile-node.ts";
import type { Weights } from "../src/weights/weights.ts";
import { joined } from "./support/adapters.ts";
import { expectClose, readJson, readWeights } from "./support/fixtures.ts";

const decoders = [
  "gpt2/tied",
  "llama/grouped",
  "decoders/gpt-neo",
  "decoders/gptj",
  "decoders/gpt-neox",
  "decoders/mistral",
  "decoders/qwen2",
  "decoders/qwen3",
  "decoders/gemma3",
  "decoders/phi3",
];
const encoders = [
  "bert/masked",
  ...["roberta", "distilbert", "electra", "mpnet", "modernbert", "deberta"].map((name) => `encoders/${name}-masked`),
];
const both = [
  "t5/untied-gated-gelu-v5",
  "encoder-decoders/bart",
  "encoder-decoders/mbart",
  "encoder-decoders/pegasus",
  "encoder-decoders/marian",
];

function open(folder: string) {
  const { architecture, weights } = readModel(
    readJson<JsonObject>(folder, "config.json"),
    readWeights(folder),
    folder,
    { graph: bodyGraph },
  );
  return { architecture, weights, found: survey(architecture) };
}

function ways({ architecture, found }: ReturnType<typeof open>): AdapterSettings[] {
  const sites = Object.keys(found.attentions) as Site[];
  const counted = architecture.kind === "decoder" ? [true] : [true, false];
  return [
    ...counted.map((counts): AdapterSettings => ({ method: "prefix", length: 3, sites, counted: counts })),
    { method: "prompt", length: 2 },
    loraSettings({ targets: "all-linear", rank: 2, alpha: 3 }, found.products),
  ];
}

/** Numbers for what was learnt, from the shapes that a graph asks for. */
function learntOf(
  model: Architecture,
  write: (model: Architecture) => ReturnType<typeof createScope>,
): Map<string, NdArray> {
  const scope = write(model);
  const specs = [...scope.parameters.values()].filter(({ name }) => isBeside(name));
  return new Map(
    specs.map(({ name, shape }, s) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        float32(
          shape,
          Array.from({ length: size }, (_, i) => 0.3 * Math.sin(1 + s + 1.3 * i)),
        ),
      ];
    }),
  );
}

async function needGradients(
  model: Architecture,
  settings: AdapterSettings,
  values: ReadonlyMap<string, NdArray>,
  weights: Weights,
) {
  const { whole } = fillersOf(model, settings);
  const loss = filledLoss(
    model.kind === "decoder" ? decoderLoss(model) : encoderDecoderLoss(model as never),
    whole,
    fillerOf(model as never),
  );
  const scope = createScope();
  const written = loss.graph(scope, {});
  const learnt = [...scope.parameters.values()].filter(({ name }) => values.has(name));
  expect(learnt.length).toBe(values.size);
  const grads = gradients(
    written,
    learnt.map(({ tensor }) => tensor),
  );
  const g = graph<string>({
    loss: written,
    ...Object.fromEntries(learnt.map(({ name }, i) => [`d.${name}`, grads[i]!])),
  });
  await using program = await compile(g, { weights, threads: 1, trained: (name) => values.has(name) });
  const example = { input: [5, 9, 7], target: [4, 8] };
  const feeds: Record<string, NdArray> = {
    ...loss.collate([[example], [{ input: [6], target: [3, 9, 4] }]], 5),
    ...Object.fromEntries(values),
  };
  const result = await program.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.includes(name))),
  );
  for (const [name, { data }] of Object.entries(result)) {
    expect((data as Float32Array).every(Number.isFinite), name).toBe(true);
  }
  const moving = Object.entries(result).filter(
    ([name, { data }]) => name !== "loss" && (data as Float32Array).some((value) => Math.abs(value) > 1e-9),
  );
  expect(moving.length).toBeGreaterThan(0.6 * values.size);
}

/** Log-probabilities of a target, fed a token at a time. */
async function stepwise(model: LanguageModel, prompt: readonly number[], target: readonly number[]): Promise<number[]> {
  const decoding = (await model.read([prompt])).begin(1, target.length);
  const found: number[] = [];
  let last: number[] | undefined;
  for (const token of target) {
    const { logits } = await decoding.step(last);
    const all = logits.data as Float32Array;
    const top = Math.max(...all);
    found.push(all[token]! - top - Math.log(all.reduce((sum, value) => sum + Math.exp(value - top), 0)));
    last = [token];
  }
  return found;
}

describe.each([...decoders, ...both])("%s", (folder) => {
  test("a token at a time, several rows, and whole rows agree; gradients are numbers", async () => {
    const opened = open(folder);
    for (const settings of ways(opened)) {
      const model = adapted(opened.architecture, settings, opened.found);
      const values = learntOf(model, (one) => {
        const scope = createScope();
        (one.kind === "decoder" ? decoderLoss(one) : encoderDecoderLoss(one as never)).graph(scope, {});
        return scope;
      });
      const weights = joined(opened.weights, values);
      const compiled = (g: Parameters<typeof compile>[0]) => compile(g, { weights, threads: 1 });
      const bare =
        model.kind === "decoder" ? decoderModel(model, compiled) : encoderDecoderModel(model as never, compiled);
      await using language = filledLanguage(bare, fillersOf(model, settings), fillerOf(model as never));
      const [prompt, target] = [
        [5, 9, 3, 11],
        [7, 4, 8],
      ];
      const whole = (await (await language.read([prompt])).score([[target]]))[0]![0]!;
      const what = `${settings.method} ${"counted" in settings ? settings.counted : ""}`;
      expectClose(await stepwise(language, prompt, target), whole, 2e-4, what);
      const together = await (await language.read([prompt, [6, 2]])).score([[target], [[9]]]);
      expectClose(together[0]![0]!, whole, 2e-4, `${what}, beside another row`);
      await using plain =
        model.kind === "decoder"
          ? decoderModel(opened.architecture as never, (g) => compile(g, { weights: opened.weights, threads: 1 }))
          : encoderDecoderModel(opened.architecture as never, (g) =>
              compile(g, { weights: opened.weights, threads: 1 }),
            );
      const without = (await (await plain.read([prompt])).score([[target]]))[0]![0]!;
      expect(Math.max(...whole.map((value, i) => Math.abs(value - without[i]!))), what).toBeGreaterThan(1e-4);
      await needGradients(model, settings, values, opened.weights);
    }
  });
});

describe.each(encoders)("%s", (folder) => {
  test("a text gives the same alone and beside a longer one", async () => {
    const opened = open(folder);
    for (const settings of ways(opened)) {
      const model = adapted(opened.architecture, settings, opened.found) as Architecture & { kind: "encoder" };
      const values = learntOf(model, (one) => {
        const scope = createScope();
        const { network } = one as typeof model;
        survey({
          ...(one as typeof model),
          network: (_: unknown, options: object | undefined) => network(scope, options),
        } as never);
        return scope;
      });
      expect(values.size).toBeGreaterThan(0);
      const weights = joined(opened.weights, values);
      await using encoder = filledEncoder(
        encoderModel(model, (g) => compile(g, { weights, threads: 1 })),
        fillersOf(model, settings).whole,
        fillerOf(model),
      );
      const text = { ids: [5, 9, 3] };
      const alone = (await encoder.encode([text])).hidden;
      const { hidden } = await encoder.encode([text, { ids: [7, 8, 4, 6, 11] }]);
      expect(alone.shape).toEqual([1, 3, model.width]);
      expectClose(
        (hidden.data as Float32Array).subarray(0, 3 * model.width),
        alone.data as Float32Array,
        1e-4,
        settings.method,
      );
      await using plain = encoderModel(opened.architecture as typeof model, (g) =>
        compile(g, { weights: opened.weights, threads: 1 }),
      );
      const without = (await plain.encode([text])).hidden.data as Float32Array;
      expect(
        Math.max(...Array.from(without, (value, i) => Math.abs(value - (alone.data as Float32Array)[i]!))),
      ).toBeGreaterThan(1e-4);
    }
  });
});
