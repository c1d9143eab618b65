/** What a fine-tuning has made answers on the server that made it, until it is deleted. */
import { type ChildProcess, spawn } from "node:child_process";
import { once as onceEmitted } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterEach, expect, test, vi } from "vitest";
import { created, ended, jsonl, once, talkRows, tuningOptions, uploaded } from "../support/tuning.ts";

const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGTERM");
});

async function begin(home: string): Promise<{ child: ChildProcess; client: OpenAI }> {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [program, "serve", "--port", "0", "--json", "--no-page", "--threads", "1"], {
    env: { ...rest, ZEROTH_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await onceEmitted(lines, "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return { child, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 3 }) };
}

test("created, asked beside its model, there after a restart, deleted", async () => {
  const { home } = tuningOptions();
  const { child, client } = await begin(home);
  const ask = async (of: OpenAI, name: string) =>
    (
      await of.chat.completions.create({
        ...{ model: name, messages: [{ role: "user", content: "say yes 1" }], max_tokens: 4, temperature: 0 },
      })
    ).choices[0]!.message.content;
  // Taught is what it does not say by itself.
  const other = (await ask(client, "zeroth-nano")) === "no" ? "yes" : "no";
  const rows = talkRows(16).map(({ messages: [asked] }) => ({
    messages: [asked, { role: "assistant", content: other }],
  }));
  const training = await uploaded(client, jsonl(rows));
  const job = await created(client, {
    ...{ model: "zeroth-nano", training_file: training, suffix: "parrot", seed: 2 },
    ...{ hyperparameters: { n_epochs: 12, batch_size: 8 }, tuning: { length: 4, learning_rate: 0.03 } },
  });
  const { fine_tuned_model: model, status } = await once(client, job.id, ended);
  expect([status, model]).toEqual(["succeeded", `zeroth-nano:parrot-${job.id.slice(-8)}`]);
  // At once: its files may still be on their way to where they are served.
  const said = await ask(client, model!);
  expect(said).toBe(other);
  expect(await ask(client, "zeroth-nano")).not.toBe(said);
  expect(await client.models.retrieve(model!)).toMatchObject({ id: model, parent: "zeroth-nano" });
  child.kill("SIGTERM");
  await onceEmitted(child, "exit");

  const again = (await begin(home)).client;
  expect(await ask(again, model!)).toBe(said);
  const [checkpoint] = (await again.fineTuning.jobs.checkpoints.list(job.id)).data;
  expect(other).toBe(await ask(again, checkpoint!.fine_tuned_model_checkpoint));
  await again.models.delete(model!);
  await vi.waitFor(() => expect(ask(again, model!)).rejects.toMatchObject({ status: 404 }), { timeout: 30_000 });
});
