/** Keys in the database, with what each may use, beside those given at the start. */
import { chargeAllowance, requestsAllowance, takeAllowance, tokensAllowance } from "../../state/allowances.ts";
import { findKey, hasKeys } from "../../state/keys-node.ts";
import type { State } from "../../state/schema/tables.ts";
import type { Keys, LogLine } from "../context.ts";
import { refuse } from "../errors.ts";

export interface StoredKeys {
  readonly keys: Required<Keys>;
  /** Told of every answer: what it used is taken from its key's tokens. */
  readonly log: (line: LogLine) => void;
}

function refuseUsedUp(what: string, seconds: number): never {
  const wait = Math.ceil(seconds);
  return refuse(429, `this key has used up its ${what}; there is more in ${wait} s`, {
    code: "rate_limit_exceeded",
    // Longer than a client would wait by itself.
    headers: { "retry-after": String(wait), ...(wait > 60 && { "x-should-retry": "false" }) },
  });
}

/** Milliseconds after which a server without keys looks whether there is one now. */
const lookAgain = 1_000;

/**
 * Keys that `zeroth keys` made, and before them those of `first`. While there is none at all, none is asked for; from
 * the first one on they are, also when it is taken back: a server does not open itself. A key of the database manages nothing. Its requests
 * are counted when it is found; its tokens when they are known, so the request that uses up the last ones is still
 * answered whole.
 * @param log called with every line as well
 * @param problem told of what could not be counted
 */
export function storedKeys(
  state: State,
  {
    first,
    log,
    problem,
    now = () => performance.now(),
  }: { first?: Keys; log?: (line: LogLine) => void; problem?: (error: unknown) => void; now?: () => number } = {},
): StoredKeys {
  let guarded = first !== undefined;
  let looked: { readonly at: number; readonly answer: Promise<boolean> } | undefined;
  /** Tokens a day of owners that have asked, for those alone that have a limit. */
  const daily = new Map<string, number>();
  return {
    keys: {
      async needed() {
        if (guarded) return true;
        if (looked === undefined || now() - looked.at >= lookAgain) looked = { at: now(), answer: hasKeys(state) };
        const answer = await looked.answer;
        guarded ||= answer;
        return guarded;
      },
      async find(key) {
        const known = await first?.find(key);
        if (known) return known;
        const stored = await findKey(state, key);
        if (stored === undefined) return undefined;
        const { id, requestsPerMinute, tokensPerDay } = stored;
        if (tokensPerDay !== null) {
          daily.set(id, tokensPerDay);
          const wait = await takeAllowance(state, id, tokensAllowance(tokensPerDay), 0);
          if (wait > 0) refuseUsedUp("tokens of the day", wait);
        }
        if (requestsPerMinute !== null) {
          const wait = await takeAllowance(state, id, requestsAllowance(requestsPerMinute), 1);
          if (wait > 0) refuseUsedUp("requests of the minute", wait);
        }
        return { owner: id, admin: false };
      },
    },
    log(line) {
      log?.(line);
      const used = (line.promptTokens ?? 0) + (line.answerTokens ?? 0);
      const most = line.owner === undefined ? undefined : daily.get(line.owner);
      if (most === undefined || used === 0) return;
      chargeAllowance(state, line.owner!, tokensAllowance(most), used).catch((error: unknown) => problem?.(error));
    },
  };
}
