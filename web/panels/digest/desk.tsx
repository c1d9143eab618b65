/** The desk where there is a server: the form, the digests that were made, and the one that is shown. */
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import type { DigestCard } from "../../client/digests.ts";
import { Icon } from "../../parts/icon.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { route } from "../../state/route.ts";
import { Form } from "./form.tsx";
import { Issue } from "./issue.tsx";
import { card, cards, look, make, open, remove, takeExample, takeLink, trouble, unable } from "./state.ts";

const states: Readonly<Record<DigestCard["status"], string>> = {
  in_progress: "being made",
  completed: "",
  failed: "not made",
  cancelled: "stopped",
};

function Made() {
  if (cards.value.length === 0) return null;
  return (
    <nav class="made" aria-label="Digests">
      <h2>Digests</h2>
      <ul>
        {cards.value.map(({ id, group, month, status }) => (
          <li key={id} data-state={status}>
            <button
              type="button"
              class="quiet"
              aria-current={card.value?.id === id ? "true" : undefined}
              onClick={() => void open(id)}
            >
              {group}, {month} {states[status] && <small>{states[status]}</small>}
            </button>
            <button
              type="button"
              class="quiet"
              aria-label={`Delete the digest of ${group}, ${month}`}
              onClick={() => void remove(id)}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Progress() {
  const now = card.value;
  if (!now) return null;
  if (now.status === "in_progress") {
    return (
      <div class="progress making" role="status">
        <progress aria-label="Making the digest" />
        <span class="quiet">{now.progress ?? "waiting"}</span>
      </div>
    );
  }
  if (now.status === "failed") {
    return (
      <p class="warning" role="alert">
        <strong>It could not be made.</strong> {now.error?.message}
      </p>
    );
  }
  return null;
}

export function Desk() {
  useEffect(() => void look(), []);
  useEffect(takeLink, [route.value]);
  useCommands(
    unable.value
      ? []
      : [
          { title: "Make the digest", run: () => void make() },
          { title: "Example: forty made-up papers", run: () => void takeExample() },
        ],
  );
  if (unable.value) return <ProblemNote problem={unable.value} />;
  return (
    <>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      <div class="digest-columns">
        <div class="ask">
          <Form />
          <Made />
        </div>
        <div class="result">
          <Progress />
          <Issue />
        </div>
      </div>
    </>
  );
}
