/** Asking a hub what a repository holds. */

import { jsonLimits, parseJsonObject } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { RepoKind } from "../names.ts";
import { type Answer, type Connection, refusal, request } from "./http.ts";
import { type Listing, parseListing } from "./listing.ts";
import { type RetryOptions, retrying, Temporary } from "./retry.ts";

/** The body as text, at most `limit` bytes of it, ended when nothing comes. */
async function readText(answer: Answer, limit: number, timeout: number, where: string): Promise<string> {
  const reader = answer.response.body?.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  const timer = setTimeout(() => answer.close(), timeout);
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      timer.refresh();
      pieces.push(part.value);
      size += part.value.length;
      if (size > limit) fail("corrupt_file", `a listing of more than ${limit} bytes`, { where });
    }
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    throw new Temporary(
      new ZerothError("not_found", "the hub's listing broke off", { where, hint: "try again later", cause }),
    );
  } finally {
    clearTimeout(timer);
    answer.close();
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return new TextDecoder().decode(whole);
}

/**
 * The files of a repository at a revision.
 * @throws not_found with the next step when the hub has none for us; corrupt_file when what it says cannot be used
 */
export async function fetchListing(
  repo: string,
  revision: string,
  options: Connection & RetryOptions & { readonly now: () => number; readonly kind?: RepoKind },
): Promise<Listing> {
  const { endpoint, token, timeout } = options.settings;
  const { kind = "model" } = options;
  const page = kind === "dataset" ? `datasets/${repo}` : repo;
  const address = `${endpoint}/api/${kind}s/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
  // A person waits for this: a network that is not there is said soon.
  const times = { ...options.times, tries: Math.min(options.times.tries, 3) };
  return retrying({ ...options, times }, async () => {
    const answer = await request(options, address, { accept: "application/json" }, options.signal);
    if (answer.response.status !== 200) {
      await answer.response.body?.cancel();
      throw refusal(answer, { repo: page, revision, endpoint, token: token !== undefined }, options.now());
    }
    const text = await readText(answer, jsonLimits.index, timeout, repo);
    return parseListing(parseJsonObject(text, `${repo} on ${endpoint}`, jsonLimits.index), `${repo} on ${endpoint}`);
  });
}
