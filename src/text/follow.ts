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
    /** Text that is safe to show, and whether a stop string has come. */
    push(piece: string): { text: string; stopped: boolean } {
      held += piece;
      const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) return { text: held.slice(0, Math.min(...found)), stopped: true };
      const keep = longestStart(held);
      const text = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text, stopped: false };
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
  let ended = false;
  const show = (piece: string) => {
    if (piece) emit(piece);
    text += piece;
  };
  return {
    accept(token: number): boolean {
      tokens.push(token);
      ended = ends.includes(token) || (constraint?.mustEnd(tokens) ?? false);
      const piece = decoder.push(token) + (ended ? decoder.flush() : "");
      const { text: safe, stopped } = watch.push(piece);
      show(safe);
      if (stopped) finish = "stop_string";
      else if (ended && (constraint?.mayEnd(tokens) ?? true)) finish = "stop";
      return !ended && finish === "length";
    },
    result(promptTokens: number): Generated {
      if (finish === "length" && !ended) {
        const { text: safe, stopped } = watch.push(decoder.flush());
        show(safe);
        if (stopped) finish = "stop_string";
      }
      if (finish !== "stop_string") show(watch.rest());
      return { text, tokens, finish, promptTokens };
    },
  };
}
