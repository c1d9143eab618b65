/** An index made of rows that were exported: nothing is computed again. */
import { z } from "zod";
import { lockOwner, lockTimes, takeLock } from "../../base/lock-node.ts";
import { type InputRow, openInput } from "../../data/cli-rows-node.ts";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { type Metric, needVector } from "../dense/exact.ts";
import { termsOf } from "../lexical/analyse.ts";
import { type IndexSettings, sameSettings, settingsSchema, spaceKey } from "../settings.ts";
import { shortHash, textHash } from "../sources-node.ts";
import { generationFor, type NewChunk, putFile, serve, spaceOf } from "../store/generations-node.ts";
import { openStoreFile } from "../store/schema-node.ts";

const place = z.number().int().nonnegative();

const rowSchema = z.object({
  document: z.string().min(1),
  chunk: place,
  text: z.string(),
  start: place,
  end: place,
  heading: z.array(z.string()).default([]),
  page: z.number().int().positive().optional(),
  title: z.string().default(""),
  kind: z.string().default("text"),
  prefix: z.string().default(""),
  before: z.string().default(""),
  after: z.string().default(""),
  fields: z.record(z.string(), z.unknown()).optional(),
  modified: z.number().default(0),
  hash: z.string(),
  index: settingsSchema,
  embedding: z.array(z.number()).optional(),
});

type ImportedRow = z.infer<typeof rowSchema>;

/** Columns that Parquet holds as JSON. */
const written = ["heading", "fields", "index"] as const;

function parsedRow(row: InputRow, where: string): ImportedRow {
  const plain: Record<string, unknown> = { ...row };
  for (const name of written) {
    const value = plain[name];
    if (typeof value !== "string") continue;
    try {
      plain[name] = JSON.parse(value);
    } catch (cause) {
      fail("bad_input", `its "${name}" is no JSON`, { where, cause });
    }
  }
  const { success, data, error } = rowSchema.safeParse(plain);
  if (success) return data;
  return fail("bad_input", z.prettifyError(error).slice(0, 300), {
    where,
    hint: "rows are those of zeroth index export, of this version",
  });
}

/** The text of a document, put together of its chunks. @throws bad_input where they do not make it */
function textOf(rows: readonly ImportedRow[], where: string): string {
  let text = "";
  for (const [i, { chunk, start, end, text: own, before }] of rows.entries()) {
    text += before;
    const known = text.length - start;
    if (chunk !== i || end - start !== own.length || known < 0 || !own.startsWith(text.slice(start)))
      fail("bad_input", `chunk ${chunk} does not follow the one before it`, {
        where,
        hint: "the chunks of a document stand together, in their order, none of them left out",
      });
    text += own.slice(known);
  }
  text += rows.at(-1)!.after;
  if (textHash(text) !== rows[0]!.hash) fail("bad_input", "its chunks do not make its text", { where });
  return text;
}

export interface Imported {
  readonly documents: number;
  readonly chunks: number;
}

export interface ImportOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((documents: number, chunks: number) => void) | undefined;
}

/**
 * Make an index of exported rows, JSON lines or Parquet. What the index held of other settings is replaced when the
 * import is whole; of the same settings the rows are added to it.
 * @throws bad_input naming the row; storage_failed while another process writes
 */
export async function importIndex(
  store: string,
  file: string,
  { signal, progress }: ImportOptions = {},
): Promise<Imported> {
  const input = await openInput(file, { signal });
  const lock = await takeLock(`${store}.lock`, { times: lockTimes, signal, done: () => false, wait: false });
  if (typeof lock === "string") {
    const owner = lockOwner(`${store}.lock`);
    return fail("storage_failed", `another process${owner ? ` (${owner.pid})` : ""} is writing to it`, {
      where: store,
      hint: "wait until it has ended",
    });
  }
  const sql = openStoreFile(store, true);
  try {
    let settings: IndexSettings | undefined;
    let rows: ImportedRow[] = [];
    let [documents, chunks, number] = [0, 0, 0];
    let begun: { readonly generation: ReturnType<typeof generationFor>; readonly space: number } | undefined;

    const put = (): void => {
      const [first] = rows;
      if (!first) return;
      const { document: name, title, kind, prefix, fields, modified, hash } = first;
      const where = `${file}, document ${name}`;
      const text = textOf(rows, where);
      const { model, stemming } = settings!;
      begun ??= { generation: generationFor(sql, settings!, store), space: model ? spaceOf(sql, spaceKey(model)) : 0 };
      const { generation, space } = begun;
      const own = rows.map((row): NewChunk => {
        const whole = prefix + row.text;
        return {
          ...{ start: row.start, end: row.end, heading: row.heading, page: row.page },
          ...{ terms: termsOf(whole, stemming), hash: shortHash(whole) },
        };
      });
      sql.transaction(() => {
        if (!model) return;
        for (const [i, { embedding = [] }] of rows.entries()) {
          needVector(embedding, model.width, model.metric as Metric, where);
          const vector = Float32Array.from(embedding);
          const blob = new Uint8Array(vector.buffer);
          sql.run("insert or ignore into vectors (space, hash, vector) values (?, ?, ?)", space, own[i]!.hash, blob);
        }
      });
      const pages = rows.reduce((most, { page = 0 }) => Math.max(most, page), 0);
      putFile(sql, generation, { path: `import:${name}`, name, size: text.length, modified, hash }, [
        { name, kind, title, prefix, text, hash, pages: pages || undefined, fields, chunks: own },
      ]);
      documents++;
      chunks += rows.length;
      rows = [];
      progress?.(documents, chunks);
    };

    for await (const row of input) {
      throwIfAborted(signal);
      number++;
      const where = `${file}, row ${number}`;
      if (row instanceof ZerothError) throw row;
      const parsed = parsedRow(row, where);
      settings ??= parsed.index;
      if (!sameSettings(settings, parsed.index))
        fail("bad_input", "is of another index than the rows before it", { where });
      if (rows.length > 0 && rows[0]!.document !== parsed.document) put();
      rows.push(parsed);
    }
    put();
    if (!begun) return fail("bad_input", "holds no rows", { where: file });
    serve(sql, begun.generation, settings!.model && spaceKey(settings!.model));
    return { documents, chunks };
  } finally {
    sql.close();
    lock.release();
  }
}
