/**
 * What routes store as JSON: responses that others continue, chat completions. Each belongs to the key that made it,
 * and to everybody else it is not there.
 */
import { fail } from "../errors.ts";
import { type Page, type PageOptions, pageOf } from "./pages.ts";
import type { State } from "./schema/tables.ts";

export type ObjectKind = "response" | "chat.completion";

export interface StoredObject {
  readonly id: string;
  /** The id of the object that this one continues. */
  readonly previous: string | null;
  /** Seconds since 1970. */
  readonly created: number;
  /** As it was given. */
  readonly data: unknown;
}

interface Row {
  readonly id: string;
  readonly previous: string | null;
  readonly created_at: number;
  readonly data: string;
}

const stored = ({ id, previous, created_at, data }: Row): StoredObject => ({
  id,
  previous,
  created: created_at,
  data: JSON.parse(data),
});

const owned = ({ db }: State, owner: string, kind: ObjectKind) =>
  db.selectFrom("object").selectAll().where("owner", "=", owner).where("kind", "=", kind);

function noObject(id: string, kind: ObjectKind): never {
  fail("not_found", `there is no such ${kind}`, {
    where: id.slice(0, 64),
    hint: "it was not stored, was deleted, or belongs to another key",
  });
}

/**
 * Store an object; one of its id that its owner has stored before is replaced.
 * @throws not_found for an id that somebody else has taken
 */
export async function putObject(
  state: State,
  owner: string,
  kind: ObjectKind,
  { id, data, previous = null }: { readonly id: string; readonly data: unknown; readonly previous?: string | null },
): Promise<void> {
  const text = JSON.stringify(data);
  const row = await state.db
    .insertInto("object")
    .values({ id, owner, kind, previous, created_at: state.now, data: text })
    .onConflict((conflict) =>
      conflict.columns(["kind", "id"]).doUpdateSet({ data: text, previous }).where("object.owner", "=", owner),
    )
    .returning("id")
    .executeTakeFirst();
  if (row === undefined) noObject(id, kind);
}

/** Give an object other data if it still has these, as JSON; whether it had. */
export async function replaceObject(
  state: State,
  owner: string,
  kind: ObjectKind,
  id: string,
  [before, data]: readonly [unknown, unknown],
): Promise<boolean> {
  const { numUpdatedRows } = await state.db
    .updateTable("object")
    .set({ data: JSON.stringify(data) })
    .where("owner", "=", owner)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .where("data", "=", JSON.stringify(before))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** @throws not_found */
export async function getObject(state: State, owner: string, kind: ObjectKind, id: string): Promise<StoredObject> {
  return stored((await owned(state, owner, kind).where("id", "=", id).executeTakeFirst()) ?? noObject(id, kind));
}

/** @throws not_found */
export async function deleteObject(state: State, owner: string, kind: ObjectKind, id: string): Promise<void> {
  const { numDeletedRows } = await state.db
    .deleteFrom("object")
    .where("owner", "=", owner)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .executeTakeFirst();
  if (numDeletedRows === 0n) noObject(id, kind);
}

/** @throws not_found for an `after` that is none of theirs */
export async function listObjects(
  state: State,
  owner: string,
  kind: ObjectKind,
  page: PageOptions,
): Promise<Page<StoredObject>> {
  const { data, more } = await pageOf(owned(state, owner, kind), page);
  return { data: data.map(stored), more };
}

/** Longer conversations than this are not followed back. */
const longest = 1_000;

/**
 * An object and those it continues, the first one first.
 * @throws not_found when one of them is not there any more; too_long past 1,000
 */
export async function objectChain(
  state: State,
  owner: string,
  kind: ObjectKind,
  id: string,
): Promise<readonly StoredObject[]> {
  const chain: StoredObject[] = [];
  for (let next: string | null = id; next !== null; next = chain.at(-1)!.previous) {
    if (chain.length === longest)
      fail("too_long", `more than ${longest} objects continue each other`, { where: id.slice(0, 64) });
    chain.push(await getObject(state, owner, kind, next));
  }
  return chain.reverse();
}
