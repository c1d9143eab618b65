/** Parquet that pyarrow wrote (parity/parquet_values.py), read as pyarrow and jinja2 print it; and files that attack. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, readJson } from "../../test/support/fixtures.ts";
import type { ZerothError } from "../errors.ts";
import { applyTemplate, type Template } from "../prompts/template.ts";
import { openInput } from "./cli-rows-node.ts";
import { createGroupCache } from "./group-cache.ts";
import { openParquet, parquetRows } from "./parquet-node.ts";
import { decimalText, zoneOf } from "./parquet-values.ts";
import { arrowZones } from "./parquet-zones.ts";
import { RawJson } from "./raw-json.ts";
import { rowsFrom } from "./rows.ts";
import { openRows } from "./stream-node.ts";
import type { Row } from "./values.ts";

const folderOf = join(fixtures, "rows");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zeroth-parquet-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const file = async (name: string, content: Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};
const all = async (rows: AsyncIterable<Row | ZerothError>): Promise<(Row | ZerothError)[]> => {
  const list: (Row | ZerothError)[] = [];
  for await (const row of rows) list.push(row);
  return list;
};
const template = (jinja: string): Template => ({
  id: "1",
  name: "t",
  jinja: `${jinja} ||| x`,
  metadata: { languages: [], metrics: [] },
  where: "t.yaml",
  line: 1,
});

type Printed = Readonly<Record<string, readonly [string, string]>>;

describe("values", () => {
  const files = readJson<Readonly<Record<string, readonly Printed[]>>>("rows", "values.json");

  test.each(Object.keys(files))("of %s are printed as Python prints them, alone and within a list", async (name) => {
    const expected = files[name]!;
    const rows = (await all(await openRows(join(folderOf, name)))) as Row[];
    const byNumber: Row[] = [];
    for await (const row of rowsFrom(await openParquet(join(folderOf, name), createGroupCache()))) byNumber.push(row);
    expect(byNumber).toEqual(rows);
    const printed = rows.map((row) =>
      Object.fromEntries(
        [...row.keys()].map((key) => {
          const print = (jinja: string) => applyTemplate(template(`.${jinja}.`), row)!.prompt.slice(1, -1);
          return [key, [print(`{{ ${key} }}`), print(`{{ [${key}] }}`)]];
        }),
      ),
    );
    expect(printed).toEqual(expected);
    expect(Object.keys(expected[0]!).length).toBeGreaterThan(name === "int96.parquet" ? 0 : 25);
  });

  test("dates and decimals are compared, not computed with; what they do not have here is an error", async () => {
    const [row, other] = (await all(await openRows(join(folderOf, "values.parquet")))) as [Row, Row];
    const print = (jinja: string) => applyTemplate(template(jinja), row)!.prompt;
    expect(print("{{ (money > 100) }} {{ (money == money) }} {{ money | int }} {{ (tiny < money) }}")).toBe(
      "True True 123 True",
    );
    expect(print("{{ (day < days[0]) }} {{ (day == days[0]) }} {{ 'x' if bytes else 'y' }}")).toBe("False True x");
    expect(() => print("{{ (money + 1) }}")).toThrow(/unsupported operand.*decimal\.Decimal/);
    expect(() => print("{{ day.year }}")).toThrow(
      /a datetime\.date is only printed and compared here, it has no "year"/,
    );
    expect(applyTemplate(template("{{ map | length }}{{ days }}"), other)!.prompt).toBe("0[]");
  });

  test("Decimal's text has an exponent where Python's has", () => {
    // str(Decimal(unscaled).scaleb(-scale))
    for (const [unscaled, scale, text] of [
      [0n, 2, "0.00"],
      [0n, 7, "0E-7"],
      [0n, 6, "0.000000"],
      [-5n, 7, "-5E-7"],
      [15n, 8, "1.5E-7"],
      [15n, 7, "0.0000015"],
      [5n, -2, "5E+2"],
      [12n, 0, "12"],
      [-120n, 2, "-1.20"],
    ] as const) {
      expect(decimalText(unscaled, scale)).toBe(text);
    }
  });

  test("zones: fixed ones, those that change, and names nobody knows", () => {
    expect(zoneOf("+00:00").offset(0)).toBe(0);
    expect(zoneOf("-03:30")).toMatchObject({ repr: "datetime.timezone(datetime.timedelta(days=-1, seconds=73800))" });
    const berlin = zoneOf("Europe/Berlin");
    expect([0, 1.6e9, 1.61e9].map(berlin.offset)).toEqual([3600, 7200, 3600]);
    expect(zoneOf("No/Where").offset(0)).toBe(0);
    for (const schema of [undefined, "", "?", "AAAA", btoa("\xff".repeat(40))])
      expect([...arrowZones(schema)]).toEqual([]);
  });
});

describe("compression", () => {
  test.each(["none", "snappy", "gzip", "brotli", "zstd", "lz4"].flatMap((codec) => [`${codec}-1`, `${codec}-2`]))(
    "%s",
    async (name) => {
      const rows: unknown[] = [];
      for await (const row of await openInput(join(folderOf, "codecs", `${name}.parquet`))) rows.push(row);
      expect(rows).toEqual([
        { id: 1, text: "hello" },
        { id: new RawJson("9007199254740993"), text: "hello hello hello hello" },
        { id: 3, text: "ü" },
      ]);
    },
  );

  test("one that is not here is named", async () => {
    const bytes = new Uint8Array(await readFile(join(folderOf, "codecs", "brotli-1.parquet")));
    // ColumnMetaData's codec is field 4 after the path: brotli is 4, LZO 3, zigzag.
    let changed = 0;
    for (let i = bytes.length - 1; i > 4; i--) {
      if (bytes[i - 1] === 0x15 && bytes[i] === 8 && bytes[i + 1] === 0x16) {
        bytes[i] = 6;
        changed++;
      }
    }
    expect(changed).toBe(2);
    const work = openParquet(await file("lzo.parquet", bytes), createGroupCache());
    await expect(work).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/lzo\.parquet: .*LZO/),
    });
  });
});

/** Thrift's compact protocol, as much as a footer of one column takes. */
const varint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
const field = (id: number, last: number, type: number) => ((id - last) << 4) | type;
const struct = (...fields: (readonly [number, number, readonly number[]])[]) => {
  let last = 0;
  const out: number[] = [];
  for (const [id, type, value] of fields) {
    out.push(field(id, last, type), ...value);
    last = id;
  }
  return [...out, 0];
};
const int = (id: number, n: number, type = 5) => [id, type, varint(2 * n)] as const;
const text = (id: number, value: string) => [id, 8, [value.length, ...Buffer.from(value)]] as const;
const listOf = (id: number, type: number, items: readonly (readonly number[])[]) =>
  [id, 9, [(items.length << 4) | type, ...items.flat()]] as const;

/** A file of one column of int64 in one page, which claims so many values and bytes. */
function parquet({
  codec,
  encoding,
  values,
  page,
  unpacked,
}: {
  codec: number;
  encoding: number;
  values: number;
  page: Uint8Array;
  unpacked: number;
}) {
  const header = struct(int(1, 0), int(2, unpacked), int(3, page.length), [
    5,
    12,
    struct(int(1, values), int(2, encoding), int(3, 3), int(4, 3)),
  ]);
  const size = header.length + page.length;
  const column = struct(
    int(1, 2),
    listOf(2, 5, [varint(2 * encoding)]),
    listOf(3, 8, [[1, 97]]),
    int(4, codec),
    int(5, values, 6),
    int(6, unpacked, 6),
    int(7, size, 6),
    int(9, 4, 6),
  );
  const group = struct(listOf(1, 12, [struct(int(2, 4, 6), [3, 12, column])]), int(2, unpacked, 6), int(3, values, 6));
  const schema = listOf(2, 12, [struct(text(4, "s"), int(5, 1)), struct(int(1, 2), int(3, 0), text(4, "a"))]);
  const footer = struct(int(1, 1), schema, int(3, values, 6), listOf(4, 12, [group]));
  const length = new Uint8Array(Uint32Array.of(footer.length).buffer);
  return Buffer.concat([
    Buffer.from("PAR1"),
    Buffer.from(header),
    page,
    Buffer.from(footer),
    length,
    Buffer.from("PAR1"),
  ]);
}

describe("files that ask for more than they hold", () => {
  const gzip = 2;
  const [plain, delta] = [0, 5];

  test("the same made well is read", async () => {
    const page = gzipSync(new Uint8Array(BigInt64Array.of(5n, -6n).buffer));
    const path = await file("fair.parquet", parquet({ codec: gzip, encoding: plain, values: 2, page, unpacked: 16 }));
    expect(await all(parquetRows(path))).toEqual([new Map([["a", 5]]), new Map([["a", -6]])]);
  });

  test.each([
    ["zeros that unpack to much more than is announced", gzip, plain, 2, gzipSync(Buffer.alloc(64 << 20)), 16],
    ["zeros, announced as they are", gzip, plain, 300 << 17, gzipSync(Buffer.alloc(300 << 20)), 300 << 20],
    [
      "two thousand million equal differences",
      0,
      delta,
      2 ** 31 - 1,
      Uint8Array.of(128, 1, 4, 255, 255, 255, 255, 7, 0, 0, 0, 0, 0, 0, 0),
      15,
    ],
    ["more rows than values", 0, plain, 1 << 20, new Uint8Array(16), 16],
  ])("%s: an error, soon", async (_, codec, encoding, values, page, unpacked) => {
    const path = await file("greedy.parquet", parquet({ codec, encoding, values, page, unpacked }));
    for (const work of [
      () => all(parquetRows(path)),
      async () => (await openParquet(path, createGroupCache())).row(0),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: "corrupt_file", where: path });
    }
  });

  test("a reader whose memory is full ends alone, and the next file is read", async () => {
    const values = 3_000_000;
    const page = gzipSync(new Uint8Array(8 * values));
    const path = await file(
      "full.parquet",
      parquet({ codec: gzip, encoding: plain, values, page, unpacked: 8 * values }),
    );
    // A process with more memory would be used again.
    await all(parquetRows(path, { milliseconds: 0, megabytes: 32 })).catch(() => undefined);
    const work = all(parquetRows(path, { milliseconds: 60_000, megabytes: 32 }));
    await expect(work).rejects.toMatchObject({
      code: "corrupt_file",
      message: expect.stringContaining("too much memory"),
    });
    expect(await all(parquetRows(join(folderOf, "prompts.parquet")))).toHaveLength(4);
  });

  test("a reader that is not done in time is ended, and the next file is read", async () => {
    const impatient = all(parquetRows(join(folderOf, "values.parquet"), { milliseconds: 0, megabytes: 64 }));
    await expect(impatient).rejects.toMatchObject({
      code: "corrupt_file",
      message: expect.stringContaining("not done"),
    });
    // Several at once wait for each other.
    const names = ["groups.parquet", "floats.parquet", "prompts.parquet"];
    const counts = await Promise.all(names.map(async (name) => (await all(parquetRows(join(folderOf, name)))).length));
    expect(counts).toEqual([23, 3, 4]);
  });

  test("a text that is not UTF-8 is an error of its row", async () => {
    const whole = await readFile(join(folderOf, "codecs", "none-1.parquet"));
    const bytes = Buffer.from(whole);
    for (let at = bytes.indexOf("ü"); at >= 0; at = bytes.indexOf("ü", at)) bytes[at] = 0xff;
    const rows = await all(parquetRows(await file("latin.parquet", bytes)));
    expect(rows[0]).toEqual(
      new Map<string, unknown>([
        ["id", 1],
        ["text", "hello"],
      ]),
    );
    expect(rows[2]).toMatchObject({
      code: "bad_input",
      message: expect.stringMatching(/latin\.parquet, row 3: .*"text".*not UTF-8/),
    });
  });
});

test("text that unpacks out of all proportion is refused, and honest text is not", async () => {
  const bomb = await file("bomb.csv.gz", gzipSync(Buffer.alloc(32 << 20, `${"a".repeat(9999)}\n`)));
  const count = async (path: string) => {
    let rows = 0;
    for await (const _ of await openRows(path)) rows++;
    return rows;
  };
  await expect(count(bomb)).rejects.toMatchObject({
    code: "corrupt_file",
    message: expect.stringMatching(/unpacks to more than/),
  });
  const honest = gzipSync("a\n1\n2\n");
  expect(gunzipSync(honest).length).toBe(6);
  expect(await count(await file("honest.csv.gz", honest))).toBe(2);
  await expect(count(await file("cut.csv.gz", honest.subarray(0, 15)))).rejects.toMatchObject({ code: "corrupt_file" });
});
