/** Encoder-decoders beyond T5 as ONNX, run by the engine alone and by transformers.js, against the reference's numbers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../test/support/fixtures.ts";
import { generated } from "../../test/support/transformers-js.ts";
import type { JsonObject } from "../base/json.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { exportOnnx, exportTransformersJs } from "./export-node.ts";

const out = mkdtempSync(join(tmpdir(), "zeroth-export-pairs-"));
afterAll(() => rmSync(out, { recursive: true }));

interface Expected {
  rows: number[][];
  decoder_input_ids: number[];
  max_new_tokens: number;
  runs: { name: string; tokens: number[][] }[];
}

const row = (ids: readonly number[]) => new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
const session = (file: string) =>
  InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });

test.each(["bart", "mbart", "pegasus", "marian", "marian-two", "mt5", "umt5"])(
  "%s: encoder.onnx and decoder.onnx give the reference's logits, decoder_step.onnx goes on from their caches",
  async (name) => {
    const from = `encoder-decoders/${name}`;
    const folder = join(out, name);
    await exportOnnx(openModelFolder(join(fixtures, from)), folder);
    const [encoder, decoder, step] = await Promise.all(
      ["encoder", "decoder", "decoder_step"].map((part) => session(join(folder, `${part}.onnx`))),
    );
    const { rows, decoder_input_ids: answer } = readJson<Expected>(from, "expected.json");
    const got: number[] = [];
    for (const ids of rows) {
      const mask = row(ids.map(() => 1));
      const { last_hidden_state } = await encoder!.run({ input_ids: row(ids), attention_mask: mask });
      const whole = { encoder_attention_mask: mask, encoder_hidden_states: last_hidden_state! };
      // All but the last token at once, then the last one over the caches.
      const first = await decoder!.run({ input_ids: row(answer.slice(0, -1)), ...whole });
      const past = Object.entries(first)
        .filter(([key]) => key.startsWith("present"))
        .map(([key, value]) => [key.replace("present", "past_key_values"), value] as const);
      const last = await step!.run({
        input_ids: row(answer.slice(-1)),
        encoder_attention_mask: mask,
        ...Object.fromEntries(past),
      });
      got.push(...(first.logits!.data as Float32Array), ...(last.logits!.data as Float32Array));
    }
    expectClose(got, readFloats(readTensors(from, "expected.safetensors").get("logits")!), 1e-4, "logits");
    await Promise.all([encoder, decoder, step].map((one) => one!.release()));
  },
);

test.each(["bart", "mbart", "marian", "mt5"])(
  "transformers.js generates the reference's tokens from %s, with its own caches",
  async (name) => {
    const from = `encoder-decoders/${name}`;
    const folder = join(out, `js-${name}`);
    const opened = openModelFolder(join(fixtures, from));
    // What the makers recommend is left out: the recorded run is a plain one.
    const { eos_token_id, pad_token_id, decoder_start_token_id } = opened.generationConfig ?? {};
    const plain = { eos_token_id, pad_token_id, decoder_start_token_id, forced_eos_token_id: null } as JsonObject;
    const { config, files, path, weights } = opened;
    await exportTransformersJs({ config, files, path, weights, generationConfig: plain }, folder);
    const { AutoModelForSeq2SeqLM } = await import("@huggingface/transformers");
    const model = await AutoModelForSeq2SeqLM.from_pretrained(folder, { local_files_only: true, dtype: "fp32" });
    const { rows, runs, max_new_tokens } = readJson<Expected>(from, "expected.json");
    const greedy = runs.find((run) => run.name === "greedy")!.tokens;
    for (const [i, ids] of rows.entries()) {
      const tokens = (await generated(model, ids, max_new_tokens)).slice(1);
      expect(tokens).toEqual(greedy[i]);
    }
    await model.dispose();
  },
);
