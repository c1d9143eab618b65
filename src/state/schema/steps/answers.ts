/** Answers under keys of their senders' choice. */
import { type Builder, columns, type Step } from "../columns.ts";

export const answers: Step = async (db, kind) => {
  await columns(db.schema.createTable("answer") as Builder, {
    owner: "text",
    key: "text",
    print: "text",
    holder: "text",
    state: "text",
    status: "number?",
    headers: "text?",
    text: "text?",
    created_at: "number",
    lease_until: "number",
  })(kind)
    .addPrimaryKeyConstraint("answer_key", ["owner", "key"] as never)
    .execute();
  await db.schema.createIndex("answer_created").on("answer").column("created_at").execute();
};
