/** `zeroth chat`: rows, one message, and a conversation on a terminal. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { openChat } from "../../src/cli/chat/interactive.ts";
import { createOutput } from "../../src/cli/output.ts";
import { ZerothError } from "../../src/errors.ts";
import { openLanguageModel } from "../../src/text/open-node.ts";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";
import { keys, sit } from "../support/pty.ts";
import { watcher } from "../support/watcher.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-chat-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const model = join(fixtures, "chat", "model");
const { talks } = JSON.parse(readFileSync(join(fixtures, "chat", "expected.json"), "utf8")) as {
  talks: { messages: { role: string; content: string }[]; tokens: number[]; text: string; ids: number[] }[];
};
const options = ["-m", model, "--max-new-tokens", "16"];

test("rows: answers in their order with the rows' ids, errors in their places, one line on what was decided", () => {
  const rows: object[] = talks.map(({ messages }, i) => ({ id: i, messages }));
  rows.splice(
    1,
    0,
    { id: "empty", messages: [] },
    { id: "image", messages: [{ role: "user", content: [{ type: "image" }] }] },
  );
  rows.push({ id: "tools", messages: talks[0]!.messages, tools: [{ name: "add" }] });
  writeFileSync(join(folder, "talks.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const ran = zeroth(["chat", ...options, "--greedy", "--input", "talks.jsonl", "--json"]);
  expect(ran.status).toBe(1);
  const answers = talks.map(({ tokens, text, ids }, id) => ({
    id,
    message: { role: "assistant", content: text },
    tokens,
    finish: tokens.at(-1) === 4 ? "stop" : "length",
    prompt_tokens: ids.length,
  }));
  expect(rowsOf(ran)).toEqual([
    answers[0],
    { id: "empty", error: expect.objectContaining({ code: "bad_input" }) },
    { id: "image", error: expect.objectContaining({ code: "unsupported" }) },
    ...answers.slice(1),
    { ...answers[0], id: "tools" },
  ]);
  expect(ran.stderr.trim().split("\n")).toEqual([
    expect.stringMatching(/<\|im_end\|> ends a turn in the chat template/),
    expect.stringMatching(/knows no tools/),
  ]);
});

test("one message, as an argument and on stdin, with a system message; the makers' drawing is told", () => {
  const [talk] = talks;
  const said = talk!.messages[0]!.content;
  const asked = zeroth(["chat", ...options, "--temperature", "0", said]);
  expect([asked.status, asked.stdout]).toEqual([0, `${talk!.text}\n`]);
  expect(zeroth(["chat", ...options, "--greedy"], `${said}\n`).stdout).toBe(`${talk!.text}\n`);
  const drawn = zeroth(["chat", ...options, said, "--json"]);
  expect(drawn.stderr).toMatch(
    /drawn as generation_config\.json says: --sample, --temperature 0\.7, --top-k 20, --top-p 0\.9/,
  );
  expect(rowsOf(drawn)[0]!.tokens).not.toEqual(talk!.tokens);
  const briefed = zeroth(["chat", ...options, "--greedy", "--system", "  Be brief. ", said, "--json"]);
  expect(rowsOf(briefed)[0]!.prompt_tokens).not.toBe(talk!.ids.length);
});

test("an answer after a schema", () => {
  writeFileSync(join(folder, "yes.json"), JSON.stringify({ enum: [true, false] }));
  const ran = zeroth(["chat", ...options, "--greedy", "--json-schema", "yes.json", "Is it?", "--json"]);
  const [row] = rowsOf(ran) as { message: { content: string }; finish: string }[];
  expect([ran.status, row!.finish]).toEqual([0, "stop"]);
  expect(typeof JSON.parse(row!.message.content)).toBe("boolean");
  expect(zeroth(["chat", ...options, "--json-schema", "yes.json", "--grammar", "yes.json", "Is it?"]).status).toBe(2);
});

test("wrong use and conversations that are too long end with a sentence", () => {
  for (const args of [
    ["a", "b"],
    ["a", "--input", "x"],
    ["  "],
    ["a", "--sample", "--greedy"],
    ["a", "--top-p", "2"],
  ]) {
    expect(zeroth(["chat", "-m", model, ...args]).status, args.join(" ")).toBe(2);
  }
  const long = zeroth(["chat", ...options, "a".repeat(200), "--json"]);
  expect([long.status, long.stderr]).toEqual([
    1,
    expect.stringMatching(/"code":"too_long".*leave out earlier messages/),
  ]);
  const absent = zeroth(["chat", ...options, "--template", "rag", "Hi"]);
  expect([absent.status, absent.stderr]).toEqual([3, expect.stringMatching(/no chat template "rag"/)]);
});

test("the model that comes with the package talks without a template, and says so", () => {
  const question = "Is this a fact or an opinion? The bridge was opened in 1932.";
  const ran = zeroth(["chat", question]);
  expect(ran.stdout).toBe(zeroth(["generate", question]).stdout);
  expect(ran.stderr).toMatch(/no chat template/);
});

test("a terminal: an answer, the next one, a system message, help, and Ctrl-D leaves with 0", async () => {
  const sitting = sit(folder, ["chat", "-m", model, "--greedy", "--max-new-tokens", "16"]);
  await sitting.until(/ends a turn/);
  await sitting.until(/goes\s+on\s+from\s+what\s+was\s+said/);
  await sitting.ready();
  sitting.type("/help\r");
  await sitting.until(/\/system \[TEXT\]/);
  await sitting.ready();
  sitting.type(`${talks[3]!.messages[0]!.content}\r`);
  await sitting.until(/sea\.\n[\s\S]*\n&/);
  await sitting.ready();
  sitting.type("/nonsense\r");
  await sitting.until(/there is no \/nonsense/);
  await sitting.ready();
  sitting.type(keys.ctrlD);
  expect(await sitting.end).toBe(0);
  expect(readFileSync(join(folder, "state", "history"), "utf8")).toBe(
    "/help\nTell me a story about the sea.\n/nonsense\n",
  );
});

test("a conversation: it goes on, can be stopped, cleared, told something beforehand, and taken to another model", async () => {
  const state = join(folder, "other");
  mkdirSync(state);
  const before = process.env.ZEROTH_HOME;
  process.env.ZEROTH_HOME = state;
  const screen = watcher();
  const input = new PassThrough();
  const echo = new PassThrough().setEncoding("utf8").on("data", screen.add);
  const output = {
    ...createOutput({ color: false }),
    text: screen.add,
    answer: screen.add,
    say: (text: string) => screen.add(`${text}\n`),
  };
  const prompts: string[] = [];
  const models: string[] = [];
  const opening = async (name: string) => {
    const opened = await openLanguageModel(model);
    models.push(name);
    // Every prompt is noted as text; one is read until it is stopped.
    const read: typeof opened.model.read = async (given, options) => {
      prompts.push(opened.tokenizer.decode(given[0]!));
      const slow = prompts.at(-1)!.includes("slow") && options?.signal;
      while (slow && !slow.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
      if (slow) throw new ZerothError("interrupted", "stopped on request");
      return opened.model.read(given, options);
    };
    return { ...opened, name, seconds: 0, threads: 1, model: { ...opened.model, read } };
  };
  const type = async (line: string, answer: RegExp) => {
    input.write(`${line}\r`);
    await screen.until(answer);
    await screen.until(/> /);
  };
  try {
    const left = openChat(
      output,
      {
        opened: await opening("first"),
        system: "Be brief.",
        flags: {},
        plainTalk: true,
        open: async ({ model: name }) => {
          if (name === "nowhere") throw new ZerothError("not_found", "there is no such model");
          return opening(name ?? "");
        },
        optionsFor: (chat) => ({ sample: false, maxNewTokens: 3 + chat.templates.length }),
      },
      { input, screen: echo },
    );
    await screen.until(/> /);
    await type("one", /stopped after 4 tokens|\n/);
    await type("two", /stopped after 4 tokens|\n/);
    input.write("slow\r");
    while (prompts.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    input.write(keys.ctrlC);
    await screen.until(/\n.*> /s);
    await type("/system Be kind.", /is set/);
    await type("/model nowhere", /no such model/);
    await type("/model second", /ends a turn/);
    await type("three", /\n/);
    await type("/clear", /forgotten/);
    await type("/system", /There is no system message/);
    await type("four", /\n/);
    input.write("/quit\r");
    expect(await left).toBe(0);
  } finally {
    if (before === undefined) delete process.env.ZEROTH_HOME;
    else process.env.ZEROTH_HOME = before;
  }
  expect(models).toEqual(["first", "second"]);
  const users = prompts.map((prompt) =>
    [...prompt.matchAll(/<\|im_start\|>user\n(.*?)<\|im_end\|>/gs)].map(([, text]) => text),
  );
  expect(users).toEqual([["one"], ["one", "two"], ["one", "two", "slow"], ["one", "two", "three"], ["four"]]);
  const systems = prompts.map((prompt) => /system\n(.*?)<\|im_end\|>/s.exec(prompt)![1]);
  expect(systems).toEqual(["Be brief.", "Be brief.", "Be brief.", "Be kind.", "Answer in few words."]);
  expect(readFileSync(join(state, "history"), "utf8")).toEqual(
    expect.stringMatching(/^one\ntwo\nslow\n\/system Be kind\.\n.*\nthree\n.*\nfour\n$/s),
  );
});
