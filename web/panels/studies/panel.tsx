/** Studies: results of one's own come in; hull, law and interval, or what a bigger model is worth, come out. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { DropZone } from "../../parts/drop.tsx";
import { Icon } from "../../parts/icon.tsx";
import { plural } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { QuestionForm } from "./form.tsx";
import { add, answer, fileName, forget, question, rows, takeExample, trouble, working } from "./state.ts";
import "./studies.css";

/** Loaded with the first answer: it brings what draws. */
const results = signal<ComponentType | undefined>(undefined);

const Drop = () => (
  <DropZone
    says="Drop a table of results here, a row for each model that was measured: CSV or JSON Lines."
    choose="Choose a file"
    label="Results: CSV or JSON Lines"
    accept=".csv,.tsv,.jsonl,.ndjson"
    taken={add}
  />
);

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
