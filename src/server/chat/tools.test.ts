import fc from "fast-check";
import { expect, test } from "vitest";
import { type AnswerPart, callReader } from "./tools.ts";

/** What a reader makes of a text that comes in these pieces: texts joined, calls by name and arguments. */
function read(pieces: readonly string[], most?: number) {
  const reader = callReader(["weather", "now"], most);
  const parts: AnswerPart[] = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  const text = parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
  const calls = parts.flatMap((part) => (part.kind === "call" ? [[part.name, part.arguments]] : []));
  return { text, calls };
}

const call = ["weather", '{"city":"Oslo"}'];
const hermes = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';

const cases: readonly [form: string, text: string, left: string, calls: readonly (readonly string[])[]][] = [
  ["Hermes", hermes, "", [call]],
  ["Hermes after words", `Let me look.\n${hermes}\n`, "Let me look.", [call]],
  ["Hermes twice", `${hermes}\n${hermes}`, "", [call, call]],
  ["Hermes without its end", hermes.replace("</tool_call>", ""), "", [call]],
  ["Hermes that is broken", "<tool_call>{oh</tool_call>", "<tool_call>{oh</tool_call>", []],
  ["Llama", '{"name": "weather", "parameters": {"city": "Oslo"}}', "", [call]],
  ["Llama with its tag", '<|python_tag|>{"name": "weather", "parameters": {"city": "Oslo"}}', "", [call]],
  [
    "Llama twice",
    '{"name": "weather", "parameters": {"city": "Oslo"}}; {"name": "now", "parameters": {}}',
    "",
    [call, ["now", "{}"]],
  ],
  ["Mistral", '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Oslo"}}]', "", [call]],
  ["arguments as a text", '{"name": "now", "arguments": "{}"}', "", [["now", "{}"]]],
  ["JSON that names no tool", '{"name": "somebody", "arguments": {}}', '{"name": "somebody", "arguments": {}}', []],
  ["JSON that is an answer", '{"a": 1}', '{"a": 1}', []],
  ["plain words", "a < b, <tool> and <tool_cal", "a < b, <tool> and <tool_cal", []],
  ["spaces", "  a  \n", "  a  \n", []],
  ["nothing", "", "", []],
];

test.each(cases)("%s is read the same, however it is cut into pieces", (_, text, left, calls) => {
  expect(read([text])).toEqual({ text: left, calls });
  expect(read(Array.from(text))).toEqual({ text: left, calls });
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
      expect(read(pieces)).toEqual({ text: left, calls });
    }),
    { numRuns: 50 },
  );
});

test("words before a call are told before it is complete", () => {
  const reader = callReader(["weather"]);
  expect(reader.push("Let me look.\n<tool")).toEqual([{ kind: "text", text: "Let me look." }]);
});

test("further calls than are wanted are dropped", () => {
  expect(read([`${hermes}\n${hermes}`], 1).calls).toEqual([call]);
});
