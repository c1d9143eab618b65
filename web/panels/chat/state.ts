/** The open conversation, and those before it. */
import { effect, signal } from "@preact/signals";
import type { Problem } from "../../client/client.ts";
import { Problem as Trouble } from "../../client/client.ts";
import { run, stopAll, textOf } from "../../parts/run.ts";
import { forget, keep, kept, newId, readAll } from "../../state/kept.ts";
import { takeShared } from "../../state/route.ts";
import { chooseModel, client, model } from "../../state/session.ts";
import { drawing } from "../../state/settings.ts";
import { type Conversation, messagesTo, type Node, walked, withNode } from "./tree.ts";

const fresh = (system = ""): Conversation => ({ id: newId(), changed: Date.now(), system, nodes: [], leaf: undefined });

export const draft = kept("chat.draft", "");
const openId = kept("chat.open", "");

export const talk = signal<Conversation>(fresh());
export const talks = signal<readonly Conversation[]>([]);
export const running = signal<string | undefined>(undefined);
export const trouble = signal<Problem | undefined>(undefined);

async function save(): Promise<void> {
  const now = { ...talk.value, changed: Date.now() };
  talk.value = now;
  openId.value = now.id;
  talks.value = [now, ...talks.value.filter(({ id }) => id !== now.id)];
  await keep("chats", now);
}

/** The model's answer to this message, as a new branch below it. */
async function answer(user: string): Promise<void> {
  const now = client.value;
  const asked = model.value?.id;
  if (!now || asked === undefined) {
    trouble.value = new Trouble("There is no model to talk with yet.", { hint: "The panel Models opens one." });
    return;
  }
  trouble.value = undefined;
  const id = newId();
  running.value = id;
  const home = talk.value.id;
  const messages = messagesTo(talk.value, user);
  const started = run(now, { model: asked, prompt: { messages }, settings: drawing.value });
  const node = (content: string, ended?: Node["ended"]): Node => ({
    ...{ id, parent: user, role: "assistant", content, model: asked },
    ...(ended && { ended }),
  });
  const unfollow = effect(() => {
    const { tokens } = started.answer.value;
    const content = textOf(tokens);
    // Another conversation may have been opened meanwhile.
    const open = talk.peek();
    if (open.id === home) talk.value = withNode(open, node(content));
  });
  const { tokens, state, finish, problem } = await started.done;
  unfollow();
  running.value = undefined;
  if (talk.value.id !== home) return;
  const content = textOf(tokens);
  if (problem) {
    trouble.value = problem;
    if (content === "") {
      talk.value = { ...talk.value, nodes: talk.value.nodes.filter((one) => one.id !== id), leaf: user };
      return save();
    }
  }
  talk.value = withNode(
    talk.value,
    node(content, state === "stopped" ? "stopped" : finish === "length" ? "length" : undefined),
  );
  await save();
}

export async function send(): Promise<void> {
  const content = draft.value.trim();
  if (running.value !== undefined) return;
  if (content === "") {
    trouble.value = new Trouble("There is nothing to send yet.", { hint: "Type a message first." });
    return;
  }
  draft.value = "";
  const node: Node = { id: newId(), parent: talk.value.leaf, role: "user", content };
  talk.value = withNode(talk.value, node);
  await save();
  await answer(node.id);
}

/** The same message in other words: what followed the old ones stays on its branch. */
export async function edit(old: Node, content: string): Promise<void> {
  if (running.value !== undefined || content.trim() === "") return;
  const node: Node = { id: newId(), parent: old.parent, role: "user", content: content.trim() };
  talk.value = withNode(talk.value, node);
  await save();
  await answer(node.id);
}

export async function regenerate(old: Node): Promise<void> {
  if (running.value === undefined && old.parent !== undefined) await answer(old.parent);
}

export function walk(node: Node, step: number): void {
  if (running.value !== undefined) return;
  talk.value = walked(talk.value, node, step);
  void save();
}

export function setSystem(system: string): void {
  talk.value = { ...talk.value, system };
}

export function anew(): void {
  stopAll();
  trouble.value = undefined;
  talk.value = fresh(talk.value.system);
  openId.value = talk.value.id;
}

export function reopen(conversation: Conversation): void {
  stopAll();
  trouble.value = undefined;
  talk.value = conversation;
  openId.value = conversation.id;
}

export async function forgetTalk(id: string): Promise<void> {
  talks.value = talks.value.filter((one) => one.id !== id);
  if (talk.value.id === id) anew();
  await forget("chats", id);
}

export function takeLink(): void {
  const { prompt, settings, model: wanted } = takeShared();
  if (settings) drawing.value = settings;
  if (wanted) chooseModel(wanted);
  if (prompt !== undefined) draft.value = prompt;
}

let read = false;

export async function readTalks(): Promise<void> {
  if (read) return;
  read = true;
  talks.value = await readAll<Conversation>("chats");
  const open = talks.value.find(({ id }) => id === openId.value);
  if (open && talk.value.nodes.length === 0) talk.value = open;
}
