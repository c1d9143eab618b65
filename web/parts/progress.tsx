/** How far something is, where that is known; nothing is invented where it is not. */
import { bytesText, secondsText } from "./numbers.ts";

interface Props {
  readonly label: string;
  readonly done?: number;
  readonly total?: number | undefined;
  /** Unix milliseconds at which it began, for the time left. */
  readonly started?: number;
}

/** Seconds left at the pace so far; nothing while there is hardly any pace to go by. */
function left({ done = 0, total, started }: Props): string | undefined {
  if (total === undefined || started === undefined || done < total / 50) return undefined;
  const passed = (Date.now() - started) / 1000;
  return passed < 1 ? undefined : `${secondsText((passed * (total - done)) / done)} left`;
}

export function Progress(props: Props) {
  const { label, done, total } = props;
  const known = done !== undefined && total !== undefined && total > 0;
  const amount = done === undefined ? "" : `${bytesText(done)}${known ? ` of ${bytesText(total)}` : ""}`;
  const further = [amount, left(props)].filter(Boolean).join(" · ");
  return (
    <div class="progress">
      <progress aria-label={label} {...(known ? { value: done, max: total } : {})} />
      <span class="quiet number">{further}</span>
    </div>
  );
}
