/** A node as it is shown: its text, each sentence with what it rests on. What it says needs no book and no model. */
import type { BookPlace } from "../export/places.ts";
import { placeOf } from "../export/places.ts";
import type { Provenance } from "../trace/provenance.ts";
import type { NodeFlag, NodeState, NodeView, RunState } from "./state.ts";

/** What a sentence rests on: a place of the book, or a child's sentence. */
export interface ShownLink extends BookPlace {
  readonly child?: string | undefined;
  /** Number of the child's sentence, from 0. */
  readonly sentence?: number | undefined;
  readonly start: number;
  readonly end: number;
  readonly score: number;
  readonly method: string;
}

export interface ShownLinks {
  /** Place in the node's text. */
  readonly start: number;
  readonly end: number;
  readonly support: number;
  readonly supported: boolean;
  readonly links: readonly ShownLink[];
}

export interface ShownNode {
  readonly id: string;
  readonly height: number;
  readonly depth: number;
  readonly index: number;
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly heading: string | null;
  /** Place in the book. */
  readonly start: number;
  readonly end: number;
  readonly state: NodeState;
  readonly by: "model" | "human" | null;
  readonly flags: readonly NodeFlag[];
  readonly text: string | null;
  readonly sentences: readonly ShownLinks[];
}

/** Four digits are enough, and a stored row is the shorter. */
const rounded = (x: number): number => Number(x.toFixed(4));

/** A node of a run. */
export function shownNode({ book }: RunState, view: NodeView, provenance: Provenance): ShownNode {
  const { node, state, summary, flags, text } = view;
  const { id, height, depth, index, parent = null, children, heading = null, span } = node;
  const sentences = text === undefined ? [] : provenance.sentences(id);
  return {
    ...{ id, height, depth, index, parent, children, heading, ...span },
    ...{ state, by: summary?.by ?? null, flags, text: text ?? null },
    sentences: sentences.map(({ span: place, support, supported, links }) => ({
      ...{ ...place, support: rounded(support), supported },
      links: links.map(({ child, sentence, span: at, score, method }) => ({
        ...(child !== undefined && { child, sentence }),
        ...{ ...at, score: rounded(score), method },
        ...(child === undefined && placeOf(book, at.start)),
      })),
    })),
  };
}

/** A place of the book that a sentence comes from. */
export interface ShownSource extends BookPlace {
  readonly start: number;
  readonly end: number;
  /** Product of the links' scores on the way down. */
  readonly score: number;
  /** Nodes on the way, the sentence's own first. */
  readonly path: readonly string[];
}

/** Where a sentence comes from, the best first; none for one that is not supported down to the book. */
export function shownSources(
  nodeOf: (id: string) => ShownNode | undefined,
  id: string,
  sentence: number,
): ShownSource[] {
  const best = new Map<string, ShownSource>();
  const walk = (node: string, number: number, before: number, path: readonly string[]) => {
    const one = nodeOf(node)?.sentences[number];
    if (!one?.supported) return;
    for (const { child, sentence: below, start, end, score: own, heading, page } of one.links) {
      const score = before * own;
      if (child !== undefined) {
        walk(child, below!, score, [...path, child]);
        continue;
      }
      const key = `${start}-${end}`;
      const place = { ...(heading !== undefined && { heading }), ...(page !== undefined && { page }) };
      if (score > (best.get(key)?.score ?? 0)) best.set(key, { start, end, score, path, ...place });
    }
  };
  walk(id, sentence, 1, [id]);
  return [...best.values()].sort((a, b) => b.score - a.score || a.start - b.start);
}
