/** Small arrows between branches; the arrow keys do the same. */
import { Icon } from "./icon.tsx";

interface Props {
  /** Which of them is shown, from 0. */
  readonly at: number;
  readonly count: number;
  readonly of: string;
  onWalk(step: number): void;
}

export function Walker({ at, count, of, onWalk }: Props) {
  if (count < 2) return null;
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    if (at + step >= 0 && at + step < count) onWalk(step);
    event.preventDefault();
  };
  return (
    <span class="branches" role="group" aria-label={`Branches of ${of}`} onKeyDown={keys}>
      <button
        type="button"
        class="quiet"
        aria-label="Branch before"
        aria-disabled={at === 0}
        onClick={() => at > 0 && onWalk(-1)}
      >
        <Icon name="left" />
      </button>
      <span aria-live="polite">
        {at + 1} / {count}
      </span>
      <button
        type="button"
        class="quiet"
        aria-label="Next branch"
        aria-disabled={at === count - 1}
        onClick={() => at < count - 1 && onWalk(1)}
      >
        <Icon name="right" />
      </button>
    </span>
  );
}
