/** Answers in a batch that rows join and leave are those alone: the same tokens and the same numbers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  asked,
  fixtureWriter,
  int8Writer,
  interleaving,
  openWriter,
  told,
  turns,
  type Writer,
} from "../../../test/support/live.ts";
import type { JsonObject } from "../../base/json.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-live-"));
afterAll(() => rmSync(place, { recursive: true }));

const wide: Record<string, JsonObject> = {
  llama: {
    ...{ model_type: "llama", vocab_size: 300, hidden_size: 96, intermediate_size: 128, num_hidden_layers: 2 },
    ...{ num_attention_heads: 6, num_key_value_heads: 2, head_dim: 32, tie_word_embeddings: true },
  },
  t5: {
    ...{ model_type: "t5", vocab_size: 300, d_model: 96, d_kv: 24, d_ff: 128, num_heads: 4, num_layers: 2 },
    ...{ feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
  },
  bart: {
    ...{ model_type: "bart", vocab_size: 300, d_model: 96, encoder_layers: 2, decoder_layers: 2 },
    ...{ encoder_attention_heads: 4, decoder_attention_heads: 4, encoder_ffn_dim: 128, decoder_ffn_dim: 128 },
    max_position_embeddings: 64,
  },
};

/** Texts that are turned by their length have no weights of their own. */
const folders = (name: string): [string, string] => [name.includes("/rope-") ? "llama/grouped" : name, name];

/** `exact`: heads that the kernel for rows of their own lengths takes; others are computed over all places there are. */
const models: [name: string, exact: boolean, open: () => Writer | Promise<Writer>, count: number][] = [
  ...(
    [
      ["llama/grouped", true],
      ["llama/rope-longrope", true],
      ["gpt2/tied", false],
      ["decoders/gemma3", false],
      ["decoders/gptj", false],
      ["t5/wide-heads", true],
      ["t5/tied-relu", false],
      ["encoder-decoders/bart", true],
      ["encoder-decoders/mbart", true],
      ["encoder-decoders/marian", true],
      ["encoder-decoders/pegasus", true],
      ["encoder-decoders/mt5", false],
      ["encoder-decoders/umt5", false],
      ["encoder-decoders/byt5", false],
      ["switch/half", false],
    ] as const
  ).map(([name, exact]): (typeof models)[number] => [name, exact, () => fixtureWriter(...folders(name)), 5]),
  ...Object.entries(wide).map(([name, config]): (typeof models)[number] => [
    `${name} in 8 bits`,
    true,
    () => int8Writer(config, join(place, name)),
    10,
  ]),
];

describe.each(models)("%s", (_, exact, open, count) => {
  test("any interleaving gives every request what it gets alone", async () => {
    const writer = await open();
    const {
      vocabulary,
      inputVocabulary = vocabulary,
      longest,
    } = writer.architecture as Writer["architecture"] & {
      inputVocabulary?: number;
    };
    await using alone = openWriter(writer, { rows: 2, heldBytes: 0, piece: 8 });
    // Memory for about three rows: some have to wait, or to leave their row for a while.
    const { layers, kvHeads, headWidth } = writer.architecture.cache;
    const bytes = 2 * layers * kvHeads * headWidth * 4 * 64 * 5;
    let shared = 0;
    for (let seed = 0; seed < count; seed++) {
      await using live = openWriter(writer, { rows: 6, piece: 8, bytes: seed % 2 ? bytes : 2 ** 24 });
      const all = interleaving(seed, Math.min(vocabulary, inputVocabulary), longest);
      const answers = await asked(live, all);
      await turns(4);
      expect(live.status()).toMatchObject({ rows: 0, waiting: 0 });
      for (const [i, { request, leaves }] of all.entries()) {
        const expected = await told(alone, request);
        answers[i]?.forEach((answer, a) => {
          const { tokens, logprobs, text } = expected[a]!;
          const upTo = leaves ? answer.tokens.length : tokens.length;
          const what = `seed ${seed}, request ${i}, answer ${a}`;
          expect(answer.tokens, what).toEqual(tokens.slice(0, upTo));
          if (exact) expect(answer.logprobs, what).toEqual(logprobs.slice(0, upTo));
          if (!leaves) expect(answer.text, what).toBe(text);
          shared += answer.tokens.length;
        });
      }
    }
    expect(shared).toBeGreaterThan(50);
  });
});
