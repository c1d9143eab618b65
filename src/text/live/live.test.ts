/** A live model over small networks with drawn weights: what is asked of it, and what one request must not do to others. */
import { describe, expect, test } from "vitest";
import { bytes } from "../../../test/support/fake-text.ts";
import { drawnWriter, openWriter, told, turns, type Writer } from "../../../test/support/live.ts";
import { decoderModel } from "../../models/kinds/decoder.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { LiveOptions } from "./live.ts";
import type { LiveEvent, LiveModel, LiveRequest, LiveSettings } from "./request.ts";

const llama = drawnWriter({
  ...{ model_type: "llama", vocab_size: 258, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 8, tie_word_embeddings: false, eos_token_id: 1 },
  max_position_embeddings: 2048,
});
const t5 = drawnWriter({
  ...{ model_type: "t5", vocab_size: 258, d_model: 32, d_kv: 8, d_ff: 48, num_heads: 4, num_layers: 2 },
  ...{ feed_forward_proj: "gated-gelu", tie_word_embeddings: false },
});
const writers: [string, Writer][] = [
  ["a decoder", llama],
  ["an encoder-decoder", t5],
];

const open = (writer: Writer, options?: LiveOptions): LiveModel => openWriter(writer, options, bytes);
const ids = (text: string): readonly number[] => bytes.encode(text, { addSpecialTokens: false }).ids;
const asking = (text: string, settings: LiveSettings = {}, more: Partial<LiveRequest> = {}): LiveRequest => ({
  prompt: ids(text),
  settings: { maxNewTokens: 12, ...settings },
  ...more,
});
/** That no end token comes before so many tokens. */
const exactly = (count: number): LiveSettings => ({ maxNewTokens: count, minNewTokens: count });

async function eventsOf(live: LiveModel, request: LiveRequest, signal?: AbortSignal): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of live.ask(request, signal)) events.push(event);
  return events;
}

describe.each(writers)("%s", (_, writer) => {
  test("text comes in whole characters and ends before a stop text, which is named", async () => {
    await using live = open(writer);
    const grammar = 'root ::= "grün → 你好 ENDE und mehr"';
    const events = await eventsOf(live, asking("x", { grammar, maxNewTokens: 60, stop: ["nie", "ENDE"] }));
    const pieces = events.flatMap((event) => (event.kind === "piece" ? [event] : []));
    expect(pieces.map(({ text }) => text).join("")).toBe("grün → 你好 ");
    for (const { text, tokens } of pieces) {
      expect(text).not.toContain("\ufffd");
      expect(tokens).toHaveLength(1);
    }
    expect(pieces.map(({ tokens }) => tokens[0]!.text).slice(0, 4)).toEqual(["g", "r", "\ufffd", "\ufffd"]);
    expect(events.at(-1)).toEqual({ kind: "end", answer: 0, finish: "stop_string", stopText: "ENDE" });
  });

  test("an answer goes on behind end tokens where it is asked to", async () => {
    await using live = open(writer);
    const [end] = writer.architecture.ends;
    const always: LiveSettings = { maxNewTokens: 5, logitBias: new Map([[end!, 100]]) };
    const finishes = async (settings: LiveSettings) => {
      const events = await eventsOf(live, asking("x", settings));
      const last = events.at(-1)!;
      return [events.filter(({ kind }) => kind === "piece").length, last.kind === "end" && last.finish];
    };
    expect(await finishes(always)).toEqual([1, "stop"]);
    expect(await finishes({ ...always, ignoreEnds: true })).toEqual([5, "length"]);
  });

  test("an answer after a schema is complete, and its end token is told as one", async () => {
    await using live = open(writer);
    const schema = { type: "object", properties: { a: { enum: ["x", "yz"] } }, required: ["a"] };
    const events = await eventsOf(live, asking("x", { schema, maxNewTokens: 60 }));
    const pieces = events.flatMap((event) => (event.kind === "piece" ? [event] : []));
    expect(["x", "yz"]).toContain(JSON.parse(pieces.map(({ text }) => text).join("")).a);
    expect(events.at(-1)).toEqual({ kind: "end", answer: 0, finish: "stop" });
    const all = pieces.flatMap(({ tokens }) => tokens);
    for (const token of all) expect(token.ends ?? false).toBe(token.id === 1);
  });

  test("several answers read their prompt once and are drawn apart, whoever is beside them", async () => {
    await using live = open(writer);
    const drawn = { ...exactly(8), sample: true, seed: 4, temperature: 2 };
    const three = asking("several", drawn, { answers: 3 });
    const alone = await told(live, three);
    expect(new Set(alone.map(({ tokens }) => tokens.join())).size).toBe(3);
    expect(live.status().promptTokens).toBe(7);
    const [beside] = await Promise.all([told(live, three), told(live, asking("beside", { ...drawn, seed: 9 }))]);
    expect(beside).toEqual(alone);
    expect(await told(live, asking("several", drawn))).toEqual([alone[0]]);
    expect(await told(live, asking("several", { ...drawn, seed: 5 }))).not.toEqual([alone[0]]);
  });

  test("biases forbid tokens, and leave none but some", async () => {
    await using live = open(writer);
    const [plain] = await told(live, asking("bias", exactly(6)));
    const first = plain!.tokens[0]!;
    const [without] = await told(live, asking("bias", { ...exactly(6), logitBias: new Map([[first, -100]]) }));
    expect(without!.tokens).not.toContain(first);
    const only = new Map([
      [40, 100],
      [41, 100],
    ]);
    const [some] = await told(live, asking("bias", { ...exactly(6), logitBias: only }));
    for (const id of some!.tokens) expect([40, 41]).toContain(id);
  });

  test("penalties are taken from what the answer has said", async () => {
    await using live = open(writer);
    const [presencePenalty, frequencyPenalty] = [1.7, 1.4];
    const first = (await eventsOf(live, asking("penalty", exactly(1), { logprobs: 2 }))).find(
      ({ kind }) => kind === "piece",
    );
    const [a, b] = (first as Extract<LiveEvent, { kind: "piece" }>).tokens[0]!.top!.map(({ id }) => id) as [
      number,
      number,
    ];
    // Two tokens are possible: which one comes follows from their log-probabilities and from what has been said.
    const logitBias = new Map([
      [a, 100],
      [b, 100],
    ]);
    const settings = { ...exactly(16), logitBias, presencePenalty, frequencyPenalty };
    const events = await eventsOf(live, asking("penalty", settings, { logprobs: 258 }));
    const said = new Map<number, number>();
    let changed = 0;
    for (const event of events) {
      if (event.kind !== "piece") continue;
      const [token] = event.tokens;
      const of = (id: number) => token!.top!.find((other) => other.id === id)!.logprob;
      const taken = (id: number) => (said.get(id) ?? 0) * frequencyPenalty + (said.has(id) ? presencePenalty : 0);
      const [better, other] = of(a) - taken(a) >= of(b) - taken(b) ? [a, b] : [b, a];
      expect(token!.id).toBe(better);
      if (of(better) < of(other)) changed++;
      said.set(better, (said.get(better) ?? 0) + 1);
    }
    expect(changed).toBeGreaterThan(0);
  });

  test("log-probabilities are those at temperature 1 before any rule, the likeliest first", async () => {
    await using live = open(writer);
    const request = asking(
      "logs",
      { ...exactly(5), repetitionPenalty: 1.5, temperature: 3, sample: true },
      { logprobs: 258 },
    );
    for (const event of await eventsOf(live, request)) {
      if (event.kind !== "piece") continue;
      const [{ id, logprob, top }] = event.tokens as [(typeof event.tokens)[number]];
      const values = top!.map((token) => token.logprob);
      expect(values).toEqual([...values].sort((a, b) => b - a));
      expect(values.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 4);
      expect(top!.find((token) => token.id === id)!.logprob).toBe(logprob);
    }
  });

  test("owners have their turns", async () => {
    await using live = open(writer, { rows: 1 });
    const ended: string[] = [];
    const ask = async (owner: string, text: string) => {
      await told(live, asking(text, exactly(3), { owner }));
      ended.push(owner);
    };
    await Promise.all([..."abcdefgh"].map((text) => ask("many", text)).concat(ask("one", "z")));
    expect(ended.indexOf("one")).toBeLessThan(2);
  });

  test("one more than may wait is refused as busy, and there is room again later", async () => {
    await using live = open(writer, { rows: 1, waiting: 2 });
    const first = [told(live, asking("a")), told(live, asking("b"))];
    expect(() => live.ask(asking("c"))).toThrow(expect.objectContaining({ code: "busy" }));
    await Promise.all(first);
    await told(live, asking("c"));
  });

  test("a signal takes a request out of the batch and of the line, before the next step", async () => {
    await using live = open(writer, { rows: 1 });
    const [running, waiting] = [new AbortController(), new AbortController()];
    let steps = 0;
    const first = told(live, asking("a", exactly(500)), running.signal, (event) => {
      if (event.kind === "piece" && event.tokens.length > 0 && ++steps === 5) running.abort();
      return true;
    });
    const second = told(live, asking("b"), waiting.signal);
    await turns(3);
    waiting.abort();
    await expect(second).rejects.toMatchObject({ code: "interrupted" });
    await expect(first).rejects.toMatchObject({ code: "interrupted" });
    expect(live.status()).toMatchObject({ rows: 0, waiting: 0 });
    expect(live.status().answerTokens).toBeLessThan(8);
  });

  test("whatever else needs the model comes between two steps", async () => {
    await using live = open(writer);
    const answer = told(live, asking("a", exactly(40)));
    await turns(10);
    const steps = await live.between(async () => {
      const before = live.status().steps;
      await turns(10);
      return [before, live.status().steps];
    });
    expect(steps[0]).toBeGreaterThan(0);
    expect(steps[1]).toBe(steps[0]);
    await expect(live.between(() => Promise.reject(new Error("of its own")))).rejects.toThrow("of its own");
    await expect(live.between(async () => 1, AbortSignal.abort())).rejects.toMatchObject({ code: "interrupted" });
    expect((await answer)[0]!.tokens).toHaveLength(40);
  });

  test("an error ends the request whose it is", async () => {
    await using live = open(writer);
    const alone = await told(live, asking("good", exactly(20)));
    const nothing = new Map(Array.from({ length: 258 }, (_, id) => [id, -100] as const));
    const [good, bad] = await Promise.allSettled([
      told(live, asking("good", exactly(20))),
      told(live, asking("bad", { logitBias: nothing })),
    ]);
    expect(good).toEqual({ status: "fulfilled", value: alone });
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "bad_input" } });
    await expect(told(live, asking("x", { grammar: 'root ::= "' }))).rejects.toMatchObject({ code: "bad_input" });
  });

  test("results that are no numbers end the request whose they are", async () => {
    const weights = new Map(writer.weights);
    const name = [...weights.keys()].find((key) => /shared|embed_tokens/.test(key))!;
    const table = weights.get(name)! as { shape: number[]; dtype: "float32"; data: Uint8Array };
    const damaged = new Float32Array(table.data.slice().buffer);
    damaged.fill(Number.NaN, 200 * 32, 201 * 32);
    weights.set(name, { ...table, data: new Uint8Array(damaged.buffer) });
    await using live = open({ ...writer, weights });
    const good = asking("good", { ...exactly(20), logitBias: new Map([[200, -100]]) });
    const alone = await told(live, good);
    const bad: LiveRequest = { prompt: [5, 200, 6], settings: { maxNewTokens: 20 } };
    const forced: LiveRequest = { prompt: [5, 6], settings: { ...exactly(20), logitBias: new Map([[200, 100]]) } };
    const results = await Promise.allSettled([good, bad, forced, good].map((request) => told(live, request)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    for (const i of [0, 3]) expect(results[i]).toMatchObject({ value: alone });
    for (const i of [1, 2]) expect(results[i]).toMatchObject({ reason: { code: "engine_failed" } });
    expect(await told(live, good)).toEqual(alone);
  });

  test("where memory is short, a row gives its place up for a while and goes on as if it had not", async () => {
    await using wide = open(writer);
    const requests = ["a", "b", "c"].map((text) => asking(text, exactly(300)));
    const alone = [];
    for (const request of requests) alone.push(await told(wide, request));
    // Room for three rows of the length that they begin with, and for two of what they come to.
    const { layers, kvHeads, headWidth } = writer.architecture.cache;
    const bytes = 2 * layers * kvHeads * headWidth * 4 * (2 * 512 + 200);
    await using live = open(writer, { bytes, heldBytes: 0 });
    let left = 0;
    const after = () => {
      const { rows, waiting, bytes: held } = live.status();
      expect(held).toBeLessThanOrEqual(bytes);
      if (rows > 0 && waiting > 0) left++;
      return true;
    };
    const answers = await Promise.all(requests.map((request) => told(live, request, undefined, after)));
    expect(answers).toEqual(alone);
    expect(left).toBeGreaterThan(0);
    await expect(told(live, asking("x".repeat(3000)))).rejects.toMatchObject({
      code: writer === llama ? "too_long" : "out_of_memory",
    });
  });

  test("what cannot be answered is refused at once", async () => {
    await using live = open(writer);
    const refused = (request: LiveRequest) => {
      try {
        live.ask(request);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return "nothing";
    };
    expect(refused({ prompt: [5, 258], settings: {} })).toBe("bad_input");
    expect(refused({ prompt: [], settings: {} })).toBe("bad_input");
    expect(refused(asking("a", { temperature: -1 }))).toBe("bad_input");
    expect(refused(asking("a", { presencePenalty: 3 }))).toBe("bad_input");
    expect(refused(asking("a", { logitBias: new Map([[300, 1]]) }))).toBe("bad_input");
    expect(refused(asking("a", {}, { answers: 17 }))).toBe("bad_input");
    expect(refused(asking("abc", { maxInput: 2 }))).toBe("too_long");
  });

  test("closing ends what is asked, and nothing can be asked any more", async () => {
    const live = open(writer);
    const answer = told(live, asking("a", exactly(500)));
    await turns(20);
    const ended = expect(answer).rejects.toMatchObject({ code: "interrupted" });
    await live[Symbol.asyncDispose]();
    await ended;
    expect(() => live.ask(asking("a"))).toThrow(expect.objectContaining({ code: "wrong_use" }));
  });

  test("no new tokens may be asked for", async () => {
    await using live = open(writer);
    expect(await eventsOf(live, asking("abc", { maxNewTokens: 0 }))).toEqual([
      { kind: "prompt", tokens: 3, cached: 0 },
      { kind: "end", answer: 0, finish: "length" },
    ]);
  });
});

test("a decoder's prompt is told with its log-probabilities", async () => {
  await using live = open(llama, { piece: 4 });
  const request = asking("eleven toks", { maxNewTokens: 1 }, { promptLogprobs: true, logprobs: 2 });
  // What was read before is read again: its numbers are asked for.
  await told(live, asking("eleven toks"));
  const [prompt] = await eventsOf(live, request);
  if (prompt?.kind !== "prompt") throw new Error("no prompt");
  expect(prompt.cached).toBe(0);
  expect(prompt.told!.map(({ text }) => text).join("")).toBe("eleven toks");
  expect(prompt.told![0]!.logprob).toBeUndefined();
  await using model = decoderModel(llama.architecture as never, (g) =>
    compile(g, { weights: llama.weights, threads: 1 }),
  );
  const [first, ...rest] = request.prompt;
  const [[expected]] = (await (await model.read([[first!]])).score([[rest]])) as [[number[]]];
  prompt.told!.slice(1).forEach(({ logprob, top }, i) => {
    expect(logprob).toBeCloseTo(expected[i]!, 4);
    expect(top).toHaveLength(2);
    expect(top![0]!.logprob).toBeGreaterThanOrEqual(top![1]!.logprob);
  });
});

test("an encoder-decoder does not tell its prompt", async () => {
  await using live = open(t5);
  expect(() => live.ask(asking("a", {}, { promptLogprobs: true }))).toThrow(
    expect.objectContaining({ code: "unsupported" }),
  );
});

test("an answer ends where the model's positions do", async () => {
  const short = { ...llama, architecture: { ...llama.architecture, longest: 10 } as Writer["architecture"] };
  await using live = open(short);
  const [answer] = await told(live, asking("sixsix", exactly(100)));
  expect(answer).toMatchObject({ finish: "length" });
  expect(answer!.tokens).toHaveLength(4);
  expect(() => live.ask(asking("0123456789"))).toThrow(expect.objectContaining({ code: "too_long" }));
});

describe("prompts that begin alike", () => {
  const system = "You are a helpful assistant. ".repeat(3);
  const cachedOf = async (live: LiveModel, text: string, owner: string) => {
    const events = await eventsOf(live, asking(text, exactly(4), { owner, logprobs: 1 }));
    const [prompt] = events;
    return { cached: prompt?.kind === "prompt" ? prompt.cached : -1, events: events.slice(1) };
  };

  test("are read once for each owner, with the same numbers", async () => {
    await using live = open(llama, { piece: 16 });
    await using without = open(llama, { piece: 16, heldBytes: 0 });
    // 87 tokens: five pieces are whole.
    expect((await cachedOf(live, `${system}One`, "a")).cached).toBe(0);
    const again = await cachedOf(live, `${system}Two`, "a");
    expect(again.cached).toBe(80);
    expect(again.events).toEqual((await cachedOf(without, `${system}Two`, "a")).events);
    expect((await cachedOf(live, `${system}Two`, "b")).cached).toBe(0);
    expect((await cachedOf(live, `${system.slice(0, 40)}, no`, "a")).cached).toBe(32);
    // The last token is always computed.
    expect((await cachedOf(live, system.slice(0, 80), "a")).cached).toBe(64);
    expect((await cachedOf(without, `${system}Two`, "a")).cached).toBe(0);
  });

  test("also where they are asked together", async () => {
    await using live = open(llama, { piece: 16 });
    const asked = await Promise.all([1, 2, 3, 4].map((n) => cachedOf(live, `${system}${n}`, "a")));
    expect(asked.map(({ cached }) => cached)).toEqual([0, 80, 80, 80]);
  });

  test("are forgotten where memory is short, those used least recently first", async () => {
    const { layers, kvHeads, headWidth } = llama.architecture.cache;
    const heldBytes = 2 * layers * kvHeads * headWidth * 4 * 32 * 2;
    await using live = open(llama, { piece: 16, heldBytes });
    const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(33)) as [string, string, string];
    for (const text of [a, b]) await cachedOf(live, text, "x");
    expect((await cachedOf(live, a, "x")).cached).toBe(32);
    await cachedOf(live, c, "x");
    expect((await cachedOf(live, a, "x")).cached).toBe(32);
    expect((await cachedOf(live, b, "x")).cached).toBe(0);
  });
});
