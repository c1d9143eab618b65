/** An index written out: a row for each chunk, from which the same index can be made again, here or in another program. */
import { fail } from "../../errors.ts";
import { type IndexSettings, spaceKey } from "../settings.ts";
import { servingOf } from "../store/generations-node.ts";
import { openStoreFile } from "../store/schema-node.ts";

export interface ExportedChunk {
  readonly document: string;
  /** Number of the chunk in its document, from 0. */
  readonly chunk: number;
  readonly text: string;
  /** Place in the document's text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly heading?: readonly string[];
  readonly page?: number;
  readonly title: string;
  readonly kind: string;
  /** Put before the text where words and vectors were made. */
  readonly prefix?: string;
  /** White space of the document before the chunk and, of its last one, behind it. */
  readonly before?: string;
  readonly after?: string;
  /** Columns of its row, for filters. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** When the file was changed, milliseconds. */
  readonly modified: number;
  /** Of the document's whole text. */
  readonly hash: string;
  /** What the index was made with. */
  readonly index: IndexSettings;
  readonly embedding?: readonly number[];
}

/** Every chunk with its text and vector, in order. @throws not_found, corrupt_file */
export function* exportIndex(store: string): Generator<ExportedChunk> {
  const sql = openStoreFile(store, false);
  try {
    const { id, settings } = servingOf(sql, store);
    const { model } = settings;
    const space = model ? (sql.all("select id from spaces where fingerprint = ?", spaceKey(model))[0]?.id ?? -1) : -1;
    const documents = sql.all("select id from documents where generation = ? order by id", id);
    for (const { id: document } of documents) {
      const [row] = sql.all(
        "select d.name, d.title, d.kind, d.prefix, d.text, d.hash, d.fields, f.modified from documents d join files f on f.id = d.file where d.id = ?",
        document!,
      );
      if (!row) fail("storage_failed", "was changed while it was written out", { where: store, hint: "try again" });
      const text = row.text as string;
      const own = sql.all(
        "select c.ordinal, c.start, c.stop, c.heading, c.page, v.vector from chunks c left join vectors v on v.space = ? and v.hash = c.hash where c.document = ? order by c.ordinal",
        ...[space, document!],
      );
      let behind = 0;
      for (const [i, { ordinal, start, stop, heading, page, vector }] of own.entries()) {
        const [from, to] = [start as number, stop as number];
        const path = JSON.parse(heading as string) as string[];
        const before = text.slice(behind, Math.max(behind, from));
        const after = i === own.length - 1 ? text.slice(to) : "";
        behind = Math.max(behind, to);
        yield {
          ...{
            document: row.name as string,
            chunk: ordinal as number,
            text: text.slice(from, to),
            start: from,
            end: to,
          },
          ...(path.length > 0 && { heading: path }),
          ...(page !== null && { page: page as number }),
          ...{ title: row.title as string, kind: row.kind as string },
          ...(row.prefix !== "" && { prefix: row.prefix as string }),
          ...(before !== "" && { before }),
          ...(after !== "" && { after }),
          ...(row.fields !== null && { fields: JSON.parse(row.fields as string) as Record<string, unknown> }),
          ...{ modified: row.modified as number, hash: row.hash as string, index: settings },
          ...(vector instanceof Uint8Array && {
            // Nine digits are what a number of 32 bits needs to be the same again.
            embedding: Array.from(new Float32Array(vector.buffer, vector.byteOffset, vector.length / 4), (value) =>
              Number(value.toPrecision(9)),
            ),
          }),
        };
      }
    }
  } finally {
    sql.close();
  }
}
