/** Exported files opened by the engine directly, against what transformers computes with the same weights. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../test/support/fixtures.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { exportOnnx, exportTransformersJs } from "./export-node.ts";

const out = mkdtempSync(join(tmpdir(), "zeroth-export-"));
afterAll(() => rmSync(out, { recursive: true }));

interface Expected {
  batch: { input_ids: number[][]; attention_mask: number[][]; decoder_input_ids: number[][] };
  generation: { inputs: number[][]; max_new_tokens: number };
  runs: { name: string; tokens: number[][] }[];
}

const int64 = (rows: number[][]) =>
  new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);
const open = (path: string) =>
  InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });

const cases = ["tied-relu", "untied-gated-gelu", "deep-decoder", "narrow-heads", "bf16"];

test.each(cases)("ONNX files of %s give the reference's logits, in one run and step by step", async (name) => {
  const folder = join(out, `onnx-${name}`);
  const written = await exportOnnx(openModelFolder(join(fixtures, "t5", name)), folder);
  expect(written).toContain("decoder_step.onnx");
  expect(readFileSync(join(folder, "encoder.onnx"), "latin1")).not.toContain("com.microsoft.");
  const { batch } = readJson<Expected>(join("t5", name), "expected.json");
  const expected = readFloats(readTensors(join("t5", name), "expected.safetensors").get("batch.logits")!);
  const mask = int64(batch.attention_mask);
  const encoder = await open(join(folder, "encoder.onnx"));
  const { last_hidden_state } = await encoder.run({ input_ids: int64(batch.input_ids), attention_mask: mask });
  const decoder = await open(join(folder, "decoder.onnx"));
  const feeds = { encoder_attention_mask: mask, encoder_hidden_states: last_hidden_state! };
  const whole = await decoder.run({ ...feeds, input_ids: int64(batch.decoder_input_ids) });
  expectClose(whole.logits!.data as Float32Array, expected, 1e-4, "logits of a whole run");

  const start = await decoder.run({ ...feeds, input_ids: int64(batch.decoder_input_ids.map((row) => [row[0]!])) });
  const step = await open(join(folder, "decoder_step.onnx"));
  const caches = Object.fromEntries(
    Object.entries(start)
      .filter(([key]) => key.startsWith("present"))
      .map(([key, value]) => [key.replace("present", "past_key_values"), value]),
  );
  const second = await step.run({
    ...caches,
    encoder_attention_mask: mask,
    input_ids: int64(batch.decoder_input_ids.map((row) => [row[1]!])),
  });
  const [rows, length, words] = whole.logits!.dims as [number, number, number];
  const picked = Float32Array.from({ length: rows * words }, (_, i) => {
    return expected[(Math.floor(i / words) * length + 1) * words + (i % words)]!;
  });
  expectClose(second.logits!.data as Float32Array, picked, 1e-4, "logits of a cached step");
  for (const session of [encoder, decoder, step]) await session.release();
});

test.each(cases)("transformers.js generates the reference's tokens from %s", async (name) => {
  const folder = join(out, `js-${name}`);
  await exportTransformersJs(openModelFolder(join(fixtures, "t5", name)), folder);
  const { AutoModelForSeq2SeqLM, Tensor: JsTensor } = await import("@huggingface/transformers");
  const model = await AutoModelForSeq2SeqLM.from_pretrained(folder, { local_files_only: true, dtype: "fp32" });
  const { generation, runs } = readJson<Expected>(join("t5", name), "expected.json");
  const greedy = runs.find((run) => run.name === "greedy")!.tokens;
  for (const [i, ids] of generation.inputs.entries()) {
    const tensor = (values: number[]) => new JsTensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
    const made = await model.generate({
      inputs: tensor(ids),
      attention_mask: tensor(ids.map(() => 1)),
      max_new_tokens: generation.max_new_tokens,
    } as never);
    const tokens = Array.from((made as { data: BigInt64Array }).data, Number).slice(1);
    expect(tokens).toEqual(greedy[i]);
  }
  await model.dispose();
});
