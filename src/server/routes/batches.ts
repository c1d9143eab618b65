/** `/v1/batches`: many requests in one file, answered when there is time. */
import { z } from "@hono/zod-openapi";
import { type Batch, cancelBatch, createBatch, getBatch, listBatches } from "../../state/batches/batches.ts";
import { batchLimits } from "../../state/batches/worker-node.ts";
import { getFile } from "../../state/files-node.ts";
import { invalid } from "../errors.ts";
import { metadataField } from "../fields.ts";
import { listed, listOf } from "../pages.ts";
import { type Routes, route } from "../route.ts";
import { ofState } from "../stored/errors.ts";

/** What a batch's lines may ask: routes that answer with JSON and change nothing. */
const endpoints = ["/v1/completions", "/v1/chat/completions", "/v1/embeddings", "/v1/responses"] as const;

/** Windows by their names, in seconds: OpenAI's only one. */
const windows = { "24h": 86_400 } as const;

const time = z.int().nullable();
const batchSchema = z.object({
  id: z.string(),
  object: z.literal("batch"),
  endpoint: z.string(),
  errors: z
    .object({
      object: z.literal("list"),
      data: z.array(
        z.object({ code: z.string(), message: z.string(), param: z.string().nullable(), line: z.int().nullable() }),
      ),
    })
    .nullable(),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: z.string(),
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  created_at: z.int(),
  in_progress_at: time,
  expires_at: z.int(),
  finalizing_at: time,
  completed_at: time,
  failed_at: time,
  expired_at: time,
  cancelling_at: time,
  cancelled_at: time,
  request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
  metadata: metadataField.nullable(),
});

const seconds = (at: number | null): number | null => (at === null ? null : Math.floor(at));

/** Problems as they are stored, whose line is 0 where none is meant. */
const errorsOf = (stored: string | null): z.infer<typeof batchSchema>["errors"] => {
  if (stored === null) return null;
  const data = JSON.parse(stored) as { code: string; message: string; param: string | null; line: number }[];
  return { object: "list", data: data.map((problem) => ({ ...problem, line: problem.line || null })) };
};

function shown(batch: Batch): z.infer<typeof batchSchema> {
  // Its files are seen once they are whole.
  const ended = /^(?:completed|failed|expired|cancelled)$/.test(batch.status);
  return {
    id: batch.id,
    object: "batch",
    endpoint: batch.endpoint,
    errors: errorsOf(batch.errors),
    input_file_id: batch.input_file,
    completion_window: batch.completion_window,
    status: batch.status,
    output_file_id: ended && batch.completed > 0 ? batch.output_file : null,
    error_file_id: ended && batch.failed > 0 ? batch.error_file : null,
    created_at: Math.floor(batch.created_at),
    in_progress_at: seconds(batch.in_progress_at),
    expires_at: Math.floor(batch.expires_at),
    finalizing_at: seconds(batch.finalizing_at),
    completed_at: seconds(batch.completed_at),
    failed_at: seconds(batch.failed_at),
    expired_at: seconds(batch.expired_at),
    cancelling_at: seconds(batch.cancelling_at),
    cancelled_at: seconds(batch.cancelled_at),
    request_counts: { total: batch.total, completed: batch.completed, failed: batch.failed },
    metadata: batch.metadata === null ? null : JSON.parse(batch.metadata),
  };
}

const createBody = z.object({
  input_file_id: z.string().min(1).max(200),
  endpoint: z.enum(endpoints),
  completion_window: z.enum(["24h"]),
  metadata: metadataField.nullish(),
});

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).optional(),
  after: z.string().max(200).optional(),
});

export const batches: Routes = ({ state }) =>
  state === undefined
    ? []
    : [
        route({
          method: "post",
          path: "/v1/batches",
          summary: "Begin a batch",
          body: createBody,
          refusals: { output_expires_after: { why: "what a batch writes stays until it is deleted" } },
          answer: batchSchema,
          keeps: true,
          async handle({ body: { input_file_id, endpoint, completion_window, metadata }, asked }) {
            const { owner } = asked.owner;
            const { purpose, bytes } = await ofState(getFile(state, owner, input_file_id), "input_file_id");
            if (purpose !== "batch") {
              invalid(
                "input_file_id",
                `'input_file_id': the file's purpose is "${purpose}", not "batch"`,
                "invalid_value",
              );
            }
            if (bytes > batchLimits.bytes) {
              invalid(
                "input_file_id",
                `'input_file_id': the file has ${bytes} bytes, a batch's at most ${batchLimits.bytes}`,
                "file_too_large",
              );
            }
            const batch = await createBatch(state, owner, {
              endpoint,
              inputFile: input_file_id,
              completionWindow: completion_window,
              seconds: windows[completion_window],
              metadata,
            });
            return shown(batch);
          },
        }),
        route({
          method: "get",
          path: "/v1/batches",
          summary: "Batches of this key",
          query: listQuery,
          answer: listOf(batchSchema),
          async handle({ query: { limit = 20, after }, asked }) {
            const { data, more } = await ofState(listBatches(state, asked.owner.owner, { limit, after }), "after");
            return listed(data.map(shown), more);
          },
        }),
        route({
          method: "get",
          path: "/v1/batches/{id}",
          summary: "One batch and how far it is",
          answer: batchSchema,
          handle: async ({ params: { id = "" }, asked }) =>
            shown(await ofState(getBatch(state, asked.owner.owner, id), "id")),
        }),
        route({
          method: "post",
          path: "/v1/batches/{id}/cancel",
          summary: "End a batch early; what is answered by then is kept",
          answer: batchSchema,
          handle: async ({ params: { id = "" }, asked }) =>
            shown(await ofState(cancelBatch(state, asked.owner.owner, id), "id")),
        }),
      ];
