/** Fine-tuning and its adapters. */
import { sql } from "kysely";
import { type Builder, columns, numbered, type Step } from "../columns.ts";

export const tunings: Step = async (db, kind) => {
  const table = (name: string): Builder => numbered(db.schema.createTable(name) as Builder, kind);
  await columns(table("tuning"), {
    id: "text",
    owner: "text",
    model: "text",
    name: "text",
    training_file: "text",
    validation_file: "text?",
    asked: "text",
    chosen: "text?",
    metadata: "text?",
    seed: "count",
    status: "text",
    created_at: "number",
    finished_at: "number?",
    estimated_finish: "number?",
    step: "count",
    steps: "count",
    trained_tokens: "count?",
    error: "text?",
    result_file: "text?",
    run_file: "text?",
    worker: "text?",
    fence: "count",
    lease_until: "number",
    attempts: "count",
  })(kind).execute();
  await db.schema.createIndex("tuning_id").unique().on("tuning").column("id").execute();
  await db.schema.createIndex("tuning_owner").on("tuning").columns(["owner", "seq"]).execute();
  await db.schema
    .createIndex("tuning_open")
    .on("tuning")
    .column("seq")
    .where(
      sql.ref("status"),
      "in",
      ["validating_files", "queued", "running"].map((s) => sql.lit(s)),
    )
    .execute();

  await columns(table("tuning_event"), {
    id: "text",
    job: "text",
    once: "text?",
    created_at: "number",
    level: "text",
    type: "text",
    message: "text",
    data: "text?",
  })(kind).execute();
  await db.schema.createIndex("tuning_event_job").on("tuning_event").columns(["job", "seq"]).execute();
  await db.schema.createIndex("tuning_event_once").unique().on("tuning_event").columns(["job", "once"]).execute();

  await columns(table("adapter"), {
    id: "text",
    owner: "text",
    model: "text",
    name: "text",
    job: "text",
    step: "count?",
    metrics: "text?",
    file: "text",
    created_at: "number",
  })(kind).execute();
  await db.schema.createIndex("adapter_name").unique().on("adapter").columns(["model", "name"]).execute();
  await db.schema.createIndex("adapter_job").on("adapter").columns(["job", "seq"]).execute();
};
