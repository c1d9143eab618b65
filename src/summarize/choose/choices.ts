/** Several summaries of the same text, for a person to choose among: answers that were drawn, or two runs' own. */
import type { Tree, TreeNode } from "../book/tree.ts";
import { hasWords, inputOf, type Summary, toldOf } from "../run/schedule.ts";
import { limitAt, type Settings, wordsFor } from "../run/settings.ts";
import { type PromptStyle, promptOf, promptStyles } from "../writers/prompts.ts";
import { approximateTokens } from "../writers/rules.ts";

/** What of a run is looked at. */
export interface ComparedRun {
  readonly run: {
    readonly title?: string | undefined;
    readonly source: { readonly name: string };
    readonly settings: Settings;
    readonly writer: { readonly model: string };
    readonly identity: Readonly<Record<string, unknown>>;
  };
  readonly book: { readonly text: string };
  readonly tree: Tree;
  readonly known: ReadonlyMap<string, Summary>;
}

export interface Candidate {
  readonly text: string;
  readonly model?: string;
  readonly seed?: number;
}

/** One thing to choose about. */
export interface Choice {
  readonly book: string;
  readonly node: TreeNode;
  readonly text: string;
  /** Summaries that the writer was told of. */
  readonly context: readonly string[];
  /** What it was asked, and whether that was a message of a conversation. */
  readonly prompt: string;
  readonly chat: boolean;
  readonly candidates: readonly Candidate[];
}

/** Texts that say something, each once. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Map<string, Candidate>();
  for (const one of candidates) if (hasWords(one.text) && !seen.has(one.text)) seen.set(one.text, one);
  return [...seen.values()];
}

/** All answers that were drawn for a node, or its own text. */
function candidatesOf({ run }: ComparedRun, { made, text, by }: Summary): Candidate[] {
  const model = by === "human" ? "human" : run.writer.model;
  const drawn = by === "human" ? [] : (made?.candidates ?? []).flatMap((one) => one.drawn ?? []);
  if (drawn.length === 0) return [{ text, model }];
  return drawn.map(({ text: own, seed }) => ({ text: own, model, seed }));
}

const styleOf = ({ identity }: ComparedRun["run"]): PromptStyle =>
  promptStyles.find((style) => style === identity.style) ?? "chat";

/**
 * What there is to choose among in a run, or in several runs of one book: nodes whose text was the same in all of them, in
 * the book's order.
 */
export function choicesOf(runs: readonly ComparedRun[]): Choice[] {
  const [first] = runs;
  if (!first) return [];
  const { run, book, tree } = first;
  const { settings } = run;
  const told = toldOf(tree, settings.context, first.known);
  return [...tree.nodes]
    .sort((a, b) => a.height - b.height || a.span.start - b.span.start)
    .flatMap((node): Choice[] => {
      const own = first.known.get(node.id);
      const text = inputOf(node, book.text, (id) => first.known.get(id)?.text);
      if (!own || text === undefined) return [];
      const same = runs.flatMap((other) => {
        const summary = other.known.get(node.id);
        const read = inputOf(node, other.book.text, (id) => other.known.get(id)?.text);
        return summary && read === text ? [candidatesOf(other, summary)] : [];
      });
      const candidates = distinct(same.flat());
      if (candidates.length < 2) return [];
      const context = told(node, own);
      const words =
        own.made?.candidates.find((one) => one.words !== undefined)?.words ??
        wordsFor(approximateTokens(text), limitAt(settings.limits, node.height));
      const asked = { text, context, composed: node.height > 0, words, question: settings.question };
      const { text: prompt, chat } = promptOf(asked, styleOf(run));
      return [{ book: run.title ?? run.source.name, node, text, context, prompt, chat, candidates }];
    });
}
