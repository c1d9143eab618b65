/** The desk once there are documents: the question, what was found, the document it stands in. */
import { Icon } from "../../parts/icon.tsx";
import { Answer } from "./answer.tsx";
import { Documents } from "./documents.tsx";
import { QuestionForm } from "./form.tsx";
import { Passages } from "./passages.tsx";
import { Reader } from "./reader.tsx";
import { reading, results } from "./state.ts";

export function Desk() {
  return (
    <div class="search-columns">
      <div class="found">
        <QuestionForm />
        {results.value ? (
          <>
            <Answer now={results.value} />
            <Passages now={results.value} />
          </>
        ) : (
          <p class="quiet">
            <Icon name="check" /> Ask in a sentence or in words; passages come with the document, page and heading they
            stand in.
          </p>
        )}
      </div>
      <div class="beside-found">
        {reading.value && <Reader now={reading.value} question={results.value?.query ?? ""} />}
        <Documents />
      </div>
    </div>
  );
}
