/** Keys, allowances, files, batches, and what routes keep as JSON. */
import { sql } from "kysely";
import { type Builder, columns, numbered, type Step } from "../columns.ts";

export const first: Step = async (db, kind) => {
  const table = (name: string): Builder => numbered(db.schema.createTable(name) as Builder, kind);
  await columns(table("api_key"), {
    id: "text",
    name: "text",
    prefix: "text",
    hash: "text",
    created_at: "number",
    last_used_at: "number?",
    revoked_at: "number?",
    requests_per_minute: "number?",
    tokens_per_day: "number?",
  })(kind).execute();
  await db.schema.createIndex("api_key_prefix").unique().on("api_key").column("prefix").execute();
  await db.schema.createIndex("api_key_id").unique().on("api_key").column("id").execute();

  await columns(db.schema.createTable("allowance") as Builder, {
    owner: "text",
    kind: "text",
    remaining: "number",
    at: "number",
  })(kind)
    .addPrimaryKeyConstraint("allowance_owner", ["owner", "kind"] as never)
    .execute();

  await columns(table("file"), {
    id: "text",
    owner: "text",
    filename: "text",
    purpose: "text",
    bytes: "count",
    sha256: "text?",
    created_at: "number",
    expires_at: "number?",
    state: "text",
  })(kind).execute();
  await db.schema.createIndex("file_id").unique().on("file").column("id").execute();
  await db.schema.createIndex("file_owner").on("file").columns(["owner", "seq"]).execute();
  await columns(db.schema.createTable("chunk") as Builder, { file: "text", at: "count", content: "bytes" })(kind)
    .addPrimaryKeyConstraint("chunk_place", ["file", "at"] as never)
    .addForeignKeyConstraint("chunk_file", ["file"] as never, "file", ["id"], (key) => key.onDelete("cascade"))
    .execute();

  await columns(table("batch"), {
    id: "text",
    owner: "text",
    endpoint: "text",
    input_file: "text",
    completion_window: "text",
    metadata: "text?",
    status: "text",
    created_at: "number",
    in_progress_at: "number?",
    finalizing_at: "number?",
    completed_at: "number?",
    failed_at: "number?",
    expired_at: "number?",
    cancelling_at: "number?",
    cancelled_at: "number?",
    expires_at: "number",
    total: "count",
    completed: "count",
    failed: "count",
    errors: "text?",
    output_file: "text",
    error_file: "text",
    worker: "text?",
    fence: "count",
    lease_until: "number",
    attempts: "count",
  })(kind).execute();
  await db.schema.createIndex("batch_id").unique().on("batch").column("id").execute();
  await db.schema.createIndex("batch_owner").on("batch").columns(["owner", "seq"]).execute();
  await db.schema
    .createIndex("batch_open")
    .on("batch")
    .column("seq")
    .where(
      sql.ref("status"),
      "in",
      ["validating", "in_progress", "finalizing", "cancelling"].map((s) => sql.lit(s)),
    )
    .execute();

  await columns(table("object"), {
    id: "text",
    owner: "text",
    kind: "text",
    previous: "text?",
    created_at: "number",
    data: "text",
  })(kind).execute();
  await db.schema.createIndex("object_id").unique().on("object").columns(["kind", "id"]).execute();
  await db.schema.createIndex("object_owner").on("object").columns(["owner", "kind", "seq"]).execute();
};
