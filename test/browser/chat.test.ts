/** Decoders and conversations in headless Chromium: the same ids as in Node, in every form that weights come in. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChatOptions } from "../../src/browser.ts";
import { type OpenOptions, openLanguageModel } from "../../src/text/open-node.ts";
import { fixtures } from "../support/fixtures.ts";
import { writeGroupedModels } from "../support/models/grouped-model.ts";
import { talk } from "../support/talk.ts";
import { openSite, type Site } from "./site.ts";

const scratch = mkdtempSync(join(tmpdir(), "zeroth-browser-chat-"));
const models = join(scratch, "models");
let site: Site;

beforeAll(async () => {
  await writeGroupedModels(models);
  const roots = [
    ["/fixtures", fixtures],
    ["/models", models],
  ] as const;
  site = await openSite({ scratch, roots });
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const said = ["Hello there", "And a second question?"];
const greedy: ChatOptions = { sample: false, maxNewTokens: 24 };

async function inNode(path: string, said: readonly string[], options: ChatOptions, open: OpenOptions = {}) {
  await using model = await openLanguageModel(path, { threads: 1, ...open });
  return talk(model, said, options);
}

async function inPage(address: string, said: readonly string[], options: ChatOptions) {
  const page = await site.checks();
  return page.evaluate(([address, said, options]) => window.checks.talk(address, said, options), [
    address,
    said,
    options,
  ] as const);
}

describe("a conversation in wasm is that of Node", () => {
  const numbers = { dtype: "fp32" } as const;
  test.each<[name: string, address: string, path: string, open?: OpenOptions]>([
    ["a tiny Llama", "/fixtures/chat/model", join(fixtures, "chat/model")],
    ["SmolLM2's shape as numbers", "/models/fp32", join(models, "fp32")],
    ["in 8 bits", "/models/int8", join(models, "int8")],
    // In a page nothing is rounded that is multiplied with 4 bits: in Node that is their form as numbers.
    ["in 4 bits", "/models/int4", join(models, "int4"), numbers],
  ])("%s", async (_, address, path, open) => {
    const expected = await inNode(path, said, greedy, open);
    const got = await inPage(address, said, greedy);
    expect(got).toEqual(expected);
    for (const turn of got.turns) {
      expect(turn.streamed).toBe(turn.text);
      expect(turn.tokens.length).toBeGreaterThan(0);
    }
    // The second turn has the first before it, and the model need not read it again.
    expect(got.turns[1]!.promptTokens).toBeGreaterThan(got.turns[0]!.promptTokens + got.turns[0]!.tokens.length);
    expect(got.turns[0]!.held).toBeGreaterThan(got.turns[0]!.promptTokens);
  });

  test("a GGUF file's answer is that of its exact form", async () => {
    // The tiny model has 64 places.
    const short = { ...greedy, maxNewTokens: 8 };
    const expected = await inNode(join(fixtures, "gguf/llama.gguf"), ["Hi"], short);
    expect(await inPage("/fixtures/gguf/llama.gguf", ["Hi"], short)).toEqual(expected);
    expect(expected.turns[0]!.tokens.length).toBeGreaterThan(0);
  });

  test("what transformers answers, and the template's turn end ends it", async () => {
    const { talks } = JSON.parse(readFileSync(join(fixtures, "chat/expected.json"), "utf8")) as {
      talks: { messages: { role: string; content: string }[]; tokens: number[]; text: string }[];
    };
    const single = talks.filter(({ messages }) => messages.length === 1);
    expect(single.length).toBeGreaterThan(0);
    for (const { messages, tokens, text } of single) {
      const got = await inPage("/fixtures/chat/model", [messages[0]!.content], { sample: false, maxNewTokens: 16 });
      expect(got.ends).toEqual([1, 4]);
      expect(got.turns[0]).toMatchObject({ tokens, text });
    }
  });
});

test("an answer fits its schema; the code for it is loaded when it is asked for", async () => {
  const schema = {
    type: "object",
    properties: { mood: { enum: ["good", "bad"] }, stars: { type: "integer", minimum: 1, maximum: 5 } },
    required: ["mood", "stars"],
    additionalProperties: false,
  };
  const options: ChatOptions = { sample: false, maxNewTokens: 64, schema };
  const expected = await inNode(join(models, "fp32"), ["How was it?"], options);
  const page = await site.checks();
  const before = await page.evaluate(() => window.checks.scripts());
  const got = await inPage("/models/fp32", ["How was it?"], options);
  const after = await page.evaluate(() => window.checks.scripts());
  expect(got).toEqual(expected);
  const { mood, stars, ...rest } = JSON.parse(got.turns[0]!.text) as Record<string, unknown>;
  expect(rest).toEqual({});
  expect(["good", "bad"]).toContain(mood);
  expect([1, 2, 3, 4, 5]).toContain(stars);
  expect(after.filter((name) => !before.includes(name)).join()).toMatch(/constraint/);
});
