/** `zeroth` alone on a terminal: the program in a pseudo-terminal, and the prompt with streams in place of one. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { createOutput } from "../../src/cli/output.ts";
import { openPrompt } from "../../src/cli/prompt.ts";
import { ZerothError } from "../../src/errors.ts";
import { environment, program } from "../support/cli.ts";
import { watcher } from "../support/watcher.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-prompt-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ctrlC = "\u0003";
const ctrlD = "\u0004";

const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once("close", resolve));

test("a terminal: three to try, an answer, a history, Ctrl-D leaves with 0", async () => {
  const child = spawn("script", ["-qfec", `"${process.execPath}" "${program}"`, "/dev/null"], {
    cwd: folder,
    env: { ...environment(folder), TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const end = ended(child);
  const screen = watcher();
  child.stdout!.setEncoding("utf8").on("data", screen.add);
  const type = (text: string) => child.stdin!.write(text);
  await screen.until(/Three to try:\n.*1 .+\n.*2 .+\n.*3 .+\n/);
  await screen.until(/> /);
  type("2\r");
  await screen.until(/Is this a fact or an opinion\?.+\n/);
  expect(await screen.until(/\w+\n/)).toMatch(/fact|opinion/);
  await screen.until(/> /);
  type("/help\r");
  await screen.until(/Ctrl-C +stop an answer/);
  await screen.until(/> /);
  type(ctrlC);
  await screen.until(/Ctrl-D leaves/);
  await screen.until(/> /);
  type(ctrlD);
  expect(await end).toBe(0);
  const history = join(folder, "state", "history");
  expect(readFileSync(history, "utf8")).toBe("Is this a fact or an opinion? The bridge was opened in 1932.\n");
});

test("Ctrl-C during an answer stops the answer alone; earlier prompts come back with the arrow", async () => {
  const state = join(folder, "other");
  mkdirSync(state);
  writeFileSync(join(state, "history"), "asked long ago\n");
  const before = process.env.ZEROTH_HOME;
  process.env.ZEROTH_HOME = state;
  const screen = watcher();
  const input = new PassThrough();
  const echo = new PassThrough().setEncoding("utf8").on("data", screen.add);
  const asked: string[] = [];
  let closed = 0;
  /** Says a word every now and then, for ever, until it is stopped. */
  async function* stream(prompt: unknown, { signal }: { signal?: AbortSignal | undefined } = {}) {
    asked.push(String(prompt));
    for (let i = 1; String(prompt).startsWith("endless") || i < 3; i++) {
      if (signal?.aborted) throw new ZerothError("interrupted", "stopped on request");
      yield `word${i} `;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return { text: "", tokens: [], finish: "stop", promptTokens: 1 } as const;
  }
  const output = { ...createOutput({ color: false }), text: screen.add, answer: screen.add, say: screen.add };
  try {
    const left = openPrompt(output, {
      input,
      screen: echo,
      open: async () => ({ text: { stream }, [Symbol.asyncDispose]: async () => void closed++ }),
    });
    await screen.until(/> /);
    input.write("endless\r");
    await screen.until(/word5 /);
    input.write(ctrlC);
    await screen.until(/\n.*> /s);
    input.write("short\r");
    await screen.until(/word1 word2 \n/);
    await screen.until(/> /);
    const up = "\u001b[A";
    input.write(`${up}${up}${up}`);
    await screen.until(/asked long ago/);
    input.write("\r");
    await screen.until(/word1 word2 \n/);
    await screen.until(/> /);
    input.write(ctrlD);
    expect(await left).toBe(0);
  } finally {
    if (before === undefined) delete process.env.ZEROTH_HOME;
    else process.env.ZEROTH_HOME = before;
  }
  expect(asked).toEqual(["endless", "short", "asked long ago"]);
  expect(closed).toBe(1);
  expect(readFileSync(join(state, "history"), "utf8")).toBe("asked long ago\nendless\nshort\nasked long ago\n");
});
