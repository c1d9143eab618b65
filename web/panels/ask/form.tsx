/** What is asked: prompt, examples, templates, choices. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { ModelPicker } from "../../parts/model-line.tsx";
import { plural } from "../../parts/numbers.ts";
import { TextArea } from "../../parts/text-area.tsx";
import { client, model } from "../../state/session.ts";
import { examples } from "./examples.ts";
import { ask, draft, running, setDraft, stop } from "./state.ts";
import { TemplatePicker } from "./templates.tsx";

/** Tokens of the prompt as the model reads it, a moment after the last key. */
function useCount(text: string): number | undefined {
  const [count, setCount] = useState<number | undefined>();
  const { id, state } = model.value ?? {};
  const now = client.value;
  useEffect(() => {
    if (!now || !id || state !== "ready" || text.trim() === "") return setCount(undefined);
    const controller = new AbortController();
    const timer = setTimeout(() => {
      now.count(id, { text }, controller.signal).then(setCount, () => setCount(undefined));
    }, 250);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, now, id, state]);
  return count;
}

export function AskForm() {
  const [picking, setPicking] = useState(false);
  const { prompt, choices, choosing } = draft.value;
  const count = useCount(prompt);
  const { longest } = model.value ?? {};
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void ask();
  };
  return (
    <form
      class="ask-form"
      onSubmit={(event) => {
        event.preventDefault();
        void ask();
      }}
    >
      <div class="field">
        <TextArea
          id="prompt"
          label="Prompt"
          rows={3}
          placeholder="Ask something"
          autofocus
          value={prompt}
          onText={(text) => setDraft({ prompt: text })}
          onKeyDown={keys}
        />
        {count !== undefined && (
          <span class={`count-note${longest !== undefined && count > longest ? " over" : ""}`}>
            {plural(count, "token")}
            {longest === undefined ? "" : ` of ${longest.toLocaleString("en")}`}
          </span>
        )}
      </div>
      {choosing && (
        <div class="field choices-field">
          <label for="choices">Choices, one a line: the model weighs them instead of writing</label>
          <TextArea
            id="choices"
            label="Choices, one a line"
            rows={2}
            placeholder={"yes\nno"}
            value={choices}
            onText={(text) => setDraft({ choices: text })}
            onKeyDown={keys}
          />
        </div>
      )}
      {picking && <TemplatePicker onClose={() => setPicking(false)} />}
      <div class="actions">
        <ModelPicker />
        <button type="button" class="quiet" aria-pressed={picking} onClick={() => setPicking(!picking)}>
          Templates
        </button>
        <button type="button" class="quiet" aria-pressed={choosing} onClick={() => setDraft({ choosing: !choosing })}>
          Choices
        </button>
        {running.value ? (
          <button type="button" class="primary" onClick={stop} title="Esc">
            <Icon name="stop" />
            <span>Stop</span>
          </button>
        ) : (
          <button type="submit" class="primary" title="Ctrl-Enter">
            <Icon name="send" />
            <span>Run</span>
          </button>
        )}
      </div>
      <fieldset class="examples">
        <legend>Try</legend>
        {examples.map((example) => (
          <button
            key={example.title}
            type="button"
            title={example.prompt}
            onClick={() => {
              const { prompt, choices = "" } = example;
              setDraft({ prompt, choices, choosing: choices !== "" });
              void ask();
            }}
          >
            {example.title}
          </button>
        ))}
      </fieldset>
    </form>
  );
}
