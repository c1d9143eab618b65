/** The folders the benchmark runs on: T5 of four shapes, decoders and encoders of two each with random weights, and what each program makes of them. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportTransformersJs } from "../dist/export/export-node.js";
import { openModelFolder } from "../dist/folders/open-node.js";
import { quantizeFolder } from "../dist/folders/quantize-node.js";
import { writeModelFolder } from "../dist/folders/write-node.js";
import { familyOf, readModel } from "../dist/models/families.js";
import { decoderLoss } from "../dist/models/kinds/decoder-loss.js";
import { encoderDecoderLoss } from "../dist/models/kinds/encoder-decoder-loss.js";
import { formatsOf } from "../dist/models/kinds/formats.js";
import { wholeGraph } from "../dist/models/kinds/whole.js";
import { initialValue } from "../dist/nn/initial.js";
import { createScope, normal, onesInit, zerosInit } from "../dist/nn/scope.js";
import { decoders } from "./decoders/shapes.js";
import { encoders, madeTexts, wordPieceConfig, wordPieces } from "./encoders/shapes.js";
import { common, shapes } from "./shapes.js";

/** A vocabulary of made-up syllables: English becomes pieces of plausible length that mean nothing. */
function tokenizer(size) {
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
  const syllables = ["", "n", "r", "s", "t"].flatMap((end) =>
    [..."bcdfghjklmnprstvwz"].flatMap((a) => [..."aeiou"].map((b) => a + b + end)),
  );
  const pairs = syllables.slice(0, 200).flatMap((a) => syllables.slice(0, 200).map((b) => a + b));
  const texts = ["▁", ...letters, ...[...syllables, ...pairs].flatMap((text) => [`▁${text}`, text])];
  const pieces = [...new Set(texts)].slice(0, size - 3);
  const special = ["<pad>", "</s>", "<unk>"];
  const scored = pieces.map((text, n) => [text, -4 - 8 * Math.sqrt(n / size) - (text.length === 1 ? 3 : 0)]);
  const spaced = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  const one = (id) => ({ Sequence: { id, type_id: 0 } });
  const end = { SpecialToken: { id: "</s>", type_id: 0 } };
  return {
    version: "1.0",
    added_tokens: special.map((content, id) => {
      return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    }),
    normalizer: { type: "NFKC" },
    pre_tokenizer: spaced,
    post_processor: {
      type: "TemplateProcessing",
      single: [one("A"), end],
      pair: [one("A"), end, one("B"), end],
      special_tokens: { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } },
    },
    decoder: spaced,
    model: { type: "Unigram", unk_id: 2, vocab: [...special.map((s) => [s, 0]), ...scored], byte_fallback: false },
  };
}

async function writeFolder(name, path) {
  const json = decoders[name] ?? { ...common, num_decoder_layers: shapes[name].num_layers, ...shapes[name] };
  const scope = createScope();
  const loss = name in decoders ? decoderLoss : encoderDecoderLoss;
  loss(familyOf(json, name).read(json)).graph(scope);
  await writeModelFolder(path, {
    config: json,
    tensors: [...scope.parameters.values()].map((spec) => {
      const { name, shape } = spec;
      return [name, { dtype: "float32", shape, read: () => initialValue(spec, 20) }];
    }),
    tokenizerJson: tokenizer(Math.min(32000, json.vocab_size - 128)),
    tokenizerConfig: { tokenizer_class: "T5Tokenizer", pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>" },
    overwrite: true,
  });
}

/** An encoder, and the texts that are embedded where programs in other languages find them. */
async function writeEncoder(name, path) {
  const json = encoders[name];
  const { parameters } = wholeGraph(familyOf(json, name).read(json));
  await writeModelFolder(path, {
    config: json,
    tensors: parameters.map(({ name, outputs: [{ shape }] }) => {
      const initial =
        shape.length > 1 ? normal(json.initializer_range) : name.endsWith("weight") ? onesInit : zerosInit;
      return [name, { dtype: "float32", shape, read: () => initialValue({ name, shape, initial }, 20) }];
    }),
    tokenizerJson: wordPieces(),
    tokenizerConfig: wordPieceConfig,
    overwrite: true,
  });
  writeFileSync(join(path, "texts.json"), JSON.stringify(madeTexts()));
}

/** The folder of a shape under `root`, made when it is not there. */
export async function modelFolder(name, root, python) {
  const path = join(root, name);
  if (existsSync(join(path, "config.json"))) return path;
  console.error(`making ${path}`);
  const script = fileURLToPath(new URL("peers/make_t5.py", import.meta.url));
  const made =
    python &&
    !(name in decoders) &&
    !(name in encoders) &&
    spawnSync(python, [script, name, path], { stdio: ["ignore", "ignore", "inherit"] });
  if (name in encoders) await writeEncoder(name, path);
  else if (made?.status !== 0) await writeFolder(name, path);
  return path;
}

/** The same weights in the layout of transformers.js. */
export async function exported(folder, target) {
  const path = `${folder}.transformers.js-${target}`;
  if (!existsSync(join(path, "config.json"))) {
    console.error(`making ${path}`);
    await exportTransformersJs(openModelFolder(folder), path, { target });
  }
  return path;
}

/** The same weights quantised, as `zeroth quantize` writes them. */
export async function quantized(folder, bits) {
  const path = `${folder}-int${bits}`;
  if (!existsSync(join(path, "config.json"))) {
    console.error(`making ${path}`);
    const open = openModelFolder(folder);
    const { architecture } = readModel(open.config, open.weights, folder);
    const choose = formatsOf(architecture, bits);
    await quantizeFolder(open, { out: path, bits, choose });
  }
  return path;
}

/** What a script of bench/peers makes of a folder, unless `sign`, the file it writes last, is there. */
export function madeByPython(python, script, args, sign) {
  if (existsSync(sign)) return;
  console.error(`making ${sign}`);
  const file = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  const { status, stderr } = spawnSync(python, [file, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `${script} failed`);
}
