/** The third column: a text of one's own to the frozen model and to what was taught, beside each other. */
import { useEffect } from "preact/hooks";
import type { ChoiceScore } from "../../client/client.ts";
import type { Taught } from "../../client/teach.ts";
import { sharesOf } from "../../parts/bars.tsx";
import { Icon } from "../../parts/icon.tsx";
import { agoText, shareText } from "../../parts/numbers.ts";
import { TextArea } from "../../parts/text-area.tsx";
import {
  forgetTaught,
  isRunning,
  lesson,
  open,
  opened,
  place,
  results,
  type Said,
  save,
  taught,
  tried,
  trying,
  tryOut,
  use,
} from "./state.ts";

/** Classes that are shown of many, the likeliest first. */
const mostShown = 6;

function Shares({ scores }: { readonly scores: readonly ChoiceScore[] }) {
  const shares = sharesOf(scores);
  const best = Math.max(...shares);
  const rows = scores.map(({ text }, i) => ({ text, share: shares[i]! }));
  const shown = scores.length > mostShown ? rows.sort((a, b) => b.share - a.share).slice(0, mostShown) : rows;
  return (
    <table class="classes">
      <tbody>
        {shown.map(({ text, share }) => (
          <tr key={text} class={share === best ? "best" : ""}>
            <th scope="row">{text}</th>
            <td class="wide">
              <span class="bar">
                <span style={{ width: `${100 * share}%` }} />
              </span>
            </td>
            <td class="number">{shareText(share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Side({ title, of, said }: { title: string; of: "frozen" | "taught"; said: Said }) {
  return (
    <div class="side" data-side={of}>
      <h3>{title}</h3>
      {said.scores ? <Shares scores={said.scores} /> : <div class="answer-text">{said.text || "no words"}</div>}
    </div>
  );
}

/** What is read aloud, once both have answered. */
function spoken(): string {
  const found = results.value;
  if (!found) return "";
  const word = ({ scores, text = "" }: Said) =>
    scores ? [...scores].sort((a, b) => b.sum - a.sum)[0]!.text : text || "nothing";
  return `As it came: ${word(found.frozen)}. Taught: ${word(found.taught)}.`;
}

/** Milliseconds after the last key at which it is tried. */
const pauseToTry = 500;

function Try({ one }: { readonly one: Taught }) {
  const { text } = tried.value;
  useEffect(() => {
    if (text.trim() === "" || results.value?.text === text || isRunning.value) return;
    const timer = setTimeout(() => void tryOut(), pauseToTry);
    return () => clearTimeout(timer);
  }, [text, one, isRunning.value]);
  const at = opened.value!.place;
  return (
    <>
      <p>
        <strong>{one.id}</strong>
      </p>
      <TextArea
        id="try"
        label="A text of your own"
        rows={3}
        placeholder="Type a text of your own"
        value={text}
        onText={(now) => (tried.value = { text: now })}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void tryOut();
        }}
      />
      <p class="hidden" role="status">
        {spoken()}
      </p>
      <div class="beside" aria-busy={trying.value}>
        {results.value ? (
          <>
            <Side title="As it came" of="frozen" said={results.value.frozen} />
            <Side title="Taught" of="taught" said={results.value.taught} />
          </>
        ) : (
          <p class="quiet">{trying.value ? "Both are asked…" : "Both answer as you type."}</p>
        )}
      </div>
      <div class="actions">
        {at === "browser" && (
          <button type="button" onClick={() => void save(one)}>
            <Icon name="save" />
            <span>Download</span>
          </button>
        )}
        <button type="button" onClick={() => use(one, at)}>
          <Icon name="ask" />
          <span>Ask it</span>
        </button>
      </div>
      <p class="quiet">
        {at === "browser"
          ? "The download is an adapter's folder: zeroth takes it with --adapter. What was taught is kept in this browser, and nothing of it was sent anywhere."
          : "It is a model of this server now, by this name, also for other programs."}
      </p>
    </>
  );
}

function Shelf() {
  if (taught.value.length === 0) return null;
  return (
    <>
      <h3>Taught before</h3>
      <ul class="earlier">
        {taught.value.map((one) => (
          <li key={one.id} class={one.id === opened.value?.taught.id ? "now" : ""}>
            <button type="button" class="entry" onClick={() => open(one)}>
              <span class="line">{one.id}</span>
              <span class="line quiet">
                {one.best && one.best.metric !== "log_likelihood" ? `right in ${shareText(one.best.value)} · ` : ""}
                {agoText(one.changed)}
              </span>
            </button>
            {place.value === "browser" && (
              <button
                type="button"
                class="quiet forget"
                aria-label={`Forget ${one.id}`}
                onClick={() => void forgetTaught(one)}
              >
                <Icon name="trash" />
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

export function TryOut() {
  const found = opened.value;
  return (
    <section class="step" aria-labelledby="teach-try">
      <h2 id="teach-try">
        <span class="count">3</span> Try
      </h2>
      {found && !isRunning.value ? (
        <Try key={found.taught.id} one={found.taught} />
      ) : (
        <p class="quiet">
          {isRunning.value && lesson.value
            ? "When it is taught, a text of yours is put to it and to the model as it came."
            : "Here a text of yours is put to the model as it came and as it was taught."}
        </p>
      )}
      <Shelf />
    </section>
  );
}
