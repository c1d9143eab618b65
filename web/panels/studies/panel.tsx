/** Studies: results of one's own come in; hull, law and interval, or what a bigger model is worth, come out. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { droppedFiles } from "../../parts/dropped.ts";
import { Icon } from "../../parts/icon.tsx";
import { plural } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { QuestionForm } from "./form.tsx";
import { add, answer, fileName, forget, question, rows, takeExample, trouble, working } from "./state.ts";
import "./studies.css";

/** Loaded with the first answer: it brings what draws. */
const results = signal<ComponentType | undefined>(undefined);

function Drop() {
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping a file repeats what the button inside does
    <div
      class={`drop${over ? " over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void droppedFiles(event.dataTransfer).then(add);
      }}
    >
      <p>Drop a table of results here, a row for each model that was measured: CSV or JSON Lines.</p>
      <div class="actions">
        <button type="button" onClick={() => files.current?.click()}>
          <Icon name="more" />
          <span>Choose a file</span>
        </button>
      </div>
      <input
        {...{ ref: files, type: "file", class: "hidden", tabIndex: -1, accept: ".csv,.tsv,.jsonl,.ndjson" }}
        aria-label="Results: CSV or JSON Lines"
        onChange={({ currentTarget }) => {
          void add([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
    </div>
  );
}

export function Panel() {
  const empty = rows.value.length === 0;
  useEffect(() => {
    if (!empty && !results.value) {
      void import("./results.tsx").then(({ Results }) => {
        results.value = Results;
      });
    }
  }, [empty]);
  useCommands([
    { title: "Example: is more pre-training worth it?", run: () => void takeExample("law") },
    { title: "Example: a bigger model, or more labels?", run: () => void takeExample("worth") },
    ...(empty ? [] : [{ title: "Forget the results", run: forget }]),
  ]);
  const Results = results.value;
  return (
    <div class="studies">
      <h1>
        Studies <small>What results of yours say together. They are read in this browser and sent nowhere.</small>
      </h1>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      {empty ? (
        <div class="start">
          <Drop />
          <fieldset class="examples">
            <legend>Or try, with made-up results</legend>
            <button type="button" onClick={() => void takeExample("law")}>
              Is more pre-training worth it?
            </button>
            <button type="button" onClick={() => void takeExample("worth")}>
              A bigger model, or more labels?
            </button>
          </fieldset>
        </div>
      ) : (
        <>
          <div class="actions">
            <span class="quiet">
              {fileName.value}: {plural(rows.value.length, "row")}
            </span>
            <button type="button" class="quiet" onClick={forget}>
              <Icon name="trash" />
              <span>Forget</span>
            </button>
          </div>
          {question.value && <QuestionForm question={question.value} />}
          <p class="note" role="status">
            {working.value ? "Resampling…" : ""}
          </p>
          {answer.value && Results && <Results />}
        </>
      )}
    </div>
  );
}
