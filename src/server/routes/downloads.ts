/** Downloading models, and what takes long on this server: downloads, and the batches of who asks. */
import { z } from "@hono/zod-openapi";
import { ZerothError } from "../../errors.ts";
import { type Batch, cancelBatch, getBatch, listBatches } from "../../state/batches/batches.ts";
import type { State } from "../../state/schema/tables.ts";
import { invalid, messageOf, refuse } from "../errors.ts";
import type { Download, Downloads } from "../jobs/downloads.ts";
import type { Hub } from "../jobs/hub.ts";
import { type Routes, route } from "../route.ts";
import { streamed } from "../sse.ts";
import { ofState } from "../stored/errors.ts";

const outlook = z.enum(["data", "may_hold_code", "code"]);

const planSchema = z.object({
  /** The name as it was asked for. */
  model: z.string(),
  repo: z.string(),
  commit: z.string(),
  bytes: z.number(),
  /** Bytes that are not on this machine yet. */
  missing: z.number(),
  /** Bytes that the disk can still take; null where the system does not say. */
  free: z.number().nullable(),
  fits: z.boolean(),
  /** By the names of the files; every byte is looked at once it is here. */
  outlook,
  files: z.array(z.object({ file: z.string(), bytes: z.number(), here: z.boolean(), kind: z.string(), outlook })),
});

const jobSchema = z.object({
  id: z.string(),
  object: z.literal("job"),
  kind: z.enum(["download", "batch"]),
  /** The model of a download; what a batch asks. */
  title: z.string(),
  state: z.enum(["waiting", "running", "done", "failed", "stopped"]),
  /** Unix milliseconds. */
  started: z.number(),
  ended: z.number().nullable(),
  progress: z.object({ done: z.number(), total: z.number(), unit: z.enum(["bytes", "rows"]) }).nullable(),
  /** Bytes a second. */
  rate: z.number().nullable(),
  seconds_left: z.number().nullable(),
  files: z.array(z.object({ file: z.string(), bytes: z.number(), done: z.number() })),
  /** What a look at every byte found, once all are here. */
  scan: z
    .object({
      verdict: z.enum(["safe", "unsafe", "unknown"]),
      findings: z.array(z.object({ file: z.string(), verdict: z.string(), why: z.string() })),
    })
    .nullable(),
  error: z.object({ message: z.string(), code: z.string().nullable() }).nullable(),
});

type Job = z.infer<typeof jobSchema>;

function ofDownload({ id, model, state, started, ended, progress, scan, error }: Download): Job {
  return {
    ...{ id, object: "job", kind: "download", title: model, state, started, ended: ended ?? null },
    progress: progress ? { done: progress.done, total: progress.total, unit: "bytes" } : null,
    rate: progress?.rate ?? null,
    seconds_left: progress?.secondsLeft ?? null,
    files: progress ? [...progress.files] : [],
    scan: scan ? { verdict: scan.verdict, findings: [...scan.findings] } : null,
    error: error ? { message: error.message, code: error.code } : null,
  };
}

const batchStates: Readonly<Record<Batch["status"], Job["state"]>> = {
  validating: "waiting",
  in_progress: "running",
  finalizing: "running",
  cancelling: "running",
  completed: "done",
  failed: "failed",
  expired: "failed",
  cancelled: "stopped",
};

const milliseconds = (seconds: number | null): number | null => (seconds === null ? null : Math.floor(seconds * 1000));

function ofBatch(batch: Batch): Job {
  const { id, endpoint, status, created_at, total, completed, failed } = batch;
  const ended = batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at;
  return {
    ...{ id, object: "job", kind: "batch", title: endpoint, state: batchStates[status] },
    started: milliseconds(created_at)!,
    ended: milliseconds(ended),
    progress: total > 0 ? { done: completed + failed, total, unit: "rows" } : null,
    ...{ rate: null, seconds_left: null, files: [], scan: null },
    error: status === "failed" || status === "expired" ? { message: `the batch has ${status}`, code: status } : null,
  };
}

const name = z.string().min(1).max(500);

/** What the hub says, with the request's field where the name itself is wrong. */
async function named<T>(field: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ZerothError && error.code === "bad_input") invalid(field, messageOf(error), "invalid_value");
    throw error;
  }
}

const downloading = (hub: Hub, downloads: Downloads) => [
  route({
    method: "get",
    path: "/api/models/plan",
    summary: "What downloading a model would take: files, bytes, free disk, kinds of files",
    query: z.object({ name }),
    answer: planSchema,
    admin: true,
    async handle({ query, signal }) {
      const plan = await named("name", () => hub.plan(query.name, signal));
      const { id, free, files, ...rest } = plan;
      const fits = free === undefined || plan.missing <= free;
      return { model: id, ...rest, free: free ?? null, fits, files: [...files] } satisfies z.infer<typeof planSchema>;
    },
  }),
  route({
    method: "post",
    path: "/api/models/download",
    summary: "Begin to download a model: a job, which goes on when nobody watches",
    body: z.object({ model: name }),
    answer: z.object({ job: jobSchema }),
    admin: true,
    async handle({ body, asked }) {
      asked.model = body.model;
      return { job: ofDownload(downloads.begin(body.model)) };
    },
  }),
];

/** Batches that are shown beside downloads. */
const mostBatches = 20;

async function batchesOf(state: State | undefined, owner: string): Promise<Job[]> {
  if (state === undefined) return [];
  const { data } = await ofState(listBatches(state, owner, { limit: mostBatches }), "after");
  return data.map(ofBatch);
}

const unknown = (id: string) => refuse(404, `there is no job ${JSON.stringify(id.slice(0, 64))}`, { param: "id" });

export const downloadRoutes: Routes = (server) => {
  const { hub, state, downloads } = server;
  const jobOf = async (id: string, owner: string): Promise<Job> => {
    const download = downloads?.get(id);
    if (download) return ofDownload(download);
    if (state === undefined || !id.startsWith("batch_")) return unknown(id);
    return ofBatch(await ofState(getBatch(state, owner, id), "id"));
  };
  return [
    ...(hub && downloads ? downloading(hub, downloads) : []),
    route({
      method: "get",
      path: "/api/jobs",
      summary: "Downloads, and the batches of this key",
      answer: z.object({ jobs: z.array(jobSchema) }),
      admin: true,
      async handle({ asked }) {
        const batches = await batchesOf(state, asked.owner.owner);
        const jobs = [...(downloads?.list() ?? []).map(ofDownload), ...batches];
        return { jobs: jobs.sort((a, b) => b.started - a.started) };
      },
    }),
    route({
      method: "get",
      path: "/api/jobs/{id}",
      summary: "One job",
      answer: z.object({ job: jobSchema }),
      admin: true,
      handle: async ({ params: { id = "" }, asked }) => ({ job: await jobOf(id, asked.owner.owner) }),
    }),
    route({
      method: "get",
      path: "/api/jobs/{id}/events",
      summary: "A download's progress as events, each the whole job, until it has ended",
      content: "text/event-stream",
      admin: true,
      async handle({ params: { id = "" }, asked, signal }) {
        if (!downloads?.get(id)) return unknown(id);
        const events = async function* () {
          for await (const job of downloads.follow(id, signal)) yield { data: ofDownload(job) };
          yield { data: "[DONE]" };
        };
        return streamed(asked, server, events());
      },
    }),
    route({
      method: "post",
      path: "/api/jobs/{id}/stop",
      summary: "Stop a job; what has come of it is kept",
      answer: z.object({ job: jobSchema }),
      admin: true,
      async handle({ params: { id = "" }, asked }) {
        const { owner } = asked.owner;
        const { kind } = await jobOf(id, owner);
        if (kind === "download") await downloads?.stop(id);
        else await ofState(cancelBatch(state!, owner, id), "id");
        return { job: await jobOf(id, owner) };
      },
    }),
  ];
};
