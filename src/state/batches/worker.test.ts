import { sql } from "kysely";
import { afterEach, expect, test, vi } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { failureOf } from "../../../test/support/failure.ts";
import { ZerothError } from "../../errors.ts";
import { createFile, deleteFile, getFile, readFile } from "../files-node.ts";
import { openState } from "../open-node.ts";
import type { State } from "../schema/tables.ts";
import type { Work } from "../work-loop.ts";
import {
  type Batch,
  cancelBatch,
  claimBatch,
  createBatch,
  endBatch,
  getBatch,
  recordLine,
  renewClaim,
} from "./batches.ts";
import { startBatchWorker, type WorkerOptions } from "./worker-node.ts";

const endpoint = "/v1/completions";
const line = (n: number, change: object = {}) =>
  JSON.stringify({ custom_id: `line-${n}`, method: "POST", url: endpoint, body: { n }, ...change });
const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n)).join("\n");
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function batchOf(state: State, text: string, { owner = "a", seconds = 3600 } = {}): Promise<Batch> {
  const input = { filename: "in.jsonl", purpose: "batch", most: 9 << 20 };
  const { id } = await createFile(state, owner, input, [new TextEncoder().encode(text)]);
  return createBatch(state, owner, { endpoint, inputFile: id, completionWindow: "24h", seconds, metadata: { a: "b" } });
}

interface Written {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: unknown } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

async function written(state: State, owner: string, id: string): Promise<Written[]> {
  const { content, file } = await readFile(state, owner, id);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  const text = Buffer.concat(pieces);
  expect(text.length).toBe(file.bytes);
  return text
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((row) => JSON.parse(row));
}

async function until(state: State, { id, owner }: Batch, ...statuses: string[]): Promise<Batch> {
  return vi.waitFor(
    async () => {
      const batch = await getBatch(state, owner, id);
      expect(statuses).toContain(batch.status);
      return batch;
    },
    { timeout: 20_000, interval: 20 },
  );
}

const double: WorkerOptions["answer"] = async ({ body }) => ({
  status: 200,
  requestId: "req_1",
  body: { twice: (body.n as number) * 2 },
});

onEachDatabase((databases) => {
  const workers: Work[] = [];
  const start = (state: State, options: Partial<WorkerOptions> = {}): Work => {
    const worker = startBatchWorker(state, {
      answer: double,
      problem: (error) => expect.fail(String(error)),
      ...options,
    });
    workers.push(worker);
    return worker;
  };
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.stop();
  });

  test("every line is answered once, in the input's order; errors have a file of their own", async () => {
    const state = await databases.open();
    const input = `${lines(25)}\n\n${line(25)}\r\n${line(26)}`;
    const batch = await batchOf(state, input);
    expect(batch).toMatchObject({ status: "validating", total: 0 });
    let [now, most] = [0, 0];
    start(state, {
      together: 5,
      async answer(request, owner) {
        expect(owner).toBe("a");
        most = Math.max(most, ++now);
        await sleep(2);
        now--;
        const n = request.body.n as number;
        if (n === 7) throw new Error("/home/somebody/secret at 0x7fff");
        if (n === 8) throw new ZerothError("busy", "full");
        return { status: n === 9 ? 400 : 200, requestId: `req_${n}`, body: { twice: n * 2 } };
      },
    });
    const done = await until(state, batch, "completed");
    expect(most).toBe(5);
    expect(done).toMatchObject({ total: 27, completed: 24, failed: 3, errors: null, worker: null });
    for (const at of ["in_progress_at", "finalizing_at", "completed_at"] as const) expect(done[at]).toBeGreaterThan(0);
    const good = await written(state, "a", done.output_file);
    expect(good.map(({ custom_id }) => custom_id)).toEqual(
      Array.from({ length: 27 }, (_, n) => `line-${n}`).filter((id) => !/-[789]$/.test(id)),
    );
    expect(good[2]).toMatchObject({
      response: { status_code: 200, request_id: "req_2", body: { twice: 4 } },
      error: null,
    });
    const bad = await written(state, "a", done.error_file);
    expect(bad).toMatchObject([
      { custom_id: "line-7", response: null, error: { code: "server_error", message: "the request failed" } },
      { custom_id: "line-8", response: null, error: { message: "the server was too busy" } },
      { custom_id: "line-9", response: { status_code: 400 }, error: null },
    ]);
    expect(new Set([...good, ...bad].map((row) => (row as unknown as { id: string }).id)).size).toBe(27);
  });

  test.each([
    ["", "empty_file"],
    ["\n \n", "empty_file"],
    [`${line(0)}\nnot json`, "invalid_json_line"],
    ["[1]", "invalid_json_line"],
    [line(0, { custom_id: 7 }), "missing_required_parameter"],
    [line(0, { custom_id: "" }), "missing_required_parameter"],
    [line(0, { method: "GET" }), "invalid_method"],
    [line(0, { url: "/v1/embeddings" }), "mismatched_endpoint"],
    [line(0, { url: "http://127.0.0.1/v1/completions" }), "mismatched_endpoint"],
    [line(0, { body: [] }), "invalid_request"],
    [line(0, { body: { stream: true } }), "invalid_request"],
    [`${line(0)}\n${line(0)}`, "duplicate_custom_id"],
    [lines(31), "too_many_tasks"],
    [line(0, { body: { text: "x".repeat(20_000) } }), "file_too_large"],
  ])("an input that is not in order is not begun (%#)", async (text, code) => {
    const state = await databases.open();
    const batch = await batchOf(state, text);
    const answer = vi.fn(double);
    start(state, { answer, limits: { lines: 30, bytes: 10_000 } });
    const done = await until(state, batch, "failed");
    expect(JSON.parse(done.errors!)[0]).toMatchObject({ code, line: expect.any(Number), message: expect.any(String) });
    expect(answer).not.toHaveBeenCalled();
    for (const file of [done.output_file, done.error_file]) {
      expect((await failureOf(getFile(state, "a", file))).code).toBe("not_found");
    }
  });

  test("a batch without its input file fails, also when the file goes halfway", async () => {
    const state = await databases.open();
    const gone = await batchOf(state, lines(3));
    await deleteFile(state, "a", gone.input_file);
    const foreign = await createBatch(state, "b", {
      ...gone,
      inputFile: (await batchOf(state, lines(2))).input_file,
      completionWindow: "24h",
      seconds: 60,
      metadata: null,
    });
    start(state);
    for (const batch of [gone, foreign]) {
      const done = await until(state, batch, "failed");
      expect(JSON.parse(done.errors!)).toMatchObject([{ code: "input_file_not_found" }]);
    }
    const long = await batchOf(
      state,
      Array.from({ length: 40 }, (_, n) => line(n, { body: { n, x: "y".repeat(50_000) } })).join("\n"),
    );
    await workers.pop()!.stop();
    let seen = 0;
    start(state, {
      together: 1,
      async answer() {
        if (++seen === 1) await deleteFile(state, "a", long.input_file);
        return { status: 200, requestId: "r", body: {} };
      },
    });
    const done = await until(state, long, "failed");
    expect(JSON.parse(done.errors!)).toMatchObject([{ code: "input_file_not_found" }]);
    // What was answered can be read.
    expect(await written(state, "a", done.output_file)).toHaveLength(done.completed);
  });

  test("a cancelled batch ends with what it has, whether it was begun or not", async () => {
    const state = await databases.open();
    const waiting = await batchOf(state, lines(3));
    expect((await cancelBatch(state, "a", waiting.id)).status).toBe("cancelling");
    const batch = await batchOf(state, lines(50));
    let answered = 0;
    start(state, {
      together: 2,
      async answer(request, owner, signal) {
        if (++answered === 6) await cancelBatch(state, "a", batch.id);
        // One that goes on for ever unless it is broken off.
        if (answered > 8) await new Promise((_, reject) => signal.addEventListener("abort", reject));
        return double(request, owner, signal);
      },
    });
    expect(await until(state, waiting, "cancelled")).toMatchObject({ completed: 0 });
    const done = await until(state, batch, "cancelled");
    expect(done.completed).toBeGreaterThan(3);
    expect(done.completed).toBeLessThan(12);
    expect(await written(state, "a", done.output_file)).toHaveLength(done.completed);
    expect(done.cancelling_at).toBeLessThanOrEqual(done.cancelled_at!);
    const late = await failureOf(cancelBatch(state, "a", batch.id));
    expect(late).toMatchObject({ code: "bad_input", message: expect.stringMatching(/is cancelled/) });
  });

  test("what is not answered within the window is said line by line", async () => {
    const state = await databases.open();
    const batch = await batchOf(state, lines(9), { seconds: 1 });
    start(state, {
      together: 2,
      async answer(request, owner, signal) {
        if ((request.body.n as number) >= 4) await new Promise((_, reject) => signal.addEventListener("abort", reject));
        return double(request, owner, signal);
      },
    });
    const done = await until(state, batch, "expired");
    expect(done).toMatchObject({ total: 9, completed: 4, failed: 5 });
    const bad = await written(state, "a", done.error_file);
    expect(bad.map(({ error }) => error?.code)).toEqual(Array(5).fill("batch_expired"));
    // One that nobody took in time.
    for (const worker of workers.splice(0)) await worker.stop();
    const second = await batchOf(state, lines(2), { seconds: 0 });
    start(state);
    expect(await until(state, second, "expired")).toMatchObject({ failed: 2 });
  });

  test("a worker that is stopped hands its batch over, and nothing is answered twice", async () => {
    const state = await databases.open();
    const batch = await batchOf(state, lines(30));
    const counts = new Map<unknown, number>();
    const answer: WorkerOptions["answer"] = async (request, owner, signal) => {
      await sleep(3);
      if (signal.aborted) throw signal.reason;
      counts.set(request.body.n, (counts.get(request.body.n) ?? 0) + 1);
      return double(request, owner, signal);
    };
    for (let round = 0; ; round++) {
      const worker = start(state, { answer, together: 3, look: 60 });
      await sleep(40);
      await worker.stop();
      const now = await getBatch(state, "a", batch.id);
      if (now.status === "completed") {
        expect(round).toBeGreaterThan(0);
        break;
      }
      expect(now.lease_until).toBe(0);
    }
    expect(await written(state, "a", batch.output_file)).toHaveLength(30);
    expect([...counts.values()]).toEqual(Array(30).fill(1));
  });

  test("who has lost a batch writes nothing more", async () => {
    const state = await databases.open();
    const batch = await batchOf(state, lines(2));
    const first = (await claimBatch(state, "first", 1.5))!;
    expect(await claimBatch(state, "second", 30)).toBeUndefined();
    await sleep(1700);
    const second = (await claimBatch(state, "second", 30))!;
    expect(second.fence).toBe(first.fence + 1);
    const result = { line: 0, good: true, text: "{}" };
    expect(await recordLine(state, first, result)).toBeUndefined();
    expect(await renewClaim(state, first, 30)).toBeUndefined();
    expect(await endBatch(state, first, "completed", { files: [] })).toBe(false);
    expect(await recordLine(state, second, result)).toMatchObject({ completed: 1 });
    // The same line again is refused, and not counted.
    await expect(recordLine(state, second, result)).rejects.toThrow();
    expect(await getBatch(state, "a", batch.id)).toMatchObject({ completed: 1, worker: "second" });
  });

  test("of many who ask at once each gets another batch, and no owner waits behind a heap of another's", async () => {
    const state = await databases.open();
    for (let i = 0; i < 5; i++) await batchOf(state, lines(1), { owner: "many" });
    const one = await batchOf(state, lines(1), { owner: "one" });
    const first = await claimBatch(state, "w", 30);
    const second = await claimBatch(state, "w", 30);
    expect(first?.batch.owner).toBe("many");
    expect(second?.batch.id).toBe(one.id);
    const rest = await Promise.all(Array.from({ length: 8 }, (_, i) => claimBatch(state, `w${i}`, 30)));
    const ids = rest.flatMap((claim) => (claim ? [claim.batch.id] : []));
    expect(new Set(ids).size).toBe(ids.length);
    // Skipping what others have locked may leave one for the next look.
    for (let claim = await claimBatch(state, "w", 30); claim; claim = await claimBatch(state, "w", 30))
      ids.push(claim.batch.id);
    expect(ids).toHaveLength(4);
  });

  test("a batch that ends its process again and again is given up", async () => {
    const state = await databases.open();
    const batch = await batchOf(state, lines(1));
    for (let i = 0; i < 5; i++) {
      await claimBatch(state, "dies", 30);
      await state.db.updateTable("batch").set({ lease_until: 0 }).execute();
    }
    start(state);
    const done = await until(state, batch, "failed");
    expect(JSON.parse(done.errors!)).toMatchObject([{ code: "server_error" }]);
  });

  test("work is found when it comes, not at the next look", async () => {
    const environment = await databases.environment();
    const [state, other] = [await openState(environment), await openState(environment)];
    const worker = startBatchWorker(state, { answer: double, look: 600 });
    await sleep(300);
    const begun = performance.now();
    await until(other, await batchOf(other, lines(1)), "completed");
    expect(performance.now() - begun).toBeLessThan(3_000);
    if (databases.kind === "postgres") {
      // Also after the connection that listens was lost.
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'`.execute(other.db);
      await sleep(1_500);
      await until(other, await batchOf(other, lines(1)), "completed");
    }
    await worker.stop();
    await state.close();
    await other.close();
  });
});
