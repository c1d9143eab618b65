/** A run's summaries as what every export shows: sentences with the places that they come from. */
import type { NodeView, RunState, RunView } from "../run/state.ts";
import { viewOf } from "../run/state.ts";
import { placeOf } from "./places.ts";

export interface Note {
  /** Counted from 1, in the order in which sentences refer to them. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** As it stands in the book, on one line. */
  readonly quote: string;
  /** "Chapter 9, page 12", or nothing. */
  readonly place: string;
}

export interface ShownSentence {
  readonly text: string;
  /** What stood between it and the one before: a line break where there was one. */
  readonly before: "" | " " | "\n";
  /** Numbers of notes; none for one that nothing in the book was found for. */
  readonly notes: readonly number[];
}

export interface ShownNode {
  readonly view: NodeView;
  readonly sentences: readonly ShownSentence[];
  readonly children: readonly ShownNode[];
}

export interface Shown {
  readonly title: string;
  readonly root: ShownNode;
  readonly notes: readonly Note[];
  /** Of the root's sentences. */
  readonly sentences: number;
  readonly unsupported: number;
}

const mostNotes = 3;

/** With the nodes down to a depth: 0 is the summary alone. */
export function shownOf(state: RunState, depth = Infinity): Shown {
  const view: RunView = viewOf(state);
  const { provenance } = view;
  const byId = new Map(view.nodes.map((one) => [one.node.id, one]));
  const notes = new Map<string, Note>();
  const noteOf = (start: number, end: number): number => {
    const key = `${start}-${end}`;
    const known = notes.get(key);
    if (known) return known.number;
    const { heading, page } = placeOf(state.book, start);
    const place = [heading, page && `page ${page}`].filter(Boolean).join(", ");
    const quote = state.book.text.slice(start, end).replace(/\s+/g, " ");
    notes.set(key, { number: notes.size + 1, start, end, quote, place });
    return notes.size;
  };
  const nodeOf = (one: NodeView): ShownNode => {
    const text = one.text ?? "";
    let end = 0;
    const sentences = provenance.sentences(one.node.id).map(({ span }, i): ShownSentence => {
      const gap = text.slice(end, span.start);
      end = span.end;
      const sources = provenance.sources(one.node.id, i).slice(0, mostNotes);
      return {
        text: text.slice(span.start, span.end),
        before: i === 0 ? "" : gap.includes("\n") ? "\n" : " ",
        notes: sources.map((source) => noteOf(source.span.start, source.span.end)),
      };
    });
    const children = one.node.depth < depth ? one.node.children.map((id) => nodeOf(byId.get(id)!)) : [];
    return { view: one, sentences, children };
  };
  const root = nodeOf(view.root);
  return {
    title: state.run.title || state.run.source.name,
    ...{ root, notes: [...notes.values()], sentences: root.sentences.length },
    unsupported: root.sentences.filter((one) => one.notes.length === 0).length,
  };
}

export const supportLine = ({ sentences, unsupported }: Shown): string =>
  `${unsupported} of ${sentences} sentences could not be traced to the book. A traced sentence may be wrong, too.`;
