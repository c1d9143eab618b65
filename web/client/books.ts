/** Summarising books as the page asks for it, wherever that is done: a book in, a tree of summaries out, live. */
import type { ShownSource } from "../../src/summarize/run/shown.ts";

export interface BookOrder {
  /** "extractive" and "lead" copy sentences by rule; others are models of the place. */
  readonly model: string;
  readonly by?: "chapter";
  readonly until?: string;
  readonly question?: string;
  readonly leafTokens?: number;
  readonly seed?: number;
}

/** A book, and how it was asked for. */
export interface BookGiven {
  readonly name: string;
  readonly file: Blob;
  readonly order: BookOrder;
}

export interface BookEstimate {
  readonly title: string | null;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null where nothing was measured yet. */
  readonly seconds: number | null;
  /** Nodes of each height, the leaves first. */
  readonly heights: readonly number[];
  readonly trimmed: readonly { readonly start: number; readonly end: number; readonly why: string }[];
}

export type BookState = "queued" | "running" | "paused" | "completed" | "failed" | "cancelled";

export interface BookCard {
  readonly id: string;
  readonly name: string;
  readonly title: string | null;
  readonly model: string;
  readonly state: BookState;
  readonly done: number;
  /** 0 until the tree stands. */
  readonly total: number;
  readonly secondsLeft: number | null;
  readonly sentences: number | null;
  readonly unsupported: number | null;
  readonly problem: string | null;
}

/** A node without what its sentences rest on. */
export interface BookNode {
  readonly id: string;
  readonly height: number;
  readonly depth: number;
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly heading: string | null;
  /** Place in the book. */
  readonly start: number;
  readonly end: number;
  readonly state: "pending" | "done" | "edited";
  readonly flags: readonly string[];
  readonly text: string | null;
}

export interface BookSentence {
  readonly start: number;
  readonly end: number;
  readonly support: number;
  readonly supported: boolean;
  /** Places of the book, the best first. */
  readonly sources: readonly ShownSource[];
}

export interface BookText {
  readonly text: string;
  readonly pages?: readonly number[];
}

export const bookFormats = ["md", "html", "epub", "json"] as const;
export type BookFormat = (typeof bookFormats)[number];

export interface Summarizer {
  /** Fails with a problem that says why, where this place cannot summarise. */
  able(signal?: AbortSignal): Promise<void>;
  list(): Promise<readonly BookCard[]>;
  card(id: string): Promise<BookCard>;
  estimate(given: BookGiven, signal: AbortSignal): Promise<BookEstimate>;
  begin(given: BookGiven): Promise<BookCard>;
  /** Calls `changed` with nodes as they come, until the book rests or the signal fires. */
  watch(
    id: string,
    changed: (nodes: readonly BookNode[], card: Partial<BookCard>) => void,
    signal: AbortSignal,
  ): Promise<void>;
  tree(id: string): Promise<readonly BookNode[]>;
  sentences(id: string, node: string): Promise<readonly BookSentence[]>;
  text(id: string): Promise<BookText>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** A person's text in the place of a node's: those above it are made again. */
  edit(id: string, node: string, text: string): Promise<void>;
  revert(id: string, node: string): Promise<void>;
  redo(id: string, node: string): Promise<void>;
  exported(id: string, format: BookFormat): Promise<Blob>;
}
