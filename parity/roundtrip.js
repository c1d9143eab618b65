/**
 * One fixture written again as a folder and as ONNX files, with inputs for the latter and what they must give:
 * node parity/roundtrip.js FIXTURE OUT
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportOnnx } from "../dist/export/export-node.js";
import { openModelFolder } from "../dist/folders/open-node.js";
import { writeModelFolder } from "../dist/folders/write-node.js";
import { readModel } from "../dist/models/families.js";
import { toFloat32 } from "../dist/weights/convert.js";
import { openSafetensors, readStored, readTensor } from "../dist/weights/safetensors-node.js";

const [fixture, out] = process.argv.slice(2);
const folder = openModelFolder(fixture);
const { architecture, weights } = readModel(folder.config, folder.weights, fixture);
const config = architecture.configText();
await writeModelFolder(join(out, "folder"), {
  config: JSON.parse(config),
  tensors: [...weights].map(([name, stored]) => [name, toFloat32(readStored(stored))]),
});
// The text keeps the points of whole floats, which an object cannot.
writeFileSync(join(out, "folder", "config.json"), config);
await exportOnnx(openModelFolder(join(out, "folder")), join(out, "onnx"));

const { batch } = JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8"));
const file = openSafetensors(join(fixture, "expected.safetensors"));
const [encoded, logits] = ["batch.encoder", "batch.logits"].map((name) => readTensor(file, name));
const plain = ({ shape, data }) => ({ shape, data: Array.from(data, Number) });
const write = (name, inputs, expected) => {
  writeFileSync(join(out, `${name}.inputs.json`), JSON.stringify(inputs));
  writeFileSync(join(out, `${name}.expected.json`), JSON.stringify(expected));
};
const nest = ({ shape, data }) => {
  const build = (axis, from, size) =>
    axis === shape.length
      ? data[from]
      : Array.from({ length: shape[axis] }, (_, i) =>
          build(axis + 1, from + (i * size) / shape[axis], size / shape[axis]),
        );
  return build(0, 0, data.length);
};
const mask = batch.attention_mask;
write("encoder", { input_ids: batch.input_ids, attention_mask: mask }, { last_hidden_state: nest(encoded) });
const memory = { encoder_attention_mask: mask, encoder_hidden_states: plain(encoded) };
write("decoder", { ...memory, input_ids: batch.decoder_input_ids }, { logits: nest(logits) });

// The cached step: caches of the first token from the exported decoder, then the second token.
const { InferenceSession, Tensor } = await import("onnxruntime-node");
const decoder = await InferenceSession.create(join(out, "onnx", "decoder.onnx"), { intraOpNumThreads: 1 });
const int64 = (rows) => new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);
const first = await decoder.run({
  encoder_attention_mask: int64(mask),
  encoder_hidden_states: new Tensor("float32", encoded.data, encoded.shape),
  input_ids: int64(batch.decoder_input_ids.map((row) => [row[0]])),
});
const caches = Object.entries(first).filter(([name]) => name.startsWith("present"));
write(
  "decoder_step",
  {
    ...Object.fromEntries(
      caches.map(([name, { dims, data }]) => [
        name.replace("present", "past_key_values"),
        plain({ shape: dims, data }),
      ]),
    ),
    encoder_attention_mask: mask,
    input_ids: batch.decoder_input_ids.map((row) => [row[1]]),
  },
  { logits: nest(logits).map((rows) => [rows[1]]) },
);
