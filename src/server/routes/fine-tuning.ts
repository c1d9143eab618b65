/** `/v1/fine_tuning/jobs`: adapters learnt from files of rows. */
import { z } from "@hono/zod-openapi";
import type { Engine } from "../../host/engine.ts";
import { getFile } from "../../state/files-node.ts";
import type { State } from "../../state/schema/tables.ts";
import { adapterModel, findAdapter, listCheckpoints, type StoredAdapter } from "../../state/tunings/adapters.ts";
import { listEvents, type TuningEvent } from "../../state/tunings/events.ts";
import {
  cancelTuning,
  createTuning,
  getTuning,
  listTunings,
  openTunings,
  pauseTuning,
  resumeTuning,
  type Tuning,
} from "../../state/tunings/tunings.ts";
import { invalid } from "../errors.ts";
import { metadataField, modelField } from "../fields.ts";
import { type AskedTuning, type ChosenTuning, hyperparametersField, tuningField } from "../jobs/tuning-options.ts";
import { modelHere } from "../named.ts";
import { listed, listOf, pageQuery } from "../pages.ts";
import { type Call, type Routes, route } from "../route.ts";
import { type StreamEvent, streamed } from "../sse.ts";
import { ofState } from "../stored/errors.ts";

const fileField = z.string().min(1).max(200);

const createBody = z.object({
  model: modelField,
  training_file: fileField,
  validation_file: fileField.nullish(),
  hyperparameters: hyperparametersField.nullish(),
  method: z
    .object({
      type: z.enum(["supervised", "dpo", "reinforcement"]),
      supervised: z.object({ hyperparameters: hyperparametersField.nullish() }).nullish(),
    })
    .nullish(),
  suffix: z.string().min(1).max(64).nullish(),
  seed: z.int().min(0).max(0x7fffffff).nullish(),
  metadata: metadataField.nullish(),
  tuning: tuningField.nullish().describe("beyond OpenAI's: what is learnt and how"),
});

const jobSchema = z.object({
  id: z.string(),
  object: z.literal("fine_tuning.job"),
  model: z.string(),
  created_at: z.int(),
  finished_at: z.int().nullable(),
  estimated_finish: z.int().nullable(),
  fine_tuned_model: z.string().nullable(),
  organization_id: z.string(),
  status: z.enum(["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]),
  training_file: z.string(),
  validation_file: z.string().nullable(),
  result_files: z.array(z.string()),
  trained_tokens: z.int().nullable(),
  hyperparameters: hyperparametersField,
  method: z.object({
    type: z.literal("supervised"),
    supervised: z.object({ hyperparameters: hyperparametersField }),
  }),
  integrations: z.array(z.never()),
  seed: z.int(),
  metadata: metadataField.nullable(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      param: z.string().nullable(),
      /** Of the file that `param` names, from 1. */
      row: z.int().optional(),
    })
    .nullable(),
  /** What was asked for beyond OpenAI's fields; once the files are looked at, as it was chosen, and how far it is. */
  tuning: z.looseObject({ method: z.string(), step: z.int(), steps: z.int().nullable() }),
});

const eventSchema = z.object({
  id: z.string(),
  object: z.literal("fine_tuning.job.event"),
  created_at: z.int(),
  level: z.enum(["info", "warn", "error"]),
  message: z.string(),
  type: z.enum(["message", "metrics"]),
  data: z.looseObject({}),
});

const checkpointSchema = z.object({
  id: z.string(),
  object: z.literal("fine_tuning.job.checkpoint"),
  created_at: z.int(),
  fine_tuned_model_checkpoint: z.string(),
  fine_tuning_job_id: z.string(),
  metrics: z.record(z.string(), z.number()),
  step_number: z.int(),
});

const seconds = (at: number | null): number | null => (at === null ? null : Math.floor(at));

/** Options as a request names them. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const names: Readonly<Record<string, string>> = { lr: "learning_rate", warmup: "warmup_steps" };
/** What stands under OpenAI's names, or is the server's own. */
const elsewhere: ReadonlySet<string> = new Set(["batch", "epochs", "seed", "threads", "shuffle"]);

function tuningOf({ step, steps, chosen }: Tuning, asked: AskedTuning): z.infer<typeof jobSchema>["tuning"] {
  if (chosen === null) return { ...asked.tuning, method: asked.tuning.method ?? "p-tuning-v2", step, steps: null };
  const { options, rows, held, skipped, labels, task, trained, parameters } = JSON.parse(chosen) as ChosenTuning;
  const given = Object.entries(options).filter(([name]) => !elsewhere.has(name));
  return {
    ...Object.fromEntries(given.map(([name, value]) => [names[name] ?? snake(name), value])),
    ...{ method: options.method, task, rows, held_out: held, skipped, labels },
    ...{ trained_parameters: trained, parameters, step, steps },
  };
}

function shownJob(job: Tuning): z.infer<typeof jobSchema> {
  const asked = JSON.parse(job.asked) as AskedTuning;
  const chosen = job.chosen === null ? undefined : (JSON.parse(job.chosen) as ChosenTuning);
  const auto = { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } as const;
  const hyperparameters = { ...auto, ...asked.hyperparameters, ...chosen?.hyperparameters };
  return {
    ...{ id: job.id, object: "fine_tuning.job", model: job.model, created_at: Math.floor(job.created_at) },
    ...{ finished_at: seconds(job.finished_at), estimated_finish: seconds(job.estimated_finish) },
    fine_tuned_model: job.status === "succeeded" ? adapterModel(job) : null,
    ...{ organization_id: "zeroth", status: job.status, training_file: job.training_file },
    ...{ validation_file: job.validation_file, result_files: job.result_file === null ? [] : [job.result_file] },
    ...{ trained_tokens: job.trained_tokens, hyperparameters },
    method: { type: "supervised", supervised: { hyperparameters } },
    ...{ integrations: [], seed: job.seed },
    metadata: job.metadata === null ? null : JSON.parse(job.metadata),
    error: job.error === null ? null : JSON.parse(job.error),
    tuning: tuningOf(job, asked),
  };
}

const shownEvent = ({ id, created_at, level, message, type, data }: TuningEvent): z.infer<typeof eventSchema> => ({
  ...{ id, object: "fine_tuning.job.event", created_at: Math.floor(created_at), level, message, type },
  data: data === null ? {} : JSON.parse(data),
});

const shownCheckpoint = (row: StoredAdapter): z.infer<typeof checkpointSchema> => ({
  ...{ id: row.id, object: "fine_tuning.job.checkpoint", created_at: Math.floor(row.created_at) },
  ...{ fine_tuned_model_checkpoint: adapterModel(row), fine_tuning_job_id: row.job },
  ...{ metrics: JSON.parse(row.metrics ?? "{}"), step_number: row.step ?? 0 },
});

/** The beginning of an adapter's name: what may stand in a folder's name and behind a colon. */
const calledBy = (suffix: string | null | undefined): string =>
  (suffix ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "") || "ft";

async function needRows(state: State, owner: string, id: string, param: "training_file" | "validation_file") {
  const { purpose, bytes } = await ofState(getFile(state, owner, id), param);
  if (purpose !== "fine-tune") {
    invalid(param, `'${param}': the file's purpose is "${purpose}", not "fine-tune"`, "invalid_value");
  }
  if (bytes === 0) invalid(param, `'${param}': the file is empty`, "invalid_value");
}

async function create(
  { engine }: { engine: Engine },
  state: State,
  { body, asked }: Call<z.infer<typeof createBody>, undefined>,
) {
  const { owner } = asked.owner;
  const { model, training_file, validation_file = null, method, suffix, seed, metadata, tuning } = body;
  if (method && method.type !== "supervised") {
    invalid(
      "method.type",
      `'method.type': "${method.type}" is not done here, "supervised" is`,
      "unsupported_parameter",
    );
  }
  if (await findAdapter(state, model)) {
    invalid("model", `'model': "${model}" is fine-tuned itself; name the model that it is over`, "invalid_value");
  }
  const about = await modelHere(engine, model, asked);
  asked.model = about.id;
  await needRows(state, owner, training_file, "training_file");
  if (validation_file !== null) await needRows(state, owner, validation_file, "validation_file");
  const hyperparameters = method?.supervised?.hyperparameters ?? body.hyperparameters ?? {};
  return createTuning(state, owner, {
    ...{ model: about.id, called: calledBy(suffix), trainingFile: training_file, validationFile: validation_file },
    ...{ asked: { hyperparameters, tuning: tuning ?? {} } satisfies AskedTuning, metadata: metadata ?? null },
    seed: seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1,
  });
}

const listQuery = z.object({ limit: pageQuery.limit, after: pageQuery.after }).catchall(z.string());

/** `metadata[team]=a`; `metadata=null` for jobs without any. */
function metadataIn(query: Readonly<Record<string, unknown>>): Record<string, string> | null | undefined {
  if (query.metadata === "null" || query.metadata === "") return null;
  const entries = Object.entries(query).flatMap(([name, value]): [string, string][] => {
    const key = /^metadata\[(.{1,64})\]$/s.exec(name)?.[1];
    return key === undefined ? [] : [[key, String(value)]];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Milliseconds between two looks for events of a job that is worked on elsewhere. */
const lookAgain = 500;

/** Events of a job as they come, from the first one, or from the one after `after`, until it has ended. */
async function* follow(
  state: State,
  owner: string,
  id: string,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  let wake = () => {};
  signal.addEventListener("abort", () => wake(), { once: true });
  for (let last = after; !signal.aborted; ) {
    // Before its events: what was told until it ended is told here as well.
    const { status } = await getTuning(state, owner, id);
    const { data, more } = await listEvents(state, id, { limit: 100, order: "asc", after: last });
    for (const event of data) yield { data: shownEvent(event) };
    last = data.at(-1)?.id ?? last;
    if (more) continue;
    if (!(openTunings as readonly string[]).includes(status) && status !== "paused") break;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lookAgain);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  yield { data: "[DONE]" };
}

const eventsQuery = z.object({
  limit: pageQuery.limit,
  after: pageQuery.after,
  stream: z.enum(["true", "false"]).optional(),
});
const pagesQuery = z.object({ limit: pageQuery.limit, after: pageQuery.after });

/** What an owner does with a job. */
const changes = [
  { verb: "cancel", change: cancelTuning, summary: "End a fine-tuning job; its checkpoints stay" },
  { verb: "pause", change: pauseTuning, summary: "Hold a fine-tuning job: it saves a checkpoint and stops" },
  { verb: "resume", change: resumeTuning, summary: "Let a paused fine-tuning job go on from its checkpoint" },
] as const;

export const fineTuning: Routes = ({ state, engine, tuning, keepAlive, patience }) =>
  state === undefined || tuning === undefined
    ? []
    : [
        route({
          method: "post",
          path: "/v1/fine_tuning/jobs",
          summary: "Begin a fine-tuning job: an adapter of a model, learnt from a file of rows",
          body: createBody,
          refusals: { integrations: { why: "nothing is told to other services", neutral: [[]] } },
          answer: jobSchema,
          keeps: true,
          handle: async (call) => shownJob(await create({ engine }, state, call)),
        }),
        route({
          method: "get",
          path: "/v1/fine_tuning/jobs",
          summary: "Fine-tuning jobs of this key, the newest first",
          query: listQuery,
          answer: listOf(jobSchema),
          async handle({ query, asked }) {
            const { limit = 20, after } = query;
            const metadata = metadataIn(query);
            const { data, more } = await ofState(
              listTunings(state, asked.owner.owner, { limit, after, metadata }),
              "after",
            );
            return listed(data.map(shownJob), more);
          },
        }),
        route({
          method: "get",
          path: "/v1/fine_tuning/jobs/{id}",
          summary: "One fine-tuning job and how far it is",
          answer: jobSchema,
          handle: async ({ params: { id = "" }, asked }) =>
            shownJob(await ofState(getTuning(state, asked.owner.owner, id), "id")),
        }),
        ...changes.map(({ verb, change, summary }) =>
          route({
            method: "post",
            path: `/v1/fine_tuning/jobs/{id}/${verb}`,
            summary,
            answer: jobSchema,
            handle: async ({ params: { id = "" }, asked }) =>
              shownJob(await ofState(change(state, asked.owner.owner, id), "id")),
          }),
        ),
        route({
          method: "get",
          path: "/v1/fine_tuning/jobs/{id}/events",
          summary: "What a fine-tuning job tells, the newest first; with `stream`, from the first one on as it comes",
          query: eventsQuery,
          answer: listOf(eventSchema),
          streams: true,
          async handle({ params: { id = "" }, query: { limit = 20, after, stream }, asked }) {
            const { owner } = asked.owner;
            await ofState(getTuning(state, owner, id), "id");
            if (stream === "true") {
              return streamed(asked, { keepAlive, patience }, follow(state, owner, id, after, asked.signal));
            }
            const { data, more } = await ofState(listEvents(state, id, { limit, after }), "after");
            return listed(data.map(shownEvent), more);
          },
        }),
        route({
          method: "get",
          path: "/v1/fine_tuning/jobs/{id}/checkpoints",
          summary: "The last three checkpoints of a fine-tuning job, each a model of its own",
          query: pagesQuery,
          answer: listOf(checkpointSchema),
          async handle({ params: { id = "" }, query: { limit = 10, after }, asked }) {
            await ofState(getTuning(state, asked.owner.owner, id), "id");
            const { data, more } = await ofState(listCheckpoints(state, id, { limit, after }), "after");
            return listed(data.map(shownCheckpoint), more);
          },
        }),
      ];
