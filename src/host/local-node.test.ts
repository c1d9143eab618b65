/** An engine in this process: the models that can be named, what is asked of them, and what opens and closes them. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { failureOf } from "../../test/support/failure.ts";
import { expectClose, fixtures } from "../../test/support/fixtures.ts";
import { startHub } from "../../test/support/hub-server.js";
import { files as hubFiles } from "../../test/support/pull.ts";
import type { LiveEvent } from "../text/live/request.ts";
import { openEncoder, openLanguageModel } from "../text/open-node.ts";
import type { Engine, GenerateAsk, Prepared } from "./engine.ts";
import { localEngine } from "./local-node.ts";

const model = "zeroth-nano";
const root = mkdtempSync(join(tmpdir(), "zeroth-engine-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let homes = 0;
/** A hub cache with folders of models by their names, each at `main` and at further tags. */
function cacheOf(
  models: Readonly<Record<string, string>>,
  ...tags: string[]
): { HF_HOME: string; HF_HUB_OFFLINE: "1" } {
  const home = join(root, `home-${homes++}`);
  for (const [name, from] of Object.entries(models)) {
    const repo = join(home, "hub", `models--${name.replace("/", "--")}`);
    cpSync(from, join(repo, "snapshots", "0123abcd"), { recursive: true });
    mkdirSync(join(repo, "refs"));
    for (const ref of ["main", ...tags]) writeFileSync(join(repo, "refs", ref), "0123abcd");
  }
  return { HF_HOME: home, HF_HUB_OFFLINE: "1" };
}

const fixture = (name: string): string => join(fixtures, name);
const chatty = fixture("chat/model");

async function all(events: AsyncIterable<Prepared | LiveEvent>): Promise<(Prepared | LiveEvent)[]> {
  const found: (Prepared | LiveEvent)[] = [];
  for await (const event of events) found.push(event);
  return found;
}
const ask = (name: string, text: string, more: Partial<GenerateAsk> = {}): GenerateAsk => ({
  model: name,
  prompt: { text },
  settings: { maxNewTokens: 4 },
  ...more,
});
const open = async (engine: Engine): Promise<string[]> => (await engine.status()).models.map(({ id }) => id);
const tick = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

describe("the models that can be named", () => {
  test("the embedded one, those with names, the cache's; nothing is opened for the list", async () => {
    const broken = join(root, "broken");
    mkdirSync(broken);
    writeFileSync(join(broken, "config.json"), '{"model_type":"whisper"}');
    writeFileSync(join(broken, "model.safetensors"), "");
    const bare = join(root, "bare");
    mkdirSync(bare);
    writeFileSync(join(bare, "config.json"), '{"model_type":"t5"}');
    const two = join(root, "two");
    mkdirSync(two);
    for (const name of ["llama", "gpt2"]) cpSync(fixture(`gguf/${name}.gguf`), join(two, `${name}.gguf`));
    const env = cacheOf({ "acme/chatty": chatty, "acme/odd": broken, "acme/unfinished": bare, "acme/two": two }, "v1");
    await using engine = localEngine({ env, folders: { mine: fixture("gguf/t5.gguf") } });
    const found = await engine.list();
    const expected = [model, "mine", "acme/chatty", "acme/chatty@v1", "acme/two:gpt2.gguf", "acme/two:llama.gguf"];
    expect(found.map(({ id }) => id)).toEqual(expected);
    expect(await open(engine)).toEqual([]);
    const [nano, , chat] = found;
    expect(nano).toMatchObject({ kind: "encoder-decoder", family: "t5", vocabulary: 8192, can: ["generate", "score"] });
    const bytes = statSync(join(import.meta.dirname, "../../models/zeroth-nano/model.safetensors")).size;
    expect(nano).toMatchObject({ parameters: 4_082_560, bytes, chat: false, tools: false });
    expect(chat).toMatchObject({ kind: "decoder", family: "llama", chat: true, longest: expect.any(Number) });
    expect(Math.abs(chat!.created - Date.now() / 1000)).toBeLessThan(600);
    for (const about of found) expect(await engine.about(about.id)).toEqual(about);
    const text = await all(engine.generate(ask("acme/two:llama.gguf", "a")));
    expect(text.at(-1)).toMatchObject({ kind: "end" });
    expect(await engine.open("acme/chatty@main")).toMatchObject({ id: "acme/chatty" });
  });

  test("what changes on the disk is read anew", async () => {
    const folder = join(root, "changes");
    cpSync(chatty, folder, { recursive: true });
    await using engine = localEngine({ env: cacheOf({}), folders: { it: folder } });
    expect((await engine.about("it")).chat).toBe(true);
    rmSync(join(folder, "tokenizer_config.json"));
    expect((await engine.about("it")).chat).toBe(false);
    rmSync(join(folder, "model.safetensors"));
    expect(await failureOf(engine.about("it"))).toMatchObject({ code: "not_found", where: "it" });
  });

  test("what they can be asked for", async () => {
    const folders = {
      words: fixture("bert/masked"),
      classes: fixture("bert/single"),
      writes: chatty,
      pictures: fixture("vit/classes"),
      both: fixture("clip/end-token"),
    };
    await using engine = localEngine({ env: cacheOf({}), folders });
    const can = Object.fromEntries((await engine.list()).map((about) => [about.id, about.can]));
    expect(can).toMatchObject({
      words: ["embed"],
      classes: ["embed", "classify"],
      writes: ["generate", "score", "embed"],
      both: [],
    });
    expect(await failureOf(engine.open("both"))).toMatchObject({ code: "unsupported", where: "both" });
  });

  test("a name that is nearly one", async () => {
    await using engine = localEngine({ env: cacheOf({ "acme/chatty": chatty }), folders: { mine: chatty } });
    const near = async (name: string) => (await failureOf(engine.open(name))).hint;
    expect(await near("zeroth-nanno")).toBe("did you mean zeroth-nano?");
    expect(await near("acme/chaty")).toBe("did you mean acme/chatty?");
    expect(await near("minne")).toBe("did you mean mine?");
    // What cannot be a name at all.
    expect(await near("zeroth nano")).toBe("did you mean zeroth-nano?");
    const { code, message } = await failureOf(engine.about("somebody/something-else"));
    expect([code, message]).toEqual(["not_found", 'no model "somebody/something-else" on this machine']);
    // Strangers read these messages: they do not say where this machine keeps what.
    expect(message).not.toContain(root);
  });

  test.each([
    ["..", "bad_input"],
    ["../zeroth", "bad_input"],
    ["/etc", "bad_input"],
    [chatty, "bad_input"],
    [`file://${chatty}`, "bad_input"],
    ["~/model", "bad_input"],
    ["C:\\model", "bad_input"],
    ["a\0b", "bad_input"],
    ["x".repeat(300), "bad_input"],
    ["", "bad_input"],
    ["acme/chatty/../../..", "bad_input"],
    ["acme/chatty@../../x", "bad_input"],
    ["acme/chatty:../x.gguf", "bad_input"],
    ["__proto__", "not_found"],
    // A folder of this name lies in the folder that the tests run in.
    ["models/zeroth-nano", "not_found"],
    ["test/fixtures", "not_found"],
    ["constructor", "not_found"],
  ])("%j opens nothing", async (name, code) => {
    await using engine = localEngine({ env: cacheOf({ "acme/chatty": chatty }) });
    const codes = await Promise.all([
      failureOf(engine.open(name)),
      failureOf(engine.about(name)),
      failureOf(all(engine.generate(ask(name, "x")))),
    ]);
    expect(new Set(codes.map((error) => error.code))).toEqual(new Set([code]));
    expect(await open(engine)).toEqual([]);
  });

  test("downloaded only where that is allowed, and told how far it is", async () => {
    const files = { ...hubFiles, "config.json": Buffer.from('{"model_type":"nothing-known"}') };
    const hub = await startHub({ "acme/tiny": { files } });
    const env = { HF_HOME: join(root, `home-${homes++}`), HF_ENDPOINT: hub.url };
    await using closed = localEngine({ env });
    expect(await failureOf(closed.open("acme/tiny"))).toMatchObject({ code: "not_found" });
    expect(hub.requests).toEqual([]);
    await using engine = localEngine({ env, download: true });
    await using offline = localEngine({ env: { ...env, HF_HUB_OFFLINE: "1" }, download: true });
    const missing = await failureOf(offline.open("zeroth-nanno"));
    expect(missing).toMatchObject({ code: "not_found", hint: "did you mean zeroth-nano?" });
    expect(hub.requests).toEqual([]);
    expect(await failureOf(engine.about("acme/else"))).toMatchObject({ code: "not_found" });
    // It comes, and then it is a family that is not known: what opening says of a folder that is there.
    expect(await failureOf(engine.open("acme/tiny"))).toMatchObject({ code: "unsupported" });
    expect(hub.requests.length).toBeGreaterThan(0);
    await hub.close();
  });
});

describe("answers", () => {
  test("are the model's own, with what the prompt became before them", async () => {
    await using engine = localEngine();
    await using opened = await openLanguageModel(model);
    const prompt = "Is fire hot or cold?";
    const [prepared, ...events] = await all(engine.generate(ask(model, prompt, { settings: {} })));
    const { ids } = opened.tokenizer.encode(prompt);
    expect(prepared).toEqual({ kind: "prepared", text: prompt, ids, warnings: [] });
    const { text, tokens, finish } = await opened.text.generate(prompt);
    const pieces = events.flatMap((event) => (event.kind === "piece" ? [event] : []));
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    expect(pieces.flatMap((piece) => piece.tokens.map(({ id }) => id))).toEqual(tokens);
    expect(events.at(-1)).toEqual({ kind: "end", answer: 0, finish });
    const bytes = pieces.flatMap((piece) => piece.tokens.flatMap((token) => token.bytes));
    expect(Buffer.from(bytes).toString()).toBe(` ${text}</s>`);
    const same = await all(engine.generate(ask(model, "", { prompt: { ids }, settings: {} })));
    expect(same.slice(1)).toEqual(events);
  });

  test("to a conversation: through the template, tools told of, or in the plain form", async () => {
    await using engine = localEngine({ env: cacheOf({}), folders: { chatty } });
    await using opened = await openLanguageModel(chatty);
    const { createChat } = await import("../text/chat/chat.ts");
    const messages = [{ role: "user", content: "hello" }];
    const [prepared] = await all(engine.generate(ask("chatty", "", { prompt: { messages } })));
    const made = createChat(opened).prompt(messages);
    expect(prepared).toEqual({ kind: "prepared", ...made });
    const tools = [{ type: "function", function: { name: "look", parameters: {} } }];
    const [told] = await all(engine.generate(ask("chatty", "", { prompt: { messages, tools } })));
    expect(told).toEqual({ kind: "prepared", ...createChat(opened).prompt(messages, { tools }) });
    const talk = [...messages, { role: "assistant", content: "a" }, { role: "user", content: "b" }];
    const plain = await engine.tokenize(model, { messages: talk });
    expect(plain.text).toBe("User: hello\n\nAssistant: a\n\nUser: b\n\nAssistant:");
    const other = engine.tokenize("chatty", { messages, template: "none" });
    expect((await failureOf(other)).code).toBe("not_found");
  });

  test("what cannot be read is refused", async () => {
    await using engine = localEngine();
    const failing = async (prompt: GenerateAsk["prompt"]) =>
      (await failureOf(all(engine.generate(ask(model, "", { prompt }))))).message;
    expect(await failing({ ids: [] })).toBe("the prompt is empty");
    expect(await failing({ ids: [1, 8192] })).toBe("token 8192 is outside the vocabulary of 8192");
    expect(await failing({ messages: [] })).toContain("at least one message");
    expect((await failureOf(engine.tokens(model, [9000]))).code).toBe("bad_input");
    expect((await failureOf(engine.detokenize(model, [0.5]))).code).toBe("bad_input");
  });
});

test("scores are those of the library, token by token", async () => {
  await using engine = localEngine();
  await using opened = await openLanguageModel(model);
  // More than are computed between two steps of answers.
  const rows = Array.from({ length: 20 }, (_, i) => ({
    prompt: `Is ${i} even?`,
    choices: i % 2 ? ["yes", "no"] : ["no", "yes", "perhaps"],
  }));
  for (const eos of [true, false]) {
    const told = await engine.score({
      model,
      eos,
      rows: rows.map((row) => ({ ...row, prompt: { text: row.prompt } })),
    });
    const expected = await opened.text.scoreAll(rows, { eos });
    for (const [i, row] of told.entries()) {
      const own = expected[i] as Exclude<(typeof expected)[number], Error>;
      expect(row.best).toBe(own.best);
      expect(row.choices.map(({ length }) => length)).toEqual(own.lengths);
      expectClose(
        row.choices.flatMap((choice) => choice.map(({ logprob }) => logprob)),
        own.logprobs.flat(),
        1e-5,
        `row ${i}`,
      );
    }
    const text = Buffer.from(told[1]!.choices[0]!.flatMap(({ bytes }) => bytes)).toString();
    expect(text).toBe(eos ? " yes</s>" : " yes");
  }
  const wrong = engine.score({
    model,
    rows: [
      { prompt: { text: "x" }, choices: ["y"] },
      { prompt: { text: "x" }, choices: [] },
    ],
  });
  expect(await failureOf(wrong)).toMatchObject({ code: "bad_input", where: "row 2" });
});

test("vectors are those of the library, of texts and of their ids, of encoders and of decoders", async () => {
  const folder = fixture("gguf/bert.gguf");
  await using engine = localEngine({ env: cacheOf({}), folders: { reads: folder, writes: chatty } });
  const inputs = Array.from({ length: 20 }, (_, i) => `hello ${"there ".repeat(i % 5)}`);
  for (const [name, from] of [
    ["reads", folder],
    ["writes", chatty],
  ] as const) {
    await using opened = await openEncoder(from);
    const expected = (await opened.encoder.embedAll(inputs)) as Float32Array[];
    const told = await engine.embed({ model: name, inputs });
    const ids = inputs.map((text) => opened.tokenizer.encode(text).ids);
    const same = await engine.embed({ model: name, inputs: ids });
    expect(told.tokens).toBe(ids.reduce((sum, { length }) => sum + length, 0));
    expect(same.tokens).toBe(told.tokens);
    for (const [i, vector] of expected.entries()) {
      expectClose(told.vectors[i]!, vector, 1e-5, `${name}, text ${i}`);
      expectClose(same.vectors[i]!, vector, 1e-5, `${name}, ids ${i}`);
    }
    const short = await engine.embed({ model: name, inputs: ["hello"], dimensions: 3 });
    expect(short.vectors[0]).toHaveLength(3);
    const wrong = engine.embed({ model: name, inputs: ["hello", [999_999]] });
    expect(await failureOf(wrong)).toMatchObject({ code: "bad_input", where: "row 2" });
  }
  expect(await failureOf(all(engine.generate(ask("reads", "x"))))).toMatchObject({ code: "unsupported" });
});

describe("memory", () => {
  test("for one: the first is closed for the second, and opened again when it is asked", async () => {
    const folders = { first: chatty, second: chatty };
    await using engine = localEngine({ env: cacheOf({}), folders, memory: 1.5 * 1.25 * (await sizeOf(chatty)) });
    for (const name of ["first", "second", "first"]) {
      await all(engine.generate(ask(name, "hello")));
      expect(await open(engine)).toEqual([name]);
    }
  });

  test("for none: both numbers are named", async () => {
    await using engine = localEngine({ memory: 1_000_000 });
    const { code, message } = await failureOf(engine.open(model));
    expect(code).toBe("out_of_memory");
    expect(message).toBe("zeroth-nano: needs about 5.2 MB of memory, 1.0 MB are there for models");
  });

  async function sizeOf(folder: string): Promise<number> {
    await using engine = localEngine({ env: cacheOf({}), folders: { it: folder } });
    return (await engine.about("it")).bytes;
  }
});

test("an error says the model's name, not where it lies", async () => {
  const bare = join(root, "no-tokenizer");
  cpSync(fixture("bert/bare"), bare, { recursive: true });
  await using engine = localEngine({ env: cacheOf({ "acme/bare": bare }), folders: { mine: bare } });
  for (const id of ["acme/bare", "mine"]) {
    const { code, message, where } = await failureOf(engine.open(id));
    expect([code, where]).toEqual(["not_found", id]);
    expect(message).toMatch(new RegExp(`^${id}: neither tokenizer.json`));
  }
  await using gone = localEngine({ folders: { mine: join(root, "gone") } });
  expect((await failureOf(gone.about("mine"))).message).not.toContain(root);
});

test("closed when idle, not while it answers; one that is pinned is opened at once and stays", async () => {
  await using engine = localEngine({ folders: { other: chatty }, pinned: ["other"], closesAfter: 60 });
  const events = engine.generate(ask(model, "Is snow cold?", { settings: { minNewTokens: 8, maxNewTokens: 8 } }));
  for (let i = 0; i < 3; i++) await events.next();
  await tick(150);
  expect((await open(engine)).sort()).toEqual(["other", model]);
  // Whether or not all of it has been computed: it has not been read.
  await all(events);
  await expect.poll(() => open(engine), { timeout: 10_000 }).toEqual(["other"]);
  const { models } = await engine.status();
  expect(models[0]).toMatchObject({ state: "ready" });
  expect(models[0]).not.toHaveProperty("closesAfter");
});

test("closing a model waits for its answers", async () => {
  await using engine = localEngine();
  const events = engine.generate(ask(model, "Is snow cold?", { settings: { minNewTokens: 30, maxNewTokens: 30 } }));
  await events.next();
  let closed = false;
  const closing = engine.close(model).then(() => {
    closed = true;
  });
  expect((await engine.status()).models[0]!.state).toBe("closing");
  const rest = await all(events);
  expect([rest.at(-1)?.kind, closed]).toEqual(["end", false]);
  await closing;
  expect(await open(engine)).toEqual([]);
});

test("an answer that nobody reads on does not keep the engine from closing", async () => {
  const engine = localEngine();
  const settings = { minNewTokens: 300, maxNewTokens: 300 };
  const [first, second] = [ask(model, "Is snow cold?", { settings }), ask(model, "Is fire hot?", { settings })];
  const stop = new AbortController();
  const events = engine.generate(first, stop.signal);
  await events.next();
  stop.abort();
  await engine.close(model);
  await engine.generate(second).next();
  await engine[Symbol.asyncDispose]();
  expect(await open(engine)).toEqual([]);
});

test("an answer that is called off, or left, frees its row", async () => {
  await using engine = localEngine();
  const settings = { minNewTokens: 500, maxNewTokens: 500 };
  const stop = new AbortController();
  const events = engine.generate(ask(model, "Is snow cold?", { settings }), stop.signal);
  for (let i = 0; i < 4; i++) await events.next();
  stop.abort();
  expect((await failureOf(all(events))).code).toBe("interrupted");
  for await (const event of engine.generate(ask(model, "Is snow cold?", { settings }))) {
    if (event.kind === "piece") break;
  }
  // Not at once, but before another step.
  const live = async () => (await engine.status()).models[0]?.live;
  const { steps } = (await live())!;
  while ((await live())!.rows > 0) await tick(1);
  expect((await live())!.waiting).toBe(0);
  expect((await live())!.steps - steps).toBeLessThan(2);
});
