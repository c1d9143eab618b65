/** SentencePiece files for fuzzing: a description with things wrong in it, written out as protobuf, bytes wrong in that. */

import { mutateBytes, mutateValue } from "./mutate.js";

const encoder = new TextEncoder();

function varint(value) {
  const out = [];
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(Number.isFinite(value) ? value : 0)));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}

const field = (number, bytes) => [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
const number = (id, value) => [...varint(id * 8), ...varint(Number(value))];
const float = (id, value) => [...varint(id * 8 + 5), ...new Uint8Array(Float32Array.of(Number(value)).buffer)];

/** A table with the keys "A" → "a", "Ab" → "" and "é" → "e x", in the layout of a Darts double array. */
function charsMap() {
  const units = new Uint32Array(1024);
  const unit = (label, leaf, offset) => label | (leaf ? 256 : 0) | (offset << 10);
  units[0] = unit(0, false, 256);
  units[256 ^ 0x41] = unit(0x41, true, 512);
  units[256 ^ 0x41 ^ 512] = 0x80000000 | 0;
  units[256 ^ 0x41 ^ 512 ^ 0x62] = unit(0x62, true, 64);
  units[256 ^ 0x41 ^ 512 ^ 0x62 ^ 64] = 0x80000000 | 2;
  units[256 ^ 0xc3] = unit(0xc3, false, 128);
  units[256 ^ 0xc3 ^ 128 ^ 0xa9] = unit(0xa9, true, 1);
  units[256 ^ 0xc3 ^ 128 ^ 0xa9 ^ 1] = 0x80000000 | 3;
  const size = new Uint8Array(Uint32Array.of(units.byteLength).buffer);
  return [...size, ...new Uint8Array(units.buffer), ...encoder.encode("a\0\0e x\0")];
}

export const charsMapBase64 = Buffer.from(charsMap()).toString("base64");

const bytes = Array.from({ length: 256 }, (_, byte) => [
  `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  0,
  6,
]);

const unigram = {
  pieces: [["<pad>", 0, 3], ["</s>", 0, 3], ["<unk>", 0, 2], ["▁", -2, 1], ["▁a", -3, 1], ["b", -1, 1], ["ab", -4, 1], ["<x>", 0, 4], ["c", -5, 5]], // biome-ignore format: a table
  trainer: { 3: 1, 24: 0, 35: 0, 40: 2 },
  normalizer: { 3: 1, 4: 1, 5: 1 },
  charsmap: [...Buffer.from(charsMapBase64, "base64")],
};
const bytePairs = {
  pieces: [["<unk>", 0, 2], ["<s>", 0, 3], ["</s>", 0, 3], ...bytes, ["▁", -1, 1], ["a", -2, 1], ["b", -3, 1], ["ab", -4, 1], ["▁ab", -5, 1], ["aa", -6, 5]], // biome-ignore format: a table
  trainer: { 3: 2, 35: 1 },
  normalizer: { 3: 1, 4: 0, 5: 1 },
  charsmap: [],
};

function write(model) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const numbers = (value) =>
    Object.entries(typeof value === "object" && value !== null ? value : {}).flatMap(([id, held]) =>
      Number(id) > 0 && Number(id) < 2 ** 20 ? number(Math.trunc(Number(id)), held) : [],
    );
  const pieces = list(model.pieces).flatMap((piece) => {
    const [text, score, type] = list(piece);
    const parts = [...float(2, score)];
    if (typeof text === "string") parts.unshift(...field(1, encoder.encode(text)));
    if (type !== undefined) parts.push(...number(3, type));
    return field(1, parts);
  });
  const map = list(model.charsmap).map((byte) => Number(byte) & 255);
  return Uint8Array.from([
    ...pieces,
    ...field(2, numbers(model.trainer)),
    ...field(3, [...field(2, map), ...numbers(model.normalizer)]),
  ]);
}

/** The reader of SentencePiece files, with its seeds: descriptions as JSON. */
export function spieceReader(createSentencePieceTokenizer) {
  return {
    name: "spiece.model",
    seeds: [unigram, bytePairs].map((model) => JSON.stringify(model)),
    mutate(seed, random) {
      const model = JSON.parse(seed);
      if (random.next() < 0.15) {
        for (let n = 1 + random.below(6); n > 0 && model.charsmap.length > 0; n--) {
          model.charsmap[random.below(model.charsmap.length)] = random.below(256);
        }
      }
      // The table is long: most mutations are for the rest.
      const { charsmap, ...rest } = model;
      if (random.next() < 0.6) for (let n = 1 + random.below(3); n > 0; n--) mutateValue(rest, random);
      const written = write({ ...rest, charsmap });
      return random.next() < 0.4 ? mutateBytes(written, random) : written;
    },
    read(input) {
      for (const settings of [{}, { tokenizer_class: "LlamaTokenizer", legacy: false }]) {
        const tokenizer = createSentencePieceTokenizer(input, settings);
        const encoded = tokenizer.encode("a ab  Ab é\u0301 日本 <x> </s><extra_id_0> 😀 aab  AAé");
        void encoded.offsets;
        tokenizer.decode(encoded.ids);
      }
    },
  };
}
