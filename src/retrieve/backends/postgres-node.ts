/** Chunks in PostgreSQL with pgvector: a table with a vector a row, searched by it or by words. */
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import type { ExportedChunk } from "../transfer/export-node.ts";
import { type Backend, type BackendHit, groupsOf, together } from "./backend.ts";

/** Asks the database; placeholders are $1, $2. What is set holds for this statement alone. */
export type Ask = (
  text: string,
  values?: readonly unknown[],
  set?: Readonly<Record<string, string>>,
) => Promise<{ readonly rows: readonly object[] }>;

const operators = { cosine: "<=>", dot: "<#>", euclidean: "<->" } as const;
const indices = { cosine: "vector_cosine_ops", dot: "vector_ip_ops", euclidean: "vector_l2_ops" } as const;
/** What a distance is as a score: more is better. */
const scores = { cosine: "1 - d", dot: "-d", euclidean: "-d" } as const;
type Metric = keyof typeof operators;
/** More numbers of a vector pgvector does not index. */
const mostIndexed = 2000;
/**
 * How many candidates a search of the graph keeps (`hnsw.ef_search`, at most 1000): it finds no more chunks than that, and
 * misses more of the nearest the fewer it keeps. Who wants more chunks than half of the most has all of them compared.
 */
const candidates = { least: 200, most: 1000 } as const;

const literal = (vector: ArrayLike<number>): string => `[${Array.from(vector).join(",")}]`;
/** PostgreSQL's texts hold no character 0. */
const clean = (text: string): string => text.replaceAll("\0", "\ufffd");

const columns = `document, chunk, text, start, stop as "end", title, page, heading, hash`;

function hitOf(row: object): BackendHit {
  const { page, heading, ...rest } = row as BackendHit & { page: number | null; heading: string | null };
  return { ...rest, ...(page !== null && { page }), ...(heading !== null && { heading }) };
}

/**
 * @param table its name: letters, digits and _
 * @throws wrong_use for another name; unsupported where the database has no pgvector; storage_failed
 */
export function postgresBackend(given: Ask, table: string, close: () => Promise<void> = async () => {}): Backend {
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(table))
    fail("wrong_use", `"${table}" is no name of a table`, { hint: "small letters, digits and _" });
  const ask: Ask = async (text, values, set) => {
    try {
      return await given(text, values, set);
    } catch (cause) {
      if (cause instanceof ZerothError) throw cause;
      const { message } = cause as Error;
      if (/extension "vector"|type "vector"|vector\.control/.test(message)) {
        const hint = "install pgvector on the server, for example Debian's package postgresql-16-pgvector";
        return fail("unsupported", "the database has no pgvector", { hint, cause });
      }
      return fail("storage_failed", `PostgreSQL does not do it: ${message}`, { where: table, cause });
    }
  };

  async function needTable({ index: { model }, embedding }: ExportedChunk): Promise<void> {
    if (!model || !embedding) return fail("bad_input", "has no vectors", { where: table });
    const { width, metric, fingerprint } = model;
    await ask("create extension if not exists vector");
    await ask(
      `create table if not exists ${table} (document text not null, chunk integer not null, text text not null,
       start integer not null, stop integer not null, title text not null, page integer, heading text, fields jsonb,
       hash text not null, embedding vector(${width}) not null, primary key (document, chunk))`,
    );
    const found = await ask(
      "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attname = 'embedding'",
      [table],
    );
    const { type } = found.rows[0] as { type: string };
    if (type !== `vector(${width})`) {
      fail("bad_input", `holds ${type}, these are vector(${width})`, { where: table, hint: "name another table" });
    }
    // What the vectors are of, and how they are compared, is said where they lie.
    await ask(`comment on table ${table} is 'zeroth ${metric} ${fingerprint.replace(/\W/g, "")}'`);
    await ask(`create index if not exists ${table}_words on ${table} using gin (to_tsvector('simple', text))`);
    if (width <= mostIndexed) {
      await ask(`create index if not exists ${table}_near on ${table} using hnsw (embedding ${indices[metric]})`);
    }
  }

  async function vectorsOf(): Promise<{ readonly metric: Metric; readonly model: string }> {
    const { rows } = await ask("select obj_description($1::regclass) as comment", [table]);
    const said = /^zeroth (\w+) (\w+)$/.exec((rows[0] as { comment: string | null }).comment ?? "");
    const [, metric = "", model = ""] = said ?? [];
    return Object.hasOwn(operators, metric)
      ? { metric: metric as Metric, model }
      : fail("corrupt_file", "is no table of chunks", { where: table, hint: "zeroth index push makes one" });
  }

  return {
    async upsert(chunks, signal) {
      let count = 0;
      for (const group of groupsOf(chunks, together)) {
        throwIfAborted(signal);
        if (count === 0) await needTable(group[0]!);
        const rows = group.map(({ embedding, heading, fields, ...row }) => ({
          hash: row.hash,
          ...{
            document: clean(row.document),
            chunk: row.chunk,
            text: clean(row.text),
            start: row.start,
            stop: row.end,
          },
          ...{ title: clean(row.title), page: row.page ?? null, heading: heading ? clean(heading.join(" > ")) : null },
          ...{ fields: fields ?? null, embedding: literal(embedding ?? []) },
        }));
        await ask(
          `insert into ${table} (document, chunk, text, start, stop, title, page, heading, fields, hash, embedding)
           select document, chunk, text, start, stop, title, page, heading, fields, hash, embedding::vector
           from jsonb_to_recordset($1::jsonb) as t(document text, chunk integer, text text, start integer, stop integer,
             title text, page integer, heading text, fields jsonb, hash text, embedding text)
           on conflict (document, chunk) do update set text = excluded.text, start = excluded.start, stop = excluded.stop,
             title = excluded.title, page = excluded.page, heading = excluded.heading, fields = excluded.fields,
             hash = excluded.hash, embedding = excluded.embedding`,
          [JSON.stringify(rows)],
        );
        count += group.length;
      }
      return count;
    },
    async delete(documents) {
      await ask(`delete from ${table} where document = any($1::text[])`, [documents.map(clean)]);
    },
    async query({ dense, text, k, document }) {
      const only = document === undefined ? null : clean(document);
      if (dense) {
        const { metric } = await vectorsOf();
        // The graph knows no documents: of one, it would give those of its chunks that are near among all. By a sum it is
        // not used, and all are compared.
        const exact = only !== null || 2 * k > candidates.most;
        const { rows } = await ask(
          `select ${columns}, ${scores[metric]} as score from (
             select *, (embedding ${operators[metric]} $1::vector)${exact ? " + 0" : ""} as d from ${table}
             where $2::text is null or document = $2 order by d limit $3) as near
           order by d, document, chunk`,
          [literal(dense), only, k],
          exact ? undefined : { "hnsw.ef_search": String(Math.max(candidates.least, 2 * k)) },
        );
        return rows.map(hitOf);
      }
      if (text === undefined)
        return fail("wrong_use", "there is nothing to look for", { hint: "give `dense` or `text`" });
      // Any of the words: the more of them, the better.
      const { rows } = await ask(
        `select ${columns}, ts_rank_cd(to_tsvector('simple', text), q) as score from ${table},
         (select replace(plainto_tsquery('simple', $1)::text, '&', '|')::tsquery as q) as asked
         where to_tsvector('simple', text) @@ q and ($2::text is null or document = $2)
         order by score desc, document, chunk limit $3`,
        [clean(text), only, k],
      );
      return rows.map(hitOf);
    },
    async stats() {
      const { rows } = await ask(`select count(*)::integer as chunks from ${table}`);
      return { ...(rows[0] as { chunks: number }), model: (await vectorsOf()).model };
    },
    modes: ["dense", "bm25"],
    [Symbol.asyncDispose]: close,
  };
}

/** @param url as `postgres://user@host/database` */
export async function openPostgres(url: string, table: string): Promise<Backend> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // An idle connection that breaks is made anew when it is needed.
  pool.on("error", () => {});
  const ask: Ask = async (text, values, set) => {
    if (!set) return pool.query(text, values as unknown[]);
    const client = await pool.connect();
    try {
      await client.query("begin");
      for (const pair of Object.entries(set)) await client.query("select set_config($1, $2, true)", pair);
      const done = await client.query(text, values as unknown[]);
      await client.query("commit");
      client.release();
      return done;
    } catch (error) {
      // A connection in a transaction that failed is of no use to the next.
      client.release(true);
      throw error;
    }
  };
  return postgresBackend(ask, table, () => pool.end());
}
