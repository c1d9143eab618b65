/** Servers that fine-tune tiny models, and what their jobs need. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type OpenAI from "openai";
import { toFile } from "openai";
import { afterAll, expect, vi } from "vitest";
import type { Engine } from "../../src/host/engine.ts";
import { openLibrary } from "../../src/host/library-node.ts";
import type { TuningOptions } from "../../src/server/jobs/tuning-worker-node.ts";
import { fakeEngine, fakeModels } from "./fake-engine.ts";
import { fixtures } from "./fixtures.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = pathToFileURL(join(root, "dist/node/tuning-process-node.js"));
/** A tiny BERT without a head. */
export const tiny = join(fixtures, "readers/mean");

mkdirSync(join(root, "test/.tmp"), { recursive: true });
const homes: string[] = [];
afterAll(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

/** An engine that answers nothing of its own, and knows the models that are tuned. */
export const knowing = (): Engine => {
  const [first] = fakeModels;
  const engine = fakeEngine();
  return { ...engine, list: async () => [...fakeModels, ...["tiny", "zeroth-nano"].map((id) => ({ ...first!, id }))] };
};

/** How a server of the tests fine-tunes, in a folder of its own. */
export function tuningOptions(more: Partial<TuningOptions> = {}): TuningOptions {
  const home = mkdtempSync(join(root, "test/.tmp/tuning-"));
  homes.push(home);
  const { pathOf } = openLibrary({ folders: { tiny } });
  return { ...{ home, pathOf, script, threads: 1, look: 0.5 }, ...more };
}

const warm = ["the bread was warm", "snow is white", "ada lives near the river", "the old mill rose again"];
const cold = ["the house burnt down", "salt, not bread", "when the mill was cold", "the river was not white"];

/** Rows of two classes. */
export const classRows = (count = 32) =>
  Array.from({ length: count }, (_, i) => ({
    text: `${(i % 2 ? warm : cold)[(i >> 1) % 4]} ${i % 5}`,
    label: i % 2 ? "yes" : "no",
  }));

/** Conversations of one answer. */
export const talkRows = (count = 24) =>
  Array.from({ length: count }, (_, i) => ({
    messages: [
      { role: "user", content: `say ${i % 2 ? "yes" : "no"} ${i % 5}` },
      { role: "assistant", content: i % 2 ? "yes" : "no" },
    ],
  }));

export const jsonl = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join("\n");

/** A file of rows for fine-tuning. */
export const uploaded = async (client: OpenAI, text: string, name = "rows.jsonl"): Promise<string> =>
  (await client.files.create({ file: await toFile(Buffer.from(text), name), purpose: "fine-tune" })).id;

/** Fields of ours beside OpenAI's. */
export type CreateJob = OpenAI.FineTuning.JobCreateParams & { readonly tuning?: object };
export type Job = Omit<OpenAI.FineTuning.FineTuningJob, "status"> & {
  readonly status: OpenAI.FineTuning.FineTuningJob["status"] | "paused";
  readonly tuning: { readonly step: number; readonly steps: number };
};

export const created = async (client: OpenAI, body: CreateJob): Promise<Job> =>
  (await client.fineTuning.jobs.create(body)) as Job;

/** The job, once it is so. */
export const once = (client: OpenAI, id: string, so: (job: Job) => boolean): Promise<Job> =>
  vi.waitFor(
    async () => {
      const job = (await client.fineTuning.jobs.retrieve(id)) as Job;
      if (job.error && so !== ended) throw new Error(JSON.stringify(job.error));
      expect(so(job), `${job.status} at step ${job.tuning.step}`).toBe(true);
      return job;
    },
    { timeout: 200_000, interval: 25 },
  );

const over: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);
export const ended = ({ status }: Job): boolean => over.has(status);

/** Events of a job, the first one first. */
export async function eventsOf(client: OpenAI, id: string): Promise<OpenAI.FineTuning.FineTuningJobEvent[]> {
  const events: OpenAI.FineTuning.FineTuningJobEvent[] = [];
  for await (const event of client.fineTuning.jobs.listEvents(id, { limit: 100 })) events.push(event);
  return events.reverse();
}

/** The numbers of the adapter that a job has made, once it is there. */
export const weightsOf = (home: string, model: string): Promise<Buffer> =>
  vi.waitFor(
    () => {
      const folder = join(home, "adapters", model.slice(model.indexOf(":") + 1));
      const name = readdirSync(folder).find((file) => file.endsWith(".safetensors"))!;
      return readFileSync(join(folder, name));
    },
    { timeout: 60_000, interval: 50 },
  );

/** Processes that tune for the process `parent`. */
export const tuningPids = (parent: number): number[] =>
  execFileSync("ps", ["-e", "-o", "pid=,ppid=,args="])
    .toString()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found?.[2] === String(parent) && found[3]!.includes("tuning-process-node"))
    .map((found) => Number(found![1]));
