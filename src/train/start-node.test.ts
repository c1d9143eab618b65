/** A run from scratch leaves a folder whose tokenizer opens as the one it took, whatever files that is kept in. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { clipConfig, freshFolder, vitConfig } from "../../test/support/models/fresh.ts";
import { openModelFolder, openTokenizer } from "../folders/open-node.ts";
import { writeSafetensors } from "../weights/safetensors-node.ts";
import { parseTrainingConfig } from "./config.ts";
import { openStart } from "./start-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { models } = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../test/fixtures/tokenizers/sentencepiece.json.br", import.meta.url)),
  ).toString(),
) as { models: string[] };
const json = readFileSync(new URL("../../test/fixtures/tokenizers/byte-level.json", import.meta.url));
const letters = [..."abdeinorstw"];
const wordPieces = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  ...letters,
  ...letters.map((letter) => `##${letter}`),
];
const bytePairs = Object.fromEntries(["<|endoftext|>", ...letters, "Ġ", "on"].map((piece, id) => [piece, id]));
const sizes = { vocab_size: 50_000, d_model: 8, d_kv: 4, d_ff: 8, num_heads: 2, num_layers: 1 };

test.each<[string, Record<string, string | Uint8Array>, Record<string, unknown>?]>([
  ["tokenizer.json", { "tokenizer.json": json }],
  ["spiece.model", { "spiece.model": Buffer.from(models[0]!, "hex") }],
  ["tokenizer.model", { "tokenizer.model": Buffer.from(models[0]!, "hex") }],
  ["vocab.txt", { "vocab.txt": wordPieces.join("\n") }],
  [
    "vocab.json with merges.txt",
    { "vocab.json": JSON.stringify(bytePairs), "merges.txt": "#version: 0.2\no n\n" },
    { model_type: "gpt2" },
  ],
  ["no file, as ByT5 has none", {}, { model_type: "t5", vocab_size: 384 }],
])("%s", async (name, files, config = { model_type: "bert" }) => {
  const [from, to] = [join(folder, `${name} taken`), join(folder, `${name} left`)];
  for (const path of [from, to]) {
    mkdirSync(path);
    await writeSafetensors(join(path, "model.safetensors"), new Map());
  }
  const source = { ...files, "config.json": JSON.stringify(config) };
  for (const [file, content] of Object.entries(source)) writeFileSync(join(from, file), content);
  const settings = { architecture: "t5", sizes, tokenizer: from, data: { train: "rows.jsonl" }, steps: 1, out: to };
  const start = await openStart(parseTrainingConfig(settings, "train.json"));
  for (const { name, content } of start.carried) writeFileSync(join(to, name), content);
  writeFileSync(join(to, "tokenizer_config.json"), JSON.stringify(start.tokenizerConfig));
  const again = openTokenizer(openModelFolder(to));
  for (const text of ["", "on", "snow is not sand", "Two!"]) {
    expect(again.encode(text).ids).toEqual(start.tokenizer.encode(text).ids);
  }
});

test.each([
  ["vit", vitConfig, "images and their classes"],
  ["clip", clipConfig, "images and their texts"],
] as const)("a model of images is refused, whether it has a tokenizer or not: %s", async (name, config, words) => {
  const model = await freshFolder(join(folder, name), config);
  const started = (more: object) =>
    openStart(parseTrainingConfig({ out: folder, data: { train: "rows.jsonl" }, steps: 1, ...more }, "train.json"));
  const refused = { code: "unsupported", hint: expect.stringContaining(words) };
  await expect(started({ model })).rejects.toMatchObject(refused);
  await expect(started({ architecture: name, tokenizer: join(folder, "none.json") })).rejects.toMatchObject(refused);
});
