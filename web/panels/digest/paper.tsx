/** A paper of the digest: why it matters, its key insights, each with the place of the abstract it comes from. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Item, Sentence } from "../../../src/digest/document.ts";
import { safeLink } from "../../../src/digest/render/escape.ts";
import { authorsLine, mark, placeLine, reasonLine } from "../../../src/digest/render/words.ts";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { digest, leaveOut, move, pointed, rewrite, swap } from "./state.ts";

/** A link of the metadata, where it is one of the web. */
export function Out({ to, children }: { readonly to: string; readonly children: string }) {
  const link = safeLink(to);
  if (link === undefined) return <>{children}</>;
  return (
    <a href={link} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

interface Told {
  readonly sentence: Sentence;
  readonly paper: string;
  readonly number: number;
}

/** A sentence that shows its source when it is pressed. */
function Line({ sentence, paper, number }: Told) {
  const here = pointed.value?.paper === paper && pointed.value.sentence === number;
  const doubt = sentence.unsupported && sentence.unsupported.length > 0;
  return (
    <>
      <button
        type="button"
        class={`sentence${doubt ? " doubtful" : ""}`}
        aria-pressed={here}
        title={sentence.spans.length > 0 ? "Shows where it stands in the abstract" : "Has no place in the abstract"}
        onClick={() => {
          pointed.value = here ? undefined : { paper, sentence: number };
        }}
      >
        {sentence.text}
      </button>
      {(sentence.by === "person" || doubt) && <small class="tag"> {mark(sentence)}</small>}
    </>
  );
}

/** The abstract, with the places of a sentence marked and the first of them in view. */
function Source({ item, sentence }: { readonly item: Item; readonly sentence: Sentence }) {
  const first = useRef<HTMLElement>(null);
  useEffect(() => first.current?.scrollIntoView({ block: "nearest" }), [sentence]);
  const spans = [...sentence.spans].sort((a, b) => a.start - b.start);
  const parts = [];
  let at = 0;
  for (const { start, end } of spans) {
    if (start < at || end > item.source.length) continue;
    parts.push(item.source.slice(at, start));
    parts.push(
      <mark key={start} {...(parts.length === 1 && { ref: first })}>
        {item.source.slice(start, end)}
      </mark>,
    );
    at = end;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard
    <section class="abstract" aria-label={`Abstract of ${item.title}`} tabIndex={0}>
      <h4>
        Abstract <small>{spans.length > 0 ? "what the sentence rests on is marked" : "no place of it says this"}</small>
      </h4>
      <p>
        {parts}
        {item.source.slice(at)}
      </p>
    </section>
  );
}

function Editor({ item, close }: { readonly item: Item; close(): void }) {
  const [why, setWhy] = useState(item.why.text);
  const [rest, setRest] = useState(item.insights.map(({ text }) => text).join("\n"));
  const save = () => {
    const lines = rest.split("\n").map((line) => line.trim());
    rewrite(
      item.id,
      why.trim().slice(0, 2000),
      lines
        .filter(Boolean)
        .slice(0, 10)
        .map((line) => line.slice(0, 2000)),
    );
    close();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys inside do what the buttons do
    <div
      class="editor"
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <label>
        Why
        <textarea rows={3} value={why} onInput={({ currentTarget }) => setWhy(currentTarget.value)} />
      </label>
      <label>
        Key insights, one a line
        <textarea rows={6} value={rest} onInput={({ currentTarget }) => setRest(currentTarget.value)} />
      </label>
      <div class="actions">
        <button type="button" onClick={save}>
          <Icon name="check" />
          <span>Keep</span>
        </button>
        <button type="button" class="quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}

export function Paper({ item, last }: { readonly item: Item; readonly last: boolean }) {
  const [editing, setEditing] = useState(false);
  const { id, rank, title, why, insights } = item;
  const at = pointed.value?.paper === id ? pointed.value.sentence : undefined;
  const sentence = at === undefined ? undefined : at === 0 ? why : insights[at - 1];
  const misses = digest.value?.nearMisses.filter(({ source }) => source !== undefined) ?? [];
  return (
    <article class="paper" data-paper={id} aria-labelledby={`paper-${rank}`}>
      <div class="said">
        <h3 id={`paper-${rank}`}>
          {rank}. <Out to={item.link}>{title}</Out>
        </h3>
        <p class="quiet" title={item.authors.join(", ")}>
          {authorsLine(item.authors)}
          <br />
          {placeLine(item)}
        </p>
        {editing ? (
          <Editor item={item} close={() => setEditing(false)} />
        ) : (
          <>
            <p>
              <strong>Why:</strong> <Line sentence={why} paper={id} number={0} />
            </p>
            <ul>
              {insights.map((one, i) => (
                <li key={one.text}>
                  <Line sentence={one} paper={id} number={i + 1} />
                </li>
              ))}
            </ul>
          </>
        )}
        <div class="actions">
          <button type="button" class="quiet" disabled={rank === 1} onClick={() => move(id, -1)} title="One place up">
            Up
          </button>
          <button type="button" class="quiet" disabled={last} onClick={() => move(id, 1)} title="One place down">
            Down
          </button>
          <button type="button" class="quiet" aria-expanded={editing} onClick={() => setEditing(!editing)}>
            <Icon name="edit" />
            <span>Edit</span>
          </button>
          {misses.length > 0 && (
            <Menu label="Swap" icon="again">
              {misses.map((miss) => (
                <button key={miss.id} type="button" onClick={() => swap(id, miss.id)}>
                  {miss.title}
                </button>
              ))}
            </Menu>
          )}
          <button type="button" class="quiet" onClick={() => leaveOut(id)}>
            <Icon name="close" />
            <span>Leave out</span>
          </button>
        </div>
      </div>
      <div class="beside">
        {sentence && <Source item={item} sentence={sentence} />}
        <details open={!sentence}>
          <summary>Why this one</summary>
          <ul class="reasons">
            {item.reasons.map((reason) => (
              <li key={reason.feature}>{reasonLine(reason)}</li>
            ))}
            {item.reasons.length === 0 && <li>chosen by hand</li>}
            {item.cluster !== "" && <li>subject: {item.cluster}</li>}
          </ul>
        </details>
      </div>
    </article>
  );
}
