/** Books that were summarised, or are: where each is, and how they go again. */
import { useState } from "preact/hooks";
import type { BookCard } from "../../client/books.ts";
import { Icon } from "../../parts/icon.tsx";
import { Places } from "../../parts/places.tsx";
import { books, choosePlace, openBook, place, remove, serverTrouble } from "./state.ts";

export const stateSays: Readonly<Record<BookCard["state"], string>> = {
  queued: "waits for its turn",
  running: "being summarised",
  paused: "stopped",
  completed: "",
  failed: "did not work",
  cancelled: "ended early",
};

export function factsOf({ state, done, total, sentences, unsupported, model }: BookCard): string {
  const far = state !== "completed" && total > 0 ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : "";
  const open = unsupported && sentences ? `${unsupported} of ${sentences} sentences without a source` : "";
  return [model, stateSays[state], far, open].filter(Boolean).join(" · ");
}

function Row({ card }: { readonly card: BookCard }) {
  const [sure, setSure] = useState(false);
  const { id, name, title, state, done, total, problem } = card;
  return (
    <li data-state={state} data-book={name}>
      <button type="button" class="quiet name" onClick={() => void openBook(card)}>
        <span>{title ?? name}</span> <small>{factsOf(card)}</small>
      </button>
      {sure ? (
        <span class="actions">
          <button type="button" class="danger" onClick={() => void remove(card)}>
            Yes, delete
          </button>
          <button type="button" class="quiet" onClick={() => setSure(false)}>
            Keep
          </button>
        </span>
      ) : (
        <button type="button" class="quiet" aria-label={`Delete ${title ?? name}`} onClick={() => setSure(true)}>
          <Icon name="trash" />
        </button>
      )}
      {(state === "running" || state === "paused") && total > 0 && (
        <progress aria-label={`Summary of ${title ?? name}`} key={id} value={done} max={total} />
      )}
      {problem && <p class="warning">{problem}</p>}
    </li>
  );
}

export function Shelf() {
  return (
    <section class="shelf" aria-labelledby="shelf-title">
      <h2 id="shelf-title">Summarised</h2>
      <Places legend="Kept" name="books-place" place={place.value} trouble={serverTrouble.value} choose={choosePlace} />
      {books.value.length === 0 ? (
        <p class="quiet">No book yet.</p>
      ) : (
        <ul>
          {books.value.map((card) => (
            <Row key={card.id} card={card} />
          ))}
        </ul>
      )}
    </section>
  );
}
