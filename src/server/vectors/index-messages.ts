/** What a server and a process that works on indices say to each other. */
import type { SentError } from "../../host/messages.ts";
import type { Found } from "../../retrieve/search-node.ts";
import type { ModelSettings } from "../../retrieve/settings.ts";
import type { IndexedFile } from "./index-file-node.ts";

/** An index file, and the model of its vectors: tokens are counted in the process, vectors are asked of the server. */
export interface IndexAt {
  readonly path: string;
  readonly model: { readonly path: string; readonly settings: ModelSettings; readonly longest: number } | undefined;
}

/** What is asked, and what is answered. */
export interface Questions {
  files: { ask: Record<never, never>; answer: readonly IndexedFile[] };
  texts: { ask: { readonly file: string }; answer: readonly { readonly document: string; readonly text: string }[] };
  /** Bytes of its texts and vectors. */
  put: {
    ask: {
      readonly file: IndexedFile;
      /** Where its bytes lie. */
      readonly source: string;
      readonly filename: string;
      readonly chunk: number;
      readonly overlap: number;
    };
    answer: number;
  };
  remove: { ask: { readonly files: readonly string[] }; answer: null };
  /** Hits of each question, in these files. */
  search: {
    ask: {
      readonly queries: readonly string[];
      readonly k: number;
      readonly files: readonly string[];
      /** Whether the server scores the passages. */
      readonly rank: boolean;
      readonly threads: number | undefined;
    };
    answer: readonly (readonly Found[])[];
  };
  /** Let go of an index that was searched. */
  release: { ask: Record<never, never>; answer: null };
}

export type Asking = keyof Questions;

/** What the process asks of its server while it answers. */
export interface Calls {
  /** Vectors of texts, which the model's prompt for questions or for documents is put before. */
  vectors?(texts: readonly string[], as: "queries" | "documents"): Promise<readonly Float32Array[]>;
  /** Scores of passages for a question. */
  rank?(query: string, passages: readonly string[]): Promise<readonly number[]>;
}

export type CallName = keyof Calls;

export type ToIndexProcess =
  | {
      readonly kind: "ask";
      readonly id: number;
      readonly name: Asking;
      readonly at: IndexAt;
      readonly ask: Questions[Asking]["ask"];
    }
  | { readonly kind: "answer"; readonly call: number; readonly value: unknown }
  | { readonly kind: "refused"; readonly call: number; readonly error: SentError };

export type FromIndexProcess =
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: SentError }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly call: number;
      readonly name: CallName;
      readonly args: readonly unknown[];
    };
