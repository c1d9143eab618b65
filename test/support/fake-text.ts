/** A model that answers by rule and a tokenizer of bytes: what surrounds a network can be tested without one. */
import { zeros } from "../../src/graph/array.ts";
import type { Memory, Seq2Seq } from "../../src/models/seq2seq.ts";
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
): { model: Seq2Seq; counts: Counts } {
  const counts: Counts = { steps: 0, rows: 0, encoded: [] };
  const known = new WeakMap<Memory, readonly (readonly number[])[]>();
  const model: Seq2Seq = {
    vocabulary,
    start: pad,
    pad,
    eos,
    async encode(prompts) {
      onEncode(prompts.map((prompt) => [...prompt]));
      counts.encoded.push(prompts.length);
      const memory: Memory = { batch: prompts.length, mask: zeros("int64", [prompts.length, 1]), arrays: {} };
      known.set(memory, prompts.map(answer));
      return memory;
    },
    decoding(memory, beams) {
      let answers = known.get(memory)!.flatMap((row) => Array<readonly number[]>(beams).fill(row));
      let position = 0;
      const likeliest = async (tokens: readonly number[]) => {
        // The engine lets timers and signals through in every run; so does this.
        await new Promise((resolve) => setImmediate(resolve));
        onStep();
        counts.steps++;
        counts.rows += tokens.length;
        position++;
        return answers.map((row) => row[position - 1] ?? eos);
      };
      return {
        likeliest,
        async step(tokens) {
          const best = await likeliest(tokens);
          const logits = zeros("float32", [memory.batch, beams, 1, vocabulary]);
          best.forEach((id, row) => {
            logits.data[row * vocabulary + id] = 5;
          });
          return { logits, best };
        },
        reorder(parents) {
          answers = parents.map((parent) => answers[parent]!);
        },
        keep(prompts) {
          answers = prompts.flatMap((prompt) => answers.slice(prompt * beams, (prompt + 1) * beams));
        },
      };
    },
    async score(memory, targets) {
      // A token of the answer at its place is likely, any other is not.
      return known
        .get(memory)!
        .map((row, b) => targets[b]!.map((ids) => ids.map((id, t) => (id === (row[t] ?? eos) ? -0.5 : -3))));
    },
    async [Symbol.asyncDispose]() {},
  };
  return { model, counts };
}
