/** Tokenizers of the first families, opened from the files their folders hold, against transformers (parity/tokenizer_families.py). */
import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { aboutOf } from "./formats/about.ts";
import { tokenizerKind } from "./formats/kinds.ts";

interface Kind {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly ids: readonly number[][];
  readonly offsets?: readonly number[][];
  readonly decoded: readonly string[];
  readonly skipped: readonly string[];
  readonly pairIds: readonly number[][];
  readonly typeIds: readonly number[][];
  readonly sequences?: readonly number[][];
  readonly pairOffsets?: readonly number[][];
}

const fixture = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../test/fixtures/tokenizers/families.json.br", import.meta.url)),
  ).toString(),
) as { texts: string[]; pairs: [string, string][]; kinds: Kind[] };

function open(files: Readonly<Record<string, string>>) {
  const json = (name: string) => (files[name] === undefined ? undefined : (JSON.parse(files[name]) as JsonObject));
  const settings = {
    config: json("tokenizer_config.json"),
    special: json("special_tokens_map.json"),
    added: json("added_tokens.json"),
  };
  const about = aboutOf((name) => name in files, {}, settings.config);
  const bytes = (name: string) => new TextEncoder().encode(files[name]);
  return tokenizerKind(about, "folder").open({ about, settings, bytes, where: "folder" });
}

describe.each(fixture.kinds)("$name", (kind) => {
  const tokenizer = open(kind.files);

  it("gives the ids and places of the reference", () => {
    for (const [i, text] of fixture.texts.entries()) {
      const made = tokenizer.encode(text);
      const label = JSON.stringify(text);
      expect(made.ids, label).toEqual(kind.ids[i]);
      if (kind.offsets) expect(made.offsets.flat(), label).toEqual(kind.offsets[i]);
      expect(made.pieces.length, label).toBe(made.ids.length);
    }
  });

  it("gives the texts of the reference, at once and as a stream", () => {
    for (const [i, ids] of kind.ids.entries()) {
      const label = JSON.stringify(fixture.texts[i]);
      expect(tokenizer.decode(ids), label).toBe(kind.decoded[i]);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true }), label).toBe(kind.skipped[i]);
      for (const skipSpecialTokens of [false, true]) {
        const stream = tokenizer.streamDecoder({ skipSpecialTokens });
        const whole = ids.map((id) => stream.push(id)).join("") + stream.flush();
        expect(whole, label).toBe(skipSpecialTokens ? kind.skipped[i] : kind.decoded[i]);
      }
    }
  });

  it("joins two texts as the reference does", () => {
    for (const [i, [text, pair]] of fixture.pairs.entries()) {
      const made = tokenizer.encode(text, { pair });
      const label = JSON.stringify([text, pair]);
      expect(made.ids, label).toEqual(kind.pairIds[i]);
      expect(made.typeIds, label).toEqual(kind.typeIds[i]);
      if (kind.sequences) {
        expect(
          made.sequences.map((which) => which ?? -1),
          label,
        ).toEqual(kind.sequences[i]);
      }
      if (kind.pairOffsets) expect(made.offsets.flat(), label).toEqual(kind.pairOffsets[i]);
    }
  });
});
