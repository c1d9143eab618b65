import { expect, test } from "vitest";
import { answerable, isAnswerable, windowsOf } from "./answerable.ts";
import { booookScore, labelsIn, sentencePrompt } from "./booook.ts";
import { answerFrom, questionPrompt } from "./questions.ts";

const text =
  "Anna kept the lighthouse. A storm broke the window. She held a blanket. Peter came in spring. He brought a light.";

test("three sentences in a row with all of an answer and half of the question", () => {
  const windows = windowsOf(text);
  expect(windows).toHaveLength(3);
  const ask = (question: string, ...answers: string[]) => isAnswerable(windows, { question, answers });
  expect(ask("What did Anna hold in the storm?", "A blanket")).toBe(true);
  // The words are there, further apart than three sentences.
  expect(ask("What did Anna bring?", "the light in spring")).toBe(false);
  expect(ask("Who kept the lighthouse?", "Nobody", "anna")).toBe(true);
  expect(ask("Who kept the lighthouse?", "Anna Moss")).toBe(false);
  // Half of the question's stems are not there.
  expect(ask("Which company sent an engineer?", "Peter")).toBe(false);
  expect(ask("Who was it?", "the")).toBe(false);
  expect(answerable(text, [])).toBeUndefined();
  expect(
    answerable(text, [
      { question: "Who held a blanket?", answers: ["Anna"] },
      { question: "Who?", answers: ["Bob"] },
    ]),
  ).toBe(0.5);
  expect(windowsOf("One.")).toHaveLength(1);
});

test("questions are answered from the summary alone, the first line of an answer against the better reference", async () => {
  const prompts: string[] = [];
  const found = await answerFrom(
    text,
    [{ question: "Who?", answers: ["Peter Dale", "the keeper Anna"] }],
    async (prompt) => {
      prompts.push(prompt);
      return " The keeper, Anna.\nShe also…";
    },
  );
  expect(prompts).toEqual([questionPrompt(text, "Who?")]);
  expect(prompts[0]).toContain(`<text>\n${text}\n</text>`);
  expect(found).toEqual([{ question: "Who?", answer: "The keeper, Anna.", rougeL: 1, f1: 1 }]);
});

test("a judge's labels are read however they are put, and what cannot be read is counted", async () => {
  expect(labelsIn("None.")).toEqual([]);
  expect(labelsIn("Entity omission, Causal-omission")).toEqual(["entity omission", "causal omission"]);
  expect(labelsIn("- language")).toEqual(["language"]);
  expect(labelsIn("I love it")).toBeUndefined();
  const said = ["none", "salience, duplication", "hm", "none", "none"];
  const asked: string[] = [];
  const { score, unread, sentences } = await booookScore(text, async (prompt) => {
    asked.push(prompt);
    return said[asked.length - 1]!;
  });
  expect(asked[1]).toBe(sentencePrompt(text, "A storm broke the window."));
  expect([score, unread, sentences.length]).toEqual([0.75, 1, 5]);
  expect((await booookScore("One.", async () => "?")).score).toBeUndefined();
});
