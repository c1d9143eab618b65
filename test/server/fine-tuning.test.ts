/** Fine-tuning with OpenAI's client: real trainings of tiny models, from their files to their adapters. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type OpenAI from "openai";
import { toFile } from "openai";
import { beforeAll, expect, test, vi } from "vitest";
import type { TuningOptions } from "../../src/server/jobs/tuning-worker-node.ts";
import type { Serving } from "../../src/server/serve-node.ts";
import type { State } from "../../src/state/schema/tables.ts";
import { openEncoder, openLanguageModel } from "../../src/text/open-node.ts";
import { onEachDatabase } from "../support/databases.ts";
import { clientOf, startStored } from "../support/stored-server.ts";
import {
  classRows,
  created,
  ended,
  eventsOf,
  jsonl,
  knowing,
  once,
  talkRows,
  tiny,
  tuningOptions,
  tuningPids,
  uploaded,
  weightsOf,
} from "../support/tuning.ts";

const quick = { seed: 3, tuning: { length: 3, init: "normal(0.3)", dropout: 0.1 } };
/** Long enough to do something to it on the way. */
const long = { n_epochs: 60, batch_size: 8 };

onEachDatabase((databases) => {
  let state: State;
  beforeAll(async () => {
    state = await databases.open();
  });
  const begin = async (): Promise<{ serving: Serving; client: OpenAI; tuning: TuningOptions }> => {
    const tuning = tuningOptions();
    const serving = await startStored(state, { engine: knowing(), tuning });
    return { serving, tuning, client: (await clientOf(state, serving)).client };
  };

  test("from a file of rows to an adapter that says what its evaluation found", async () => {
    const { serving, client, tuning } = await begin();
    const [training, validation] = [
      await uploaded(client, jsonl(classRows()), "Reviews.jsonl"),
      await uploaded(client, jsonl(classRows(8)), "held.jsonl"),
    ];
    const made = await created(client, {
      ...{ ...quick, model: "tiny", training_file: training, validation_file: validation, suffix: "My Reviews!" },
      method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 4, batch_size: 8 } } },
      metadata: { team: "a" },
    });
    expect(made).toMatchObject({
      ...{ object: "fine_tuning.job", status: "validating_files", fine_tuned_model: null, error: null, seed: 3 },
      ...{ finished_at: null, trained_tokens: null, training_file: training, validation_file: validation },
      ...{ result_files: [], metadata: { team: "a" }, hyperparameters: { n_epochs: 4, batch_size: 8 } },
    });
    const job = await once(client, made.id, ended);
    expect(job).toMatchObject({
      ...{ status: "succeeded", error: null, fine_tuned_model: `tiny:my-reviews-${made.id.slice(-8)}` },
      hyperparameters: { n_epochs: 4, batch_size: 8, learning_rate_multiplier: 1 },
      tuning: {
        method: "p-tuning-v2",
        task: "seq-cls",
        rows: 32,
        held_out: 8,
        labels: ["no", "yes"],
        step: 16,
        steps: 16,
      },
    });
    expect(job.trained_tokens).toBeGreaterThan(32 * 4);

    const events = await eventsOf(client, job.id);
    const messages = events.map(({ message }) => message);
    expect(messages[0]).toBe(`Created fine-tuning job: ${job.id}`);
    expect(messages[1]).toBe("Files validated, moving job to queued state");
    expect(messages[2]).toBe("Fine-tuning job started");
    expect(messages.at(-1)).toBe("The job has successfully completed");
    const steps = events.filter(({ message }) => /training loss/.test(message));
    expect(steps.map(({ data }) => (data as { step: number }).step)).toEqual(
      Array.from({ length: 16 }, (_, i) => i + 1),
    );
    expect(steps[0]).toMatchObject({ type: "metrics", data: { total_steps: 16, train_loss: expect.any(Number) } });
    const judged = events.filter(({ message }) => /validation accuracy/.test(message));
    expect(judged.map(({ data }) => (data as { step: number }).step)).toEqual([4, 8, 12, 16]);
    const samples = events.find(({ message }) => message.startsWith("Samples"))!;
    expect((samples.data as { samples: object[] }).samples).toHaveLength(3);
    expect(samples.data).toMatchObject({ samples: [{ input: expect.any(String), expected: "no" }, {}, {}] });

    const { data: checkpoints } = await client.fineTuning.jobs.checkpoints.list(job.id);
    expect(checkpoints.map(({ step_number }) => step_number)).toEqual([16, 12, 8]);
    expect(checkpoints[0]).toMatchObject({
      ...{ object: "fine_tuning.job.checkpoint", fine_tuning_job_id: job.id },
      fine_tuned_model_checkpoint: `${job.fine_tuned_model}-step-16`,
      metrics: { step: 16, train_loss: expect.any(Number), valid_accuracy: expect.any(Number) },
    });
    const csv = await (await client.files.content(job.result_files[0]!)).text();
    const lines = csv.trimEnd().split("\n");
    expect(lines[0]).toBe("step,train_loss,learning_rate,tokens,valid_accuracy,valid_macro_f1");
    expect(lines).toHaveLength(17);

    await weightsOf(tuning.home, job.fine_tuned_model!);
    const path = join(tuning.home, "adapters", job.fine_tuned_model!.slice("tiny:".length));
    await using opened = await openEncoder(tiny, { adapter: path, threads: 1 });
    expect(opened.encoder.labels).toEqual(["no", "yes"]);
    expect(opened.adapter?.warnings).toEqual([]);

    const listed = await client.fineTuning.jobs.list({ metadata: { team: "a" } });
    expect(listed.data.map(({ id }) => id)).toEqual([job.id]);
    expect((await client.fineTuning.jobs.list({ metadata: { team: "b" } })).data).toEqual([]);
    const stranger = (await clientOf(state, serving)).client;
    expect((await stranger.fineTuning.jobs.list()).data).toEqual([]);
    for (const work of [
      () => stranger.fineTuning.jobs.retrieve(job.id),
      () => stranger.fineTuning.jobs.cancel(job.id),
      () => stranger.fineTuning.jobs.pause(job.id),
      () => stranger.fineTuning.jobs.resume(job.id),
      () => stranger.fineTuning.jobs.listEvents(job.id),
      () => stranger.fineTuning.jobs.checkpoints.list(job.id),
      () => stranger.models.delete(job.fine_tuned_model!),
      () => stranger.fineTuning.jobs.create({ model: "tiny", training_file: training }),
    ]) {
      await expect(work()).rejects.toMatchObject({ status: 404 });
    }
    await expect(client.fineTuning.jobs.cancel(job.id)).rejects.toMatchObject({ status: 400 });
    await expect(client.models.delete("tiny")).rejects.toMatchObject({ status: 403 });
    expect(await client.models.delete(job.fine_tuned_model!)).toEqual({
      ...{ id: job.fine_tuned_model, object: "model", deleted: true },
    });
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), { timeout: 20_000 });
    expect(existsSync(`${path}-step-16`)).toBe(true);
  });

  test("paused, gone on with, and its process killed: the same numbers as of a job that nobody touched", async () => {
    const { client, tuning } = await begin();
    const training = await uploaded(client, jsonl(classRows()));
    const body = { ...quick, model: "tiny", training_file: training, validation_file: training, hyperparameters: long };
    const whole = await once(client, (await created(client, body)).id, ended);
    expect(whole.status).toBe("succeeded");
    const { id } = await created(client, body);
    await once(client, id, ({ status, tuning: { step } }) => status === "running" && step > 12);
    expect((await client.fineTuning.jobs.pause(id)).status).toBe("paused");
    // One at a time: the next one has its turn meanwhile.
    const other = await created(client, { ...body, hyperparameters: { n_epochs: 1, batch_size: 8 } });
    expect((await once(client, other.id, ended)).status).toBe("succeeded");
    const held = await once(client, id, ({ status }) => status === "paused");
    expect(held.tuning.step).toBeLessThan(240);
    await client.fineTuning.jobs.resume(id);
    await once(client, id, ({ status, tuning: { step } }) => status === "running" && step > held.tuning.step + 12);
    const [pid] = tuningPids(process.pid);
    process.kill(pid!, "SIGKILL");
    const job = await once(client, id, ended);
    expect(job).toMatchObject({ status: "succeeded", trained_tokens: whole.trained_tokens });
    const mine = await weightsOf(tuning.home, job.fine_tuned_model!);
    expect(mine.equals(await weightsOf(tuning.home, whole.fine_tuned_model!))).toBe(true);
    const csv = async (one: typeof job) => (await client.files.content(one.result_files[0]!)).text();
    expect(await csv(job)).toBe(await csv(whole));
    const messages = (await eventsOf(client, id)).map(({ message }) => message);
    expect(messages.filter((text) => /^The job goes on from step \d+$/.test(text))).toHaveLength(2);
    expect(messages.filter((text) => /ended by SIGKILL; it goes on from its last checkpoint/.test(text))).toHaveLength(
      1,
    );
    const steps = messages.filter((text) => /training loss/.test(text));
    expect(new Set(steps).size).toBe(steps.length);
  });

  test("cancelled on the way: its process ends, and its checkpoints stay", async () => {
    const { client } = await begin();
    const training = await uploaded(client, jsonl(classRows()));
    const body = { ...quick, model: "tiny", training_file: training, hyperparameters: long };
    const { id } = await created(client, body);
    const waiting = await created(client, body);
    await vi.waitFor(
      async () => expect((await client.fineTuning.jobs.checkpoints.list(id)).data.length).toBeGreaterThan(0),
      { timeout: 100_000 },
    );
    expect((await client.fineTuning.jobs.cancel(waiting.id)).status).toBe("cancelled");
    const job = await client.fineTuning.jobs.cancel(id);
    expect(job).toMatchObject({ status: "cancelled", fine_tuned_model: null, finished_at: expect.any(Number) });
    await vi.waitFor(() => expect(tuningPids(process.pid)).toEqual([]), { timeout: 10_000 });
    expect((await client.fineTuning.jobs.checkpoints.list(id)).data.length).toBeGreaterThan(0);
    await expect(client.fineTuning.jobs.resume(id)).rejects.toMatchObject({ status: 400 });
    expect(
      (await state.db.selectFrom("tuning").select("run_file").where("id", "=", id).execute())[0]!.run_file,
    ).toBeNull();
  });
});

onEachDatabase((databases) => {
  test.runIf(databases.kind === "sqlite")(
    "what cannot be begun is refused by its field, and bad rows fail the job",
    async () => {
      const state = await databases.open();
      const serving = await startStored(state, { engine: knowing(), tuning: tuningOptions() });
      const { client } = await clientOf(state, serving);
      const training = await uploaded(client, jsonl([...classRows(), { text: "", label: "no" }]), "Mine.jsonl");
      const batch = await client.files.create({ file: await toFile(Buffer.from("{}"), "b"), purpose: "batch" });
      const empty = await client.files.create({ file: await toFile(Buffer.from(""), "e"), purpose: "fine-tune" });
      const refused: readonly [object, number, string][] = [
        [{ model: "tinny" }, 404, "model"],
        [{ training_file: "file-none" }, 404, "training_file"],
        [{ training_file: batch.id }, 400, "training_file"],
        [{ training_file: empty.id }, 400, "training_file"],
        [{ validation_file: batch.id }, 400, "validation_file"],
        [{ integrations: [{ type: "wandb", wandb: { project: "p" } }] }, 400, "integrations"],
        [{ method: { type: "dpo" } }, 400, "method.type"],
        [{ method: { type: "other" } }, 400, "method.type"],
        [{ hyperparameters: { n_epochs: 0 } }, 400, "hyperparameters.n_epochs"],
        [{ hyperparameters: { batch_size: 1.5 } }, 400, "hyperparameters.batch_size"],
        [
          { method: { type: "supervised", supervised: { hyperparameters: { learning_rate_multiplier: 0 } } } },
          400,
          "method.supervised.hyperparameters.learning_rate_multiplier",
        ],
        [{ suffix: "x".repeat(65) }, 400, "suffix"],
        [{ seed: -1 }, 400, "seed"],
        [{ metadata: { a: 1 } }, 400, "metadata.a"],
        [{ tuning: { method: "full" } }, 400, "tuning.method"],
        [{ tuning: { no_such: 1 } }, 400, "tuning"],
      ];
      for (const [fields, status, param] of refused) {
        const body = { model: "tiny", training_file: training, ...fields };
        await expect(created(client, body), JSON.stringify(fields)).rejects.toMatchObject({ status, param });
      }
      await created(client, { model: "tiny", training_file: training, integrations: [] });
      const job = await created(client, { model: "tiny", training_file: training, tuning: { length: 3 } });
      expect(await once(client, job.id, ended)).toMatchObject({
        ...{ status: "failed", fine_tuned_model: null, finished_at: expect.any(Number), trained_tokens: null },
        error: {
          code: "invalid_training_file",
          param: "training_file",
          row: 33,
          message: 'Mine.jsonl: row 33: "text" is empty',
        },
      });
      const events = await eventsOf(client, job.id);
      expect(events.at(-1)).toMatchObject({ level: "error", message: 'Mine.jsonl: row 33: "text" is empty' });
      const good = await uploaded(client, jsonl(classRows()));
      const gone = await created(client, { model: "tiny", training_file: good, tuning: { length: 3 } });
      await client.fineTuning.jobs.pause(gone.id);
      await client.files.delete(good);
      await client.fineTuning.jobs.resume(gone.id);
      expect(await once(client, gone.id, ended)).toMatchObject({
        ...{ status: "failed", error: { code: "file_not_found", param: "training_file" } },
      });
    },
  );

  test.runIf(databases.kind === "sqlite")(
    "conversations teach a model that writes, and events come as a stream",
    async () => {
      const state = await databases.open();
      const tuning = tuningOptions();
      const serving = await startStored(state, { engine: knowing(), tuning });
      const { client, key } = await clientOf(state, serving);
      const training = await uploaded(client, jsonl(talkRows()));
      const job = await created(client, {
        ...{ model: "zeroth-nano", training_file: training, seed: 1 },
        ...{ hyperparameters: { n_epochs: 2, batch_size: 8 }, tuning: { method: "lora", rank: 2 } },
      });
      const answer = await fetch(`${serving.url}/v1/fine_tuning/jobs/${job.id}/events?stream=true`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(answer.headers.get("content-type")).toContain("text/event-stream");
      const told = (await answer.text()).split("\n\n").filter((line) => line.startsWith("data: "));
      expect(told.at(-1)).toBe("data: [DONE]");
      const events = told.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as { message: string });
      expect(events.map(({ message }) => message)).toEqual(
        (await eventsOf(client, job.id)).map(({ message }) => message),
      );
      const done = await once(client, job.id, ended);
      expect(done.status).toBe("succeeded");
      await weightsOf(tuning.home, done.fine_tuned_model!);
      const adapter = join(tuning.home, "adapters", done.fine_tuned_model!.slice("zeroth-nano:".length));
      await using opened = await openLanguageModel("zeroth-nano", { adapter, threads: 1 });
      expect((await opened.text.score("say yes 1", ["yes", "no"])).scores.every(Number.isFinite)).toBe(true);
    },
  );
});
