/** A conversation as a tree: every edit and every further answer is a branch beside the first. */
import type { Message } from "../../client/client.ts";
import type { Entry } from "../../state/kept.ts";

export interface Node {
  readonly id: string;
  /** The message it follows; the first ones follow none. */
  readonly parent: string | undefined;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly model?: string;
  /** How an answer ended, where it did not end by itself. */
  readonly ended?: "stopped" | "length";
}

export interface Conversation extends Entry {
  readonly system: string;
  readonly nodes: readonly Node[];
  /** The last message of the branch that is shown. */
  readonly leaf: string | undefined;
}

const byId = ({ nodes }: Conversation, id: string | undefined): Node | undefined =>
  nodes.find((node) => node.id === id);

/** Messages of the branch that is shown, or of the one that ends with this message. */
export function pathOf(talk: Conversation, leaf = talk.leaf): readonly Node[] {
  const path: Node[] = [];
  for (let node = byId(talk, leaf); node; node = byId(talk, node.parent)) path.unshift(node);
  return path;
}

/** A message and those beside it, in the order they were made. */
export const siblings = ({ nodes }: Conversation, { parent, role }: Node): readonly Node[] =>
  nodes.filter((node) => node.parent === parent && node.role === role);

/** The end of the newest branch below a message. */
export function newestLeaf(talk: Conversation, id: string): string {
  const child = talk.nodes.findLast(({ parent }) => parent === id);
  return child ? newestLeaf(talk, child.id) : id;
}

export const withNode = (talk: Conversation, node: Node): Conversation => ({
  ...talk,
  nodes: [...talk.nodes.filter(({ id }) => id !== node.id), node],
  leaf: node.id,
});

/** The branch beside the one this message is on. */
export function walked(talk: Conversation, node: Node, step: number): Conversation {
  const all = siblings(talk, node);
  const next = all[all.findIndex(({ id }) => id === node.id) + step];
  return next ? { ...talk, leaf: newestLeaf(talk, next.id) } : talk;
}

/** What a model is given to answer a message. */
export function messagesTo(talk: Conversation, user: string): readonly Message[] {
  const said = pathOf(talk, user).map(({ role, content }): Message => ({ role, content }));
  return talk.system.trim() === "" ? said : [{ role: "system", content: talk.system }, ...said];
}

export const titleOf = ({ nodes }: Conversation): string =>
  nodes
    .find(({ role }) => role === "user")
    ?.content.replace(/\s+/g, " ")
    .slice(0, 80) ?? "Nothing said yet";

/** The shown branch as Markdown. */
export function asMarkdown(talk: Conversation): string {
  const names = { user: "You", assistant: "Model" };
  const parts = pathOf(talk).map(({ role, content, model }) => `**${model ?? names[role]}**\n\n${content}`);
  if (talk.system.trim() !== "") parts.unshift(`**System**\n\n${talk.system}`);
  return `${parts.join("\n\n---\n\n")}\n`;
}

/** The whole tree, and the shown branch in the form that OpenAI's interface takes. */
export const asJson = (talk: Conversation): string =>
  `${JSON.stringify({ messages: talk.leaf ? messagesTo(talk, talk.leaf) : [], tree: talk }, undefined, 2)}\n`;
