/** Books: one comes in, what it will take is said, its tree of summaries grows, and every sentence leads to its place. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { documentKinds } from "../../parts/document-kinds.ts";
import { DropZone } from "../../parts/drop.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { client } from "../../state/session.ts";
import { Shelf } from "./shelf.tsx";
import { askServer, begin, choose, close, given, open, pause, place, resume, trouble } from "./state.ts";
import "./books.css";

/** Loaded with the first book that is open, and with the first that is chosen. */
const reading = signal<ComponentType | undefined>(undefined);
const ordering = signal<ComponentType | undefined>(undefined);

export function Panel() {
  const book = open.value;
  useEffect(() => void askServer(), [client.value]);
  useEffect(() => {
    if (book && !reading.value) {
      void import("./book.tsx").then(({ Book }) => {
        reading.value = Book;
      });
    }
  }, [book]);
  useEffect(() => {
    if (given.value && !ordering.value) {
      void import("./order.tsx").then(({ Order }) => {
        ordering.value = Order;
      });
    }
  }, [given.value]);
  useCommands([
    ...(given.value ? [{ title: "Summarise the book", run: () => void begin() }] : []),
    ...(book?.state === "running" ? [{ title: "Stop summarising", run: () => void pause() }] : []),
    ...(book?.state === "paused" ? [{ title: "Go on summarising", run: () => void resume() }] : []),
    ...(book ? [{ title: "All books", run: close }] : []),
  ]);
  const [Book, Order] = [reading.value, ordering.value];
  return (
    <div class="books">
      <h1>
        Books{" "}
        <small>
          {place.value === "browser"
            ? "A whole book as a tree of summaries, made in this browser by rule: nothing is sent anywhere."
            : "A whole book as a tree of summaries, made on this page's server; every sentence leads to its place."}
        </small>
      </h1>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      {book ? (
        Book && <Book />
      ) : (
        <div class="book-start">
          <DropZone
            {...(!given.value && { says: "Drop a book here: text, Markdown, HTML, EPUB, PDF." })}
            choose={given.value ? "Another book" : "Choose a book"}
            accept={documentKinds}
            label="A book: text, Markdown, HTML, EPUB, PDF"
            taken={choose}
          />
          {given.value && Order && <Order />}
          <Shelf />
        </div>
      )}
    </div>
  );
}
