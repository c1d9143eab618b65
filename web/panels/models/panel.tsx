/** Models: what is here, how large, open or not; others of a hub by their names. */
import { useState } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { type ModelCard, type Problem, problemOf } from "../../client/client.ts";
import { bytesText, countText } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { Progress } from "../../parts/progress.tsx";
import { go } from "../../state/route.ts";
import { chooseModel, client, model, models, refresh, status } from "../../state/session.ts";
import { Find } from "./find.tsx";
import "./models.css";

const states = { closed: "closed", opening: "opening", ready: "open", closing: "closing" } as const;
const abilities: Readonly<Record<string, string>> = {
  generate: "writes",
  score: "weighs choices",
  embed: "gives vectors",
  classify: "labels",
};

const kinds: Readonly<Record<string, string>> = {
  "encoder-decoder": "reads, then writes",
  decoder: "writes on",
  encoder: "reads",
  "image-encoder": "sees images",
  "two-towers": "matches images and texts",
};

function facts({
  family,
  kind,
  parameters,
  bytes,
  longest,
  memory,
  closesAfter,
  can,
  state,
}: ModelCard): readonly string[] {
  return [
    can.map((one) => abilities[one] ?? one).join(", "),
    family && kind ? `${family} (${kinds[kind] ?? kind})` : (family ?? ""),
    parameters === undefined ? "" : `${countText(parameters)} parameters`,
    bytes === undefined ? "" : `${bytesText(bytes)} on disk`,
    memory ? `${bytesText(memory)} of memory` : state === "closed" && bytes ? "about as much memory when open" : "",
    longest === undefined ? "" : `texts up to ${longest.toLocaleString("en")} tokens`,
    closesAfter === undefined ? "" : `closes after ${Math.round(closesAfter / 60_000)} min unused`,
  ].filter(Boolean);
}

function Row({ card, onTrouble }: { readonly card: ModelCard; onTrouble(problem: Problem | undefined): void }) {
  const { id, state, progress } = card;
  const now = client.value!;
  const act = (work: () => Promise<void>) => {
    onTrouble(undefined);
    work()
      .catch((error: unknown) => onTrouble(problemOf(error)))
      .finally(() => void refresh());
    void refresh();
  };
  return (
    <li class="model" data-model={id} data-state={state}>
      <div>
        <h2>
          {id} {id === model.value?.id && <small class="tag">in use</small>}
        </h2>
        <p class="quiet">{facts(card).join(" · ")}</p>
        {state === "opening" && (
          <Progress label={`Opening ${id}`} {...(progress && { done: progress.done, total: progress.total })} />
        )}
      </div>
      <div class="actions">
        <span class={`state ${state}`}>{states[state]}</span>
        {card.can.includes("generate") && (
          <button
            type="button"
            onClick={() => {
              chooseModel(id);
              go("ask");
            }}
          >
            Ask it
          </button>
        )}
        {state === "closed" && (
          <button type="button" onClick={() => act(() => now.open(id))}>
            Open
          </button>
        )}
        {state === "ready" && now.manages.close && (
          <button type="button" onClick={() => act(() => now.close(id))}>
            Close
          </button>
        )}
      </div>
    </li>
  );
}

export function Panel() {
  const [trouble, setTrouble] = useState<Problem | undefined>();
  const now = client.value;
  useCommands([{ title: "Look at the models anew", run: () => void refresh() }]);
  const open = (id: string) => {
    setTrouble(undefined);
    now
      ?.open(id)
      .then(() => chooseModel(id))
      .catch((error: unknown) => setTrouble(problemOf(error)))
      .finally(() => void refresh());
    void refresh();
  };
  return (
    <div class="page models-page">
      <h1>
        Models{" "}
        <small>
          {now?.where === "browser"
            ? "In this browser runs the model that comes with the page."
            : "What is on this machine. A model opens when it is asked, and closes when it is idle."}
        </small>
      </h1>
      {now?.downloads && status.value.downloads !== false && <Find onOpen={open} />}
      {trouble && <ProblemNote problem={trouble} />}
      <ul class="model-list">
        {models.value.map((card) => (
          <Row key={card.id} card={card} onTrouble={setTrouble} />
        ))}
      </ul>
      {now?.where === "browser" && (
        <p class="quiet">
          Larger models and any of the hub run with <code>npx zeroth serve</code>: it shows this same page.
        </p>
      )}
    </div>
  );
}
