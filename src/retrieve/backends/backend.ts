/** Where chunks are searched that outgrow one machine: a database that others run, behind four questions. */
import type { ExportedChunk } from "../transfer/export-node.ts";

export interface BackendHit {
  readonly document: string;
  readonly chunk: number;
  /** More is better; of vectors the cosine or product, or minus the distance. */
  readonly score: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly title: string;
  readonly page?: number;
  readonly heading?: string;
  /** Of the document's whole text. */
  readonly hash: string;
}

export interface BackendQuery {
  /** Chunks near this vector. */
  readonly dense?: Float32Array | undefined;
  /** Chunks with these words, where the database scores words. One of the two is given. */
  readonly text?: string | undefined;
  readonly k: number;
  /** Only chunks of this document. */
  readonly document?: string | undefined;
}

export interface Backend extends AsyncDisposable {
  /** Put chunks in, in the place of those of the same document and number. They have vectors. */
  upsert(chunks: Iterable<ExportedChunk>, signal?: AbortSignal): Promise<number>;
  /** Take documents out. */
  delete(documents: readonly string[]): Promise<void>;
  /** Best first. @throws unsupported for words, where the database does not score them */
  query(query: BackendQuery): Promise<BackendHit[]>;
  /** How many chunks there are, and the fingerprint of the model of their vectors. */
  stats(): Promise<{ readonly chunks: number; readonly model?: string }>;
  /** How the database can be asked. */
  readonly modes: readonly ("dense" | "bm25")[];
}

/** Chunks that are sent together. */
export const together = 256;

export function* groupsOf<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
