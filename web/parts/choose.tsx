/** Two to four texts about the same input, without a word of where they come from: which is the better one? */
import { useLayoutEffect } from "preact/hooks";
import "./choose.css";

export type Said = number | "tie" | "skip";

export interface ChooseProps {
  /** What the texts are about. */
  readonly text: string;
  readonly context?: readonly string[] | undefined;
  /** In the order in which they are shown. */
  readonly candidates: readonly string[];
  /** Place of the better one, or that there is none, or that nobody can tell. */
  readonly onSaid: (said: Said) => void;
  readonly onBack?: (() => void) | undefined;
}

const letters = ["A", "B", "C", "D"];

/** What a key says; undefined for one that says nothing here. */
export function saidBy(key: string, count: number): Said | "back" | undefined {
  const low = key.toLowerCase();
  if (low === "t" || low === "=") return "tie";
  if (low === "s") return "skip";
  if (low === "backspace") return "back";
  const place = low.length === 1 ? Math.max("abcd".indexOf(low), "1234".indexOf(low)) : -1;
  return place >= 0 && place < count ? place : undefined;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

export function Choose({ text, context = [], candidates, onSaid, onBack }: ChooseProps) {
  // Before anything is painted: a key that is pressed right behind another one finds somebody who listens.
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const said = saidBy(event.key, candidates.length);
      if (said === undefined) return;
      event.preventDefault();
      if (said === "back") onBack?.();
      else onSaid(said);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  });
  return (
    <div class="choose">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and what scrolls must be reached by keys */}
      <section class="choose-text" aria-label="The text" tabIndex={0}>
        {context.length > 0 && <p class="quiet">{context.join(" ")}</p>}
        <p>{text}</p>
      </section>
      <div class="choose-candidates">
        {candidates.map((candidate, i) => (
          <section key={candidate} aria-label={`Summary ${letters[i]}`}>
            <p>{candidate}</p>
            <button type="button" onClick={() => onSaid(i)}>
              {letters[i]} is better
            </button>
          </section>
        ))}
      </div>
      <div class="actions">
        <button type="button" onClick={() => onSaid("tie")}>
          Tie
        </button>
        <button type="button" onClick={() => onSaid("skip")}>
          Skip
        </button>
        {onBack && (
          <button type="button" onClick={onBack}>
            Back
          </button>
        )}
        <span class="quiet">
          Keys: A to {letters[candidates.length - 1]}, T, S{onBack ? ", Backspace" : ""}
        </span>
      </div>
    </div>
  );
}
