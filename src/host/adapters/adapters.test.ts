/** Adapters as models of an engine: found, read, asked beside one another, taken out, and what is wrong with them. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeDrawn } from "../../../test/support/adapter-folders.ts";
import { failureOf } from "../../../test/support/failure.ts";
import { expectClose, fixtures } from "../../../test/support/fixtures.ts";
import { drawnLora, drawnPrefix, drawnPrompt } from "../../../test/support/random-adapters.ts";
import { openEncoder, openLanguageModel } from "../../text/open-node.ts";
import { childEngine } from "../child-node.ts";
import type { Engine } from "../engine.ts";
import { type EngineOptions, localEngine } from "../local-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-adapters-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const chatty = join(fixtures, "chat/model");
const reader = join(fixtures, "readers/mean");
const many = join(root, "many");
const at = (name: string) => join(many, name);
const env = { HF_HOME: join(root, "hub"), HF_HUB_OFFLINE: "1" };
const labels = ["ask", "order", "thank"];

beforeAll(async () => {
  await writeDrawn(at("long"), chatty, (found) => drawnPrefix(found, ["decoder"], 7, 1));
  await writeDrawn(at("short"), chatty, (found) => drawnPrefix(found, ["decoder"], 2, 2));
  await writeDrawn(at("words"), chatty, (found) => drawnPrompt(found, 3, 3));
  await writeDrawn(at("low"), chatty, (found) => drawnLora(found, 2, 4));
});

const open = (more: Partial<EngineOptions> = {}): Engine =>
  localEngine({ env, threads: 1, folders: { chatty, reader }, pinned: ["chatty"], adapterFolder: many, ...more });

async function answer(engine: Engine, model: string, text: string, maxNewTokens = 8): Promise<string> {
  let said = "";
  const ask = { model, prompt: { text }, settings: { maxNewTokens, sample: false } };
  for await (const event of engine.generate(ask)) if (event.kind === "piece") said += event.text;
  return said;
}

describe("adapters that write", () => {
  const names = ["long", "short", "words", "low"];

  test("are listed as models with their parent, and said to be near where a name is unknown", async () => {
    await using engine = open();
    const found = (await engine.list()).filter(({ parent }) => parent !== undefined);
    expect(found.map(({ id }) => id).sort()).toEqual(names.map((name) => `chatty:${name}`).sort());
    for (const about of found) {
      expect(about).toMatchObject({ parent: "chatty", family: "llama", can: ["generate", "score", "embed"] });
      expect(await engine.about(about.id)).toEqual(about);
    }
    expect((await engine.status()).models.map(({ id }) => id)).toEqual(["chatty"]);
    const wrong = await failureOf(engine.about("chatty:shrt"));
    expect(wrong).toMatchObject({ code: "not_found", hint: expect.stringContaining("chatty:short") });
    expect(await failureOf(engine.score({ model: "nobody:short", rows: [] }))).toMatchObject({ code: "not_found" });
    expect(await failureOf(engine.about("chatty:../low"))).toMatchObject({ code: "bad_input" });
  });

  test("answer and score beside one another as each does alone, and the base as if they were not there", async () => {
    await using engine = open();
    const all = [undefined, ...names];
    const said = await Promise.all(
      all.map((name) => answer(engine, name === undefined ? "chatty" : `chatty:${name}`, "hello there")),
    );
    for (const [i, name] of all.entries()) {
      const own = name === undefined ? {} : { adapter: at(name) };
      await using alone = await openLanguageModel(chatty, { threads: 1, ...own });
      const expected = await alone.text.generate("hello there", { maxNewTokens: 8, sample: false });
      expect(said[i], name).toBe(expected.text);
      const choices = ["yes", "no", "hello"];
      const model = name === undefined ? "chatty" : `chatty:${name}`;
      const [scored] = await engine.score({ model, rows: [{ prompt: { text: "hello" }, choices }] });
      const known = await alone.text.score("hello", choices);
      const sums = scored!.choices.map((tokens) => tokens.reduce((sum, { logprob }) => sum + logprob, 0));
      expectClose(sums, known.scores, 1e-4, `${name}`);
      expect(scored!.best).toBe(known.best);
    }
    expect(new Set(said).size).toBe(all.length);
    const held = (await engine.adapters()).filter((one) => one.held);
    expect(held.map(({ name }) => name).sort()).toEqual([...names].sort());
    expect(held.flatMap(({ warnings }) => warnings)).toEqual([]);
    const ids = await engine.tokenize("chatty:low", { text: "hello" });
    expect(ids).toEqual(await engine.tokenize("chatty", { text: "hello" }));
    expect((await engine.embed({ model: "chatty:low", inputs: ["hello"] })).vectors[0]).not.toEqual(
      (await engine.embed({ model: "chatty", inputs: ["hello"] })).vectors[0],
    );
  });

  test("a folder that comes is served when it is asked for; one that goes is not, and what runs with it ends", async () => {
    await using engine = open();
    const late = at("late");
    expect(await failureOf(answer(engine, "chatty:late", "hello"))).toMatchObject({ code: "not_found" });
    await writeDrawn(late, chatty, (found) => drawnPrefix(found, ["decoder"], 4, 9));
    const alone = await answer(engine, "chatty:late", "hello", 20);
    const ask = { model: "chatty:late", prompt: { text: "hello" }, settings: { maxNewTokens: 20, sample: false } };
    const events = engine.generate(ask);
    let said = "";
    for (let first = true; ; first = false) {
      const { done, value } = await events.next();
      if (done) break;
      if (value.kind === "piece") said += value.text;
      if (first) expect(await engine.removeAdapter("chatty:late")).toBe("chatty:late");
    }
    expect(said).toBe(alone);
    expect(await failureOf(answer(engine, "chatty:late", "hello"))).toMatchObject({ code: "not_found" });
    // Its folder is still there: looked at again on purpose, it is found.
    expect(await engine.scanAdapters()).toEqual({ added: ["chatty:late"], removed: [], refused: [] });
    rmSync(late, { recursive: true });
    expect(await engine.scanAdapters()).toEqual({ added: [], removed: ["chatty:late"], refused: [] });
    expect((await engine.list()).map(({ id }) => id)).not.toContain("chatty:late");
  });

  test("a folder whose files are written anew is read anew", async () => {
    const own = join(root, "own");
    await writeDrawn(own, chatty, (found) => drawnPrefix(found, ["decoder"], 4, 1));
    await using engine = localEngine({ env, threads: 1, folders: { chatty } });
    expect(await engine.addAdapter("chatty", "own", own)).toMatchObject({ id: "chatty:own", method: "prefix" });
    const before = await answer(engine, "chatty:own", "hello");
    const next = join(root, "next");
    await writeDrawn(next, chatty, (found) => drawnPrefix(found, ["decoder"], 5, 2));
    rmSync(own, { recursive: true });
    renameSync(next, own);
    expect(await answer(engine, "chatty:own", "hello")).not.toBe(before);
    expect(await failureOf(engine.addAdapter("chatty", "own", own))).toMatchObject({ code: "bad_input" });
    expect(await failureOf(engine.addAdapter("chatty", "a/b", own))).toMatchObject({ code: "bad_input" });
    expect(await failureOf(engine.addAdapter("chatty", "none", root))).toMatchObject({ code: "not_found" });
  });
});

test("a process that is started again knows of the adapters that were added, and not of one that was taken out", async () => {
  const script = new URL("../../../dist/node/engine-process-node.js", import.meta.url);
  await using engine = childEngine({ script, env, threads: 1, folders: { chatty } });
  for (const name of ["long", "low"]) await engine.addAdapter("chatty", name, at(name));
  const before = await answer(engine, "chatty:long", "hello");
  await engine.removeAdapter("chatty:low");
  process.kill((await engine.status()).pid, "SIGKILL");
  while ((await engine.status()).restarts === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await answer(engine, "chatty:long", "hello")).toBe(before);
  expect(await failureOf(answer(engine, "chatty:low", "hello"))).toMatchObject({ code: "not_found" });
  expect((await engine.adapters()).map(({ id }) => id)).toEqual(["chatty:long"]);
  expect(() => childEngine({ script, adapters: { "a b": root } })).toThrow("base:adapter");
});

describe("what is wrong with an adapter is its own error", () => {
  test("of another model, damaged, half there, or taken out while it is read: the others go on", async () => {
    const odd = join(root, "odd");
    cpSync(at("low"), join(odd, "good"), { recursive: true });
    await writeDrawn(join(odd, "other"), join(fixtures, "llama/grouped"), (found) => drawnLora(found, 2, 1));
    cpSync(at("low"), join(odd, "damaged"), { recursive: true });
    const weights = join(odd, "damaged/adapter_model.safetensors");
    writeFileSync(weights, readFileSync(weights).subarray(0, 300));
    cpSync(at("low"), join(odd, "half"), { recursive: true });
    rmSync(join(odd, "half/adapter_model.safetensors"));
    mkdirSync(join(odd, "broken"));
    writeFileSync(join(odd, "broken/adapter_config.json"), '{"peft_type":"LOHA"}');
    mkdirSync(join(odd, "not one"));
    await using engine = open({ adapterFolder: odd });
    const found = await engine.scanAdapters();
    expect(found.refused).toEqual([{ folder: "broken", why: expect.stringContaining("LOHA") }]);
    const running = answer(engine, "chatty:good", "hello there", 30);
    const other = await failureOf(answer(engine, "chatty:other", "hello"));
    expect(other).toMatchObject({ code: "bad_input", hint: expect.stringContaining("another model") });
    const damaged = await failureOf(answer(engine, "chatty:damaged", "hello"));
    expect(damaged).toMatchObject({ code: "corrupt_file" });
    for (const error of [other, damaged]) expect(error.message).not.toContain(root);
    expect(await failureOf(answer(engine, "chatty:half", "hello"))).toMatchObject({ code: "not_found" });
    const reading = failureOf(answer(engine, "chatty:good", "hello"));
    await engine.removeAdapter("chatty:good");
    expect((await reading).code).toBe("not_found");
    const whole = await running;
    await engine.scanAdapters();
    expect(whole).toBe(await answer(engine, "chatty:good", "hello there", 30));
  });

  test("names and folders that no adapter can have are refused when the engine is made", () => {
    expect(() => open({ adapters: { "chatty:": at("low") } })).toThrow("not an adapter's name");
    expect(() => open({ adapters: { low: at("low") } })).toThrow("base:adapter");
  });
});

describe("adapters with heads", () => {
  const heads = join(root, "heads");
  beforeAll(async () => {
    const draw = (length: number, seed: number) => (found: Parameters<typeof drawnPrefix>[0]) =>
      drawnPrefix(found, ["encoder"], length, seed);
    await writeDrawn(join(heads, "intent"), reader, draw(3, 1), { head: "sequence", labels, seed: 5 });
    await writeDrawn(join(heads, "mood"), reader, draw(2, 2), { head: "sequence", labels: ["good", "bad"], seed: 8 });
    await writeDrawn(join(heads, "tagger"), reader, draw(2, 3), { head: "tokens", labels: ["O", "B-X"], seed: 9 });
    await writeDrawn(join(heads, "spoken"), chatty, (found) => drawnLora(found, 2, 3), {
      head: "sequence",
      labels,
      seed: 11,
    });
  });
  const adapters: Record<string, string> = Object.fromEntries([
    ..."intent mood tagger".split(" ").map((name) => [`reader:${name}`, join(heads, name)]),
    ["chatty:spoken", join(heads, "spoken")],
  ]);

  test("tell what their heads were trained for, of one model in turn", async () => {
    await using engine = localEngine({ env, threads: 1, folders: { chatty, reader }, adapters });
    const texts = ["the old house", "snow is cold ."];
    for (const [id, folder] of Object.entries(adapters)) {
      const base = id.startsWith("reader") ? reader : chatty;
      await using alone = await openEncoder(base, { threads: 1, adapter: folder });
      expect(await engine.about(id)).toMatchObject({ can: ["classify"], parent: id.split(":")[0] });
      const { told, tokens } = await engine.predict({ model: id, inputs: texts.map((text) => ({ text })) });
      expect(tokens).toBeGreaterThan(4);
      for (const [i, one] of told.entries()) {
        if (one.kind === "tags") {
          const expected = await alone.encoder.tag!(texts[i]!);
          expect(one.words.map(({ label }) => label)).toEqual(expected.words.map(({ label }) => label));
        } else if (one.kind === "classes") {
          const expected = await alone.encoder.classify!(texts[i]!);
          expect(one.names[one.best]).toBe(expected.label);
          expect(one.names).toEqual(alone.encoder.labels);
          expectClose(one.logits, expected.logits, 1e-5, id);
        } else throw new Error(one.kind);
      }
    }
    const [some] = (
      await engine.predict({ model: "reader:intent", inputs: [{ text: "snow", choices: ["thank", "ask"] }] })
    ).told;
    expect(some).toMatchObject({ names: ["thank", "ask"] });
    if (some!.kind === "classes") expect(some!.scores.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    const wrong = await failureOf(
      engine.predict({ model: "reader:intent", inputs: [{ text: "snow", choices: ["x"] }] }),
    );
    expect(wrong).toMatchObject({ code: "bad_input", hint: expect.stringContaining("ask, order, thank") });
    expect(await failureOf(engine.predict({ model: "reader", inputs: [{ text: "snow" }] }))).toMatchObject({
      code: "unsupported",
    });
    expect(await failureOf(answer(engine, "chatty:spoken", "hello"))).toMatchObject({ code: "unsupported" });
  });
});
