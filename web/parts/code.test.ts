import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf, shellWord } from "./code.ts";

const ask = {
  model: "zeroth-nano",
  prompt: { text: 'It\'s -1 "or" $HOME\n`x`?' },
  settings: { temperature: 0.7, topK: 40, seed: 3 },
} as const;
const coded = { ask, choices: [], address: "http://127.0.0.1:8080/" };

test("a shell reads a word as the text that it is of", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      fc.pre(!text.includes("\0"));
      expect(execFileSync("sh", ["-c", `printf '%s' ${shellWord(text)}`], { encoding: "utf8" })).toBe(text);
    }),
    { numRuns: 30 },
  );
});

test("curl sends the request as JSON, whatever the prompt holds", () => {
  const script = codeOf("curl", coded).replace(/^curl/, "set --");
  const printed = execFileSync("sh", ["-c", `${script.trimEnd()}; shift 4; printf '%s' "$1"`], { encoding: "utf8" });
  expect(JSON.parse(printed)).toEqual({
    ...{ model: "zeroth-nano", prompt: ask.prompt.text, temperature: 0.7, top_k: 40, seed: 3, max_tokens: 256 },
  });
});

test("OpenAI's clients are given its fields, and Python's the others apart", () => {
  expect(codeOf("typescript", coded)).toContain("client.completions.create({");
  const python = codeOf("python", coded);
  expect(python).toContain('    extra_body={"top_k": 40},');
  expect(python).toContain("    temperature=0.7,");
  const chat = { ...ask, prompt: { messages: [{ role: "user", content: "Hi" }] } } as const;
  expect(codeOf("python", { ...coded, ask: chat })).toContain('messages=[\n        {"role": "user", "content": "Hi"},');
});

test("the command has its own names, and a dash at the beginning is text", () => {
  expect(codeOf("zeroth", coded)).toMatch(/^zeroth generate --model zeroth-nano --sample --temperature 0.7 --top-k 40/);
  const choosing = { ...coded, ask: { ...ask, prompt: { text: "-1 or 1?" } }, choices: ["-1", "1"] };
  expect(codeOf("zeroth", choosing)).toBe("zeroth score --model zeroth-nano --choices -1,1 -- '-1 or 1?'\n");
});
