/** Marian's, mBART's and Pegasus's tokenizers against the reference (parity/translator_tokenizers.py). */
import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../base/json.ts";
import { aboutOf } from "./about.ts";
import { tokenizerKind } from "./kinds.ts";

interface Row {
  readonly name: string;
  readonly files: Readonly<Record<string, string | JsonObject>>;
  readonly config: JsonObject;
  readonly texts: readonly string[];
  readonly ids: readonly number[][];
  readonly decoded?: readonly string[];
  readonly written?: { readonly texts: readonly string[]; readonly ids: readonly number[][] };
}

const rows = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../../test/fixtures/tokenizers/translators.json.br", import.meta.url)),
  ).toString(),
) as Row[];

const bytesOf = (content: string | JsonObject): Uint8Array =>
  typeof content === "string" ? Buffer.from(content, "hex") : new TextEncoder().encode(JSON.stringify(content));

function open(files: Row["files"], config: JsonObject, model: JsonObject = {}) {
  const about = aboutOf((name) => name in files, model, config);
  return tokenizerKind(about, "folder").open({
    about,
    where: "folder",
    settings: { config },
    bytes: (name) => bytesOf(files[name]!),
  });
}

describe.each(rows.map((row) => [row.name, row] as const))(
  "%s",
  (_, { files, config, texts, ids, decoded, written }) => {
    const tokenizer = open(files, config);

    test("ids of what is read, and places in the text", () => {
      for (const [i, text] of texts.entries()) {
        const made = tokenizer.encode(text);
        expect(made.ids, JSON.stringify(text)).toEqual(ids[i]);
        for (const [start, end] of made.offsets) expect(start <= end && end <= text.length, text).toBe(true);
      }
    });

    test("ids of what is written", () => {
      for (const [i, text] of (written?.texts ?? []).entries()) {
        expect(tokenizer.encode(text, { written: true }).ids, JSON.stringify(text)).toEqual(written!.ids[i]);
      }
    });

    test("texts of ids, at once and as a stream", () => {
      for (const [i, text] of (decoded ?? []).entries()) {
        expect(tokenizer.decode(ids[i]!, { skipSpecialTokens: true }).trim(), JSON.stringify(text)).toBe(text.trim());
      }
      for (const list of ids) {
        const stream = tokenizer.streamDecoder({ skipSpecialTokens: true });
        const pieces = list.map((id) => stream.push(id)).join("") + stream.flush();
        expect(pieces).toBe(tokenizer.decode(list, { skipSpecialTokens: true }));
      }
    });
  },
);

const marian = rows[0]!.files;

test.each<[string, Row["files"], JsonObject, object]>([
  ["a vocabulary without its unknown token", { ...marian, "vocab.json": { "</s>": 0 } }, {}, { code: "corrupt_file" }],
  ["an id that is none", { ...marian, "vocab.json": { "</s>": 0, "<unk>": -1 } }, {}, { where: "folder/vocab.json" }],
  [
    "a language that is none",
    { "sentencepiece.bpe.model": marian["source.spm"]! },
    { tokenizer_class: "MBartTokenizer", src_lang: "xx_XX" },
    { hint: expect.stringContaining("ro_RO") },
  ],
  [
    "an offset that is none",
    { "spiece.model": marian["source.spm"]! },
    { tokenizer_class: "PegasusTokenizer", offset: -1 },
    { code: "corrupt_file" },
  ],
])("%s is refused", (_, files, config, error) => {
  expect(() => open(files, config)).toThrow(expect.objectContaining(error));
});

test("the model's type tells whose file it is where no class is named", () => {
  const model = marian["source.spm"]!;
  expect(open({ "spiece.model": model }, {}, { model_type: "pegasus" }).vocabularySize).toBe(
    open({ "spiece.model": model }, { tokenizer_class: "PegasusTokenizer" }).vocabularySize,
  );
  const fifty = open({ "sentencepiece.bpe.model": model }, {}, { model_type: "mbart", vocab_size: 250054 });
  expect(fifty.tokenId("sl_SI")).toBeGreaterThan(fifty.tokenId("zh_CN")!);
  expect(open({ "sentencepiece.bpe.model": model }, {}, { model_type: "mbart" }).tokenId("sl_SI")).toBeUndefined();
});

test("a language's token is not taken from text of strangers", () => {
  const tokenizer = open(marian, {});
  const code = tokenizer.tokenId(">>fra<<")!;
  expect(tokenizer.encode(">>fra<< house").ids[0]).toBe(code);
  expect(tokenizer.encode(">>fra<< house", { allowSpecial: false }).ids).not.toContain(code);
});
