/** Servers that share a database and are killed while they fine-tune. */
import { type ChildProcess, spawn } from "node:child_process";
import { once as onceEmitted } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterEach, expect, test, vi } from "vitest";
import { onEachDatabase } from "../support/databases.ts";
import {
  classRows,
  created,
  ended,
  eventsOf,
  jsonl,
  once,
  tiny,
  tuningOptions,
  tuningPids,
  uploaded,
  weightsOf,
} from "../support/tuning.ts";

const script = fileURLToPath(new URL("../support/tuning-server.js", import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function begin(environment: Readonly<Record<string, string>>, name: string) {
  const { home } = tuningOptions();
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [script, home, tiny, name], {
    env: { ...rest, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const [url] = (await onceEmitted(createInterface({ input: child.stdout! }), "line")) as [string];
  return { child, home, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 4 }) };
}

onEachDatabase((databases) => {
  test("a job outlives its server: another goes on from the checkpoint, to the same numbers, and all serve them", async () => {
    const environment = await databases.environment();
    const first = await begin(environment, "first");
    const training = await uploaded(first.client, jsonl(classRows()));
    const body = {
      ...{ model: "tiny", training_file: training, validation_file: training, seed: 5 },
      ...{ hyperparameters: { n_epochs: 60, batch_size: 8 }, tuning: { length: 3, init: "normal(0.3)", dropout: 0.1 } },
    };
    const whole = await once(first.client, (await created(first.client, body)).id, ended);
    expect(whole.status).toBe("succeeded");

    const { id } = await created(first.client, body);
    await once(first.client, id, ({ status, tuning: { step } }) => status === "running" && step > 12);
    const [orphan] = tuningPids(first.child.pid!);
    first.child.kill("SIGKILL");
    // What it had begun does not go on without it.
    await vi.waitFor(() => expect(alive(orphan!)).toBe(false), { timeout: 20_000 });
    const second = await begin(environment, "second");
    await once(second.client, id, ({ status, tuning: { step } }) => status === "running" && step > 40);
    second.child.kill("SIGKILL");
    const third = await begin(environment, "third");
    const job = await once(third.client, id, ended);
    expect(job).toMatchObject({ status: "succeeded", trained_tokens: whole.trained_tokens });
    // The third server has trained one of the two, and serves both.
    const mine = await weightsOf(third.home, job.fine_tuned_model!);
    expect(mine.equals(await weightsOf(third.home, whole.fine_tuned_model!))).toBe(true);
    const messages = (await eventsOf(third.client, id)).map(({ message }) => message);
    expect(messages.filter((text) => /^The job goes on from step \d+$/.test(text)).length).toBeGreaterThanOrEqual(1);
    const csv = async (one: typeof job) => (await third.client.files.content(one.result_files[0]!)).text();
    expect(await csv(job)).toBe(await csv(whole));
  });
});
