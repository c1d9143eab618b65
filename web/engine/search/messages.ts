/** What the page and the worker that searches say to each other; `id` names a request, which has one answer. */
import type { Library, Passage, Question, SourceText } from "../../client/search.ts";
import type { GivenFile, GivenModel } from "../given.ts";
import type { Failure } from "../messages.ts";

export type SearchOrder =
  | { readonly kind: "add"; readonly files: readonly GivenFile[] }
  | { readonly kind: "remove"; readonly document: string }
  | { readonly kind: "model"; readonly given?: GivenModel }
  | { readonly kind: "forget" }
  | { readonly kind: "stop" }
  | { readonly kind: "go-on" }
  | { readonly kind: "search"; readonly question: Question }
  | { readonly kind: "text"; readonly document: string };

export type SearchRequest = SearchOrder & { readonly id: number };

/** What an order is answered with. */
export type SearchAnswer<K extends SearchOrder["kind"]> = K extends "search"
  ? readonly Passage[]
  : K extends "text"
    ? SourceText
    : K extends "add"
      ? number
      : undefined;

export type SearchReport =
  | { readonly kind: "library"; readonly library: Library }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
