/** What an answer that is no success means for a person, and whether it is worth another try. Pure. */
import { shown } from "../../base/json.ts";
import { ZerothError } from "../../errors.ts";
import { retryAfter } from "./headers.ts";
import type { Answer } from "./http.ts";
import { statusWords } from "./reasons.ts";
import { Temporary } from "./retry.ts";

export interface Asked {
  readonly repo: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly token: boolean;
  /** The file that was asked for; a listing has none. */
  readonly file?: string;
}

/** @param clock milliseconds since 1970 */
export function refusal({ response, fromHub }: Answer, asked: Asked, clock: number): Error {
  const { repo, revision, endpoint, token, file } = asked;
  const { status, headers } = response;
  const why = headers.get("x-error-code") ?? "";
  const page = `${endpoint}/${repo}`;
  const where = file === undefined ? repo : `${repo}/${file}`;
  const error = (what: string, hint: string) => new ZerothError("not_found", what, { where, hint });
  // A store's signed address has run out: the hub gives a new one.
  if (!fromHub && (status === 401 || status === 403)) {
    return new Temporary(`the store behind the hub refuses with ${statusWords(status)}`, {
      where,
      hint: "try again later",
    });
  }
  if (why === "GatedRepo" || (status === 403 && why === "")) {
    const ask = `ask for access on ${page}`;
    return token
      ? error("access is restricted, and the token has none", `${ask}, and check that the token may read it`)
      : error(
          "access is restricted",
          `${ask}, then set HF_TOKEN to a token of that account (${endpoint}/settings/tokens)`,
        );
  }
  if (status === 401 || status === 403) {
    return token
      ? error("no such repository, or the token may not read it", `look at ${page}; is HF_TOKEN still valid?`)
      : error("no such repository, or a private one", `check the name on ${page}; for a private one set HF_TOKEN`);
  }
  if (status === 404 || status === 410) {
    if (why === "RevisionNotFound") {
      return error(`there is no revision ${shown(revision)}`, `branches and tags are listed on ${page}/tree/main`);
    }
    if (file !== undefined)
      return error("the file is not there", `what there is, is listed on ${page}/tree/${revision}`);
    return error("no such repository", `check the name on ${page}`);
  }
  const who = fromHub ? "the hub" : "the store behind the hub";
  const what = status === 429 ? `${who} asks for fewer requests` : `${who} answers with ${statusWords(status)}`;
  const hint = token ? "try again later" : "try again later; with HF_TOKEN set more is allowed";
  if (status === 429 || status === 408 || status >= 500) {
    return new Temporary(what, { where, hint }, retryAfter(headers, clock));
  }
  return error(what, "the server does not speak the hub's protocol; unset HF_ENDPOINT or choose another mirror");
}
