import { expect, test } from "vitest";
import { bookOfSentences } from "../../../test/support/summaries.ts";
import type { BookShelf, KeptBook } from "./keep.ts";
import { createBooks } from "./library.ts";

/** A shelf in memory, whose books are written as slowly as on a disk that is busy. */
function slowShelf(): BookShelf {
  const [kept, rows] = [new Map<string, KeptBook>(), [] as Awaited<ReturnType<BookShelf["rows"]>>[number][]];
  return {
    books: async () => [...kept.values()],
    rows: async () => [...rows],
    put: (book) => new Promise((resolve) => setTimeout(() => resolve(void kept.set(book.id, book)), 20)),
    add: async (_, row) => void rows.push(row),
    remove: async (id) => void kept.delete(id),
  };
}

test("a book that work was asked for is in work as soon as that is answered", async () => {
  const books = createBooks({ shelf: slowShelf(), told: () => {}, now: Date.now, newId: () => "book" });
  const file = new Blob([bookOfSentences]);
  const { id } = await books.begin({ name: "book.txt", file, order: { model: "lead", leafTokens: 120 } });
  await books.wait(id);
  const changes = [
    () => books.edit(id, "h0.0", "Elephants danced."),
    () => books.revert(id, "h0.0"),
    () => books.redo(id, "h0.0"),
  ];
  for (const change of changes) {
    await change();
    expect((await books.card(id)).state).toBe("running");
    await books.wait(id);
    expect((await books.card(id)).state).toBe("completed");
  }
});
