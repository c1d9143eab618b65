/** Summaries of books. */
import { sql } from "kysely";
import { type Builder, columns, numbered, type Step } from "../columns.ts";

export const summaries: Step = async (db, kind) => {
  const table = (name: string): Builder => numbered(db.schema.createTable(name) as Builder, kind);
  await columns(table("summary"), {
    id: "text",
    owner: "text",
    filename: "text",
    file: "text?",
    text: "text?",
    model: "text",
    asked: "text",
    metadata: "text?",
    status: "text",
    created_at: "number",
    finished_at: "number?",
    title: "text?",
    estimate: "text?",
    progress: "text?",
    result: "text?",
    change: "text?",
    error: "text?",
    worker: "text?",
    fence: "count",
    lease_until: "number",
    attempts: "count",
  })(kind).execute();
  await db.schema.createIndex("summary_id").unique().on("summary").column("id").execute();
  await db.schema.createIndex("summary_owner").on("summary").columns(["owner", "seq"]).execute();
  await db.schema
    .createIndex("summary_open")
    .on("summary")
    .column("seq")
    .where(
      sql.ref("status"),
      "in",
      ["queued", "running"].map((s) => sql.lit(s)),
    )
    .execute();
  await columns(table("summary_row"), { summary: "text", kind: "text", name: "text", data: "text" })(kind)
    .addForeignKeyConstraint("summary_row_summary", ["summary"] as never, "summary", ["id"], (key) =>
      key.onDelete("cascade"),
    )
    .execute();
  await db.schema
    .createIndex("summary_row_name")
    .unique()
    .on("summary_row")
    .columns(["summary", "kind", "name"])
    .execute();
  await db.schema.createIndex("summary_row_seq").on("summary_row").columns(["summary", "seq"]).execute();
};
