/** What the page and the worker that summarises say to each other; `id` names a request, which has one answer. */
import type { BookCard, BookFormat, BookGiven, BookNode } from "../../client/books.ts";
import type { Failure } from "../messages.ts";

export type BooksOrder =
  | { readonly kind: "list" }
  | { readonly kind: "estimate" | "begin"; readonly given: BookGiven }
  | {
      readonly kind: "card" | "tree" | "text" | "pause" | "resume" | "remove" | "wait";
      readonly book: string;
    }
  | { readonly kind: "sentences" | "revert" | "redo"; readonly book: string; readonly node: string }
  | { readonly kind: "edit"; readonly book: string; readonly node: string; readonly text: string }
  | { readonly kind: "export"; readonly book: string; readonly format: BookFormat };

export type BooksRequest = BooksOrder & { readonly id: number };

export type BooksReport =
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure }
  | {
      readonly kind: "grown";
      readonly book: string;
      readonly nodes: readonly BookNode[];
      readonly card: Partial<BookCard>;
    };
