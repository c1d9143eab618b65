/** Adapters as PEFT saves and computes them: logits, losses, gradients, answers (parity/adapters.py). */
import { describe, expect, test } from "vitest";
import { examplesOf, joined, lossOf, openCase, step } from "../../../test/support/adapters.ts";
import { expectClose } from "../../../test/support/fixtures.ts";
import type { NdArray } from "../../graph/array.ts";
import { compile } from "../../runtime/compile-node.ts";
import { decoderModel } from "../kinds/decoder.ts";
import { encoderModel } from "../kinds/encoder.ts";
import { encoderDecoderModel } from "../kinds/encoder-decoder.ts";
import { adapted, fillersOf } from "./adapter.ts";
import { filledEncoder, filledLanguage, fillerOf } from "./fillers.ts";
import { toPeft } from "./peft.ts";
import { type AdapterSettings, names } from "./settings.ts";

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
  const { expected, base, adapter, reference, head, config, tensors } = openCase(name);
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

  test("written for PEFT again: the same tensors, and what it asks of their configuration", () => {
    const { config: written, tensors: again } = toPeft({ ...adapter, head }, base, null);
    const used = name === "t5-prompt" ? 5 : undefined;
    expect([...again.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [key, { shape, data }] of tensors) {
      const kept = again.get(key)!;
      expect(kept.shape, key).toEqual(used ? [used, shape[1]] : shape);
      expect(kept.data, key).toEqual((data as Float32Array).slice(0, kept.data.length));
    }
    const asked = [
      "peft_type",
      "task_type",
      "num_virtual_tokens",
      "token_dim",
      "num_layers",
      "num_attention_heads",
      "r",
    ];
    for (const key of asked) expect(written[key], key).toEqual((config as Record<string, unknown>)[key]);
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
      const opened =
        model.kind === "decoder" ? decoderModel(model, compiled) : encoderDecoderModel(model as never, compiled);
      await using filled = filledLanguage(opened, { whole, cached }, fillerOf(model as never));
      const prompts = examplesOf(model, expected).map(({ input, target }) =>
        model.kind === "decoder" ? target : input,
      );
      const greedy = async (rows: number[], beams: number) => {
        const reading = await filled.read(rows.map((row) => prompts[row]!));
        const decoding = reading.begin(beams, 6);
        const found: number[][] = rows.map(() => []);
        let last: readonly number[] | undefined;
        for (let i = 0; i < 6; i++) {
          last = await decoding.likeliest(last);
          for (const row of rows.keys()) found[row]!.push(last![row * beams]!);
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
