/** Models: what is here, how large, open or not; a hub's name opens a further one. */
import { useState } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { type ModelCard, type Problem, problemOf, Problem as Trouble } from "../../client/client.ts";
import { Icon } from "../../parts/icon.tsx";
import { bytesText, countText } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { Progress } from "../../parts/progress.tsx";
import { go } from "../../state/route.ts";
import { chooseModel, client, model, models, refresh } from "../../state/session.ts";
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

function facts({ family, kind, parameters, bytes, longest, memory, closesAfter, can }: ModelCard): readonly string[] {
  return [
    family && kind ? `${family}, ${kinds[kind] ?? kind}` : (family ?? ""),
    parameters === undefined ? "" : `${countText(parameters)} parameters`,
    bytes === undefined ? "" : `${bytesText(bytes)} stored`,
    longest === undefined ? "" : `texts up to ${longest.toLocaleString("en")} tokens`,
    can.map((one) => abilities[one] ?? one).join(", "),
    memory ? `${bytesText(memory)} held` : "",
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

/** A name as hubs have it, or a folder of this machine. */
const sane = (name: string): boolean => /^[\w./~:-][\w./~: -]{0,300}$/.test(name);

export function Panel() {
  const [name, setName] = useState("");
  const [trouble, setTrouble] = useState<Problem | undefined>();
  const now = client.value;
  useCommands([{ title: "Look at the models anew", run: () => void refresh() }]);
  const openNamed = () => {
    const wanted = name.trim();
    if (!now) return;
    if (!sane(wanted)) {
      const hint = wanted === "" ? "Type one, as HuggingFaceTB/SmolLM2-135M-Instruct." : "It looks like owner/name.";
      return setTrouble(new Trouble(wanted === "" ? "There is no name yet." : "That is no model's name.", { hint }));
    }
    setTrouble(undefined);
    now
      .open(wanted)
      .then(() => {
        chooseModel(wanted);
        setName("");
      })
      .catch((error: unknown) => setTrouble(problemOf(error)))
      .finally(() => void refresh());
  };
  return (
    <div class="page models-page">
      <h1>
        Models{" "}
        <small>
          {now?.where === "browser"
            ? "In this browser runs the model that comes with the page."
            : "On this machine; what is asked for by name opens by itself and closes when it is not used."}
        </small>
      </h1>
      {now?.manages.anyModel && (
        <form
          class="open-named"
          onSubmit={(event) => {
            event.preventDefault();
            openNamed();
          }}
        >
          <label for="hub-name">
            Open another: a name of the hub (downloaded if need be), or a folder on the server's machine
          </label>
          <div>
            <input
              id="hub-name"
              type="text"
              placeholder="HuggingFaceTB/SmolLM2-135M-Instruct"
              spellcheck={false}
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
            <button type="submit" class="primary">
              <Icon name="save" />
              <span>Open</span>
            </button>
          </div>
        </form>
      )}
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
