/** Search: documents of one's own come in, are read and asked; what is found is shown in its place. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { route } from "../../state/route.ts";
import { client } from "../../state/session.ts";
import { Drop } from "./drop.tsx";
import { Collections, Kept } from "./places.tsx";
import {
  askServer,
  follow,
  forget,
  library,
  notice,
  place,
  reading,
  search,
  searcher,
  takeExample,
  takeLink,
  trouble,
} from "./state.ts";
import "./search.css";

/** Loaded when there are documents. */
const desk = signal<ComponentType | undefined>(undefined);

export function Panel() {
  const { documents, work, stopped } = library.value;
  const empty = documents.length === 0;
  useEffect(() => void askServer(), [client.value]);
  useEffect(() => follow(), [searcher.value]);
  useEffect(takeLink, [route.value]);
  useEffect(() => {
    if (!empty && !desk.value) {
      void import("./desk.tsx").then(({ Desk }) => {
        desk.value = Desk;
      });
    }
  }, [empty]);
  useCommands([
    { title: "Search the documents", run: () => void search() },
    ...(work ? [{ title: "Stop reading documents", run: () => searcher.value.stop() }] : []),
    ...(stopped ? [{ title: "Go on reading documents", run: () => searcher.value.goOn() }] : []),
    { title: "Example: three short documents", run: () => void takeExample() },
    ...(empty ? [] : [{ title: "Forget the documents", run: () => void forget() }]),
  ]);
  const Desk = desk.value;
  return (
    <div class={`search${reading.value ? " reading" : ""}`}>
      <h1>
        Search{" "}
        <small>
          {place.value === "browser"
            ? "Documents of yours, searched in this browser: they are sent nowhere, and are still here after a reload."
            : "Documents of yours, kept and searched by this page's server."}
        </small>
      </h1>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      <p class="note" role="status">
        {notice.value}
      </p>
      {empty && (
        <div class="start">
          <Drop />
          <fieldset class="examples">
            <legend>Or try</legend>
            <button type="button" onClick={() => void takeExample()}>
              Three short documents
            </button>
          </fieldset>
          <Kept />
          <Collections />
        </div>
      )}
      {!empty && Desk && <Desk />}
    </div>
  );
}
