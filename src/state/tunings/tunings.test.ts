/** Jobs of fine-tuning in the database: whose they are, who works on them, and what remains of them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onEachDatabase } from "../../../test/support/databases.ts";
import { failureOf } from "../../../test/support/failure.ts";
import { createFile, listFiles } from "../files-node.ts";
import { restoreFolder, storeFolder } from "../folders-node.ts";
import type { State } from "../schema/tables.ts";
import {
  adapterModel,
  allAdapters,
  deleteAdapter,
  finishTuning,
  listCheckpoints,
  recordCheckpoint,
} from "./adapters.ts";
import { listEvents } from "./events.ts";
import {
  acceptTuning,
  cancelTuning,
  claimTuning,
  createTuning,
  failTuning,
  getTuning,
  listTunings,
  modelsAwaited,
  type NewTuning,
  pauseTuning,
  releaseTuning,
  renewTuning,
  resumeTuning,
  tellTuning,
} from "./tunings.ts";

const folder = mkdtempSync(join(tmpdir(), "tunings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const job = (more: Partial<NewTuning> = {}): NewTuning => ({
  ...{ model: "nano", called: "ft", trainingFile: "file-1", validationFile: null, asked: {}, metadata: null, seed: 1 },
  ...more,
});

onEachDatabase((databases) => {
  let state: State;
  let count = 0;
  beforeAll(async () => {
    state = await databases.open();
  });
  const hidden = async (text: string): Promise<string> => {
    const from = join(folder, `${databases.kind}-${count++}`);
    mkdirSync(from);
    writeFileSync(join(from, "a"), text);
    return storeFolder(state, "me", { filename: "f", purpose: "adapter" }, from);
  };
  const filesOf = async () => (await state.db.selectFrom("file").select("id").execute()).map(({ id }) => id);

  test("a job goes from its files to its steps, is held, goes on and ends with its adapter", async () => {
    const made = await createTuning(state, "me", job({ called: "reviews" }));
    expect(made).toMatchObject({ status: "validating_files", step: 0 });
    expect(made.name).toBe(`reviews-${made.id.slice(-8)}`);
    expect(await modelsAwaited(state, "files")).toEqual(["nano"]);
    expect(await claimTuning(state, "steps", "w", 10, ["nano"])).toBeUndefined();
    expect(await claimTuning(state, "files", "w", 10, ["other"])).toBeUndefined();
    const looks = (await claimTuning(state, "files", "w", 10, ["nano"]))!;
    expect(await claimTuning(state, "files", "v", 10, ["nano"])).toBeUndefined();
    await acceptTuning(state, looks, { chosen: { batch: 4 }, steps: 20 });
    expect(await getTuning(state, "me", made.id)).toMatchObject({ status: "queued", steps: 20, chosen: '{"batch":4}' });

    const first = (await claimTuning(state, "steps", "w", 10, ["nano"]))!;
    await tellTuning(state, first, { message: "step 1", once: "step-1" }, { step: 1, left: 60 });
    await tellTuning(state, first, { message: "step 1 again", once: "step-1" });
    expect(await getTuning(state, "me", made.id)).toMatchObject({ status: "running", step: 1, steps: 20 });
    expect((await pauseTuning(state, "me", made.id)).status).toBe("paused");
    expect((await pauseTuning(state, "me", made.id)).status).toBe("paused");
    // Whoever works on it still saves, and lets go.
    expect((await renewTuning(state, first, 10))?.status).toBe("paused");
    const run = await hidden("run");
    expect(await recordCheckpoint(state, first, { step: 2, metrics: {}, run })).toBe(true);
    await releaseTuning(state, first, { again: true });
    expect(await getTuning(state, "me", made.id)).toMatchObject({ status: "paused", run_file: run });
    expect(await claimTuning(state, "steps", "w", 10, ["nano"])).toBeUndefined();
    expect((await resumeTuning(state, "me", made.id)).status).toBe("queued");

    const second = (await claimTuning(state, "steps", "w", 10, ["nano"]))!;
    // An older claim writes nothing any more.
    expect(await renewTuning(state, first, 10)).toBeUndefined();
    expect(await recordCheckpoint(state, first, { step: 3, metrics: {}, run: await hidden("late") })).toBe(false);
    const result = await createFile(state, "me", { filename: "m.csv", purpose: "fine-tune-results", most: 100 }, [
      Buffer.from("step\n"),
    ]);
    const adapter = await hidden("adapter");
    const end = { adapter, result: result.id, trainedTokens: 99, steps: 20, data: {} };
    expect(await finishTuning(state, second, end)).toBe(true);
    expect(await finishTuning(state, second, end)).toBe(false);
    const done = await getTuning(state, "me", made.id);
    expect(done).toMatchObject({ status: "succeeded", trained_tokens: 99, result_file: result.id, run_file: null });
    expect(await filesOf()).not.toContain(run);
    const told = (await listEvents(state, made.id, { limit: 50, order: "asc" })).data.map(({ message }) => message);
    expect(told).toEqual([
      `Created fine-tuning job: ${made.id}`,
      "Files validated, moving job to queued state",
      "step 1",
      "The job is paused",
      "The job goes on",
      `New fine-tuned model created: nano:${made.name}`,
      "The job has successfully completed",
    ]);
    for (const change of [cancelTuning, pauseTuning, resumeTuning]) {
      expect(await failureOf(change(state, "me", made.id))).toMatchObject({ code: "bad_input" });
    }

    const id = `nano:${made.name}`;
    expect((await allAdapters(state)).map(adapterModel)).toContain(id);
    expect((await failureOf(deleteAdapter(state, "you", id))).code).toBe("not_found");
    await deleteAdapter(state, "me", id);
    expect((await allAdapters(state)).map(adapterModel)).not.toContain(id);
    expect(await filesOf()).not.toContain(adapter);
    // What is the server's own is in no list.
    expect((await listFiles(state, "me", { limit: 9 })).data.map(({ id: file }) => file)).toEqual([result.id]);
  });

  test("what is another owner's is not there", async () => {
    const { id } = await createTuning(state, "me", job());
    for (const work of [getTuning, cancelTuning, pauseTuning, resumeTuning]) {
      expect((await failureOf(work(state, "you", id))).code).toBe("not_found");
    }
    expect((await listTunings(state, "you", { limit: 9 })).data).toEqual([]);
    expect((await failureOf(listTunings(state, "you", { limit: 9, after: id }))).code).toBe("not_found");
    await cancelTuning(state, "me", id);
  });

  test("lists by metadata, letter for letter", async () => {
    const owner = `lists-${databases.kind}`;
    const add = async (metadata: Record<string, string> | null) =>
      (await createTuning(state, owner, job({ model: "m", metadata }))).id;
    const [plain, a, upper, tricky] = [
      await add(null),
      await add({ team: "a", more: "1" }),
      await add({ team: "A" }),
      await add({ other: '"team":"a"', "%": "_" }),
    ];
    const found = async (metadata: Record<string, string> | null | undefined) =>
      (await listTunings(state, owner, { limit: 9, order: "asc", metadata })).data.map(({ id }) => id);
    expect(await found(undefined)).toEqual([plain, a, upper, tricky]);
    expect(await found(null)).toEqual([plain]);
    expect(await found({ team: "a" })).toEqual([a]);
    expect(await found({ team: "a", more: "1" })).toEqual([a]);
    expect(await found({ team: "a", more: "2" })).toEqual([]);
    expect(await found({ "%": "_" })).toEqual([tricky]);
    expect(await found({ "'; drop table tuning": "x" })).toEqual([]);
  });

  test("a lease that ends gives the job to another; what was released waits as long as it says", async () => {
    const { id } = await createTuning(state, "me", job({ model: "leased" }));
    const models = ["leased"];
    await acceptTuning(state, (await claimTuning(state, "files", "w", 10, models))!, { chosen: {}, steps: 9 });
    const dead = (await claimTuning(state, "steps", "dead", -1, models))!;
    const next = (await claimTuning(state, "steps", "next", 10, models))!;
    expect(next.job).toMatchObject({ id, fence: dead.fence + 1, attempts: 2 });
    expect(await renewTuning(state, dead, 10)).toBeUndefined();
    await releaseTuning(state, next, { again: false, wait: 100 });
    expect(await claimTuning(state, "steps", "w", 10, models)).toBeUndefined();
    expect(await getTuning(state, "me", id)).toMatchObject({ status: "queued", attempts: 2 });
    await cancelTuning(state, "me", id);
    await failTuning(state, next, { code: "x", message: "m", param: null });
    expect(await getTuning(state, "me", id)).toMatchObject({ status: "cancelled", error: null });
  });

  test("of many who ask at once each gets another job", async () => {
    const models = ["many"];
    for (let i = 0; i < 8; i++) await createTuning(state, `owner-${i % 2}`, job({ model: "many" }));
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, i) => claimTuning(state, "files", `w${i}`, 60, models)),
    );
    const ids = claims.flatMap((claim) => (claim ? [claim.job.id] : []));
    expect(new Set(ids).size).toBe(ids.length);
    // One that another took meanwhile is passed over, and found at the next look.
    expect(ids.length).toBeGreaterThanOrEqual(1);
  });

  test("the last three checkpoints stay, and go with their files", async () => {
    const models = ["steps"];
    const { id, name } = await createTuning(state, "me", job({ model: "steps" }));
    await acceptTuning(state, (await claimTuning(state, "files", "w", 10, models))!, { chosen: {}, steps: 50 });
    const claim = (await claimTuning(state, "steps", "w", 60, models))!;
    const runs: string[] = [];
    const adapters: string[] = [];
    // A step that is done again takes the place of the one before.
    for (const step of [10, 20, 30, 40, 40]) {
      runs.push(await hidden(`run ${step}`));
      adapters.push(await hidden(`adapter ${step}`));
      const metrics = { step, train_loss: 1 / step };
      await recordCheckpoint(state, claim, { step, metrics, run: runs.at(-1)!, adapter: adapters.at(-1)! });
    }
    const { data, more } = await listCheckpoints(state, id, { limit: 2 });
    expect(data.map((row) => [row.step, row.name])).toEqual([
      [40, `${name}-step-40`],
      [30, `${name}-step-30`],
    ]);
    expect(more).toBe(true);
    const files = await filesOf();
    expect([...runs, ...adapters].filter((file) => files.includes(file))).toEqual([
      runs[4],
      adapters[1],
      adapters[2],
      adapters[4],
    ]);
    await cancelTuning(state, "me", id);
    expect(await filesOf()).not.toContain(runs[4]);
  });

  test("a folder comes back as it was, of any sizes, and nothing else is written", async () => {
    const [from, to] = [join(folder, `from-${databases.kind}`), join(folder, `to-${databases.kind}`)];
    const sizes = { empty: 0, one: 1, "inner/some.bin": 70_000, "inner/more": 3 * 65_536 };
    mkdirSync(join(from, "inner"), { recursive: true });
    for (const [name, size] of Object.entries(sizes)) {
      writeFileSync(join(from, name), Buffer.alloc(size, `${name}\n`));
    }
    const id = await storeFolder(state, "me", { filename: "f", purpose: "adapter" }, from);
    mkdirSync(to);
    writeFileSync(join(to, "stale"), "");
    await restoreFolder(state, id, to);
    for (const [name, size] of Object.entries(sizes)) {
      const bytes = readFileSync(join(to, name));
      expect(bytes.length).toBe(size);
      expect(bytes.equals(readFileSync(join(from, name)))).toBe(true);
    }
    expect(readdirSync(to).sort()).toEqual(["empty", "inner", "one"]);
    const bad = [
      "",
      "{}\n",
      "[null]\n",
      '[{"name":"../out","bytes":1}]\nx',
      '[{"name":"/out","bytes":1}]\nx',
      '[{"name":"..","bytes":1}]\nx',
      '[{"name":"a/..","bytes":1}]\nx',
      '[{"name":"a","bytes":-1}]\n',
      '[{"name":"a","bytes":5}]\nxy',
      "x".repeat(100_000),
    ];
    for (const text of bad) {
      const { id: broken } = await createFile(state, "me", { filename: "f", purpose: "p", most: 1 << 20 }, [
        Buffer.from(text),
      ]);
      const target = join(folder, `bad-${databases.kind}`);
      expect(["corrupt_file", "not_found"]).toContain((await failureOf(restoreFolder(state, broken, target))).code);
      expect(readdirSync(folder).filter((name) => name.startsWith(`bad-${databases.kind}`))).toEqual([]);
    }
    expect(readdirSync(folder)).not.toContain("out");
  });
});
