/** Books off the page's thread: typing is never blocked while they are read and summarised. */
import { failureOf } from "../failure.ts";
import { onlyOwnScripts } from "../own-scripts.ts";
import { openBooks } from "./keep.ts";
import { createBooks } from "./library.ts";
import type { BooksReport, BooksRequest } from "./messages.ts";

onlyOwnScripts();

const report = (message: BooksReport) => postMessage(message);

const books = createBooks({
  shelf: openBooks(),
  told: report,
  now: () => performance.timeOrigin + performance.now(),
  newId: () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
});

function answer(order: BooksRequest): Promise<unknown> {
  switch (order.kind) {
    case "list":
      return books.list();
    case "estimate":
    case "begin":
      return books[order.kind](order.given);
    case "sentences":
    case "revert":
    case "redo":
      return books[order.kind](order.book, order.node);
    case "edit":
      return books.edit(order.book, order.node, order.text);
    case "export":
      return books.exported(order.book, order.format);
    default:
      return books[order.kind](order.book);
  }
}

addEventListener("message", ({ data }: MessageEvent<BooksRequest>) => {
  answer(data).then(
    (found) => report({ kind: "answer", id: data.id, answer: found }),
    (error: unknown) => report({ kind: "failed", id: data.id, failure: failureOf(error) }),
  );
});
