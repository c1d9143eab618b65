/** A node: its sentences, each with where it leads; corrected in place, or asked for anew. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { edit, mark, marked, marking, node, nodes, open, redo, revert, selected, sentences } from "./state.ts";

function Sentences({ text }: { readonly text: string }) {
  let at = 0;
  const parts = sentences.value.map(({ start, end, supported, sources }, i) => {
    const before = text.slice(at, start);
    at = end;
    const leads = sources.length > 0;
    const current = marking.value?.sentence === i;
    return (
      <span key={start}>
        {before}
        {leads ? (
          <button
            type="button"
            class={`sentence${current ? " current" : ""}`}
            aria-pressed={current}
            title={
              sources.length > 1 ? `Show where it comes from: ${sources.length} places` : "Show where it comes from"
            }
            onClick={() => mark(i)}
          >
            {text.slice(start, end)}
          </button>
        ) : (
          <>
            <span class="unsupported">{text.slice(start, end)}</span>
            <small class="tag">{supported ? "not traced to the book" : "nothing in the book says this"}</small>
          </>
        )}
      </span>
    );
  });
  return (
    <p class="node-text">
      {parts}
      {text.slice(at)}
    </p>
  );
}

function Editor({ id, text, done }: { readonly id: string; readonly text: string; readonly done: () => void }) {
  const [now, setNow] = useState(text);
  return (
    <form
      class="node-editor"
      onSubmit={(event) => {
        event.preventDefault();
        done();
        void edit(id, now);
      }}
    >
      <textarea
        aria-label="Text of this summary"
        rows={8}
        value={now}
        onInput={({ currentTarget }) => setNow(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          done();
        }}
      />
      <div class="actions">
        <button type="submit" class="primary" disabled={now.trim() === text}>
          Save it
        </button>
        <button type="button" class="quiet" onClick={done}>
          Leave it as it was
        </button>
      </div>
      <p class="quiet">Those above it are made again, and nothing else.</p>
    </form>
  );
}

function Trace() {
  const now = marked.value;
  if (!now || now.path.length < 2) return null;
  return (
    <p class="quiet trace">
      By way of{" "}
      {now.path.slice(1).map((id) => (
        <button
          key={id}
          type="button"
          class="quiet"
          onClick={() => {
            selected.value = id;
          }}
        >
          {nodes.value.get(id)?.heading ?? id}
        </button>
      ))}
    </p>
  );
}

export function NodeView() {
  const [editing, setEditing] = useState(false);
  const shown = node.value;
  const book = open.value;
  useEffect(() => setEditing(false), [shown?.id]);
  if (!shown || !book) return null;
  const { id, height, heading, text, state, parent, flags } = shown;
  const resting = book.state === "completed" || book.state === "paused" || book.state === "failed";
  const what = parent === null ? "The whole book" : height === 0 ? "A part of the book" : "Several parts";
  return (
    <section class="book-node" aria-labelledby="node-title" data-node={id} data-state={state}>
      <h3 id="node-title">
        {heading ?? what} <small>{heading ? `${what}, ${id}` : id}</small>
      </h3>
      {text === null ? (
        <p class="quiet">Not written yet.</p>
      ) : editing ? (
        <Editor id={id} text={text} done={() => setEditing(false)} />
      ) : (
        <>
          {text === "" ? <p class="quiet">There was nothing to summarise.</p> : <Sentences text={text} />}
          <Trace />
          {flags.includes("input-stale") && (
            <p class="quiet">What it was made of has changed since: going on makes it again.</p>
          )}
          {resting && (
            <div class="actions">
              <button type="button" onClick={() => setEditing(true)}>
                <Icon name="edit" />
                <span>Correct it</span>
              </button>
              {state === "edited" ? (
                <button type="button" class="quiet" onClick={() => void revert(id)}>
                  <span>Back to the model's</span>
                </button>
              ) : (
                <button type="button" class="quiet" onClick={() => void redo(id)}>
                  <Icon name="again" />
                  <span>Ask anew</span>
                </button>
              )}
            </div>
          )}
        </>
      )}
    </section>
  );
}
