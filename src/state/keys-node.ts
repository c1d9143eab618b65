/** Keys of the server's users: shown once when they are made, stored as hashes. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Selectable } from "kysely";
import { fail } from "../errors.ts";
import { newId } from "./ids-node.ts";
import type { KeyTable, State } from "./schema/tables.ts";

/** What is known of a key. Its id is the owner of what is made with it. */
export interface StoredKey {
  readonly id: string;
  readonly name: string;
  /** The beginning of the key, by which a person recognises it. */
  readonly shown: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Within the last minute's precision; null when it was never used. */
  readonly lastUsed: number | null;
  readonly revoked: number | null;
  readonly requestsPerMinute: number | null;
  readonly tokensPerDay: number | null;
}

export interface NewKey {
  readonly name: string;
  /** Requests it may send in a minute; as many as it likes when absent. */
  readonly requestsPerMinute?: number | undefined;
  /** Tokens it may have read and written in a day. */
  readonly tokensPerDay?: number | undefined;
}

const form = /^sk-zeroth-([0-9a-f]{12})-[\w-]{43}$/;

/**
 * One round of SHA-256 is enough: slow hashes protect passwords, which can be guessed, and a key has 256 random bits.
 */
const hashOf = (key: string): Buffer => createHash("sha256").update(key).digest();

/** Compared with where there is no such key, so that the answer takes as long. */
const nobody = Buffer.alloc(32);

const known = (row: Selectable<KeyTable>): StoredKey => ({
  id: row.id,
  name: row.name,
  shown: `sk-zeroth-${row.prefix}-…`,
  created: row.created_at,
  lastUsed: row.last_used_at,
  revoked: row.revoked_at,
  requestsPerMinute: row.requests_per_minute,
  tokensPerDay: row.tokens_per_day,
});

function limitOf(value: number | undefined, where: string): number | null {
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && value > 0) return value;
  return fail("bad_input", `${value} is not a whole number above 0`, { where, hint: "leave it out for no limit" });
}

/**
 * Make a key. The answer is the only place where it ever stands in full.
 * @throws bad_input for a name that is empty, long or has control characters, and for limits that are no whole numbers above 0
 */
export async function createKey(
  { db, now }: State,
  { name, requestsPerMinute, tokensPerDay }: NewKey,
): Promise<StoredKey & { readonly key: string }> {
  if (name.trim() === "" || name.length > 100 || /\p{Cc}/u.test(name)) {
    fail("bad_input", "a key's name has 1 to 100 characters, none of them a control character", { where: "name" });
  }
  const prefix = randomBytes(6).toString("hex");
  const key = `sk-zeroth-${prefix}-${randomBytes(32).toString("base64url")}`;
  const row = await db
    .insertInto("api_key")
    .values({
      id: newId("key-"),
      name,
      prefix,
      hash: hashOf(key).toString("hex"),
      created_at: now,
      requests_per_minute: limitOf(requestsPerMinute, "requests per minute"),
      tokens_per_day: limitOf(tokensPerDay, "tokens per day"),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { ...known(row), key };
}

/** All keys in the order in which they were made, revoked ones too. */
export async function listKeys({ db }: State): Promise<readonly StoredKey[]> {
  return (await db.selectFrom("api_key").selectAll().orderBy("seq").execute()).map(known);
}

/** Whether there is a key that opens anything. */
export async function hasKeys({ db }: State): Promise<boolean> {
  const row = await db.selectFrom("api_key").select("id").where("revoked_at", "is", null).limit(1).executeTakeFirst();
  return row !== undefined;
}

/**
 * Take a key back: from now on it opens nothing. What was made with it stays.
 * @param id a key's id, or its beginning as lists show it
 * @throws not_found
 */
export async function revokeKey({ db, now }: State, id: string): Promise<StoredKey> {
  const prefix = /^sk-zeroth-([0-9a-f]{12})/.exec(id)?.[1] ?? "";
  const row = await db
    .updateTable("api_key")
    .set(({ fn, ref }) => ({ revoked_at: fn.coalesce(ref("revoked_at"), now) }))
    .where((is) => is.or([is("id", "=", id), is("prefix", "=", prefix)]))
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) {
    fail("not_found", "there is no such key", { where: id.slice(0, 40), hint: "zeroth keys list shows all of them" });
  }
  return known(row as Selectable<KeyTable>);
}

/** Between two notes of when a key was used, in seconds: noting each request would make each a write. */
const noted = 60;

/**
 * The key that somebody presents, if it is one that opens something; undefined otherwise, and it takes as long to say
 * so. One look-up, also for what does not look like a key.
 */
export async function findKey({ db, now }: State, presented: string): Promise<StoredKey | undefined> {
  const row = await db
    .selectFrom("api_key")
    .selectAll()
    .select(now.as("clock"))
    .where("prefix", "=", form.exec(presented)?.[1] ?? "")
    .executeTakeFirst();
  const same = timingSafeEqual(hashOf(presented), row ? Buffer.from(row.hash, "hex") : nobody);
  if (row === undefined || !same || row.revoked_at !== null) return undefined;
  if (row.last_used_at === null || row.last_used_at < row.clock - noted) {
    await db.updateTable("api_key").set({ last_used_at: now }).where("id", "=", row.id).execute();
  }
  return known(row);
}
