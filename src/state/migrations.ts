/**
 * The database's tables, in numbered steps that are only ever added to. All steps that are due run in one transaction
 * under a lock: of several processes that start at once, one runs them, and a kill leaves all of them or none. (Kysely's
 * own migrator takes no lock on SQLite and runs its steps there outside of a transaction.)
 */
import { type ColumnDataType, type CreateTableBuilder, sql, type Transaction } from "kysely";
import { fail } from "../errors.ts";
import type { State, Tables } from "./database.ts";

type Step = (db: Transaction<Tables>, kind: State["kind"]) => Promise<void>;
type Builder = CreateTableBuilder<string, string>;

/** Numbers its rows as they come: what pages follow. */
const numbered = (table: Builder, kind: State["kind"]): Builder =>
  kind === "sqlite"
    ? table.addColumn("seq", "integer", (column) => column.primaryKey().autoIncrement())
    : table.addColumn("seq", "bigint", (column) => column.primaryKey().generatedAlwaysAsIdentity());

/** Columns that must have a value, and (with a question mark) those that need none. */
function columns(
  table: Builder,
  types: Readonly<Record<string, `${"text" | "number" | "count" | "bytes"}${"" | "?"}`>>,
) {
  const names = { text: "text", number: "double precision", count: "bigint" } as const;
  return (kind: State["kind"]): Builder => {
    let built = table;
    for (const [name, type] of Object.entries(types)) {
      const plain = type.replace("?", "") as keyof typeof names | "bytes";
      const stored: ColumnDataType = plain === "bytes" ? (kind === "sqlite" ? "blob" : "bytea") : names[plain];
      built = built.addColumn(name, stored, (column) => (type.endsWith("?") ? column : column.notNull()));
    }
    return built;
  };
}

const first: Step = async (db, kind) => {
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

const answers: Step = async (db, kind) => {
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

const tunings: Step = async (db, kind) => {
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

const vectorStores: Step = async (db, kind) => {
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

const summaries: Step = async (db, kind) => {
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

const digests: Step = async (db, kind) => {
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

/** In their order; a step that has been released never changes. */
const steps: readonly { readonly name: string; readonly run: Step }[] = [
  { name: "keys, allowances, files, batches, objects", run: first },
  { name: "answers under keys of their senders' choice", run: answers },
  { name: "fine-tuning and its adapters", run: tunings },
  { name: "vector stores", run: vectorStores },
  { name: "summaries", run: summaries },
  { name: "digests", run: digests },
];

/**
 * Bring the database's tables up to this version.
 * @throws unsupported for a database that a newer version has changed
 */
export async function migrate({ db, kind, now }: State): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    if (kind === "postgres")
      await sql`select pg_advisory_xact_lock(hashtextextended('zeroth:migrate', 0))`.execute(transaction);
    await transaction.schema
      .createTable("migration")
      .ifNotExists()
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("applied_at", "double precision", (column) => column.notNull())
      .execute();
    const applied = await transaction.selectFrom("migration").select("id").execute();
    const newest = Math.max(0, ...applied.map(({ id }) => id));
    if (newest > steps.length) {
      fail("unsupported", `the database is of step ${newest}, this version knows ${steps.length}`, {
        where: "the database",
        hint: "use the newer version of zeroth that has changed it, or another database",
      });
    }
    for (const [at, { name, run }] of steps.entries()) {
      if (at < newest) continue;
      await run(transaction, kind);
      await transaction
        .insertInto("migration")
        .values({ id: at + 1, name, applied_at: now })
        .execute();
    }
  });
}
