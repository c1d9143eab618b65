/** Digests of papers. */
import { sql } from "kysely";
import { type Builder, columns, numbered, type Step } from "../columns.ts";

export const digests: Step = async (db, kind) => {
  await columns(numbered(db.schema.createTable("digest") as Builder, kind), {
    id: "text",
    owner: "text",
    store: "text?",
    file: "text?",
    asked_group: "text",
    group_name: "text",
    month: "text",
    asked: "text",
    status: "text",
    progress: "text?",
    error: "text?",
    document: "text?",
    edits: "text?",
    created_at: "number",
    made_at: "number?",
    worker: "text?",
    fence: "count",
    lease_until: "number",
    attempts: "count",
  })(kind).execute();
  await db.schema.createIndex("digest_id").unique().on("digest").column("id").execute();
  await db.schema.createIndex("digest_owner").on("digest").columns(["owner", "seq"]).execute();
  await db.schema
    .createIndex("digest_open")
    .on("digest")
    .column("seq")
    .where(sql.ref("status"), "=", sql.lit("in_progress"))
    .execute();
};
