/** What the documents say to the question: their own best sentence first, beneath it what a model writes of them. */
import type { ComponentChildren } from "preact";
import { embedded } from "../../client/browser.ts";
import type { Passage, WrittenAnswer } from "../../client/search.ts";
import { Icon } from "../../parts/icon.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { stopAll } from "../../parts/run.ts";
import { client } from "../../state/session.ts";
import { whereIn } from "./passages.tsx";
import { place, type Results, read, type Span } from "./state.ts";
import { write, writer, written } from "./writer.ts";

function Cite(props: { number: number; passage: Passage; mark: Span; children?: ComponentChildren }) {
  const { number, passage, mark, children } = props;
  return (
    <button
      type="button"
      class="cite"
      title={passage.text.slice(Math.max(0, mark.start - passage.start), mark.end - passage.start)}
      aria-label={`Source ${number}: ${passage.title}`}
      onClick={() => void read(passage, mark)}
    >
      {number}
      {children}
    </button>
  );
}

/** The same for the same place. */
const placeKey = ({ document, part, start }: Passage): string => JSON.stringify([document, part, start]);

/** The answer with a number behind each sentence for the place it rests on. */
function Cited({ answer }: { readonly answer: WrittenAnswer }) {
  const { text, sentences, citations } = answer;
  const sources = new Map(citations.map(({ passage }) => [placeKey(passage), passage]));
  const keys = [...sources.keys()];
  let at = 0;
  const parts = sentences.map(({ start, end, supported }, i) => {
    const before = text.slice(at, start);
    at = end;
    const own = citations.filter(({ sentence }) => sentence === i + 1);
    return (
      <span key={start}>
        {before}
        <span class={supported ? "" : "unsupported"} title={supported ? "" : "No passage says this."}>
          {text.slice(start, end)}
        </span>
        {own.map((one) => (
          <Cite key={one.start} number={keys.indexOf(placeKey(one.passage)) + 1} passage={one.passage} mark={one} />
        ))}
        {!supported && <small class="tag">no passage says this</small>}
      </span>
    );
  });
  return (
    <>
      <p class="said">
        {parts}
        {text.slice(at)}
      </p>
      <ol class="sources">
        {[...sources].map(([key, passage]) => (
          <li key={key}>{whereIn(passage)}</li>
        ))}
      </ol>
    </>
  );
}

function Writer() {
  const now = written.value;
  const by = writer.value;
  if (!by) {
    return (
      <p class="quiet">
        No model writes here: {embedded}, the one of this page, is too small to answer from a text. It gets dates and
        names wrong.
      </p>
    );
  }
  const elsewhere = place.value === "browser" && client.value?.where === "server";
  return (
    <div class="writer" data-state={now?.state ?? "none"} aria-busy={now?.state === "running"}>
      {now && now.state !== "failed" && (
        <>
          <h2>Written by {now.by}</h2>
          {now.answer ? now.answer.found ? <Cited answer={now.answer} /> : <p>{now.answer.text}</p> : <p>{now.text}</p>}
        </>
      )}
      {now?.problem && <ProblemNote problem={now.problem} />}
      <div class="actions">
        {now?.state === "running" ? (
          <button type="button" onClick={() => stopAll()}>
            <Icon name="stop" />
            <span>Stop</span>
          </button>
        ) : (
          <button
            type="button"
            onClick={() => void write()}
            title={elsewhere ? "The passages are sent to this page's server, where the model runs." : ""}
          >
            <Icon name={now ? "again" : "edit"} />
            <span>{now ? "Write it again" : `Have ${by.id} write an answer`}</span>
          </button>
        )}
        {elsewhere && !now && <span class="quiet">It runs on this page's server: the passages go there.</span>}
      </div>
    </div>
  );
}

export function Answer({ now }: { readonly now: Results }) {
  const { answer, passages } = now;
  const [citation] = answer.citations;
  const source = citation && passages[citation.passage];
  return (
    <section class="search-answer" aria-label="Answer" data-found={answer.found}>
      <div role="status">
        {answer.found && citation && source ? (
          <>
            <blockquote>
              {answer.text} <Cite number={citation.passage + 1} passage={source} mark={citation} />
            </blockquote>
            <p class="quiet">{whereIn(source)}: the sentence that fits best, as it stands there.</p>
          </>
        ) : (
          <p>
            <strong>{answer.text}</strong>{" "}
            {passages.length > 0 ? "These passages come nearest to it." : "No passage has a word of the question."}
          </p>
        )}
      </div>
      {passages.length > 0 && <Writer />}
    </section>
  );
}
