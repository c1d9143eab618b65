/** A chat model of SmolLM2's shape, as numbers and in 8 and 4 bits: grouped heads of 64, random weights, a few layers. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openModelFolder } from "../../../src/folders/open-node.ts";
import { quantizeFolder } from "../../../src/folders/quantize-node.ts";
import { writeModelFolder } from "../../../src/folders/write-node.ts";
import { familyOf, readModel } from "../../../src/models/families.ts";
import { formatsOf } from "../../../src/models/kinds/formats.ts";
import { wholeGraph } from "../../../src/models/kinds/whole.ts";
import { initialValue } from "../../../src/nn/initial.ts";
import { normal, onesInit } from "../../../src/nn/scope.ts";
import { fixtures } from "../fixtures.ts";

const config = {
  model_type: "llama",
  hidden_size: 384,
  intermediate_size: 512,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 64,
  vocab_size: 300,
  max_position_embeddings: 512,
  rope_theta: 100_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 1,
  pad_token_id: 2,
};

export type Form = "fp32" | "int8" | "int4";

/** Write it into `folder` in each form, below the form's name. */
export async function writeGroupedModels(folder: string): Promise<void> {
  const { parameters } = wholeGraph(familyOf(config, folder).read(config));
  const tensors = parameters.map(({ name, outputs: [tensor] }) => {
    const shape = tensor!.shape as number[];
    const initial = shape.length === 1 ? onesInit : normal(0.05);
    return [name, initialValue({ name, shape, initial, tensor: tensor! }, 5)] as const;
  });
  const numbers = join(folder, "fp32");
  mkdirSync(numbers, { recursive: true });
  await writeModelFolder(numbers, { config, tensors });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    cpSync(join(fixtures, "chat/model", name), join(numbers, name));
  }
  writeFileSync(join(numbers, "generation_config.json"), JSON.stringify({ eos_token_id: 1, pad_token_id: 2 }));
  const opened = openModelFolder(numbers);
  const { architecture, weights } = readModel(opened.config, opened.weights, numbers);
  for (const bits of [8, 4] as const) {
    const choose = formatsOf(architecture, bits);
    await quantizeFolder({ ...opened, weights }, { out: join(folder, `int${bits}`), bits, choose });
  }
}
