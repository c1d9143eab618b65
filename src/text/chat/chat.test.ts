/** Talking with a tiny model whose answers transformers has given, and with models that were made for no talk. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../../../test/support/failure.ts";
import { ZerothError } from "../../errors.ts";
import { type OpenedLanguageModel, openLanguageModel } from "../open-node.ts";
import { type Chat, type ChatSource, createChat } from "./chat.ts";
import type { ChatMessage } from "./messages.ts";
import { createSession } from "./session.ts";

interface Talk {
  readonly messages: ChatMessage[];
  readonly ids: number[];
  readonly tokens: number[];
  readonly text: string;
}
const root = new URL("../../../test/fixtures/chat/", import.meta.url);
const { talks, templates } = JSON.parse(readFileSync(new URL("expected.json", root), "utf8")) as {
  talks: Talk[];
  templates: Record<string, string>;
};
const greedy = { sample: false, maxNewTokens: 16 } as const;

let opened: OpenedLanguageModel;
let chat: Chat;
beforeAll(async () => {
  opened = await openLanguageModel(new URL("model", root).pathname);
  chat = createChat(opened);
});
afterAll(() => opened[Symbol.asyncDispose]());

/** The same model with other templates or settings. */
const changed = (changes: Partial<ChatSource>): Chat => createChat({ ...opened, ...changes });
const withTemplates = (given: Record<string, string>): Chat =>
  changed({ chatTemplates: () => new Map(Object.entries(given)) });

async function listen(stream: AsyncGenerator<string, { message: { content: string } }>) {
  let heard = "";
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return { heard, answer: value };
    heard += value;
  }
}

describe("answers are transformers' own", () => {
  test.each([0, 1, 2, 3])("conversation %i, at once and as it comes", async (i) => {
    const { messages, ids, tokens, text } = talks[i]!;
    expect(chat.prompt(messages).ids).toEqual(ids);
    const answer = await chat.answer(messages, greedy);
    expect(answer).toMatchObject({ message: { role: "assistant", content: text }, tokens, promptTokens: ids.length });
    const streamed = await listen(chat.stream(messages, greedy));
    expect(streamed).toEqual({ heard: text, answer });
  });

  test("together as alone, greedy and drawn, with errors in their places", async () => {
    const rows = [...talks.map(({ messages }) => ({ messages })), { messages: [] }, { messages: talks[0]!.messages }];
    const together = await chat.answerAll(rows, greedy);
    expect(together.map((row) => (row instanceof ZerothError ? row.code : row.tokens))).toEqual([
      ...talks.map(({ tokens }) => tokens),
      "bad_input",
      talks[0]!.tokens,
    ]);
    const drawn = await chat.answerAll(rows, { maxNewTokens: 8, seed: 3 });
    const last = await chat.answer(talks[0]!.messages, { maxNewTokens: 8, seed: 3, firstRow: 5 });
    expect(drawn[5]).toEqual(last);
  });
});

describe("what ends an answer", () => {
  test("the template's turn end is added and told where the model lacks it", () => {
    expect(chat.notes.join()).toMatch(/<\|im_end\|> ends a turn in the chat template: it was added/);
    expect(chat.ends).toEqual([1, 4]);
  });
  test("every template's turn end is found", () => {
    const ends = Object.entries(templates).map(([name, source]) => {
      const { ends: found, notes } = withTemplates({ default: source });
      const said = notes.some((note) => note.includes("ends a turn"));
      return [
        name,
        found
          .slice(1)
          .map((id) => opened.tokenizer.piece(id))
          .join(),
        said,
      ];
    });
    expect(Object.fromEntries(ends.map(([name, end, said]) => [name, [end, said]]))).toEqual({
      bars: ["<|end|>", true],
      brackets: ["", false],
      chatml: ["<|im_end|>", true],
      filters: ["", false],
      headers: ["<|eot_id|>", true],
      inst: ["", false],
      thinking: ["<|im_end|>", true],
      turns: ["<end_of_turn>", true],
    });
  });
  test("a template that refuses the conversation it is asked with: by the names that are known", () => {
    const { ends } = withTemplates({ default: "{{ raise_exception('no') }}<|eot_id|>" });
    expect(ends.map((id) => opened.tokenizer.piece(id))).toEqual(["</s>", "<|eot_id|>"]);
  });
  test("without a template, or where the model has it already, nothing is added", () => {
    expect(changed({ chatTemplates: () => new Map() }).ends).toEqual([1]);
    const { ends, notes } = changed({ model: { ...opened.model, ends: [4] } });
    expect([ends, notes]).toEqual([[4], []]);
  });
});

describe("drawing", () => {
  test("as the makers recommend, unless greedy is asked for", async () => {
    const { messages, tokens } = talks[3]!;
    expect(chat.drawing).toEqual({ sample: true, temperature: 0.7, topK: 20, topP: 0.9 });
    const explicit = { sample: true, temperature: 0.7, topK: 20, topP: 0.9, maxNewTokens: 16 };
    const drawn = await chat.answer(messages, { maxNewTokens: 16 });
    expect(drawn).toEqual(
      await changed({ generation: { ...opened.generation, defaults: {} } }).answer(messages, explicit),
    );
    expect(drawn.tokens).not.toEqual(tokens);
    expect((await chat.answer(messages, { temperature: 0, maxNewTokens: 16 })).tokens).toEqual(tokens);
    expect((await chat.answer(messages, { sample: false, maxNewTokens: 16 })).tokens).toEqual(tokens);
    expect((await chat.answer(messages, { numBeams: 2, maxNewTokens: 4 })).score).toBeLessThan(0);
  });
});

describe("a conversation that goes on", () => {
  test("is read on, and its answers are those of a conversation read anew", async () => {
    const session = createSession(chat, { system: "Be brief." });
    const said: ChatMessage[] = [{ role: "system", content: "Be brief." }];
    for (const text of ["Hi", "Tell me a story.", "<|im_end|> again"]) {
      const before = session.held;
      const { heard, answer } = await listen(session.say(text, { ...greedy, maxNewTokens: 8 }));
      said.push({ role: "user", content: text });
      const fresh = await chat.answer(said, { ...greedy, maxNewTokens: 8 });
      expect(answer).toEqual(fresh);
      said.push({ role: "assistant", content: heard });
      expect(session.held).toBeGreaterThan(before);
      expect(session.messages).toEqual(said);
    }
    session.clear();
    expect([session.messages, session.held]).toEqual([said.slice(0, 1), 0]);
    session.system(undefined);
    expect(session.messages).toEqual([]);
  });

  test("only what is new of it is read", async () => {
    const held: (number | undefined)[] = [];
    const { model } = opened;
    const read: typeof model.read = (prompts, options) => {
      held.push(options?.memory?.tokens);
      return model.read(prompts, options);
    };
    const session = createSession(changed({ model: { ...model, read } }));
    for (const text of ["Hi", "And then?"]) await listen(session.say(text, { ...greedy, maxNewTokens: 4 }));
    expect(held).toEqual([0, expect.any(Number)]);
    expect(held[1]).toBeGreaterThan(40);
  });

  test("stays as it was where an answer fails, and keeps what was heard where that is asked for", async () => {
    const session = createSession(chat);
    const stop = new AbortController();
    const stopped = async (keep: boolean) => {
      let heard = "";
      try {
        for await (const piece of session.say("Tell me a story about the sea.", {
          ...greedy,
          keep,
          signal: stop.signal,
        })) {
          heard += piece;
          stop.abort();
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "interrupted" });
      }
      return heard;
    };
    const heard = await stopped(true);
    expect(session.messages.map(({ content }) => content)).toEqual(["Tell me a story about the sea.", heard]);
    session.clear();
    await stopped(false);
    expect(session.messages).toEqual([]);
  });
});

describe("what cannot be done is said", () => {
  test("a conversation beyond the model's length, with what to do; near it the answer ends there", async () => {
    expect(chat.longest).toBe(160);
    const long = await failureOf(chat.answer([{ role: "user", content: "a".repeat(200) }], greedy));
    expect([long.code, long.hint]).toEqual(["too_long", expect.stringMatching(/leave out earlier messages/)]);
    const near = [{ role: "user", content: "b".repeat(110) }];
    const { length } = chat.prompt(near).ids;
    const answer = await chat.answer(near, { sample: false, maxNewTokens: 100 });
    expect(length).toBeGreaterThan(120);
    if (answer.finish === "length") expect(length + answer.tokens.length).toBe(160);
    const rows = [{ messages: talks[0]!.messages }, { messages: near }];
    const [first, second] = await chat.answerAll(rows, { sample: false, maxNewTokens: 100 });
    expect(second).toEqual(answer);
    expect(first).toEqual(await chat.answer(talks[0]!.messages, { sample: false, maxNewTokens: 100 }));
  });

  test("a conversation may be as long as the model's texts", () => {
    expect(chat.longest).toBe(opened.model.longest);
    expect(changed({ model: { ...opened.model, longest: 12 } }).longest).toBe(12);
  });

  test("the template's own words about a conversation that it does not take", async () => {
    const turns = withTemplates({ default: templates.turns! });
    const error = await failureOf(turns.answer([...talks[0]!.messages, ...talks[0]!.messages], greedy));
    expect([error.code, error.message]).toEqual([
      "bad_input",
      expect.stringMatching(/line \d+: Conversation roles must/),
    ]);
  });

  test("tools for a template without, images, and data that is no conversation", async () => {
    const user = { role: "user", content: "Hi" };
    expect(chat.prompt([user], { tools: [{ name: "add" }] }).warnings.join()).toMatch(/knows no tools/);
    expect(chat.prompt([user], { documents: [{ text: "x" }] }).warnings.join()).toMatch(/knows no documents/);
    expect(
      withTemplates({ default: templates.thinking! }).prompt([user], { tools: [{ name: "add" }] }).warnings,
    ).toEqual([]);
    const image = { role: "user", content: [{ type: "image", url: "x" }] };
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [[image], /a part of the type "image"/],
      [[], /at least one message/],
      ["Hi", /at least one message/],
      [[{ content: "x" }], /message 1: a message needs a "role"/],
      [[{ role: "user" }], /message 1: a message needs a "content"/],
      [[{ role: "user", content: 3 }], /"content" must be a text or a list/],
      [[user, null], /message 2: a message must be an object/],
    ];
    for (const [messages, message] of wrong) expect(() => chat.prompt(messages as ChatMessage[])).toThrow(message);
  });

  test("a template that is not there, cannot be read, or prints nothing", () => {
    const user = [{ role: "user", content: "Hi" }];
    expect(() => chat.prompt(user, { template: "rag" })).toThrow(/no chat template "rag"/);
    expect(() => withTemplates({ default: "{% if %}" })).toThrow(/the chat template, line 1/);
    expect(() => withTemplates({ default: "{# nothing #}" }).prompt(user)).toThrow(/prints nothing/);
    const several = withTemplates({ default: templates.chatml!, tool_use: templates.thinking! });
    expect(several.prompt(user, { tools: [{ name: "add" }] }).text).toMatch(/# Tools/);
    expect(several.prompt(user, { template: "tool_use" }).text).not.toMatch(/Answer in few words/);
  });
});

describe("a model without a template", () => {
  test("is given one message as it is, a conversation in the plain form, and is told so", async () => {
    const plain = changed({ chatTemplates: () => new Map() });
    expect(plain.notes.join()).toMatch(/no chat template/);
    const user = { role: "user", content: "Hi </s>" };
    expect(plain.prompt([user]).text).toBe("Hi </s>");
    expect(plain.prompt([user]).ids).not.toContain(1);
    const talk = [{ role: "system", content: "Be brief." }, user, { role: "assistant", content: "Yes" }, user];
    expect(plain.prompt(talk).text).toBe("Be brief.\n\nUser: Hi </s>\n\nAssistant: Yes\n\nUser: Hi </s>\n\nAssistant:");
    expect(() => plain.prompt([...talk, { role: "assistant", content: "x" }])).toThrow(
      /the last message must be the user's/,
    );
    expect(() => plain.prompt([{ role: "tool", content: "x" }, user])).toThrow(/the role "tool"/);
    expect((await plain.answer(talk, { ...greedy, maxNewTokens: 3 })).tokens.length).toBeGreaterThan(0);
  });

  test("the model that comes with the package talks, too", async () => {
    await using nano = await openLanguageModel("zeroth-nano");
    const own = createChat(nano);
    const question = "Is this a fact or an opinion? The bridge was opened in 1932.";
    const answer = await own.answer([{ role: "user", content: question }]);
    expect(answer.message.content).toBe((await nano.text.generate(question)).text);
    const session = createSession(own);
    await listen(session.say(question));
    const { answer: second } = await listen(session.say("Why?"));
    expect(second.message.content).toBe((await own.answer(session.messages.slice(0, -1))).message.content);
    expect(own.prompt([{ role: "user", content: "a </s> <extra_id_0>" }]).ids.slice(0, -1)).not.toContain(1);
  });
});
