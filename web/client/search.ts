/** Searching one's own documents as the page asks for it, wherever they lie: files in, passages with their places out. */
export type SearchMode = "hybrid" | "dense" | "bm25";

/** A document, or a file that is to be one. */
export interface DocumentCard {
  readonly id: string;
  readonly name: string;
  readonly title?: string;
  /** waiting and reading: not searched yet. failed: `problem` says why. */
  readonly state: "waiting" | "reading" | "ready" | "failed";
  readonly problem?: string;
  /** What of it could not be read, a line each. */
  readonly notes?: readonly string[];
  readonly passages?: number;
  readonly pages?: number;
}

/** What is being done, as far as it is. */
export interface Work {
  readonly phase: "reading" | "opening" | "embedding";
  readonly done: number;
  readonly total?: number;
  readonly secondsLeft?: number;
}

export interface VectorModel {
  readonly name: string;
  readonly state: "waiting" | "opening" | "ready" | "failed";
  readonly problem?: string;
  /** Numbers of a vector, and tokens of a passage at most. */
  readonly width?: number;
  readonly longest?: number;
}

/** A set of documents that is searched together. */
export interface Collection {
  readonly id: string;
  readonly name: string;
}

export interface Library {
  readonly documents: readonly DocumentCard[];
  readonly passages: number;
  /** Passages that have a vector. */
  readonly embedded: number;
  readonly model?: VectorModel;
  readonly work?: Work;
  /** Something is left to be done, and somebody stopped it. */
  readonly stopped: boolean;
  /** Where a place has several sets; the first is the one that is searched. */
  readonly collections?: readonly Collection[];
}

export const emptyLibrary: Library = { documents: [], passages: 0, embedded: 0, stopped: false };

export interface Question {
  readonly query: string;
  readonly mode: SearchMode;
  readonly k: number;
  /** Ids of the documents that may be found; all by default. */
  readonly documents?: readonly string[];
}

export interface Passage {
  readonly document: string;
  /** Which of a file's documents it stands in, where a file may hold several. */
  readonly part?: string;
  readonly name: string;
  readonly title: string;
  readonly score: number;
  /** What the score is made of, where the place tells. */
  readonly scores: { readonly bm25?: number; readonly dense?: number };
  readonly text: string;
  /** Place in the document's text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly page?: number;
  readonly heading?: string;
}

/** A document as it is shown beside what was found in it. */
export interface SourceText {
  readonly text: string;
  /** Where pages begin. */
  readonly pages?: readonly number[];
}

/** An answer that a model of the place wrote over its own passages. */
export interface WrittenAnswer {
  readonly text: string;
  readonly found: boolean;
  readonly sentences: readonly {
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly supported: boolean;
  }[];
  readonly citations: readonly {
    /** Number of the answer's sentence, from 1. */
    readonly sentence: number;
    readonly passage: Passage;
    readonly start: number;
    readonly end: number;
    readonly quote: string;
  }[];
}

export interface Searcher {
  /** Fails with a problem that says why, where this place cannot search. */
  able(signal?: AbortSignal): Promise<void>;
  /** Modes that a question can have here; none where the place chooses itself. */
  readonly modes: readonly SearchMode[];
  watch(heard: (library: Library) => void): () => void;
  /** @returns how many were left out because they are of other kinds, as a folder may hold */
  add(files: readonly File[]): Promise<number>;
  remove(document: string): Promise<void>;
  /** After the running step. */
  stop(): void;
  goOn(): void;
  /** Documents, vectors and the model that was given. */
  forget(): Promise<void>;
  search(question: Question, signal?: AbortSignal): Promise<readonly Passage[]>;
  /** The document that it stands in. */
  text(passage: Pick<Passage, "document" | "part">): Promise<SourceText>;
  /** Where a model that gives vectors is handed in by the person. */
  readonly models?: {
    give(files: readonly File[]): Promise<void>;
    /** A model folder below the page's own address. */
    at(path: string): Promise<void>;
    drop(): Promise<void>;
  };
  /** Where there are several sets of documents. */
  readonly collections?: { choose(id: string): Promise<void>; make(name: string): Promise<void> };
  /** Where the place itself answers from its documents. */
  answer?(
    question: Pick<Question, "query" | "documents">,
    model: string,
    told: { text(piece: string): void },
    signal?: AbortSignal,
  ): Promise<WrittenAnswer>;
}
