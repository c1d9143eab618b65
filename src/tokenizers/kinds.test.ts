import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { createTokenizer } from "./tokenizer.ts";

interface Kind {
  readonly name: string;
  readonly json: JsonObject;
  readonly ids: readonly number[][];
  readonly offsets: readonly number[][];
  readonly decoded: readonly string[];
}

const fixture = JSON.parse(
  brotliDecompressSync(
    readFileSync(new URL("../../test/fixtures/tokenizers/kinds.json.br", import.meta.url)),
  ).toString(),
) as { texts: string[]; charsmap: string; kinds: Kind[] };

/** The normaliser's table is kept once, in place of which the tokenizers hold a name. */
function complete(json: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) => (value === "$charsmap" ? fixture.charsmap : value));
}

describe.each(fixture.kinds)("$name, on a thousand odd strings", ({ json, ids, offsets, decoded }) => {
  const tokenizer = createTokenizer(complete(json));

  it("gives the ids and offsets of the reference", () => {
    for (const [i, text] of fixture.texts.entries()) {
      const made = tokenizer.encode(text);
      const label = JSON.stringify(text);
      expect(made.ids, label).toEqual(ids[i]);
      expect(made.offsets.flat(), label).toEqual(offsets[i]);
    }
  });

  it("gives the texts of the reference, at once and as a stream", () => {
    for (const [i, list] of ids.entries()) {
      const label = JSON.stringify(fixture.texts[i]);
      expect(tokenizer.decode(list), label).toBe(decoded[i]);
      const stream = tokenizer.streamDecoder();
      expect(list.map((id) => stream.push(id)).join("") + stream.flush(), label).toBe(decoded[i]);
    }
  });
});

it("takes long runs of anything in time that grows with their length", () => {
  for (const { json } of fixture.kinds) {
    const tokenizer = createTokenizer(complete(json));
    for (const unit of [" ", "▁", "a\u0301", "\u0323\u0301", "😀", "ᄀ", "\n"]) {
      const start = performance.now();
      tokenizer.encode(unit.repeat(20_000));
      expect(performance.now() - start, JSON.stringify(unit)).toBeLessThan(10_000);
    }
  }
});
