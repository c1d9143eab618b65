/** Asking a hub what a repository holds. */

import { jsonLimits, parseJsonObject } from "../../base/json.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import type { RepoKind } from "../names.ts";
import { readBody } from "./body.ts";
import { type Answer, type Connection, request } from "./http.ts";
import { type Listing, parseListing } from "./listing.ts";
import { refusal } from "./refusal.ts";
import { type RetryOptions, retrying, Temporary } from "./retry.ts";

export interface ListingOptions extends Connection, RetryOptions {
  /** Milliseconds. */
  readonly now: () => number;
  readonly kind?: RepoKind;
}

/** Bytes a second below which a listing is not waited for: one of 100,000 files has 25 MB. */
const slowest = 1024;

/** Time limits that a listing may take altogether. */
const mostTimeouts = 60;

/** The body as text, at most `limit` bytes of it. */
async function readText(answer: Answer, limit: number, options: ListingOptions, where: string): Promise<string> {
  const { settings, signal, now } = options;
  const { timeout } = settings;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const limits = { timeout, slowest, longest: timeout * mostTimeouts, now };
  const broke = await readBody(answer, limits, (piece) => {
    size += piece.length;
    if (size > limit) {
      fail("corrupt_file", `a listing of more than ${limit} bytes`, {
        where,
        hint: "a repository of so many files cannot be downloaded by its listing",
      });
    }
    pieces.push(piece);
  });
  if (broke) {
    throwIfAborted(signal);
    throw new Temporary(`the hub's listing broke off after ${size} bytes: ${broke.words}`, {
      where,
      hint: broke.hint,
    });
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return new TextDecoder().decode(whole);
}

/** What came, read as a listing. */
function readListing(text: string, where: string): Listing {
  try {
    return parseListing(parseJsonObject(text, where, jsonLimits.index), where);
  } catch (cause) {
    if (!(cause instanceof ZerothError) || cause.hint !== undefined) throw cause;
    // Its message begins with the place already.
    throw new ZerothError(cause.code, cause.message, {
      hint: "this is no listing of a hub: does HF_ENDPOINT name one, and does nothing on the way change its answers?",
      cause,
    });
  }
}

/**
 * The files of a repository at a revision.
 * @throws not_found with the next step when the hub has none for us; corrupt_file when what it says cannot be used
 */
export async function fetchListing(repo: string, revision: string, options: ListingOptions): Promise<Listing> {
  const { endpoint, token } = options.settings;
  const { kind = "model" } = options;
  const page = kind === "dataset" ? `datasets/${repo}` : repo;
  const address = `${endpoint}/api/${kind}s/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
  // A person waits for this: a network that is not there is said soon.
  const times = { ...options.times, tries: Math.min(options.times.tries, 3) };
  return retrying({ ...options, times }, async () => {
    const answer = await request(options, address, { accept: "application/json" }, options.signal);
    try {
      const { status, headers } = answer.response;
      if (status !== 200) {
        throw refusal(answer, { repo: page, revision, endpoint, token: token !== undefined }, options.clock());
      }
      const where = `${repo} on ${endpoint}`;
      if (/^text\/html\b/i.test(headers.get("content-type") ?? "")) {
        fail("corrupt_file", "answers with a page for people, not with a listing", {
          where,
          hint: "does this network want you to log in first? else HF_ENDPOINT may name what is not a hub",
        });
      }
      const text = await readText(answer, jsonLimits.index, options, repo);
      return readListing(text, where);
    } finally {
      answer.close();
    }
  });
}
