/** From a sentence of a summary down to the places of the book that it comes from. */

import { sentencesOf } from "../book/sentences.ts";
import type { Span } from "../book/spans.ts";
import type { Tree, TreeNode } from "../book/tree.ts";
import { type Aligned, align, type Candidate, candidateOf, type Linked, leastSupport } from "./align.ts";
import { type Weight, weightsOver } from "./stems.ts";

export interface Link {
  /** The child whose summary it is of; none where it is the book's own text. */
  readonly child?: string | undefined;
  /** Number of the child's sentence. */
  readonly sentence?: number | undefined;
  /** Place in the child's summary, or in the book. */
  readonly span: Span;
  readonly score: number;
  readonly method: Linked["method"];
}

export interface SentenceLinks {
  /** Place in the summary. */
  readonly span: Span;
  readonly links: readonly Link[];
  /** Share of what it says that its links say too. */
  readonly support: number;
  readonly supported: boolean;
}

/** A place of the book that a sentence comes from. */
export interface Source {
  readonly span: Span;
  /** Product of the links' scores on the way down. */
  readonly score: number;
  /** Nodes on the way, the sentence's own first. */
  readonly path: readonly string[];
}

export interface Provenance {
  sentences(id: string): readonly SentenceLinks[];
  /** Where a sentence comes from, the best first; none for one that is not supported down to the book. */
  sources(id: string, sentence: number): readonly Source[];
}

interface Parts {
  readonly text: string;
  readonly tree: Tree;
  readonly lines: boolean;
  /** A node's summary; undefined where there is none yet. */
  readonly summaryOf: (id: string) => string | undefined;
}

const textsOf = (text: string, spans: readonly Span[]): string[] =>
  spans.map(({ start, end }) => text.slice(start, end));

const summarySentences = (summary: string): Span[] =>
  sentencesOf(summary, { start: 0, end: summary.length }, { lines: true });

/** Links of a tree's summaries, found when they are asked for. */
export function provenanceOf({ text, tree, lines, summaryOf }: Parts): Provenance {
  let weight: Weight | undefined;
  const weights = (): Weight => {
    const leaves = tree.nodes.filter(({ children }) => children.length === 0);
    weight ??= weightsOver(leaves.map(({ span }) => text.slice(span.start, span.end)));
    return weight;
  };
  const found = new Map<string, readonly SentenceLinks[]>();

  /** What a node's sentences may come from. */
  function inputs(node: TreeNode): {
    readonly candidates: Candidate[];
    readonly places: Omit<Link, "score" | "method">[];
  } {
    if (node.children.length === 0) {
      const spans = sentencesOf(text, node.span, { lines });
      return { candidates: textsOf(text, spans).map(candidateOf), places: spans.map((span) => ({ span })) };
    }
    const candidates: Candidate[] = [];
    const places: Omit<Link, "score" | "method">[] = [];
    for (const child of node.children) {
      const summary = summaryOf(child) ?? "";
      summarySentences(summary).forEach((span, sentence) => {
        candidates.push(candidateOf(summary.slice(span.start, span.end)));
        places.push({ child, sentence, span });
      });
    }
    return { candidates, places };
  }

  const provenance: Provenance = {
    sentences(id) {
      const known = found.get(id);
      if (known) return known;
      const summary = summaryOf(id) ?? "";
      const { candidates, places } = inputs(tree.byId.get(id)!);
      const made = summarySentences(summary).map((span): SentenceLinks => {
        const aligned: Aligned = align(summary.slice(span.start, span.end), candidates, weights());
        const links = aligned.links.map(({ candidate, score, method }) => ({ ...places[candidate]!, score, method }));
        return {
          span,
          links,
          support: aligned.support,
          supported: links.length > 0 && aligned.support >= leastSupport,
        };
      });
      found.set(id, made);
      return made;
    },
    sources(id, sentence) {
      const best = new Map<string, Source>();
      const walk = (node: string, number: number, score: number, path: readonly string[]) => {
        const one = provenance.sentences(node)[number];
        if (!one?.supported) return;
        for (const link of one.links) {
          const product = score * link.score;
          if (link.child !== undefined) {
            walk(link.child, link.sentence!, product, [...path, link.child]);
            continue;
          }
          const key = `${link.span.start}-${link.span.end}`;
          if (product > (best.get(key)?.score ?? 0)) best.set(key, { span: link.span, score: product, path });
        }
      };
      walk(id, sentence, 1, [id]);
      return [...best.values()].sort((a, b) => b.score - a.score || a.span.start - b.span.start);
    },
  };
  return provenance;
}

/** How many sentences of a height have support, and reach the book. */
export interface SupportAt {
  readonly height: number;
  readonly sentences: number;
  readonly supported: number;
  readonly traced: number;
}

export function supportByHeight(tree: Tree, provenance: Provenance): SupportAt[] {
  const rows = new Map<number, { sentences: number; supported: number; traced: number }>();
  for (const { id, height } of tree.nodes) {
    const row = rows.get(height) ?? { sentences: 0, supported: 0, traced: 0 };
    rows.set(height, row);
    provenance.sentences(id).forEach(({ supported }, i) => {
      row.sentences++;
      if (supported) row.supported++;
      if (provenance.sources(id, i).length > 0) row.traced++;
    });
  }
  return [...rows].sort(([a], [b]) => a - b).map(([height, row]) => ({ height, ...row }));
}
