/** Rows of one batch with different adapters: each gives what it gives alone, and what the adapted network gives. */
import { describe, expect, test } from "vitest";
import { joined } from "../../../test/support/adapters.ts";
import {
  asked,
  fixtureWriter,
  interleaving,
  numbered,
  openWriter,
  told,
  turns,
  type Writer,
} from "../../../test/support/live.ts";
import { drawnLora, drawnPrefix, drawnPrompt } from "../../../test/support/random-adapters.ts";
import { type Adapter, adapted, fillersOf } from "../../models/adapters/adapter.ts";
import { filledLanguage, fillerOf } from "../../models/adapters/fillers.ts";
import { type RowAdapter, rowAdapter } from "../../models/adapters/rows.ts";
import { type Survey, survey } from "../../models/adapters/survey.ts";
import type { DecoderArchitecture, EncoderDecoderArchitecture } from "../../models/family.ts";
import { decoderModel } from "../../models/kinds/decoder.ts";
import { encoderDecoderModel } from "../../models/kinds/encoder-decoder.ts";
import { compile } from "../../runtime/compile-node.ts";
import { logSumExp } from "../choose.ts";
import { liveModel } from "./live.ts";
import type { LiveRequest } from "./request.ts";

const attention = (path: string) => /(^|\.)(q|v|q_proj|v_proj|c_attn|query_key_value)$/.test(path);

/** Eight of a kind of model, no two alike, and none at all. */
const eight: Record<Writer["architecture"]["kind"], (found: Survey) => (Adapter | undefined)[]> = {
  decoder: (found) => [
    drawnPrefix(found, ["decoder"], 5, 1),
    drawnPrefix(found, ["decoder"], 2, 2),
    drawnPrefix(found, ["decoder"], 9, 3),
    drawnPrompt(found, 4, 4),
    drawnPrompt(found, 1, 5),
    drawnLora(found, 2, 6),
    drawnLora(found, 5, 7, attention),
    undefined,
  ],
  "encoder-decoder": (found) => [
    drawnPrefix(found, ["encoder", "decoder", "cross"], 5, 1, false),
    drawnPrefix(found, ["decoder"], 2, 2),
    drawnPrefix(found, ["encoder"], 9, 3),
    drawnPrefix(found, ["cross", "decoder"], 3, 4, false),
    drawnPrompt(found, 4, 5),
    drawnLora(found, 2, 6),
    drawnLora(found, 5, 7, attention),
    undefined,
  ],
};

/** The tokens of a greedy answer by the adapted network itself, and their log-probabilities. */
async function byItself({ architecture, weights }: Writer, adapter: Adapter | undefined, found: Survey, ids: number[]) {
  const changed = adapter ? adapted(architecture, adapter.settings, found) : architecture;
  const own = joined(weights, adapter?.values ?? new Map());
  const compiled = (g: Parameters<typeof compile>[0]) => compile(g, { weights: own, threads: 1 });
  const bare =
    changed.kind === "decoder"
      ? decoderModel(changed as DecoderArchitecture, compiled)
      : encoderDecoderModel(changed as EncoderDecoderArchitecture, compiled);
  const fillers = adapter ? fillersOf(changed, adapter.settings) : { whole: 0, cached: 0 };
  await using model = filledLanguage(bare, fillers, fillerOf(architecture));
  const decoding = (await model.read([ids])).begin(1, 8);
  const tokens: number[] = [];
  const logprobs: number[] = [];
  let largest = 1;
  for (let i = 0; i < 6; i++) {
    const { logits, best } = await decoding.step(tokens.length > 0 ? [tokens.at(-1)!] : undefined);
    const data = logits.data as Float32Array;
    tokens.push(best[0]!);
    largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), largest);
    logprobs.push(data[best[0]!]! - logSumExp(data));
    if (architecture.ends.includes(best[0]!)) break;
  }
  return { tokens, logprobs, largest };
}

const models = ["llama/grouped", "gpt2/tied", "decoders/gemma3", "decoders/gptj", "decoders/gpt-neox"].concat([
  "t5/wide-heads",
  "t5/tied-relu",
  "encoder-decoders/bart",
  "encoder-decoders/umt5",
]);

describe.each(models)("%s", (name) => {
  const writer = fixtureWriter(name);
  const { architecture } = writer;
  const found = survey(architecture);
  const adapters = eight[architecture.kind](found);
  const rows = adapters.map((adapter) => adapter && rowAdapter(adapter, architecture));
  const vocabulary = Math.min(
    architecture.vocabulary,
    "inputVocabulary" in architecture ? (architecture.inputVocabulary ?? Infinity) : Infinity,
  );
  const greedy = (adapter: RowAdapter | undefined, prompt: number[]): LiveRequest => ({
    prompt,
    settings: { maxNewTokens: 6 },
    logprobs: 0,
    ...(adapter && { adapter }),
  });

  test("a mixed batch of eight is eight runs by themselves, to 1e-5", async () => {
    const prompts = rows.map((_, row) =>
      Array.from({ length: 3 + 2 * row }, (_, i) => 2 + ((7 * row + 5 * i) % (vocabulary - 2))),
    );
    await using live = openWriter(writer, { rows: 8, piece: 4 });
    const ask = (adapter: RowAdapter | undefined, row: number) => told(live, greedy(adapter, prompts[row]!));
    const answers = await Promise.all(rows.map(ask));
    expect(live.status().steps).toBeLessThan(20);
    const plain = await Promise.all(prompts.map((_, row) => ask(undefined, row)));
    for (const [row, [answer]] of answers.entries()) {
      const [single] = await ask(rows[row], row);
      const { tokens, logprobs, largest } = await byItself(writer, adapters[row], found, prompts[row]!);
      expect([answer!.tokens, single!.tokens], `row ${row}`).toEqual([tokens, tokens]);
      logprobs.forEach((value, i) => {
        const what = `row ${row}, token ${i}`;
        expect(Math.abs(answer!.logprobs[i]! - single!.logprobs[i]!), what).toBeLessThan(1e-5);
        // Other kernels, of a network whose numbers are large.
        expect(Math.abs(answer!.logprobs[i]! - value), what).toBeLessThan(1e-5 * largest);
      });
      // What is learnt counts: else nothing was compared.
      if (rows[row]) expect(answer!.logprobs, `row ${row}`).not.toEqual(plain[row]![0]!.logprobs);
    }
  });

  test("any interleaving gives every request what it gets alone", async () => {
    await using alone = openWriter(writer, { rows: 2, heldBytes: 0, piece: 8 });
    const { layers, kvHeads, headWidth } = architecture.cache;
    const bytes = 2 * layers * kvHeads * headWidth * 4 * 64 * 5;
    let count = 0;
    for (let seed = 0; seed < 4; seed++) {
      await using live = openWriter(writer, { rows: 6, piece: 8, bytes: seed % 2 ? bytes : 2 ** 24 });
      const longest = Math.min(64, architecture.longest ?? 64) - 9;
      const all = interleaving(seed, vocabulary, longest).map((one, i) => {
        const adapter = rows[(5 * seed + 3 * i) % rows.length];
        return { ...one, request: { ...one.request, ...(adapter && { adapter }) } };
      });
      const answers = await asked(live, all);
      await turns(4);
      expect(live.status()).toMatchObject({ rows: 0, waiting: 0 });
      for (const [i, { request, leaves }] of all.entries()) {
        const expected = await told(alone, request);
        answers[i]?.forEach((answer, a) => {
          const upTo = leaves ? answer.tokens.length : expected[a]!.tokens.length;
          expect(answer.tokens, `seed ${seed}, request ${i}, answer ${a}`).toEqual(expected[a]!.tokens.slice(0, upTo));
          count += answer.tokens.length;
        });
      }
    }
    expect(count).toBeGreaterThan(40);
  });
});

describe("programs and what is kept", () => {
  const writer = fixtureWriter("llama/grouped");
  const { architecture, weights } = writer;
  const found = survey(architecture);
  const prompt = Array.from({ length: 21 }, (_, i) => 3 + ((5 * i) % 40));
  const asking = (adapter?: RowAdapter, more: Partial<LiveRequest> = {}): LiveRequest => ({
    ...{ prompt, settings: { maxNewTokens: 2, minNewTokens: 2 } },
    ...(adapter && { adapter }),
    ...more,
  });

  test("what is read of a prompt is shared by requests with the same adapter, and by no other", async () => {
    await using live = openWriter(writer, { piece: 8 });
    const cached = async (adapter?: RowAdapter, owner = "") => {
      for await (const event of live.ask(asking(adapter, { owner }))) if (event.kind === "prompt") return event.cached;
      return undefined;
    };
    const [one, other] = [1, 2].map((seed) => rowAdapter(drawnPrefix(found, ["decoder"], 5, seed), architecture));
    const again = rowAdapter(drawnPrefix(found, ["decoder"], 5, 1), architecture);
    const seen: (number | undefined)[] = [];
    for (const adapter of [one, one, other, again, undefined, undefined, other]) seen.push(await cached(adapter));
    expect(seen).toEqual([0, 16, 0, 0, 0, 16, 16]);
    expect(await cached(one, "somebody else")).toBe(0);
  });

  test("the plain network runs until a row adds to its products, and again some hundred runs after", async () => {
    const opened: string[] = [];
    const live = liveModel({
      ...{ architecture, tokenizer: numbered },
      async compile(g, more) {
        const program = await compile(g, { ...more, weights, threads: 1 });
        const steps = program.outputs.includes("best");
        if (steps) opened.push(program.inputs.some((name) => name.startsWith("adapter.")) ? "added" : "plain");
        return program;
      },
    });
    const prefix = rowAdapter(drawnPrefix(found, ["decoder"], 3, 1), architecture);
    const [low, high] = [2, 7].map((rank) => rowAdapter(drawnLora(found, rank, rank, attention), architecture));
    const wide = rowAdapter(drawnLora(found, 2, 9), architecture);
    const plain = await told(live, asking());
    await told(live, asking(prefix));
    expect(opened).toEqual(["plain"]);
    for (const adapter of [low, high, low]) await told(live, asking(adapter));
    expect(await told(live, asking())).toEqual(plain);
    expect(opened).toEqual(["plain", "added"]);
    // Products that no adapter had yet: the network is written anew, once.
    for (const adapter of [wide, low]) await told(live, asking(adapter));
    expect(opened).toEqual(["plain", "added", "added"]);
    for (let i = 0; i < 20; i++) {
      await told(live, asking(undefined, { settings: { maxNewTokens: 16, minNewTokens: 16 } }));
    }
    expect(opened).toEqual(["plain", "added", "added", "plain"]);
    await live[Symbol.asyncDispose]();
  });

  test("what no batch computes is refused, and the others go on", async () => {
    const experts = fixtureWriter("switch/half");
    const own = survey(experts.architecture);
    await using live = openWriter(experts);
    const short = { prompt: [5, 6, 7], settings: { maxNewTokens: 3 } };
    const running = told(live, short);
    const odd = rowAdapter(drawnLora(own, 2, 1), experts.architecture);
    expect(() => live.ask({ ...short, adapter: odd })).toThrow("does not see every row");
    expect(await running).toEqual(await told(live, short));
    const bare = drawnPrefix(found, ["decoder"], 3, 1, false);
    expect(() => rowAdapter(bare, architecture)).toThrow("does not count as positions");
    const long = { prompt: new Array<number>(63).fill(5), settings: { maxNewTokens: 1 } };
    const gpt2 = fixtureWriter("gpt2/tied");
    await using narrow = openWriter(gpt2);
    const { longest = 0 } = gpt2.architecture;
    const filling = rowAdapter(drawnPrefix(survey(gpt2.architecture), ["decoder"], longest - 10, 1), gpt2.architecture);
    expect(() => narrow.ask({ ...long, prompt: long.prompt.slice(0, 12), adapter: filling })).toThrow("positions");
  });
});
