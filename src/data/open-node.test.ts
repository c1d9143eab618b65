/** Rows of files by number: JSON Lines, CSV, TSV, compressed, Parquet (parity/parquet_rows.py), several at once. */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { createGroupCache } from "./group-cache.ts";
import { openLines } from "./lines-node.ts";
import { openData } from "./open-node.ts";
import { openParquet } from "./parquet-node.ts";
import { joined, type RowData, rowsFrom, sampled } from "./rows.ts";
import { Float, plain, type Row, Scalar } from "./values.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zeroth-rows-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, content: string | Buffer): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};
const all = async (data: RowData, from = 0) => {
  const rows: unknown[] = [];
  for await (const row of rowsFrom(data, from)) rows.push(plain(row));
  return rows;
};
const numbers = Array.from({ length: 50 }, (_, i) => i);

describe("JSON Lines", () => {
  const lines = numbers.map((i) => `{"n":${i},"text":"zeile ${"ü".repeat(i)}"}`);

  test.each([
    ["rows.jsonl", lines.join("\n")],
    ["windows.jsonl", `\uFEFF${lines.join("\r\n")}\r\n`],
    ["gaps.jsonl", `\n\n${lines.join("\n\n  \n")}\n\n`],
    ["packed.jsonl.gz", gzipSync(lines.join("\n"))],
  ])("%s: every row by number, from anywhere", async (name, content) => {
    await using data = await openLines(await file(name, content));
    expect(data.size).toBe(50);
    for (const i of [49, 0, 17, 16, 15, 31]) expect((await data.row(i)).get("n")).toBe(i);
    expect((await all(data, 47)).map((row) => (row as { n: number }).n)).toEqual([47, 48, 49]);
    expect(((await all(data))[9] as { text: string }).text).toBe(`zeile ${"ü".repeat(9)}`);
  });

  test("numbers are as they are written", async () => {
    await using data = await openLines(await file("numbers.jsonl", '{"a":1,"b":1.0,"c":9007199254740993,"d":0.5}'));
    const row = await data.row(0);
    expect([row.get("a"), row.get("b"), row.get("c"), row.get("d")]).toEqual([1, new Float(1), 9007199254740993n, 0.5]);
  });

  test("what is no row is an error with its number; a missing or damaged file one with its name", async () => {
    await using data = await openLines(await file("bad.jsonl", '{"a":1}\n[2]\n{"a":'));
    await expect(data.row(1)).rejects.toThrow(/bad\.jsonl, row 2: expected an object/);
    await expect(data.row(2)).rejects.toMatchObject({ code: "bad_input" });
    await expect(openLines(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "not_found" });
    const cut = gzipSync(lines.join("\n")).subarray(0, 60);
    await expect(openLines(await file("cut.jsonl.gz", cut))).rejects.toMatchObject({ code: "corrupt_file" });
  });

  test("unpacked rows leave nothing behind, and an abort ends the reading", async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("zeroth-rows-")).length;
    await using data = await openLines(await file("left.jsonl.gz", gzipSync(lines.join("\n"))));
    expect((await data.row(3)).get("n")).toBe(3);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("zeroth-rows-")).length).toBe(before);
    const work = openLines(join(folder, "rows.jsonl"), { signal: AbortSignal.abort() });
    await expect(work).rejects.toMatchObject({ code: "interrupted" });
  });

  test("the digest is the content's", async () => {
    const digest = async (name: string, content: string | Buffer) => {
      await using data = await openLines(await file(name, content));
      return data.digest;
    };
    const one = await digest("one.jsonl", lines.join("\n"));
    expect(await digest("two.jsonl.gz", gzipSync(lines.join("\n")))).toBe(one);
    expect(await digest("three.jsonl", lines.slice(1).join("\n"))).not.toBe(one);
  });
});

describe("CSV", () => {
  test.each([
    ["rows.csv", 'text,label\n"one, ""two""\r\nthree",1\r\nfour,2\n'],
    ["rows.tsv.gz", gzipSync('text\tlabel\n"one, ""two""\r\nthree"\t1\nfour\t2')],
  ])("%s", async (name, content) => {
    await using data = await openLines(await file(name, content));
    expect(await all(data)).toEqual([
      { text: 'one, "two"\r\nthree', label: "1" },
      { text: "four", label: "2" },
    ]);
  });

  test("a ragged record is an error where it stands, the others are rows", async () => {
    await using data = await openLines(await file("ragged.csv", "a,b\n1,2\n3\n4,5\n"));
    expect(data.size).toBe(3);
    await expect(data.row(1)).rejects.toThrow(/ragged\.csv, row 2: record 2 has 1 fields, the header has 2/);
    expect(plain(await data.row(2))).toEqual({ a: "4", b: "5" });
  });

  test("bytes that are not UTF-8 are not replaced", async () => {
    const latin = await file("latin.csv", Buffer.from("a\ncaf\xe9\n", "latin1"));
    await expect(openLines(latin)).rejects.toThrow(/latin\.csv: byte 6 \(0xe9\) is not UTF-8/);
    await using lines = await openLines(await file("latin.jsonl", Buffer.from('{"a":1}\n{"a":"\xe9"}\n', "latin1")));
    await expect(lines.row(1)).rejects.toThrow(/latin\.jsonl, row 2: byte 15 \(0xe9\) is not UTF-8/);
  });
});

describe("Parquet", () => {
  const path = join(fixtures, "rows", "groups.parquet");

  test("values by the types of the schema, rows by number", async () => {
    const data = await openParquet(path, createGroupCache());
    expect([data.size, data.blocks]).toEqual([23, [5, 5, 5, 5, 3]]);
    const row: Row = await data.row(7);
    expect(plain(row)).toEqual({
      number: 7,
      score: 3.5,
      big: 2n ** 60n + 7n,
      answers: { text: ["a7"], start: [new Float(1)] },
      turns: [{ who: "x", n: 7 }],
      day: new Scalar("datetime.date", "1970-01-08", "datetime.date(1970, 1, 8)"),
      at: new Scalar("datetime.datetime", "1970-01-01 00:00:07", "datetime.datetime(1970, 1, 1, 0, 0, 7)"),
      some: false,
    });
    expect((await data.row(8)).get("score")).toEqual(new Float(4));
    expect(plain(await data.row(20))).toMatchObject({ number: 20, turns: null });
    expect((await data.row(3)).get("some")).toBeNull();
    expect(await all(data)).toHaveLength(23);
  });

  test("a group is read once while the cache has room for it", async () => {
    let reads = 0;
    const groups = createGroupCache(100);
    const get = (key: string, bytes: number) =>
      groups.get(key, async () => {
        reads++;
        return { bytes };
      });
    for (const key of ["a", "b", "a", "b"]) await get(key, 50);
    expect(reads).toBe(2);
    await get("c", 50);
    await get("b", 50);
    expect(reads).toBe(3);
    await get("a", 50);
    expect(reads).toBe(4);
    await get("large", 500);
    await get("large", 500);
    expect(reads).toBe(5);
    let fails = 0;
    const failing = () =>
      groups.get("bad", () => {
        fails++;
        return Promise.reject(new Error("no"));
      });
    await expect(failing()).rejects.toThrow("no");
    await expect(failing()).rejects.toThrow("no");
    expect(fails).toBe(2);
  });

  test("a damaged file is named", async () => {
    const bad = await file("bad.parquet", "PAR1 no PAR1");
    await expect(openParquet(bad, createGroupCache())).rejects.toMatchObject({ code: "corrupt_file", where: bad });
    const none = join(folder, "none.parquet");
    expect(existsSync(none)).toBe(false);
    await expect(openParquet(none, createGroupCache())).rejects.toMatchObject({ code: "not_found" });
  });
});

test("several files are one data set; evenly spaced rows of it keep its blocks", async () => {
  const opened: AsyncDisposable[] = [];
  const lines = await file("more.jsonl", numbers.map((i) => `{"number":${100 + i}}`).join("\n"));
  const files = [lines, join(fixtures, "rows", "groups.parquet")];
  const data = await openData(files, { opened, cache: createGroupCache() });
  expect([data.size, data.blocks, opened.length]).toEqual([73, [50, 5, 5, 5, 5, 3], 1]);
  const at = async (i: number) => (await data.row(i)).get("number");
  expect(await Promise.all([0, 49, 50, 72].map(at))).toEqual([100, 149, 0, 22]);
  const part = sampled(data, 10);
  expect([part.size, part.blocks]).toEqual([10, [7, 1, 1, 1]]);
  expect((await all(part)).map((row) => (row as { number: number }).number)).toEqual([
    100, 107, 114, 121, 129, 136, 143, 1, 8, 15,
  ]);
  expect(sampled(data, 100)).toBe(data);
  expect(joined([data])).toBe(data);
  await expect(openData(["rows.xlsx"], { opened, cache: createGroupCache() })).rejects.toThrow(
    /rows\.xlsx: not a kind/,
  );
  for (const one of opened) await one[Symbol.asyncDispose]();
});
