/** Where a place of a book is, for people. */
import { lastBefore } from "../../media/documents/document.ts";
import type { Book } from "../book/book.ts";
import { headingsOf } from "../book/decompose.ts";

export interface BookPlace {
  readonly heading?: string;
  /** Counted from 1. */
  readonly page?: number;
}

const found = new WeakMap<Book, ReturnType<typeof headingsOf>>();

export function placeOf(book: Book, at: number): BookPlace {
  const headings = found.get(book) ?? headingsOf(book);
  found.set(book, headings);
  const heading = lastBefore(headings, at, ({ start }) => start)?.path.at(-1);
  const page = book.pages?.filter((start) => start <= at).length;
  return { ...(heading !== undefined && { heading }), ...(page && { page }) };
}
