/** What was asked before, kept in this browser. */
import { Icon } from "../../parts/icon.tsx";
import { agoText } from "../../parts/numbers.ts";
import { textOf } from "../../parts/run.ts";
import { type Asked, anew, asked, draft, earlier, forgetAsked, reopen } from "./state.ts";

function gist({ scores, branches, at }: Asked): string {
  if (scores) return [...scores].sort((a, b) => b.sum - a.sum)[0]?.text ?? "";
  const branch = branches[at];
  return branch ? textOf(branch.answer.tokens) : "";
}

export function Earlier() {
  const entries = earlier.value;
  if (entries.length === 0) return null;
  return (
    <aside class="side-column" aria-label="Asked before">
      <h2>
        Asked before
        {(asked.value || draft.value.prompt) && (
          <button type="button" class="quiet" onClick={anew}>
            <Icon name="more" />
            <span>New</span>
          </button>
        )}
      </h2>
      <ul class="earlier">
        {entries.slice(0, 50).map((entry) => (
          <li key={entry.id} class={entry.id === asked.value?.id ? "now" : ""}>
            <button type="button" class="entry" onClick={() => reopen(entry)}>
              <span class="line">{entry.prompt}</span>
              <span class="line quiet">
                {gist(entry) || "no words"} · {agoText(entry.changed)}
              </span>
            </button>
            <button type="button" class="quiet forget" aria-label="Forget this" onClick={() => forgetAsked(entry.id)}>
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}
