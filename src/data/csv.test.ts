/** CSV as people have it, against csv-parse where both read it. */
import { parse } from "csv-parse/sync";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZerothError } from "../errors.ts";
import { csvRows } from "./csv.ts";

async function* inPieces(text: string, size = text.length) {
  for (let i = 0; i < text.length; i += Math.max(1, size)) yield text.slice(i, i + Math.max(1, size));
}

/** Header and records as lists; an error as its message. */
async function read(text: string, { kind = "csv" as "csv" | "tsv", size = text.length, said = [] as string[] } = {}) {
  const rows: unknown[] = [];
  for await (const row of csvRows(inPieces(text, size), { kind, where: "x", say: (line) => said.push(line) })) {
    rows.push(row instanceof ZerothError ? row.message : Object.fromEntries(row));
  }
  return rows;
}

const two = [
  { id: "1", text: "hello" },
  { id: "2", text: "bye" },
];

test.each([
  ["LF", "id,text\n1,hello\n2,bye\n"],
  ["CRLF", "id,text\r\n1,hello\r\n2,bye\r\n"],
  ["CR", "id,text\r1,hello\r2,bye\r"],
  ["no end", "id,text\n1,hello\n2,bye"],
  ["CRLF without its last LF", "id,text\r\n1,hello\r\n2,bye\r"],
  ["blank lines", "\n\nid,text\n\n1,hello\n\r\n2,bye\n\n"],
  ["quotes", '"id","text"\n"1","hello"\n"2",bye'],
])("lines that end with %s, in pieces of any size", async (_, text) => {
  for (const size of [1, 2, 3, 5, 1000]) expect(await read(text, { size })).toEqual(two);
});

test("a carriage return within a line of a file of LF is content; an empty text in quotes is a record", async () => {
  expect(await read("a\nx\ry\n")).toEqual([{ a: "x\ry" }]);
  expect(await read('a\n""\n\nz\n')).toEqual([{ a: "" }, { a: "z" }]);
});

test("semicolons and tabs are found in the header and said", async () => {
  for (const [text, name] of [
    ["id;text\n1;hello\n2;bye\n", "semicolons"],
    ["id\ttext\n1\thello\n2\tbye\n", "tabs"],
  ] as const) {
    const said: string[] = [];
    expect(await read(text, { said, size: 4 })).toEqual(two);
    expect(said).toEqual([`x: fields are separated by ${name}`]);
  }
  const said: string[] = [];
  expect(await read('"a;b",c\n1;2,3\n', { said })).toEqual([{ "a;b": "1;2", c: "3" }]);
  expect(said).toEqual([]);
});

test("a ragged record is an error in its place", async () => {
  expect(await read("id,text\n1,hello\n2,a,b\n3\n2,bye\n")).toEqual([
    two[0],
    "x: record 2 has 3 fields, the header has 2",
    "x: record 3 has 1 fields, the header has 2",
    two[1],
  ]);
});

test.each([
  ["", /the file is empty/],
  ["\n\n", /the file is empty/],
  ["a,a\n1,2\n", /two columns are called "a"/],
  ['a,b\n1,"2\n3,4\n', /a quoted field is never closed/],
])("%j is refused", async (text, says) => {
  await expect(read(text)).rejects.toThrow(says);
});

describe("quotes in a TSV", () => {
  const text = 'id\ttext\n1\t"So,\n2\tplain\n3\t"quoted\tto ""its""\r\nend"\n4\t"x" y\n5\t"\n6\ta "b"\n';
  const rows = [
    { id: "1", text: '"So,' },
    { id: "2", text: "plain" },
    { id: "3", text: 'quoted\tto "its"\r\nend' },
    { id: "4", text: '"x" y' },
    { id: "5", text: '"' },
    { id: "6", text: 'a "b"' },
  ];

  test("are characters unless the field is quoted to its end", async () => {
    for (const size of [1, 3, 1000]) expect(await read(text, { kind: "tsv", size })).toEqual(rows);
  });

  test("no settings of csv-parse read them so: it swallows rows, or leaves quoted fields as they are", () => {
    const options = { delimiter: "\t", columns: true, relax_column_count: true } as const;
    for (const more of [{ relax_quotes: true }, { quote: null }]) {
      expect(parse(text, { ...options, ...more })).not.toEqual(rows);
    }
  });

  test("one that is never closed does not hold the rest of the file back", async () => {
    const many = Array.from({ length: 150_000 }, (_, i) => `${i}\trow`).join("\n");
    const got = await read(`id\ttext\nx\t"never\n${many}`, { kind: "tsv", size: 65536 });
    expect(got).toHaveLength(150_001);
    expect(got[0]).toEqual({ id: "x", text: '"never' });
  });
});

test("what csv-parse reads is read alike, in pieces of any size", async () => {
  const field = fc.string({
    unit: fc.constantFrom("a", "é", '"', ",", ";", "\n", "\r\n", " ", "\t", "😀"),
    maxLength: 6,
  });
  const quoted = (text: string) => (/[",\n\r;\t]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text);
  const width = fc.integer({ min: 1, max: 4 });
  const table = width.chain((n) =>
    fc.array(fc.array(field, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(
      table,
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.integer({ min: 1, max: 9 }),
      async (rows, end, size) => {
        const header = rows[0]!.map((_, i) => `c${i}`);
        const text = `${[header, ...rows].map((row) => row.map(quoted).join(",")).join(end)}${end}`;
        const expected = parse(text, { columns: true, record_delimiter: end, skip_empty_lines: true });
        expect(await read(text, { size })).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

test("a quoted field of many pieces takes time in proportion to its length", async () => {
  const long = `a\n"${"x".repeat(4_000_000)}"\n`;
  const start = performance.now();
  expect(await read(long, { size: 1000 })).toHaveLength(1);
  expect(performance.now() - start).toBeLessThan(20_000);
});
