/** The documents: how they come in, how far they are read, which are asked, and how they go again. */
import { useState } from "preact/hooks";
import type { DocumentCard, Work } from "../../client/search.ts";
import { Icon } from "../../parts/icon.tsx";
import { bytesText, plural, secondsText } from "../../parts/numbers.ts";
import { Drop } from "./drop.tsx";
import { Model } from "./model.tsx";
import { Collections, Kept } from "./places.tsx";
import { chosen, forget, library, place, ready, remove, searcher } from "./state.ts";

/** Documents that are listed before one asks for all. */
const mostListed = 12;

const phases: Readonly<Record<Work["phase"], string>> = {
  reading: "Reading",
  opening: "Opening the model",
  embedding: "Vectors",
};

function Progress() {
  const { work, stopped, passages, embedded, documents } = library.value;
  if (!work && !stopped) return null;
  const left = documents.filter(({ state }) => state === "waiting").length;
  const { phase = "reading", done = 0, total, secondsLeft } = work ?? {};
  const amount =
    phase === "opening"
      ? [done > 0 ? bytesText(done) : "", total ? `of ${bytesText(total)}` : ""].filter(Boolean).join(" ")
      : total === undefined
        ? ""
        : `${Math.min(done, total)} of ${plural(total, phase === "embedding" ? "passage" : "document")}`;
  return (
    <div class="reading-work" data-phase={work ? phase : "stopped"}>
      <div class="progress">
        {work && (
          <progress
            aria-label={phases[phase]}
            {...(total === undefined || total === 0 ? {} : { value: done, max: total })}
          />
        )}
        <span class="quiet number">
          {work
            ? [phases[phase], amount, secondsLeft === undefined ? "" : `${secondsText(secondsLeft)} left`]
                .filter(Boolean)
                .join(" · ")
            : [
                "Stopped",
                left > 0 ? `${plural(left, "document")} to read` : "",
                library.value.model && embedded < passages
                  ? `${embedded} of ${plural(passages, "passage")} have vectors`
                  : "",
              ]
                .filter(Boolean)
                .join(" · ")}
        </span>
      </div>
      {work ? (
        <button type="button" onClick={() => searcher.value.stop()}>
          <Icon name="stop" />
          <span>Stop</span>
        </button>
      ) : (
        <button type="button" onClick={() => searcher.value.goOn()}>
          <Icon name="right" />
          <span>Go on</span>
        </button>
      )}
    </div>
  );
}

const states: Readonly<Record<DocumentCard["state"], string>> = {
  waiting: "waits",
  reading: "being read",
  ready: "",
  failed: "not read",
};

function Row({ card }: { readonly card: DocumentCard }) {
  const { id, name, title, state, passages, pages, problem, notes = [] } = card;
  const facts = [
    states[state],
    pages === undefined ? "" : plural(pages, "page"),
    passages === undefined ? "" : plural(passages, "passage"),
  ].filter(Boolean);
  const choose = (on: boolean) => {
    const next = new Set(chosen.value);
    if (on) next.add(id);
    else next.delete(id);
    chosen.value = next;
  };
  const label = (
    <>
      <span class="name">{title && title !== name ? title : name}</span>{" "}
      <span class="quiet">{[title && title !== name ? name : "", ...facts].filter(Boolean).join(" · ")}</span>
    </>
  );
  return (
    <li data-state={state} data-document={name}>
      {state === "ready" ? (
        <label>
          <input
            type="checkbox"
            checked={chosen.value.has(id)}
            onChange={({ currentTarget }) => choose(currentTarget.checked)}
          />
          <span>{label}</span>
        </label>
      ) : (
        <span class="other">{label}</span>
      )}
      <button
        type="button"
        class="quiet"
        aria-label={`Take ${name} away`}
        title="Take it away"
        onClick={() => void remove(card)}
      >
        <Icon name="close" />
      </button>
      {problem && <p class="warning">{problem}</p>}
      {notes.map((note) => (
        <p key={note} class="quiet">
          {note}
        </p>
      ))}
    </li>
  );
}

function Forget() {
  const [sure, setSure] = useState(false);
  const what = place.value === "browser" ? "all documents" : "this store";
  return (
    <div class="actions">
      {sure ? (
        <>
          <button
            type="button"
            class="danger"
            onClick={() => {
              setSure(false);
              void forget();
            }}
          >
            Yes, forget {what}
          </button>
          <button type="button" class="quiet" onClick={() => setSure(false)}>
            Keep them
          </button>
        </>
      ) : (
        <button type="button" class="quiet" onClick={() => setSure(true)}>
          <Icon name="trash" />
          <span>Forget {what}</span>
        </button>
      )}
    </div>
  );
}

export function Documents() {
  const [all, setAll] = useState(false);
  const { documents, passages } = library.value;
  const shown = all ? documents : documents.slice(0, mostListed);
  return (
    <section class="documents" aria-labelledby="documents-title">
      <h2 id="documents-title">
        Documents{" "}
        <small class="number">
          {[plural(ready.value.length, "document"), passages > 0 ? plural(passages, "passage") : ""]
            .filter(Boolean)
            .join(", ")}
        </small>
      </h2>
      <Kept />
      <Collections />
      <Progress />
      <Drop small />
      <ul>
        {shown.map((card) => (
          <Row key={card.id} card={card} />
        ))}
      </ul>
      {documents.length > shown.length && (
        <button type="button" class="quiet" onClick={() => setAll(true)}>
          All {documents.length}
        </button>
      )}
      {ready.value.length > 1 && chosen.value.size === 0 && <p class="quiet">Ticking some has these alone searched.</p>}
      <Model />
      <Forget />
    </section>
  );
}
