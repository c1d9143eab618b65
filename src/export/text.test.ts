/** Decoders and encoders as ONNX, run by the engine alone and by transformers.js, against transformers in Python. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectClose, fixtures, readFloats, readJson, readTensors } from "../../test/support/fixtures.ts";
import type { DecoderExpected } from "../../test/support/models/decoders.ts";
import { generated } from "../../test/support/transformers-js.ts";
import { openModelFolder } from "../folders/open-node.ts";
import { exportOnnx, exportTransformersJs } from "./export-node.ts";

const out = mkdtempSync(join(tmpdir(), "zeroth-export-text-"));
afterAll(() => rmSync(out, { recursive: true }));

const row = (ids: readonly number[]) => new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
const floats = ({ data }: Tensor) => [...(data as Float32Array)];
const expectedOf = (name: string, tensor: string) => readFloats(readTensors(name, "expected.safetensors").get(tensor)!);

async function exported(name: string) {
  const folder = join(out, `onnx-${name.replace("/", "-")}`);
  const written = await exportOnnx(openModelFolder(join(fixtures, name)), folder);
  expect(written.filter((file) => file.includes("onnx"))).toEqual(["model.onnx", "weights.onnx_data"]);
  return InferenceSession.create(join(folder, "model.onnx"), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

const families = ["gpt-neo", "gptj", "gpt-neox", "gpt-neox-serial", "mistral", "qwen2", "qwen3", "gemma3", "phi3"];
const decoders = families.map((name) => `decoders/${name}`);

test.each(["gpt2/tied", "gpt2/inverse-layer", "llama/grouped", "llama/biased", ...decoders])(
  "%s: model.onnx gives the logits of a text in two pieces, the second over the caches of the first",
  async (name) => {
    const session = await exported(name);
    const { rows } = readJson<DecoderExpected>(name, "expected.json");
    const got: number[] = [];
    for (const ids of rows) {
      const half = ids.length >> 1;
      let past: Readonly<Record<string, Tensor>> = Object.fromEntries(
        session.inputMetadata
          .filter((one) => one.name.startsWith("past_key_values"))
          .map((one) => {
            const [, heads, , width] = (one as { shape: readonly (number | string)[] }).shape;
            return [one.name, new Tensor("float32", new Float32Array(0), [1, Number(heads), 0, Number(width)])];
          }),
      );
      for (const [from, to] of [
        [0, half],
        [half, ids.length],
      ] as const) {
        const result = await session.run({
          input_ids: row(ids.slice(from, to)),
          attention_mask: row(ids.slice(0, to).map(() => 1)),
          position_ids: row(ids.map((_, i) => i).slice(from, to)),
          ...past,
        });
        got.push(...floats(result.logits!));
        past = Object.fromEntries(
          Object.entries(result)
            .filter(([key]) => key.startsWith("present"))
            .map(([key, value]) => [key.replace("present", "past_key_values"), value]),
        );
      }
    }
    expectClose(got, expectedOf(name, "logits"), 1e-4, "logits");
    await session.release();
  },
);

test.each(["gpt2/tied", "llama/grouped", ...decoders])(
  "transformers.js generates the reference's tokens from %s, with its own caches",
  async (name) => {
    const folder = join(out, `js-${name}`);
    await exportTransformersJs(openModelFolder(join(fixtures, name)), folder);
    const { AutoModelForCausalLM } = await import("@huggingface/transformers");
    const model = await AutoModelForCausalLM.from_pretrained(folder, { local_files_only: true, dtype: "fp32" });
    const { rows, runs, max_new_tokens } = readJson<DecoderExpected>(name, "expected.json");
    const greedy = runs.find((run) => run.name === "greedy")!.tokens;
    for (const [i, ids] of rows.entries()) {
      const tokens = (await generated(model, ids, max_new_tokens)).slice(ids.length);
      expect(tokens).toEqual(greedy[i]);
    }
    await model.dispose();
  },
);

const encoders = [
  ...["bare", "masked", "single", "regression", "tokens", "span"].map((name) => `bert/${name}`),
  ...readdirSync(join(fixtures, "encoders")).map((name) => `encoders/${name}`),
];

test.each(encoders)("%s: model.onnx gives what the reference gives of texts together", async (name) => {
  const { head, rows, types } = readJson<{ head: string | null; rows: number[][]; types?: number[][] }>(
    name,
    "expected.json",
  );
  const session = await exported(name);
  const length = Math.max(...rows.map((ids) => ids.length));
  const sheet = (values: (row: number, i: number) => number) => {
    const all = rows.flatMap((_, r) => Array.from({ length }, (_, i) => values(r, i)));
    return new Tensor("int64", BigInt64Array.from(all, BigInt), [rows.length, length]);
  };
  const given: Record<string, Tensor> = {
    input_ids: sheet((r, i) => rows[r]![i] ?? 1),
    attention_mask: sheet((r, i) => Number(i < rows[r]!.length)),
    token_type_ids: sheet((r, i) => types?.[r]?.[i] ?? 0),
  };
  // A family without kinds of texts does not ask for them.
  const result = await session.run(Object.fromEntries(session.inputNames.map((input) => [input, given[input]!])));
  const outputs = Object.values(result);
  const { data, dims } = outputs[0]!;
  const ofTokens = !["sequence", "choice"].includes(head ?? "");
  const got = rows.flatMap((ids, r) => {
    const each = data.length / (ofTokens ? dims[0]! * dims[1]! : rows.length);
    return Array.from({ length: ofTokens ? ids.length : 1 }, (_, i) =>
      outputs.flatMap((output) =>
        floats(output)
          .slice((r * (ofTokens ? length : 1) + i) * each)
          .slice(0, each),
      ),
    ).flat();
  });
  const outputName = head === "span" ? ["start_logits", "end_logits"] : [head ? "logits" : "last_hidden_state"];
  expect(Object.keys(result)).toEqual(outputName);
  expectClose(got, expectedOf(name, "scores"), 1e-4, "scores");
  await session.release();
});

test("transformers.js gives the classes' scores of a BERT", async () => {
  const folder = join(out, "js-bert");
  await exportTransformersJs(openModelFolder(join(fixtures, "bert/single")), folder);
  const { AutoModelForSequenceClassification, Tensor: JsTensor } = await import("@huggingface/transformers");
  const model = await AutoModelForSequenceClassification.from_pretrained(folder, {
    local_files_only: true,
    dtype: "fp32",
  });
  const { rows, types } = readJson<{ rows: number[][]; types: number[][] }>("bert/single", "expected.json");
  const tensor = (ids: number[]) => new JsTensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]);
  const got: number[] = [];
  for (const [i, ids] of rows.entries()) {
    const { logits } = await model({
      input_ids: tensor(ids),
      attention_mask: tensor(ids.map(() => 1)),
      token_type_ids: tensor(types[i]!),
    });
    got.push(...(logits.data as Float32Array));
  }
  expectClose(got, expectedOf("bert/single", "scores"), 1e-4, "scores");
  await model.dispose();
});
