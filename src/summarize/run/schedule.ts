/** The calls of a tree in an order in which each has what it needs, so many at once as may be. */
import { throwIfAborted } from "../../errors.ts";
import { trimmedSpan } from "../book/spans.ts";
import type { Tree, TreeNode } from "../book/tree.ts";
import type { Made } from "../writers/ask.ts";
import { type Asked, between } from "../writers/prompts.ts";
import type { Writer } from "../writers/writer.ts";
import { limitAt, margin, roomAt, type Settings, wordsFor } from "./settings.ts";

/** The first pass of `two-pass`, and the one whose summaries count. */
export type Pass = 1 | 2;

/** What is known of a node's summary in a pass. */
export interface Summary {
  readonly text: string;
  readonly by: "model" | "human";
  /** Hash of the text that was summarised, and of the context. */
  readonly input: string;
  readonly context: string;
  /** How many of the summaries before it were told. */
  readonly contexts: number;
  /** Of an object; none for a node that took no call. */
  readonly key?: string | undefined;
  /** How often the node was asked for anew. */
  readonly take: number;
  readonly made?: Made | undefined;
}

export const slotOf = (id: string, pass: Pass = 2): string => (pass === 1 ? `1/${id}` : id);

/** A call that is needed. */
export interface Need {
  readonly node: TreeNode;
  readonly pass: Pass;
  readonly asked: Asked;
  readonly limit: number;
  readonly input: string;
  readonly context: string;
  readonly take: number;
}

export interface ScheduleParts {
  readonly text: string;
  readonly tree: Tree;
  readonly settings: Settings;
  readonly writer: Writer;
  readonly hash: (text: string) => string;
  /** What is there already, by slot; what is made is added. */
  readonly known: Map<string, Summary>;
  /** Makes a summary, or finds it. */
  readonly make: (need: Need) => Promise<{ readonly key: string; readonly made: Made }>;
  /** Told of every summary that was not known, before whatever needs it begins. */
  readonly done: (node: TreeNode, pass: Pass, summary: Summary) => Promise<void>;
  /** Nodes that may be made; all by default. What is known of others stays, whether it is up to date or not. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Nodes that are made although they are known, also where a person wrote them. */
  readonly again?: ReadonlySet<string> | undefined;
  /** Make also those again whose context alone has changed. */
  readonly strict?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Nodes by depth in the book's order, and each one's place among them. */
function byDepth(tree: Tree): (node: TreeNode) => readonly TreeNode[] {
  const levels = new Map<number, TreeNode[]>();
  for (const node of tree.nodes) levels.set(node.depth, [...(levels.get(node.depth) ?? []), node]);
  for (const level of levels.values()) level.sort((a, b) => a.span.start - b.span.start);
  return ({ depth, span }) => (levels.get(depth) ?? []).filter((other) => other.span.start < span.start);
}

/** Nodes whose summaries a node may be told of, in the book's order. */
export function contextsOf(
  tree: Tree,
  context: Settings["context"],
): (node: TreeNode, pass: Pass) => readonly TreeNode[] {
  const before = byDepth(tree);
  return (node, pass) => {
    if (context === "none" || (context === "two-pass" && pass === 1)) return [];
    if (context !== "subtree") return before(node);
    const siblings = node.parent === undefined ? [] : tree.byId.get(node.parent)!.children;
    return siblings.slice(0, siblings.indexOf(node.id)).map((id) => tree.byId.get(id)!);
  };
}

/** As they are now, the earlier summaries that a node's own was made with. */
export function toldOf(
  tree: Tree,
  context: Settings["context"],
  known: ReadonlyMap<string, Summary>,
): (node: TreeNode, summary: Summary) => readonly string[] {
  const contexts = contextsOf(tree, context);
  const pass = context === "two-pass" ? 1 : 2;
  return (node, { contexts: count }) => {
    const earlier = contexts(node, 2)
      .map(({ id }) => known.get(slotOf(id, pass))?.text ?? "")
      .filter((text) => text !== "");
    return earlier.slice(earlier.length - Math.min(earlier.length, count));
  };
}

export const hasWords = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/** The text that a node summarises; undefined where a child has no summary yet. */
export function inputOf(
  node: TreeNode,
  book: string,
  summaryOf: (id: string) => string | undefined,
): string | undefined {
  if (node.children.length === 0) {
    const { start, end } = trimmedSpan(book, node.span);
    return book.slice(start, end);
  }
  const parts = node.children.map(summaryOf);
  return parts.includes(undefined) ? undefined : parts.filter((part) => part !== "").join("\n\n");
}

/** How many of the newest summaries fit into so many tokens. */
function fitting(
  texts: readonly string[],
  room: number,
  writer: Writer,
  truncation: Settings["contextTruncation"],
): number {
  const counts = texts.map((text) => writer.count(text) + writer.count(between));
  const total = (from: number) => counts.slice(from).reduce((a, b) => a + b, 0);
  let from = 0;
  while (from < texts.length && total(from) > room)
    from = truncation === "block" ? from + Math.max(1, (texts.length - from) >> 1) : from + 1;
  return texts.length - from;
}

/** Runs the calls of a tree. @throws the first error of a call, after those under way have ended; interrupted */
export async function runTree(parts: ScheduleParts): Promise<void> {
  const { text, tree, settings, writer, hash, known, make, done, only, again, strict = false } = parts;
  const passes: readonly Pass[] = settings.context === "two-pass" ? [1, 2] : [2];
  const contexts = contextsOf(tree, settings.context);
  const { signal } = parts;
  const order = [...tree.nodes].sort((a, b) => a.span.end - b.span.end || a.height - b.height);
  const slots = passes.flatMap((pass) => order.map((node) => ({ node, pass, slot: slotOf(node.id, pass) })));
  type Slot = (typeof slots)[number];
  const contextPass = (pass: Pass): Pass => (settings.context === "two-pass" ? 1 : pass);
  const needs = ({ node, pass }: Slot): string[] => {
    const before = contexts(node, pass);
    // Of a chain the last one waits for all others.
    const waited = settings.context === "two-pass" ? before : before.slice(-1);
    return [
      ...node.children.map((child) => slotOf(child, pass)),
      ...waited.map(({ id }) => slotOf(id, contextPass(pass))),
    ];
  };
  const waiting = new Map(slots.map((slot) => [slot.slot, new Set(needs(slot))]));
  const dependents = new Map<string, Slot[]>();
  for (const slot of slots) {
    for (const need of waiting.get(slot.slot)!) dependents.set(need, [...(dependents.get(need) ?? []), slot]);
  }

  async function work({ node, pass, slot }: Slot): Promise<void> {
    const summaryOf = (id: string, of: Pass) => known.get(slotOf(id, of))?.text;
    const input = inputOf(node, text, (id) => summaryOf(id, pass));
    const before = known.get(slot);
    const mayMake = only === undefined || only.has(node.id);
    if (input === undefined || !mayMake) return;
    const asks = again?.has(node.id) === true && pass === 2;
    if (before && !asks && before.by === "human") return;
    const inputHash = hash(input);
    const current = before !== undefined && !asks && before.input === inputHash;
    if (current && !strict) return;
    const take = (before?.take ?? 0) + (asks ? 1 : 0);
    const settled = { by: "model" as const, input: inputHash, take };
    if (!hasWords(input)) {
      if (current) return;
      const empty: Summary = { ...settled, text: "", context: hash(""), contexts: 0 };
      known.set(slot, empty);
      return done(node, pass, empty);
    }
    const limit = limitAt(settings.limits, node.height);
    const tokens = writer.count(input);
    const earlier = contexts(node, pass)
      .map(({ id }) => summaryOf(id, contextPass(pass)) ?? "")
      .filter((one) => one !== "");
    const room = roomAt(writer, settings, node.height) - tokens - margin;
    const contextCount = fitting(earlier, room, writer, settings.contextTruncation);
    const context = earlier.slice(earlier.length - contextCount);
    const contextHash = hash(context.join(between));
    if (current && before.context === contextHash) return;
    const asked: Asked = {
      text: input,
      context,
      composed: node.height > 0,
      words: wordsFor(tokens, limit),
      question: settings.question,
    };
    const { key, made } = await make({ node, pass, asked, limit, input: inputHash, context: contextHash, take });
    const summary: Summary = { ...settled, text: made.text, context: contextHash, contexts: contextCount, key, made };
    known.set(slot, summary);
    await done(node, pass, summary);
  }

  let running = 0;
  let failure: { readonly error: unknown } | undefined;
  const ready = slots.filter(({ slot }) => waiting.get(slot)!.size === 0);
  const place = new Map(slots.map((slot, i) => [slot.slot, i]));
  /** The earliest in the book's order, so that a parent comes right behind its last child. */
  const take = (): Slot => {
    const first = ready.reduce((a, b, i) => (place.get(b.slot)! < place.get(ready[a]!.slot)! ? i : a), 0);
    return ready.splice(first, 1)[0]!;
  };
  await new Promise<void>((resolve) => {
    const end = (slot: Slot) => {
      for (const dependent of dependents.get(slot.slot) ?? []) {
        const left = waiting.get(dependent.slot)!;
        left.delete(slot.slot);
        if (left.size === 0) ready.push(dependent);
      }
    };
    const next = () => {
      while (!failure && !signal.aborted && running < writer.concurrency && ready.length > 0) {
        const slot = take();
        running++;
        work(slot)
          .then(
            () => end(slot),
            (error: unknown) => {
              failure ??= { error };
            },
          )
          .finally(() => {
            running--;
            next();
          });
      }
      if (running === 0 && (failure || signal.aborted || ready.length === 0)) resolve();
    };
    next();
  });
  throwIfAborted(signal);
  if (failure) throw failure.error;
}
