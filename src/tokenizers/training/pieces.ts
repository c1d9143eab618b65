/** What every trained tokenizer here shares: special tokens, how text is cut before merging, and the file around it. */

/** Spaces become this sign, and one stands before the text, so a word is the same piece at the start and inside. */
export const space = "▁";

/** Letters, single digits and other signs never share a piece; a space belongs to what follows it. */
export const cut = `${space}?\\p{L}+|${space}?\\p{N}|${space}?[^\\p{L}\\p{N}${space}]+|${space}+`;

const pattern = new RegExp(cut, "gu");

/** The words of a text, as the tokenizer will cut it. */
export function wordsOf(text: string): string[] {
  return `${space}${text.replace(/ /g, space)}`.match(pattern) ?? [];
}

export interface SpecialTokens {
  readonly pad: string;
  readonly eos: string;
  readonly unk: string;
}

export const specials: SpecialTokens = { pad: "<pad>", eos: "</s>", unk: "<unk>" };

export const bytePieces: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** T5's order: <extra_id_0> is the last id. */
export function sentinelPieces(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `<extra_id_${count - 1 - i}>`);
}

/** How often each word occurs. */
export function countWords(texts: Iterable<string>, signal?: AbortSignal): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    signal?.throwIfAborted();
    for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The characters that cover this share of the text, most frequent first. */
export function alphabet(words: ReadonlyMap<string, number>, coverage: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) for (const char of word) counts.set(char, (counts.get(char) ?? 0) + count);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  return sorted
    .filter(([, count]) => {
      const keep = seen < total * coverage;
      seen += count;
      return keep;
    })
    .map(([char]) => char);
}

/** tokenizer.json around a model; `ids` gives the id of every piece. */
export function tokenizerFile(model: object, ids: ReadonlyMap<string, number>, sentinels: readonly string[]): object {
  const added = [specials.pad, specials.eos, specials.unk, ...sentinels].map((content) => ({
    id: ids.get(content)!,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.sort((a, b) => a.id - b.id),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Metaspace", replacement: space, prepend_scheme: "always", split: false },
        { type: "Split", pattern: { Regex: cut }, behavior: "Isolated", invert: false },
      ],
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: specials.eos, type_id: 0 } }],
      pair: [
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: specials.eos, type_id: 0 } },
        { Sequence: { id: "B", type_id: 0 } },
        { SpecialToken: { id: specials.eos, type_id: 0 } },
      ],
      special_tokens: { [specials.eos]: { id: specials.eos, ids: [ids.get(specials.eos)!], tokens: [specials.eos] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: space }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model,
  };
}
