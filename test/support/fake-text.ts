/** A model that answers by rule and a tokenizer of bytes: what surrounds a network can be tested without one. */
import { zeros } from "../../src/graph/array.ts";
import type { LanguageModel, Reading } from "../../src/models/kinds/language.ts";
import type { TextCodec } from "../../src/text/options.ts";
import { streamDecoder } from "../../src/tokenizers/stream.ts";

const [pad, eos, first, vocabulary] = [0, 1, 2, 258] as const;

/** One token for each byte of UTF-8, so characters and stop strings always span several. */
export const bytes: TextCodec = {
  encode(text, { addSpecialTokens = true } = {}) {
    const ids = [...new TextEncoder().encode(text)].map((byte) => byte + first);
    return { ids: addSpecialTokens ? [...ids, eos] : ids };
  },
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id >= first).map((id) => id - first))),
  streamDecoder: () => streamDecoder((ids) => bytes.decode(ids)),
  tokenBytes: () => ({
    bytes: (id) => (id >= first ? Uint8Array.of(id - first) : undefined),
    dropsFirstSpace: false,
    differsFirst: () => false,
  }),
};

export interface Counts {
  steps: number;
  /** Rows of all steps together. */
  rows: number;
  encoded: number[];
}

/** A model whose answer to a prompt is `answer(prompt)`, then the end token; `onStep` runs in every step. */
export function fakeModel(
  answer: (prompt: readonly number[]) => readonly number[],
  { onStep = () => {}, onEncode = () => {} }: { onStep?: () => void; onEncode?: (prompts: number[][]) => void } = {},
): { model: LanguageModel; counts: Counts } {
  const counts: Counts = { steps: 0, rows: 0, encoded: [] };
  const model: LanguageModel = {
    vocabulary,
    pad,
    ends: [eos],
    async read(prompts): Promise<Reading> {
      onEncode(prompts.map((prompt) => [...prompt]));
      counts.encoded.push(prompts.length);
      const known = prompts.map(answer);
      return {
        batch: prompts.length,
        said: prompts.map(() => [pad]),
        begin(beams) {
          let answers = known.flatMap((row) => Array<readonly number[]>(beams).fill(row));
          let position = 0;
          const likeliest = async (_?: readonly number[]) => {
            // The engine lets timers and signals through in every run; so does this.
            await new Promise((resolve) => setImmediate(resolve));
            onStep();
            counts.steps++;
            counts.rows += answers.length;
            position++;
            return answers.map((row) => row[position - 1] ?? eos);
          };
          return {
            likeliest,
            async step(tokens) {
              const best = await likeliest(tokens);
              const logits = zeros("float32", [best.length, vocabulary]);
              best.forEach((id, row) => {
                logits.data[row * vocabulary + id] = 5;
              });
              return { logits, best };
            },
            reorder(parents) {
              answers = parents.map((parent) => answers[parent]!);
            },
            keep(kept) {
              answers = kept.flatMap((prompt) => answers.slice(prompt * beams, (prompt + 1) * beams));
            },
          };
        },
        // A token of the answer at its place is likely, any other is not.
        score: async (targets) =>
          known.map((row, b) => targets[b]!.map((ids) => ids.map((id, t) => (id === (row[t] ?? eos) ? -0.5 : -3)))),
      };
    },
    async [Symbol.asyncDispose]() {},
  };
  return { model, counts };
}
