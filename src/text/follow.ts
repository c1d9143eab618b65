/** A row under way: tokens become text that stops before a stop string and never ends in half a character. */
import type { Finish, Generated, Settings, TextCodec } from "./options.ts";
import type { Constraint } from "./structured/constraint.ts";

/** Text with stop strings watched for: what may still become one is held back. */
function stopWatch(stops: readonly string[]) {
  let held = "";
  const longestStart = (text: string) => {
    for (let n = Math.min(text.length, Math.max(0, ...stops.map((s) => s.length - 1))); n > 0; n--) {
      const tail = text.slice(-n);
      if (stops.some((stop) => stop.startsWith(tail))) return n;
    }
    return 0;
  };
  return {
    /** Text that is safe to show, and the stop string that has come. */
    push(piece: string): { text: string; stopped?: string } {
      held += piece;
      const found = stops.map((stop) => ({ stop, at: held.indexOf(stop) })).filter(({ at }) => at >= 0);
      const [first] = found.sort((a, b) => a.at - b.at);
      if (first) return { text: held.slice(0, first.at), stopped: first.stop };
      const keep = longestStart(held);
      const text = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text };
    },
    rest: () => held,
  };
}

/**
 * One row under way: its tokens, its text so far, and how it ended. What must fit a constraint ends where nothing can
 * follow, and has not stopped but been cut where it ends before it is complete.
 */
export function follow(
  codec: TextCodec,
  settings: Pick<Settings, "stop">,
  ends: readonly number[],
  emit: (text: string) => void = () => {},
  constraint?: Constraint,
) {
  const decoder = codec.streamDecoder({ skipSpecialTokens: true });
  const watch = stopWatch(settings.stop);
  const tokens: number[] = [];
  let text = "";
  let finish: Finish = "length";
  let stopText: string | undefined;
  let ended = false;
  const show = (piece: string) => {
    if (piece) emit(piece);
    text += piece;
  };
  const stop = (stopped: string | undefined) => {
    if (stopped === undefined) return false;
    [finish, stopText] = ["stop_string", stopped];
    return true;
  };
  return {
    /** The stop string that ended it. */
    get stopText() {
      return stopText;
    },
    accept(token: number): boolean {
      tokens.push(token);
      ended = ends.includes(token) || (constraint?.mustEnd(tokens) ?? false);
      const piece = decoder.push(token) + (ended ? decoder.flush() : "");
      const { text: safe, stopped } = watch.push(piece);
      show(safe);
      if (!stop(stopped) && ended && (constraint?.mayEnd(tokens) ?? true)) finish = "stop";
      return !ended && finish === "length";
    },
    result(promptTokens: number): Generated {
      if (finish === "length" && !ended) {
        const { text: safe, stopped } = watch.push(decoder.flush());
        show(safe);
        stop(stopped);
      }
      if (finish !== "stop_string") show(watch.rest());
      return { text, tokens, finish, promptTokens };
    },
  };
}
