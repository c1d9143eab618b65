/** Choose: two summaries of the same text, blind; what is said becomes rows that a reward model learns from. */
import { useEffect } from "preact/hooks";
import { Choose } from "../../parts/choose.tsx";
import { download } from "../../parts/download.ts";
import { DropZone } from "../../parts/drop.tsx";
import { Icon } from "../../parts/icon.tsx";
import { plural } from "../../parts/numbers.ts";
import { shownOf } from "./items.ts";
import { back, leave, lines, load, open, say, set, take, trouble, worker } from "./state.ts";

const Give = () => (
  <DropZone
    says={
      <>
        Drop rows here: <code>zeroth summarize compare RUN --list</code> writes them, or{" "}
        <code>{'{"text", "candidates": ["…", "…"]}'}</code> a line.
      </>
    }
    choose="Choose a file"
    label="Rows to choose among"
    accept=".jsonl,.json,.txt"
    taken={take}
  />
);

function Asked() {
  const now = set.value!;
  const done = Object.keys(now.said).length;
  const [item] = open.value;
  return (
    <>
      <p role="status">
        {done} of {plural(now.items.length, "choice")} made in {now.name}
      </p>
      {item ? (
        <Choose
          key={item.id}
          text={item.text}
          context={item.context}
          candidates={shownOf(item, now.seed).map(({ text }) => text)}
          onSaid={(said) => say(item, said)}
          onBack={done > 0 ? back : undefined}
        />
      ) : (
        <p>That was all. Take the rows along: a reward model learns from them.</p>
      )}
      <div class="actions">
        <label>
          Your name in the rows{" "}
          <input
            value={worker.value}
            onInput={({ currentTarget }) => {
              worker.value = currentTarget.value;
            }}
          />
        </label>
        <button
          type="button"
          disabled={done === 0}
          onClick={() => download("comparisons.jsonl", lines(), "application/x-ndjson")}
        >
          <Icon name="save" />
          <span>Download</span>
        </button>
        <button type="button" onClick={leave}>
          <Icon name="trash" />
          <span>Forget these</span>
        </button>
      </div>
    </>
  );
}

export function Panel() {
  useEffect(() => void load(), []);
  return (
    <div class="compare">
      <h1>
        Choose{" "}
        <small>Two summaries of the same text, without a word of who wrote them: which is better for its length?</small>
      </h1>
      {set.value ? <Asked /> : <Give />}
      {trouble.value && <p role="alert">{trouble.value}</p>}
    </div>
  );
}
