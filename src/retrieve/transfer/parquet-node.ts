/** An exported index as Parquet: the columns of its rows, vectors as lists of 32-bit numbers. */
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { writeFileSafely } from "../../base/files-node.ts";
import type { ExportedChunk } from "./export-node.ts";

type Value = string | number | readonly number[] | undefined;

const text = (name: string, isOptional = true): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: isOptional ? "OPTIONAL" : "REQUIRED",
});
const whole = (name: string): SchemaElement => ({ name, type: "INT32", repetition_type: "OPTIONAL" });

/** Columns that hold JSON, as Parquet's own nesting would fix what is in them. */
const asJson = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));

/** Each column's elements of the schema, and its value of a row. */
const columns: readonly (readonly [readonly SchemaElement[], (row: ExportedChunk) => Value])[] = [
  [[text("document", false)], (row) => row.document],
  [[whole("chunk")], (row) => row.chunk],
  [[text("text", false)], (row) => row.text],
  [[whole("start")], (row) => row.start],
  [[whole("end")], (row) => row.end],
  [[text("heading")], (row) => asJson(row.heading)],
  [[whole("page")], (row) => row.page],
  [[text("title")], (row) => row.title],
  [[text("kind")], (row) => row.kind],
  [[text("prefix")], (row) => row.prefix],
  [[text("before")], (row) => row.before],
  [[text("after")], (row) => row.after],
  [[text("fields")], (row) => asJson(row.fields)],
  [[{ name: "modified", type: "DOUBLE", repetition_type: "OPTIONAL" }], (row) => row.modified],
  [[text("hash")], (row) => row.hash],
  [[text("index")], (row) => asJson(row.index)],
  [
    [
      { name: "embedding", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
    ],
    (row) => row.embedding,
  ],
];

/** Rows that are written together, which a reader holds in memory together. */
const together = 5000;

/** @returns how many rows @throws storage_failed, bad_input */
export async function writeParquet(path: string, rows: Iterable<ExportedChunk>): Promise<number> {
  let count = 0;
  await writeFileSafely(path, function* () {
    const writer = new ByteWriter();
    const taken = (): Uint8Array => {
      const bytes = new Uint8Array(writer.buffer, 0, writer.index).slice();
      writer.index = 0;
      return bytes;
    };
    const schema: SchemaElement[] = [
      { name: "root", num_children: columns.length },
      ...columns.flatMap(([elements]) => elements),
    ];
    const parquet = new ParquetWriter({ writer, schema, createdBy: "zeroth" });
    const write = (group: readonly ExportedChunk[]) => {
      const columnData = columns.map(([[first], of]) => ({ name: first!.name, data: group.map(of) }));
      void parquet.write({ columnData, rowGroupSize: together });
      count += group.length;
      return taken();
    };
    let group: ExportedChunk[] = [];
    for (const row of rows) {
      group.push(row);
      if (group.length < together) continue;
      yield write(group);
      group = [];
    }
    if (group.length > 0) yield write(group);
    void parquet.finish();
    yield taken();
  });
  return count;
}
