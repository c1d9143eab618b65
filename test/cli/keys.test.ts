/** `zeroth keys` as a person runs it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findKey } from "../../src/state/keys-node.ts";
import { openState } from "../../src/state/open-node.ts";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);

test("a key is made, listed and taken back", async () => {
  const made = zeroth(["keys", "create", "my laptop", "--tokens-per-day", "5000"]);
  expect(made.status).toBe(0);
  const key = made.stdout.trim();
  expect(key).toMatch(/^sk-zeroth-[0-9a-f]{12}-[\w-]{43}$/);
  const id = /zeroth keys revoke (key-[0-9a-f]{24})/.exec(made.stderr)![1]!;
  const listed = zeroth(["keys", "list"]);
  expect(listed.stdout).toMatch(new RegExp(`^${id}  my laptop  ${key.slice(0, 23)}…  5000 tokens/day  used never\n$`));
  expect(listed.stdout).not.toContain(key.slice(23));
  const [row, ...others] = rowsOf(zeroth(["keys", "list", "--json"]));
  expect(others).toEqual([]);
  expect(row).toMatchObject({ id, name: "my laptop", revoked: null, requests_per_minute: null, tokens_per_day: 5000 });
  expect(JSON.stringify(row)).not.toContain(key.slice(23));
  expect(readdirSync(join(folder, "state"))).toContain("zeroth.db");
  const state = await openState({ ZEROTH_HOME: join(folder, "state") });
  expect(await findKey(state, key)).toMatchObject({ id });
  // While another process has the database open.
  expect(zeroth(["keys", "revoke", id]).stdout).toBe(`revoked ${id}\n`);
  expect(await findKey(state, key)).toBeUndefined();
  await state.close();
  expect(zeroth(["keys", "list"]).stdout).toMatch(/revoked \d{4}-\d\d-\d\d\n$/);
});

test.each([
  [[], 2, /expected create NAME, list, or revoke ID/],
  [["create"], 2, /expected create NAME/],
  [["list", "x"], 2, /expected create NAME/],
  [["destroy", "x"], 2, /expected create NAME/],
  [["create", "a", "b"], 2, /b/],
  [["create", "a", "--requests-per-minute", "0"], 1, /0 is not a whole number above 0/],
  [["create", ""], 1, /1 to 100 characters/],
  [["revoke", "key-none"], 3, /there is no such key/],
  [["revoke", "key-none", "--tokens-per-day", "5"], 2, /limits are set when a key is made/],
])("zeroth keys %j: exit code %d", (args, status, said) => {
  const ran = zeroth(["keys", ...args]);
  expect(ran.status).toBe(status);
  expect(ran.stderr).toMatch(said);
  expect(ran.stdout).toBe("");
});

test("a database that is none is said with its place, to whoever runs the program", () => {
  const there = mkdtempSync(join(folder, "other-"));
  const ran = runIn(there);
  expect(ran(["keys", "create", "a"]).status).toBe(0);
  rmSync(join(there, "state"), { recursive: true });
  const { DATABASE_URL: before } = process.env;
  process.env.DATABASE_URL = "postgres://me:s3cret@127.0.0.1:1/none";
  try {
    const { status, stderr } = ran(["keys", "list"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/DATABASE_URL: PostgreSQL does not answer \(ECONNREFUSED\)/);
    expect(stderr).not.toContain("s3cret");
  } finally {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  }
});
