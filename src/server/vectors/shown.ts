/** Vector stores, their files and batches as clients see them. */
import type { z } from "@hono/zod-openapi";
import type { VectorBatch, VectorFile, VectorFileError } from "../../state/vectors/files.ts";
import { expiryOf, type StoreTotals, type VectorStore } from "../../state/vectors/stores.ts";
import type { Attributes, batchSchema, fileSchema, storeSchema } from "./schema.ts";

export const attributesOf = ({ attributes }: Pick<VectorFile, "attributes">): Attributes | null =>
  attributes === null ? null : (JSON.parse(attributes) as Attributes);

export function shownStore(store: VectorStore, totals: StoreTotals, over: boolean): z.infer<typeof storeSchema> {
  const { id, name, description, metadata, model, created_at, last_active_at, expires_days } = store;
  const expires = expiryOf(store);
  return {
    ...{ id, object: "vector_store", created_at: Math.floor(created_at), name, description },
    ...{ usage_bytes: totals.bytes, file_counts: totals.counts },
    status: over ? "expired" : totals.counts.in_progress > 0 ? "in_progress" : "completed",
    expires_after: expires_days === null ? null : { anchor: "last_active_at", days: expires_days },
    expires_at: expires === null ? null : Math.floor(expires),
    last_active_at: Math.floor(last_active_at),
    metadata: metadata === null ? null : JSON.parse(metadata),
    embedding_model: model,
  };
}

export function shownFile(row: VectorFile): z.infer<typeof fileSchema> {
  const { file, store, status, created_at, usage_bytes, error, chunk, overlap } = row;
  return {
    ...{ id: file, object: "vector_store.file", created_at: Math.floor(created_at), vector_store_id: store },
    ...{ usage_bytes, status, last_error: error === null ? null : (JSON.parse(error) as VectorFileError) },
    attributes: attributesOf(row),
    chunking_strategy: {
      type: "static",
      static: { max_chunk_size_tokens: chunk, chunk_overlap_tokens: overlap },
    },
  };
}

export function shownBatch(batch: VectorBatch, { counts }: StoreTotals): z.infer<typeof batchSchema> {
  const { id, store, created_at, cancelled_at } = batch;
  const status = counts.in_progress > 0 ? "in_progress" : cancelled_at !== null ? "cancelled" : "completed";
  return {
    ...{ id, object: "vector_store.files_batch", created_at: Math.floor(created_at), vector_store_id: store, status },
    file_counts: counts,
  };
}
