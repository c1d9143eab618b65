/** One answer under way: its next token chosen, its text followed, and what is told of both. */

import { follow } from "../follow.ts";
import { chooseToken } from "../greedy.ts";
import type { Finish, Settings, TextCodec } from "../options.ts";
import type { Processor, Said } from "../processor.ts";
import { anyApplies } from "../processors.ts";
import type { Constraint } from "../structured/constraint.ts";
import type { LiveEvent, TokenShown, TokenTold } from "./request.ts";
import { toldBy } from "./shown.ts";

export interface AnswerParts {
  /** Its number among the answers to its prompt; draws depend on it and the seed alone. */
  readonly index: number;
  readonly before: readonly number[];
  readonly most: number;
  readonly settings: Settings;
  readonly processors: readonly Processor[];
  readonly constraint: Constraint | undefined;
  readonly codec: TextCodec;
  readonly ends: readonly number[];
  readonly show: (id: number) => TokenShown;
  readonly logprobs: number | undefined;
  readonly tell: (event: LiveEvent) => void;
}

export interface Answer {
  /** Whether the scores of its next step are needed, or the likeliest token is. */
  readonly needsScores: boolean;
  /** The token that is fed next. */
  readonly last: number | undefined;
  /** Take the next token, by its scores (which are overwritten) or as the likeliest; false where the answer has ended. */
  next(scores: Float32Array | undefined, best: number): boolean;
}

export function createAnswer(parts: AnswerParts): Answer {
  const { index, before, most, settings, processors, constraint, codec, ends, show, logprobs, tell } = parts;
  const tokens: number[] = [];
  const said: Said = { before, answer: tokens, most };
  let text = "";
  const following = follow(
    codec,
    settings,
    ends,
    (piece) => {
      text += piece;
    },
    constraint,
  );
  const takeText = (): string => {
    const taken = text;
    text = "";
    return taken;
  };
  const applies = () => settings.sample || anyApplies(processors, index, said);

  return {
    get needsScores() {
      return logprobs !== undefined || applies();
    },
    get last() {
      return tokens.at(-1);
    },
    next(scores, best) {
      const told = scores && logprobs !== undefined ? toldBy(show, scores, logprobs) : undefined;
      const chosen = () => chooseToken(told ? scores!.slice() : scores!, processors, index, said, settings);
      const token = scores && applies() ? chosen() : best;
      const shown: TokenTold = { ...(told ? told(token) : show(token)), ...(ends.includes(token) && { ends: true }) };
      tokens.push(token);
      const goesOn = following.accept(token) && !ends.includes(token) && tokens.length < most;
      if (goesOn) {
        tell({ kind: "piece", answer: index, text: takeText(), tokens: [shown] });
        return true;
      }
      const { finish } = following.result(before.length);
      tell({ kind: "piece", answer: index, text: takeText(), tokens: [shown] });
      tell(endOf(index, finish, following.stopText));
      return false;
    },
  };
}

export const endOf = (answer: number, finish: Finish, stopText?: string): LiveEvent => ({
  kind: "end",
  answer,
  finish,
  ...(stopText !== undefined && { stopText }),
});
