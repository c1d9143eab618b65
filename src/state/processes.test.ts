/** Processes that share a database, and end at any moment. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { onEachDatabase } from "../../test/support/databases.ts";
import { failureOf } from "../../test/support/failure.ts";
import { claimBatch, createBatch, getBatch, recordLine } from "./batches/batches.ts";
import { createFile, listFiles, readFile, sweepFiles } from "./files-node.ts";
import { findKey } from "./keys-node.ts";
import { getObject, putObject } from "./objects.ts";
import { openState } from "./open-node.ts";
import type { State } from "./schema/tables.ts";

const script = fileURLToPath(new URL("../../test/support/state-process.js", import.meta.url));
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const endpoint = "/v1/completions";

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

interface Child {
  readonly process: ChildProcess;
  /** What it has said, an object a line. */
  readonly said: Record<string, unknown>[];
  kill(): Promise<void>;
}

/** A process on a database; resolves when it has said something. */
async function begin(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Child> {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...rest, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said: Record<string, unknown>[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error("the process ended")));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      said.push(JSON.parse(line));
      resolve();
    });
  });
  return {
    process: child,
    said,
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function bytesOf(state: State, owner: string, id: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await readFile(state, owner, id)).content) pieces.push(piece);
  return Buffer.concat(pieces);
}

onEachDatabase((databases) => {
  test("a batch outlives its processes: killed or held up for two leases, each line stands in the output once", async () => {
    const environment = await databases.environment();
    const state = await openState(environment);
    const count = 600;
    const rows = Array.from({ length: count }, (_, n) =>
      JSON.stringify({ custom_id: `line-${n}`, method: "POST", url: endpoint, body: { n } }),
    );
    const input = await createFile(state, "a", { filename: "in", purpose: "batch", most: 1 << 20 }, [
      Buffer.from(rows.join("\n")),
    ]);
    const workers = new Map<string, Child>();
    for (const name of ["p0", "p1", "p2"]) workers.set(name, await begin(environment, "work", name));
    const batch = await createBatch(state, "a", {
      endpoint,
      inputFile: input.id,
      completionWindow: "24h",
      seconds: 3600,
    });
    /** Who works on it, once it has got on by so many lines. */
    const after = async (lines: number): Promise<string> => {
      for (const begun = performance.now(); ; await sleep(5)) {
        const { completed, failed, worker } = await getBatch(state, "a", batch.id);
        if (completed + failed >= lines) return worker!;
        if (performance.now() - begun > 40_000)
          throw new Error(`stands still at ${completed + failed}, with ${worker}`);
      }
    };
    // One is killed and another goes on.
    const first = await after(50);
    await workers.get(first)!.kill();
    workers.delete(first);
    // One is only held up, long enough to lose the batch, and wakes while the third is at it.
    const second = await after(130);
    expect(second).not.toBe(first);
    // Stopped amid a transaction it would lock out the others as well: then it is let go, and stopped again.
    const lost = async () => (await getBatch(state, "a", batch.id)).worker !== second;
    for (let gone = false; !gone; ) {
      workers.get(second)!.process.kill("SIGSTOP");
      for (let i = 0; i < 50 && !gone; i++, gone = await lost()) await sleep(50);
      if (gone) break;
      workers.get(second)!.process.kill("SIGCONT");
      await sleep(20);
    }
    const third = await after(170);
    expect(third).not.toBe(second);
    workers.get(second)!.process.kill("SIGCONT");
    await after(250);
    // And that one is killed too.
    await workers.get(third)!.kill();
    await after(count);
    let done = await getBatch(state, "a", batch.id);
    while (done.status !== "completed") {
      await sleep(50);
      done = await getBatch(state, "a", batch.id);
    }
    expect(done).toMatchObject({ total: count, completed: count * 0.9, failed: count * 0.1 });
    expect(done.fence).toBeGreaterThanOrEqual(4);
    const good = (await bytesOf(state, "a", done.output_file)).toString().trimEnd().split("\n");
    const bad = (await bytesOf(state, "a", done.error_file)).toString().trimEnd().split("\n");
    const answers = [...good, ...bad].map((row) => JSON.parse(row));
    const by = new Set<string>();
    const seen = new Map<string, number>();
    for (const { custom_id, response } of answers) {
      by.add(response.body.by);
      seen.set(custom_id, response.body.twice);
    }
    expect(answers).toHaveLength(count);
    expect([...seen]).toHaveLength(count);
    for (let n = 0; n < count; n++) expect(seen.get(`line-${n}`)).toBe(n * 2);
    expect(by).toEqual(new Set(["p0", "p1", "p2"]));
    await state.close();
  });

  test.runIf(databases.kind === "postgres")(
    "a connection that breaks amid a transaction ends the transaction, not the process",
    async () => {
      const state = await databases.open();
      const id = sql<{ pid: number }>`select pg_backend_pid() as pid`;
      const broken = state.db.transaction().execute(async (db) => {
        await putObject({ ...state, db }, "a", "response", { id: "half", data: {} });
        const { pid } = (await id.execute(db)).rows[0]!;
        await sql`select pg_terminate_backend(${pid})`.execute(state.db);
        await sleep(200);
        await putObject({ ...state, db }, "a", "response", { id: "rest", data: {} });
      });
      expect(await failureOf(broken)).toMatchObject({ code: "storage_failed", where: "DATABASE_URL" });
      expect((await failureOf(getObject(state, "a", "response", "half"))).code).toBe("not_found");
      await putObject(state, "a", "response", { id: "half", data: {} });
    },
  );

  const kills = databases.kind === "sqlite" ? 30 : 10;
  test(`a process that writes is killed ${kills} times: the database opens, and what was accepted is whole`, async () => {
    const environment = await databases.environment();
    let accepted = 0;
    for (let round = 0; round < kills; round++) {
      const child = await begin(environment, "write");
      await sleep(Math.random() * 200);
      await child.kill();
      const state = await openState(environment);
      for (const one of child.said) {
        accepted++;
        if (one.file) {
          const content = await bytesOf(state, "writer", String(one.file));
          expect(createHash("sha256").update(content).digest("hex")).toBe(one.sha256);
        } else if (one.key) expect(await findKey(state, String(one.key))).toMatchObject({ id: one.id });
        else
          expect((await getObject(state, "writer", "response", String(one.response))).data).toMatchObject({ i: one.i });
      }
      // Whatever else can be seen is whole as well.
      const { data } = await listFiles(state, "writer", { limit: 5 });
      for (const file of data) {
        const content = await bytesOf(state, "writer", file.id);
        expect(content.length).toBe(file.bytes);
        expect(createHash("sha256").update(content).digest("hex")).toBe(file.sha256);
      }
      await state.close();
    }
    expect(accepted).toBeGreaterThan(kills * 3);
    // What remained of uploads goes, and nothing else.
    const state = await openState(environment);
    await state.db.updateTable("file").set({ created_at: 1 }).where("state", "=", "uploading").execute();
    const all = state.db.selectFrom("file").select("id").orderBy("seq");
    const whole = await all.where("state", "=", "processed").execute();
    await sweepFiles(state);
    expect(await all.execute()).toEqual(whole);
    const lost = await state.db
      .selectFrom("chunk")
      .select("file")
      .where("file", "not in", (is) => is.selectFrom("file").select("id"))
      .execute();
    expect(lost).toEqual([]);
    if (databases.kind === "sqlite") {
      expect((await sql`pragma integrity_check`.execute(state.db)).rows).toEqual([{ integrity_check: "ok" }]);
    }
    await state.close();
  });

  test.runIf(databases.kind === "sqlite")(
    "a disk that fills up at the n-th page: an error that says so, and nothing half",
    async () => {
      const state = await databases.open();
      const { db } = state;
      const room = async (pages: number | undefined) => {
        const [{ page_count }] = (await sql<{ page_count: number }>`pragma page_count`.execute(db)).rows as [
          { page_count: number },
        ];
        const most = pages === undefined ? 1_000_000 : page_count + pages;
        await sql`pragma max_page_count = ${sql.lit(most)}`.execute(db);
      };
      const content = Buffer.alloc(300_000, 7);
      let errors = 0;
      for (let pages = 0; ; pages += 3) {
        await room(pages);
        const upload = createFile(state, "full", { filename: "f", purpose: "batch", most: 1 << 20 }, [content]);
        const result = await upload.then(
          ({ id }) => id,
          (error: unknown) => error,
        );
        await room(undefined);
        if (typeof result === "string") {
          expect(await bytesOf(state, "full", result)).toEqual(content);
          break;
        }
        errors++;
        expect(result).toMatchObject({
          code: "storage_failed",
          message: expect.stringMatching(/disk is full/),
          hint: expect.any(String),
        });
        expect((await listFiles(state, "full", { limit: 10 })).data).toEqual([]);
        expect(await db.selectFrom("chunk").select("file").execute()).toEqual([]);
      }
      expect(errors).toBeGreaterThan(5);
      // A batch's answer that finds no room is not counted either.
      const batch = await createBatch(state, "full", {
        endpoint,
        inputFile: "file-none",
        completionWindow: "24h",
        seconds: 60,
      });
      const claim = (await claimBatch(state, "w", 60))!;
      await putObject(state, "full", "response", { id: "r", data: {} });
      await room(0);
      const answer = { line: 0, good: true, text: "x".repeat(2_000_000) };
      expect((await failureOf(recordLine(state, claim, answer))).code).toBe("storage_failed");
      expect((await getBatch(state, "full", batch.id)).completed).toBe(0);
      await room(undefined);
      expect((await recordLine(state, claim, answer))?.completed).toBe(1);
    },
  );

  test("what is no database, or cannot be reached, is an error of ours without an address", async () => {
    const { mkdtempSync, writeFileSync, mkdirSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const folder = mkdtempSync(join(tmpdir(), "zeroth-none-"));
    writeFileSync(join(folder, "zeroth.db"), "this is a text, and not a database at all".repeat(100));
    expect(await failureOf(openState({ ZEROTH_HOME: folder }))).toMatchObject({
      code: "corrupt_file",
      hint: expect.any(String),
    });
    mkdirSync(join(folder, "other/zeroth.db"), { recursive: true });
    expect((await failureOf(openState({ ZEROTH_HOME: join(folder, "other") }))).code).toBe("bad_input");
    expect((await failureOf(openState({ ZEROTH_HOME: join(folder, "zeroth.db", "below") }))).code).toBe("bad_input");
    const hidden = "p4ssw0rd";
    for (const [url, code] of [
      [`postgres://me:${hidden}@127.0.0.1:1/none`, "storage_failed"],
      [`mysql://me:${hidden}@127.0.0.1/none`, "bad_input"],
      [`postgres://me:${hidden}@127.0.0.1:port/none`, "bad_input"],
    ] as const) {
      const error = await failureOf(openState({ DATABASE_URL: url }));
      expect(error).toMatchObject({ code, hint: expect.any(String) });
      expect(`${error.message} ${error.hint}`).not.toMatch(new RegExp(`${hidden}|127\\.0\\.0\\.1`));
    }
    if (databases.kind === "postgres") {
      const { DATABASE_URL } = (await databases.environment()) as { DATABASE_URL: string };
      const error = await failureOf(openState({ DATABASE_URL: DATABASE_URL.replace(/test_\w+/, "nowhere") }));
      expect(error).toMatchObject({ code: "bad_input", message: expect.stringMatching(/3D000/) });
    }
  });
});
