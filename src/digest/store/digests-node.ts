/** Digests that were made, and what people changed of them, in the store. */
import { fail } from "../../errors.ts";
import { type Digest, digestSchema } from "../document.ts";
import { type Edits, parseEdits } from "../edits.ts";
import type { Store } from "./store-node.ts";

function put({ sql }: Store, name: string, value: unknown): void {
  sql.run(
    "insert into digest values(?, ?) on conflict(name) do update set json = excluded.json",
    name,
    JSON.stringify(value),
  );
}

/** Keep a digest, and the edits that were given for it. */
export function keepDigest(store: Store, digest: Digest, edits: Edits | undefined): void {
  store.sql.transaction(() => {
    put(store, `digest ${digest.group} ${digest.month}`, digest);
    if (edits) put(store, `edits ${digest.group} ${digest.month}`, edits);
  });
}

/** What is kept by a name, read by `read`. */
function kept<T>({ sql }: Store, name: string, read: (value: unknown) => T): T | undefined {
  const [row] = sql.all("select json from digest where name = ?", name);
  return row === undefined ? undefined : read(JSON.parse(String(row.json)));
}

const asDigest =
  (where: string) =>
  (value: unknown): Digest => {
    const parsed = digestSchema.safeParse(value);
    return parsed.success
      ? parsed.data
      : fail("corrupt_file", "holds a digest that this version does not read", { where });
  };

/** @throws not_found where none was made */
export function madeDigest(store: Store, group: string, month: string): Digest {
  return (
    kept(store, `digest ${group} ${month}`, asDigest(store.path)) ??
    fail("not_found", `no digest of ${group}, ${month} was made`, {
      where: store.path,
      hint: `zeroth digest make --store ${store.path} --month ${month} makes it`,
    })
  );
}

/** What a person changed of a month's digest, where that is kept. */
export const keptEdits = (store: Store, group: string, month: string): Edits | undefined =>
  kept(store, `edits ${group} ${month}`, (value) => parseEdits(value, store.path));

/** All digests of a group, the oldest first. */
export const madeDigests = (store: Store, group: string): Digest[] =>
  store.sql
    .all("select json from digest where name like ? order by name", `digest ${group.replace(/[%_]/g, "_")} %`)
    .map((row) => asDigest(store.path)(JSON.parse(String(row.json))))
    .filter((digest) => digest.group === group);
