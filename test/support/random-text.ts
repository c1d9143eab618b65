/** A model that likes every token as much as chance has it, and vocabularies for it. */
import fc from "fast-check";
import { zeros } from "../../src/graph/array.ts";
import type { LanguageModel } from "../../src/models/kinds/language.ts";
import type { TextCodec } from "../../src/text/options.ts";
import { streamDecoder } from "../../src/tokenizers/stream.ts";

/** A tokenizer whose tokens after the end token are these bytes, and nothing else. */
export function codecOf(tokens: readonly (string | readonly number[])[]): TextCodec & { readonly size: number } {
  const encoder = new TextEncoder();
  const spelt = tokens.map((token) => (typeof token === "string" ? encoder.encode(token) : Uint8Array.from(token)));
  const decode = (ids: readonly number[]): string =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      Uint8Array.from(ids.flatMap((id) => [...(spelt[id - 1] ?? [])])),
    );
  return {
    size: tokens.length + 1,
    encode: (text) => ({ ids: [...encoder.encode(text)].map((byte) => 1 + (byte % tokens.length)) }),
    decode,
    streamDecoder: () => streamDecoder((ids) => decode(ids)),
    tokenBytes: () => ({ bytes: (id) => spelt[id - 1], dropsFirstSpace: false, differsFirst: () => false }),
  };
}

const everyByte = Array.from({ length: 256 }, (_, byte) => [byte]);

/** All bytes, and pieces that cross what a grammar tells apart. */
export const mixed: ReturnType<typeof codecOf> = codecOf([
  ...everyByte,
  ...['{"', '":', '": "', '",', '", "', '"}', '"]', "[[", "]]", "}}", "[]", "{}", '"},{"', " true", "null", "12", "-1"],
  ...[
    "a",
    "na",
    "name",
    "age",
    "x",
    "é",
    "日本",
    "🙂",
    " the",
    "\\n",
    "\\u00",
    "\\",
    '\\"',
    "  ",
    "\n\n",
    "e1",
    ".5",
    "2024-",
  ],
  // Parts of characters.
  [0xe6, 0x97],
  [0xa5, 0xe6],
  [0x9f, 0x99, 0x82],
  [0x22, 0xc3],
]);

/** @param closing tokens that are liked more, so that answers end */
export function chanceModel(vocabulary: number, seed: number, closing: (id: number) => number): LanguageModel {
  const numbers = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), { numRuns: 997, seed });
  let at = 0;
  return {
    vocabulary,
    pad: 0,
    ends: [0],
    async read(prompts) {
      return {
        batch: prompts.length,
        said: prompts.map((prompt) => [...prompt]),
        begin(beams) {
          let rows = prompts.length * beams;
          const step = async () => {
            const logits = zeros("float32", [rows, vocabulary]);
            for (let i = 0; i < logits.data.length; i++) {
              at = (at * 31 + i + 7) % 1_000_003;
              logits.data[i] = 4 * numbers[at % numbers.length]! + closing(i % vocabulary);
            }
            return { logits, best: [] };
          };
          return {
            step,
            likeliest: async () => new Array(rows).fill(0),
            reorder() {},
            keep(kept) {
              rows = kept.length * beams;
            },
          };
        },
        score: async () => [],
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}
