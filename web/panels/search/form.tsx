/** The question, and how it is searched. */
import { useRef } from "preact/hooks";
import { CopyForms } from "../../parts/copy-as.tsx";
import { Icon } from "../../parts/icon.tsx";
import { root } from "../../state/session.ts";
import { searchCode } from "./code.ts";
import {
  chosen,
  library,
  mode,
  mostShown,
  place,
  query,
  ready,
  search,
  searcher,
  searching,
  usedMode,
} from "./state.ts";

const modes = {
  hybrid: "words and meaning",
  dense: "meaning alone",
  bm25: "words alone",
} as const;

function Mode() {
  const { modes: able } = searcher.value;
  const { embedded, model } = library.value;
  // Without vectors there is nothing to choose from.
  if (able.length === 0 || (embedded === 0 && !model)) return null;
  return (
    <label class="picker">
      <span>By</span>
      <select
        aria-label="Searched by"
        value={usedMode.value}
        disabled={embedded === 0}
        onChange={({ currentTarget }) => (mode.value = currentTarget.value as keyof typeof modes)}
      >
        {able.map((one) => (
          <option key={one} value={one}>
            {modes[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

export function QuestionForm() {
  const field = useRef<HTMLInputElement>(null);
  const code = (form: Parameters<typeof searchCode>[0]) =>
    searchCode(form, {
      ...{ query: query.value, mode: usedMode.value, k: mostShown },
      address: place.value === "server" ? root : "http://127.0.0.1:8080/",
      store: library.value.collections?.[0]?.id ?? "VECTOR_STORE",
    });
  const count = chosen.value.size;
  return (
    <form
      class="question"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void search();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        void search();
      }}
    >
      <div class="ask-line">
        <input
          ref={field}
          type="search"
          aria-label="Question"
          placeholder="What do you look for?"
          value={query.value}
          onInput={({ currentTarget }) => (query.value = currentTarget.value)}
        />
        <button type="submit" class="primary" title="Enter" aria-busy={searching.value}>
          <Icon name="search" />
          <span>Search</span>
        </button>
      </div>
      <div class="actions">
        <Mode />
        {count > 0 && (
          <span class="quiet">
            in {count} of {ready.value.length} documents{" "}
            <button type="button" class="quiet" onClick={() => (chosen.value = new Set())}>
              In all
            </button>
          </span>
        )}
        <CopyForms
          code={code}
          panel="search"
          shared={{ prompt: query.value, ...(usedMode.value !== "bm25" && { fields: { mode: usedMode.value } }) }}
          holds="the question and how it is searched"
        />
      </div>
    </form>
  );
}
