import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { onEachDatabase } from "../../test/support/databases.ts";
import { storedAnswers, type Ticket } from "./answers-node.ts";
import type { State } from "./schema/tables.ts";

const answer = { status: 200, headers: [["content-type", "application/json"]], text: '{"a":"ü\\u0000"}' } as const;

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });
  const ticket = (change: Partial<Ticket>): Ticket => ({
    ...{ owner: "a", key: "k", print: "POST x", holder: crypto.randomUUID() },
    ...change,
  });

  test("a key is one's who asks first; others wait for the answer, and get it", async () => {
    const store = storedAnswers(state);
    const tickets = Array.from({ length: 20 }, () => ticket({}));
    const found = await Promise.all(tickets.map((one) => store.claim(one)));
    const first = tickets[found.findIndex(({ kind }) => kind === "mine")]!;
    expect(found.filter(({ kind }) => kind === "mine")).toHaveLength(1);
    expect(found.filter(({ kind }) => kind === "running")).toHaveLength(19);
    expect(await store.claim(ticket({ print: "POST y" }))).toEqual({ kind: "another request" });
    // Neither ends what is another's.
    await store.keep(ticket({}), answer);
    await store.drop(ticket({}));
    expect(await store.claim(ticket({}))).toEqual({ kind: "running" });
    expect(await store.claim(ticket({ owner: "b" }))).toEqual({ kind: "mine" });
    await store.keep(first, answer);
    expect(await store.claim(ticket({}))).toEqual({ kind: "answered", answer });
    expect(await store.claim(ticket({ print: "POST y" }))).toEqual({ kind: "another request" });
  });

  test("what failed may come again or mended; what is not kept may come again alone", async () => {
    const store = storedAnswers(state);
    const failed = ticket({ key: "failed" });
    await store.claim(failed);
    await store.drop(failed);
    const mended = ticket({ key: "failed", print: "POST y" });
    expect(await store.claim(mended)).toEqual({ kind: "mine" });
    await store.keep(mended, undefined);
    expect(await store.claim(ticket({ key: "failed" }))).toEqual({ kind: "another request" });
    expect(await store.claim(ticket({ key: "failed", print: "POST y" }))).toEqual({ kind: "mine" });
  });

  test("a process that is gone loses its requests when their leases end, not before, and one that renews does not", async () => {
    const store = storedAnswers(state, { kept: 60, lease: 2 });
    const [gone, there] = [ticket({ key: "gone" }), ticket({ key: "there" })];
    await Promise.all([gone, there].map((one) => store.claim(one)));
    for (let i = 0; i < 4; i++) {
      expect(await store.claim(ticket({ key: "there" }))).toEqual({ kind: "running" });
      if (i === 0) expect(await store.claim(ticket({ key: "gone" }))).toEqual({ kind: "running" });
      await store.renew(there);
      await sleep(700);
    }
    const next = ticket({ key: "gone", print: "POST y" });
    expect(await store.claim(next)).toEqual({ kind: "mine" });
    // It is back, too late.
    await store.keep(gone, { ...answer, text: "late" });
    await store.keep(next, answer);
    expect(await store.claim(ticket({ key: "gone", print: "POST y" }))).toEqual({ kind: "answered", answer });
  });

  test("after its time an answer is not known any more, and is taken away", async () => {
    const times = { kept: 1.5, lease: 60 };
    const store = storedAnswers(state, times);
    const old = ticket({ key: "old" });
    await store.claim(old);
    await store.keep(old, answer);
    expect(await store.claim(ticket({ key: "old" }))).toEqual({ kind: "answered", answer });
    await sleep(1700);
    expect(await store.claim(ticket({ key: "old", print: "POST y" }))).toEqual({ kind: "mine" });
    await sleep(1700);
    // Whoever asks first sweeps.
    await storedAnswers(state, times).claim(ticket({ key: "new" }));
    expect(await state.db.selectFrom("answer").select("key").execute()).toEqual([{ key: "new" }]);
  });
});
