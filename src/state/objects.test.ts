import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { beforeAll, describe, expect, test } from "vitest";
import { onEachDatabase } from "../../test/support/databases.ts";
import { failureOf } from "../../test/support/failure.ts";
import { chargeAllowance, requestsAllowance, takeAllowance, tokensAllowance } from "./allowances.ts";
import { cancelBatch, createBatch, getBatch, listBatches } from "./batches/batches.ts";
import { createFile, deleteFile, getFile, listFiles, readFile, sweepFiles } from "./files-node.ts";
import { createKey, findKey, hasKeys, listKeys, revokeKey } from "./keys-node.ts";
import { deleteObject, getObject, listObjects, objectChain, putObject, replaceObject } from "./objects.ts";
import { openState } from "./open-node.ts";
import type { State } from "./schema/tables.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}
const plain = { filename: "rows.jsonl", purpose: "batch", most: 1 << 20 };

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });

  describe("keys", () => {
    test("are found by their whole text alone, and by nothing once they are revoked", async () => {
      expect(await hasKeys(state)).toBe(false);
      const { key, id, shown } = await createKey(state, { name: "laptop" });
      expect(key).toMatch(/^sk-zeroth-[0-9a-f]{12}-[\w-]{43}$/);
      expect(key.startsWith(shown.slice(0, -1))).toBe(true);
      expect(await hasKeys(state)).toBe(true);
      expect(await findKey(state, key)).toMatchObject({ id, name: "laptop", revoked: null });
      const last = key.at(-1) === "A" ? "B" : "A";
      for (const other of ["", "sk-", key.slice(0, -1), `${key.slice(0, -1)}${last}`, ` ${key}`, `${key}\u0000`, id]) {
        expect(await findKey(state, other), JSON.stringify(other)).toBeUndefined();
      }
      expect((await revokeKey(state, id)).revoked).toBeTypeOf("number");
      expect(await findKey(state, key)).toBeUndefined();
      expect(await hasKeys(state)).toBe(false);
      expect((await failureOf(revokeKey(state, "key-none"))).code).toBe("not_found");
    });

    test("are stored as hashes, with the time of their last use", async () => {
      const { key, id, shown } = await createKey(state, { name: "two", requestsPerMinute: 3, tokensPerDay: 1000 });
      const rows = JSON.stringify(await state.db.selectFrom("api_key").selectAll().execute());
      expect(rows).not.toContain(key.slice(24));
      expect(rows).toContain(createHash("sha256").update(key).digest("hex"));
      await findKey(state, key);
      const listed = (await listKeys(state)).find((one) => one.id === id);
      expect(listed).toMatchObject({ requestsPerMinute: 3, tokensPerDay: 1000 });
      expect(Math.abs(listed!.lastUsed! - Date.now() / 1000)).toBeLessThan(60);
      expect((await revokeKey(state, shown)).id).toBe(id);
    });

    test.each([
      { name: "" },
      { name: "  " },
      { name: "a\nb" },
      { name: "x".repeat(101) },
      { name: "a", requestsPerMinute: 0 },
      { name: "a", requestsPerMinute: 1.5 },
      { name: "a", tokensPerDay: -1 },
      { name: "a", tokensPerDay: Number.NaN },
    ])("what a key cannot be: %j", async (options) => {
      expect((await failureOf(createKey(state, options))).code).toBe("bad_input");
    });
  });

  test("of an allowance exactly what there is is granted, to however many ask at once", async () => {
    const allowance = { kind: "requests", most: 20, seconds: 1e9 };
    const waits = await Promise.all(Array.from({ length: 60 }, () => takeAllowance(state, "one", allowance, 1)));
    expect(waits.filter((wait) => wait === 0)).toHaveLength(20);
    expect(Math.min(...waits.filter((wait) => wait > 0))).toBeGreaterThan(1);
    expect(await takeAllowance(state, "another", allowance, 1)).toBe(0);
  });

  test("an allowance fills again, and what was used beyond it is waited for", async () => {
    const quick = { kind: "requests", most: 2, seconds: 1 };
    expect(await takeAllowance(state, "quick", quick, 2)).toBe(0);
    expect(await takeAllowance(state, "quick", quick, 2)).toBeGreaterThanOrEqual(1);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await takeAllowance(state, "quick", quick, 2)).toBe(0);
    const tokens = tokensAllowance(86_400);
    expect(await takeAllowance(state, "t", tokens, 0)).toBe(0);
    await chargeAllowance(state, "t", tokens, 86_400 + 100);
    const wait = await takeAllowance(state, "t", tokens, 0);
    expect(wait).toBeGreaterThan(95);
    expect(wait).toBeLessThan(105);
    expect(requestsAllowance(60)).toEqual({ kind: "requests", most: 60, seconds: 60 });
  });

  describe("files", () => {
    test("come back as they were, whatever the pieces they came in", async () => {
      const content = Buffer.alloc(1_500_000, "zeroth one two three ");
      const cut = function* () {
        for (let at = 0, size = 1; at < content.length; at += size, size = (size * 7) % 99_991) {
          yield content.subarray(at, at + size);
        }
      };
      const file = await createFile(state, "a", { ...plain, most: 2_000_000 }, cut());
      expect(file).toMatchObject({ filename: "rows.jsonl", purpose: "batch", bytes: content.length, expires: null });
      expect(file.sha256).toBe(createHash("sha256").update(content).digest("hex"));
      const read = await readFile(state, "a", file.id);
      expect(read.file).toEqual(file);
      expect((await textOf(read.content)) === content.toString()).toBe(true);
      const empty = await createFile(state, "a", plain, []);
      expect(await textOf((await readFile(state, "a", empty.id)).content)).toBe("");
    });

    test("one that is too long or breaks off leaves nothing", async () => {
      const count = async () => [
        await state.db.selectFrom("file").select("id").execute(),
        await state.db.selectFrom("chunk").select("file").execute(),
      ];
      const before = await count();
      const long = await failureOf(createFile(state, "a", { ...plain, most: 10 }, [bytes("12345678901")]));
      expect(long.code).toBe("too_long");
      async function* broken() {
        yield new Uint8Array(2 << 20);
        throw new Error("the line went dead");
      }
      await expect(createFile(state, "a", { ...plain, most: 9 << 20 }, broken())).rejects.toThrow(/went dead/);
      expect(await count()).toEqual(before);
    });

    test("are not seen while they come, and not past their time", async () => {
      let go = () => {};
      const wait = new Promise<void>((resolve) => {
        go = resolve;
      });
      async function* slow() {
        yield bytes("a");
        await wait;
      }
      const coming = createFile(state, "slow", plain, slow());
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await listFiles(state, "slow", { limit: 10 })).data).toEqual([]);
      go();
      const { id } = await coming;
      expect((await getFile(state, "slow", id)).id).toBe(id);
      const short = await createFile(state, "slow", { ...plain, expiresAfter: 3600 }, [bytes("x")]);
      expect(short.expires! - short.created).toBeCloseTo(3600, 3);
      await state.db
        .updateTable("file")
        .set({ expires_at: sql<number>`${state.now} - 1` })
        .where("id", "=", short.id)
        .execute();
      expect((await failureOf(getFile(state, "slow", short.id))).code).toBe("not_found");
      expect((await failureOf(deleteFile(state, "slow", short.id))).code).toBe("not_found");
      await state.db
        .insertInto("file")
        .values({
          id: "file-left",
          owner: "slow",
          filename: "f",
          purpose: "batch",
          bytes: 0,
          created_at: 5,
          state: "uploading",
        })
        .execute();
      await sweepFiles(state);
      const rows = await state.db.selectFrom("file").select("id").where("owner", "=", "slow").execute();
      expect(rows).toEqual([{ id }]);
      expect(await state.db.selectFrom("chunk").select("file").where("file", "=", short.id).execute()).toEqual([]);
    });

    test("one that is deleted while it is read does not end as if it were whole", async () => {
      const { id } = await createFile(state, "a", { ...plain, most: 9 << 20 }, [new Uint8Array(4 << 20)]);
      const { content } = await readFile(state, "a", id);
      await content.next();
      await deleteFile(state, "a", id);
      expect((await failureOf(textOf(content))).code).toBe("not_found");
    });
  });

  test("pages follow each other in both orders, and nothing is left out or twice", async () => {
    const made: string[] = [];
    for (let i = 0; i < 7; i++) {
      made.push((await createFile(state, "pages", { ...plain, purpose: i % 2 ? "batch" : "user_data" }, [])).id);
    }
    for (const order of ["asc", "desc"] as const) {
      const seen: string[] = [];
      let after: string | undefined;
      for (let more = true; more; ) {
        const page = await listFiles(state, "pages", { limit: 3, order, after });
        seen.push(...page.data.map(({ id }) => id));
        after = page.data.at(-1)!.id;
        more = page.more;
      }
      expect(seen).toEqual(order === "asc" ? made : [...made].reverse());
    }
    const some = await listFiles(state, "pages", { limit: 3, purpose: "batch" });
    expect(some).toMatchObject({ more: false, data: [{ id: made[5] }, { id: made[3] }, { id: made[1] }] });
    expect((await failureOf(listFiles(state, "pages", { limit: 3, after: "file-none" }))).code).toBe("not_found");
  });

  test("what is another key's is not there, for every verb", async () => {
    const file = await createFile(state, "mine", plain, [bytes("secret")]);
    const batch = await createBatch(state, "mine", {
      endpoint: "/v1/completions",
      inputFile: file.id,
      completionWindow: "24h",
      seconds: 60,
    });
    await putObject(state, "mine", "response", { id: "resp_1", data: { text: "secret" } });
    const other = "theirs";
    const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
      getFile: () => getFile(state, other, file.id),
      readFile: () => readFile(state, other, file.id),
      deleteFile: () => deleteFile(state, other, file.id),
      afterFile: () => listFiles(state, other, { limit: 1, after: file.id }),
      getBatch: () => getBatch(state, other, batch.id),
      cancelBatch: () => cancelBatch(state, other, batch.id),
      afterBatch: () => listBatches(state, other, { limit: 1, after: batch.id }),
      getObject: () => getObject(state, other, "response", "resp_1"),
      deleteObject: () => deleteObject(state, other, "response", "resp_1"),
      replaceObject: () => putObject(state, other, "response", { id: "resp_1", data: {} }),
      chain: () => objectChain(state, other, "response", "resp_1"),
      afterObject: () => listObjects(state, other, "response", { limit: 1, after: "resp_1" }),
      // Nor is it of another kind.
      kind: () => getObject(state, "mine", "chat.completion", "resp_1"),
      // Nor a batch's files before it has ended.
      output: () => getFile(state, "mine", batch.output_file),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      const error = await failureOf(attempt());
      expect(error.code, name).toBe("not_found");
      expect(error.message, name).not.toContain("secret");
    }
    expect((await listFiles(state, other, { limit: 100 })).data).toEqual([]);
    expect((await listBatches(state, other, { limit: 100 })).data).toEqual([]);
    expect((await listObjects(state, other, "response", { limit: 100 })).data).toEqual([]);
    // And its owner still has it all.
    expect(await textOf((await readFile(state, "mine", file.id)).content)).toBe("secret");
    expect((await getBatch(state, "mine", batch.id)).status).toBe("validating");
    expect((await getObject(state, "mine", "response", "resp_1")).data).toEqual({ text: "secret" });
  });

  test("an object is changed only while it is as it was read, by one of those who try at once", async () => {
    const read = async () => (await getObject(state, "d", "response", "r")).data;
    await putObject(state, "d", "response", { id: "r", data: { text: "ä\u0000", n: [1e-7, 0.1], at: 0 } });
    const before = await read();
    expect(await replaceObject(state, "other", "response", "r", [before, {}])).toBe(false);
    const tries = [1, 2, 3, 4].map((at) => replaceObject(state, "d", "response", "r", [before, { at }]));
    const won = await Promise.all(tries);
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await read()).toEqual({ at: won.indexOf(true) + 1 });
    expect(await replaceObject(state, "d", "response", "gone", [before, {}])).toBe(false);
  });

  test("objects continue each other, and one that is gone ends the chain", async () => {
    const put = (id: string, previous: string | null) =>
      putObject(state, "c", "response", { id, previous, data: { id } });
    await put("r1", null);
    await put("r2", "r1");
    await put("r3", "r2");
    const chain = await objectChain(state, "c", "response", "r3");
    expect(chain.map(({ id }) => id)).toEqual(["r1", "r2", "r3"]);
    // Replaced, by its owner.
    await putObject(state, "c", "response", { id: "r3", previous: "r1", data: { id: "new" } });
    expect((await objectChain(state, "c", "response", "r3")).map(({ data }) => data)).toEqual([
      { id: "r1" },
      { id: "new" },
    ]);
    await put("loop", "loop");
    expect((await failureOf(objectChain(state, "c", "response", "loop"))).code).toBe("too_long");
    await deleteObject(state, "c", "response", "r1");
    expect((await failureOf(objectChain(state, "c", "response", "r2"))).code).toBe("not_found");
  });

  test("several processes' first opening at once makes the tables once; a newer version's database is refused", async () => {
    const environment = await databases.environment();
    const states = await Promise.all(Array.from({ length: 4 }, () => openState(environment)));
    for (const one of states) await one.close();
    const again = await openState(environment);
    const steps = await again.db.selectFrom("migration").select("id").orderBy("id").execute();
    expect(steps).toEqual(steps.map((_, i) => ({ id: i + 1 })));
    expect(steps.length).toBeGreaterThan(1);
    await again.db.insertInto("migration").values({ id: 99, name: "of tomorrow", applied_at: 0 }).execute();
    await again.close();
    const error = await failureOf(openState(environment));
    expect(error).toMatchObject({ code: "unsupported", hint: expect.stringMatching(/newer version/) });
    if (databases.kind === "sqlite" && process.platform !== "win32") {
      const file = join(environment.ZEROTH_HOME!, "zeroth.db");
      expect(statSync(file).mode & 0o077).toBe(0);
      expect(readFileSync(file).subarray(0, 15).toString()).toBe("SQLite format 3");
    }
  });
});
