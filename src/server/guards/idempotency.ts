/** `Idempotency-Key`: a request that is sent again gets the answer of the first one, and is not computed twice. */
import { refuse } from "../errors.ts";

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
}

export interface KeptAnswers {
  /**
   * The answer to this key of this owner: the one that is kept or on its way, else that of `work`.
   * @param print what tells one request from another
   * @throws ApiError 422 for a key that came with another request
   */
  run(owner: string, key: string, print: string, work: () => Promise<Response>): Promise<Response>;
}

const most = 1000;
const longestKept = 24 * 60 * 60 * 1000;
/** Characters of an answer; a longer one is computed again. */
const longestText = 1 << 20;

const again = ({ status, headers, text }: Answer): Response =>
  new Response(text, { status, headers: [...headers, ["idempotency-replayed", "true"]] as [string, string][] });

/** Kept while the server runs, for a day: the last thousand that succeeded or were refused. */
export function keptAnswers(now: () => number = Date.now): KeptAnswers {
  const kept = new Map<
    string,
    { readonly print: string; readonly since: number; answer: Promise<Answer> | undefined }
  >();
  return {
    async run(owner, key, print, work) {
      if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
        refuse(400, "an Idempotency-Key is 1 to 255 visible ASCII characters", { code: "invalid_idempotency_key" });
      }
      const name = JSON.stringify([owner, key]);
      const before = kept.get(name);
      if (before && now() - before.since > longestKept) kept.delete(name);
      else if (before && before.print !== print) {
        refuse(422, "this Idempotency-Key came with another request before", { code: "idempotency_key_reused" });
      } else if (before?.answer) return again(await before.answer);
      const entry: { print: string; since: number; answer: Promise<Answer> | undefined } = {
        print,
        since: now(),
        answer: undefined,
      };
      const response = work();
      kept.set(name, entry);
      if (kept.size > most) kept.delete(kept.keys().next().value!);
      entry.answer = response.then(async (made) => {
        // A stream is its reader's: the key keeps its request alone.
        if (!/json/.test(made.headers.get("content-type") ?? "")) return Promise.reject(new Error("not kept"));
        const text = await made.clone().text();
        if (text.length > longestText) return Promise.reject(new Error("not kept"));
        return { status: made.status, headers: [...made.headers], text };
      });
      entry.answer.catch(() => {
        entry.answer = undefined;
      });
      try {
        return await response;
      } catch (error) {
        // What failed may be tried again, with the same request or a mended one.
        if (kept.get(name) === entry) kept.delete(name);
        throw error;
      }
    },
  };
}
