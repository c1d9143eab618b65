import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createSentencePiece } from "./encode.ts";
import { readSentencePieceModel } from "./model.ts";
import { createSentencePieceTokenizer } from "./tokenizer.ts";

interface Kind {
  readonly name: string;
  readonly model: number;
  readonly config: Record<string, unknown>;
  readonly ids: readonly number[][];
  /** What the sentencepiece library itself gives, without special tokens; offsets one after the other. */
  readonly plain?: readonly number[][];
  readonly offsets?: readonly number[][];
  readonly decoded?: readonly string[];
}

const fixture = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../../test/fixtures/tokenizers/sentencepiece.json.br", import.meta.url)),
  ).toString(),
) as { texts: string[]; models: string[]; kinds: Kind[] };
const models = fixture.models.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));

describe.each(fixture.kinds)("$name, on a thousand odd strings", ({ model, config, ids, plain, offsets, decoded }) => {
  const tokenizer = createSentencePieceTokenizer(models[model]!, config);

  it("gives the ids of the reference", () => {
    for (const [i, text] of fixture.texts.entries()) {
      expect(tokenizer.encode(text).ids, JSON.stringify(text)).toEqual(ids[i]);
    }
  });

  if (plain)
    it("gives the ids, offsets and texts of the sentencepiece library", () => {
      const read = readSentencePieceModel(models[model]!);
      const engine = createSentencePiece(read);
      for (const [i, text] of fixture.texts.entries()) {
        const made = engine.encode(text);
        const label = JSON.stringify(text);
        expect(made.ids, label).toEqual(plain![i]);
        expect(made.offsets.flat(), label).toEqual(offsets![i]);
        if (!made.ids.includes(read.unknownId)) expect(engine.decode(made.ids), label).toBe(decoded![i]);
      }
    });

  it("decodes the same as a stream", () => {
    for (const text of fixture.texts) {
      const made = tokenizer.encode(text).ids;
      const stream = tokenizer.streamDecoder();
      expect(made.map((id) => stream.push(id)).join("") + stream.flush()).toBe(tokenizer.decode(made));
    }
  });
});
