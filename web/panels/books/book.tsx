/** An open book: its tree, the node that is shown, and the book itself beside it. */
import { useEffect } from "preact/hooks";
import { bookFormats } from "../../client/books.ts";
import { download } from "../../parts/download.ts";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { plural, secondsText } from "../../parts/numbers.ts";
import { NodeView } from "./node.tsx";
import { factsOf } from "./shelf.tsx";
import { Source } from "./source.tsx";
import { close, doing, list, node, nodes, open, pause, resume, showSentences, summarizer } from "./state.ts";
import { TreeView } from "./tree.tsx";

const formatSays = {
  md: "Markdown with footnotes",
  html: "A page",
  epub: "EPUB",
  json: "JSON with every link",
} as const;

const types = {
  md: "text/markdown",
  html: "text/html",
  epub: "application/epub+zip",
  json: "application/json",
} as const;

function Exports({ id, name }: { readonly id: string; readonly name: string }) {
  const take = (format: (typeof bookFormats)[number]) =>
    doing(async () => {
      const blob = await summarizer.value.exported(id, format);
      const bytes = new Uint8Array(await blob.arrayBuffer());
      download(`${name.replace(/\.\w+$/, "")}-summary.${format}`, [bytes], types[format]);
    });
  return (
    <Menu label="Export" icon="save">
      {bookFormats.map((format) => (
        <button key={format} type="button" onClick={() => void take(format)}>
          {formatSays[format]}
        </button>
      ))}
    </Menu>
  );
}

function leave(): void {
  close();
  void list();
}

export function Book() {
  const card = open.value;
  const shown = node.value;
  useEffect(() => void showSentences(), [card?.id, shown?.id, shown?.text, card?.state === "completed"]);
  if (!card) return null;
  const { id, name, title, state, done, total, secondsLeft, problem, sentences, unsupported } = card;
  const active = state === "running" || state === "queued";
  return (
    <>
      <div class="book-head" data-state={state}>
        <button type="button" class="quiet" onClick={leave}>
          <Icon name="left" />
          <span>All books</span>
        </button>
        <h2>{title ?? name}</h2>
        <div class="actions">
          {active && (
            <button type="button" onClick={() => void pause()}>
              <Icon name="stop" />
              <span>Stop</span>
            </button>
          )}
          {(state === "paused" || state === "failed") && (
            <button type="button" onClick={() => void resume()}>
              <Icon name="right" />
              <span>Go on</span>
            </button>
          )}
          {nodes.value.size > 0 && <Exports id={id} name={name} />}
        </div>
        <p class="quiet number" role="status">
          {factsOf(card)}
          {active && secondsLeft ? ` · ${secondsText(secondsLeft)} left` : ""}
        </p>
        {active && <progress aria-label="Summary" {...(total > 0 && { value: done, max: total })} />}
        {problem && <p class="warning">{problem}</p>}
        {state === "completed" && sentences !== null && (
          <p class="quiet">
            {unsupported === 0
              ? `Each of ${plural(sentences, "sentence")} of the summary leads to the book.`
              : `${plural(unsupported ?? 0, "sentence")} of the summary could not be traced to the book.`}{" "}
            A sentence that leads there may be wrong, too.
          </p>
        )}
      </div>
      {nodes.value.size > 0 && (
        <div class="book-columns">
          <TreeView />
          <NodeView />
          <Source />
        </div>
      )}
    </>
  );
}
