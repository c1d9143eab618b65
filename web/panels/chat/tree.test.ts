import { expect, test } from "vitest";
import { asJson, asMarkdown, type Conversation, messagesTo, type Node, pathOf, walked, withNode } from "./tree.ts";

const node = (id: string, parent: string | undefined, role: Node["role"]): Node => ({ id, parent, role, content: id });
const empty: Conversation = { id: "t", changed: 0, system: "Be brief.", nodes: [], leaf: undefined };

/** q1 → (a1 | a2 → q2 → a3), and q1 once more in other words → b1 */
const talk = [
  node("q1", undefined, "user"),
  node("a1", "q1", "assistant"),
  node("a2", "q1", "assistant"),
  node("q2", "a2", "user"),
  node("a3", "q2", "assistant"),
  node("r1", undefined, "user"),
  node("b1", "r1", "assistant"),
].reduce(withNode, empty);

const ids = (one: Conversation) => pathOf(one).map(({ id }) => id);

test("the branch that was written last is shown, and the others are found again at their ends", () => {
  expect(ids(talk)).toEqual(["r1", "b1"]);
  const first = walked(talk, pathOf(talk)[0]!, -1);
  expect(ids(first)).toEqual(["q1", "a2", "q2", "a3"]);
  const older = walked(first, pathOf(first)[1]!, -1);
  expect(ids(older)).toEqual(["q1", "a1"]);
  expect(walked(older, pathOf(older)[1]!, -1)).toBe(older);
});

test("a model is told the branch up to the message it answers, after the system prompt", () => {
  const told = messagesTo(talk, "q2");
  expect(told.map(({ role, content }) => `${role} ${content}`)).toEqual([
    "system Be brief.",
    "user q1",
    "assistant a2",
    "user q2",
  ]);
  expect(messagesTo({ ...talk, system: " " }, "q1").length).toBe(1);
});

test("what is exported holds the shown branch, and as JSON all of them", () => {
  expect(asMarkdown(talk)).toBe("**System**\n\nBe brief.\n\n---\n\n**You**\n\nr1\n\n---\n\n**Model**\n\nb1\n");
  const { messages, tree } = JSON.parse(asJson(talk)) as { messages: unknown[]; tree: Conversation };
  expect([messages.length, tree.nodes.length]).toEqual([3, 7]);
});
