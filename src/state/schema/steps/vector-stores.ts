/** Vector stores with their files. */
import { sql } from "kysely";
import { type Builder, columns, numbered, type Step } from "../columns.ts";

export const vectorStores: Step = async (db, kind) => {
  const table = (name: string): Builder => numbered(db.schema.createTable(name) as Builder, kind);
  await columns(table("vector_store"), {
    id: "text",
    owner: "text",
    name: "text?",
    description: "text?",
    metadata: "text?",
    model: "text?",
    expires_days: "count?",
    last_active_at: "number",
    created_at: "number",
  })(kind).execute();
  await db.schema.createIndex("vector_store_id").unique().on("vector_store").column("id").execute();
  await db.schema.createIndex("vector_store_owner").on("vector_store").columns(["owner", "seq"]).execute();

  await columns(table("vector_batch"), {
    id: "text",
    store: "text",
    owner: "text",
    created_at: "number",
    cancelled_at: "number?",
  })(kind)
    .addForeignKeyConstraint("vector_batch_store", ["store"] as never, "vector_store", ["id"], (key) =>
      key.onDelete("cascade"),
    )
    .execute();
  await db.schema.createIndex("vector_batch_id").unique().on("vector_batch").column("id").execute();

  // A file that is deleted leaves its stores, too.
  await columns(table("vector_file"), {
    id: "text",
    store: "text",
    file: "text",
    owner: "text",
    batch: "text?",
    status: "text",
    attributes: "text?",
    chunk: "count",
    overlap: "count",
    usage_bytes: "count",
    error: "text?",
    created_at: "number",
    worker: "text?",
    fence: "count",
    lease_until: "number",
    attempts: "count",
  })(kind)
    .addForeignKeyConstraint("vector_file_store", ["store"] as never, "vector_store", ["id"], (key) =>
      key.onDelete("cascade"),
    )
    .addForeignKeyConstraint("vector_file_file", ["file"] as never, "file", ["id"], (key) => key.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("vector_file_id").unique().on("vector_file").column("id").execute();
  await db.schema.createIndex("vector_file_store").on("vector_file").columns(["store", "seq"]).execute();
  await db.schema.createIndex("vector_file_batch").on("vector_file").column("batch").execute();
  await db.schema
    .createIndex("vector_file_open")
    .on("vector_file")
    .column("seq")
    .where(sql.ref("status"), "=", sql.lit("in_progress"))
    .execute();
};
