import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { randomAt } from "../../base/rng.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { IndexSettings } from "../settings.ts";
import { spaceKey } from "../settings.ts";
import { shortHash } from "../sources-node.ts";
import { readCache, writeCache } from "../store/cache-node.ts";
import {
  type Generation,
  generationFor,
  putFile,
  removeFile,
  serve,
  servingOf,
  spaceOf,
} from "../store/generations-node.ts";
import { rowsOf } from "../store/read-node.ts";
import { openStoreFile } from "../store/schema-node.ts";
import type { CompileOver, Search } from "./exact.ts";
import { usearch } from "./graph-node.ts";
import { keepGraph, openDense } from "./open-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-dense-"));
afterAll(() => rmSync(folder, { recursive: true }));

const width = 16;
const settings: IndexSettings = {
  model: { name: "m", fingerprint: "f", width, metric: "cosine", documentPrompt: "", queryPrompt: "" },
  ...{ chunk: 8, overlap: 0, stemming: "none" },
};
const over: CompileOver = (graph, weights) => compile(graph, { weights, threads: 1 });

const rng = randomAt(5, 0);
/** Nearly normal. */
const normal = () => rng.next() + rng.next() + rng.next() + rng.next() - 2;
/** A direction near one of a few, as texts are. */
const centres = Array.from({ length: 12 }, () => Float32Array.from({ length: width }, () => normal()));
const vector = (): Float32Array => {
  const centre = centres[Math.floor(rng.next() * centres.length)]!;
  return centre.map((value) => value + 0.5 * normal());
};

let number = 0;
/** An index whose documents are one chunk each, with these vectors. */
function store(count: number) {
  const path = join(folder, `${number++}.index`);
  const sql = openStoreFile(path, true);
  const generation = generationFor(sql, settings, path);
  const space = spaceOf(sql, spaceKey(settings.model!));
  const put = (name: string, of: Float32Array) => {
    const hash = shortHash(`${path} ${name}`);
    const blob = new Uint8Array(of.buffer, of.byteOffset, of.byteLength);
    sql.run("insert into vectors (space, hash, vector) values (?, ?, ?)", space, hash, blob);
    const chunk = { start: 0, end: name.length, heading: [], terms: [name], hash };
    const document = {
      name,
      kind: "text",
      title: name,
      prefix: "",
      text: name,
      hash: name,
      pages: undefined,
      fields: undefined,
    };
    putFile(sql, generation, { path: name, name, size: 1, modified: 1, hash: name }, [
      { ...document, chunks: [chunk] },
    ]);
  };
  sql.transaction(() => {});
  for (let i = 0; i < count; i++) put(`d${i}`, vector());
  serve(sql, generation, spaceKey(settings.model!));
  const drop = (name: string) => {
    const { id } = sql.all("select id from files where name = ?", name)[0]!;
    sql.transaction(() => removeFile(sql, generation, id as number));
  };
  const now = (): Generation => servingOf(sql, path);
  const open = (o: Partial<Parameters<typeof openDense>[4]> = {}): Promise<Search> =>
    openDense(sql, now(), rowsOf(sql, now()), path, { compile: over, ...o });
  return { path, sql, put, drop, now, open, rows: () => rowsOf(sql, now()), close: () => sql.close() };
}

const flipped = (path: string, at: number) => {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  writeFileSync(path, bytes);
};

describe("a cache", () => {
  it("is read where it is whole and of the same, and never else", async () => {
    const path = join(folder, "cache");
    const key = { kind: "f32", generation: 1, count: 2, width: 4, content: "c" };
    const data = Uint8Array.from({ length: 32 }, (_, i) => i);
    await writeCache(path, key, [data.subarray(0, 10), data.subarray(10)]);
    expect(readCache(path, key)).toEqual(data);
    for (const other of [{ kind: "int8" }, { generation: 2 }, { count: 3 }, { width: 5 }, { content: "d" }])
      expect(readCache(path, { ...key, ...other }), JSON.stringify(other)).toBeUndefined();
    expect(readCache(join(folder, "none"), key)).toBeUndefined();
    const whole = readFileSync(path);
    flipped(path, -1);
    expect(readCache(path, key)).toBeUndefined();
    for (const length of [0, 100, 4096, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      expect(readCache(path, key), String(length)).toBeUndefined();
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(1)]));
    expect(readCache(path, key)).toBeUndefined();
  });
});

describe("the vectors of an index", () => {
  it("are laid out in a file once, and anew where that is not theirs or damaged", async () => {
    const { path, open, put, close } = store(60);
    const question = vector();
    const plain = await (await open()).search([question], 5);
    expect(existsSync(`${path}.f32`)).toBe(false);
    const first = await open({ small: 0 });
    expect(await first.search([question], 5)).toEqual(plain);
    expect(statSync(`${path}.f32`).size).toBe(4096 + 60 * width * 4);
    const whole = readFileSync(`${path}.f32`);
    expect(await (await open({ small: 0 })).search([question], 5)).toEqual(plain);
    // The file is what is read: vectors that were put the other way round, with the hash of that, would be found.
    flipped(`${path}.f32`, -2);
    expect(await (await open({ small: 0 })).search([question], 5)).toEqual(plain);
    expect(readFileSync(`${path}.f32`).equals(whole)).toBe(true);
    put("new", question);
    const [[nearest]] = (await (await open({ small: 0 })).search([question], 1)) as [[{ row: number; score: number }]];
    expect(nearest).toEqual({ row: 60, score: expect.closeTo(1, 5) });
    close();
  });

  it("are rounded in a file once, too", async () => {
    const { path, open, close } = store(60);
    const question = vector();
    const plain = await (await open()).search([question], 5);
    for (let i = 0; i < 2; i++) expect(await (await open({ small: 0, bits: 8 })).search([question], 5)).toEqual(plain);
    expect(statSync(`${path}.int8`).size).toBe(4096 + 60 * (width + 4));
    flipped(`${path}.int8`, 5000);
    expect(await (await open({ small: 0, bits: 8 })).search([question], 5)).toEqual(plain);
    close();
  });
});

describe.skipIf((await usearch()) === undefined)("a graph of many vectors", () => {
  it("finds nearly all of what is near, with exact scores, later and deleted chunks as they are", async () => {
    const { path, sql, put, drop, now, open, rows, close } = store(1500);
    const many = 1000;
    const notices: string[] = [];
    const notice = (text: string) => void notices.push(text);
    const exact = await open();
    expect((await open({ many, notice })).count).toBe(1500);
    expect(notices.join()).toMatch(/all of the 1,500 vectors are looked at/);
    expect(await keepGraph(sql, now(), rows(), path, { many: 2000 })).toBe(false);
    expect(await keepGraph(sql, now(), rows(), path, { many })).toBe(true);
    notices.length = 0;
    const byGraph = await open({ many, notice });
    expect(notices).toEqual([]);
    const questions = Array.from({ length: 50 }, vector);
    const [truth, found] = [await exact.search(questions, 10), await byGraph.search(questions, 10)];
    const shared = found.map((hits, i) => hits.filter(({ row }) => truth[i]!.some((one) => one.row === row)).length);
    expect(shared.reduce((a, b) => a + b, 0) / 500).toBeGreaterThan(0.98);
    for (const [i, hits] of found.entries())
      for (const { row, score } of hits) {
        const same = truth[i]!.find((one) => one.row === row);
        if (same) expect(score).toBe(same.score);
      }
    // Few that fit: all of them are looked at.
    const odd = (row: number) => row % 50 === 1;
    expect(await byGraph.search(questions, 10, odd)).toEqual(await exact.search(questions, 10, odd));
    const question = vector();
    drop(`d${found[0]![0]!.row}`);
    put("new", question);
    const later = await open({ many });
    expect((await later.search([question], 1))[0]![0]).toMatchObject({ row: 1499, score: expect.closeTo(1, 5) });
    const gone = exact.count === 1500 && rows().ids.length === 1500;
    expect(gone).toBe(true);
    const now10 = await (await open()).search([questions[0]!], 10);
    expect((await later.search([questions[0]!], 10))[0]!.map(({ row }) => row)).toEqual(
      now10[0]!.map(({ row }) => row),
    );
    close();
  });

  it("that is damaged, another's or too old is never opened", async () => {
    const { path, sql, put, now, open, rows, close } = store(400);
    const many = 300;
    await keepGraph(sql, now(), rows(), path, { many });
    const graph = readFileSync(`${path}.graph`);
    const told: string[] = [];
    const question = vector();
    const plain = await (await open()).search([question], 10);
    const try_ = async (why: string) => {
      told.length = 0;
      expect(await (await open({ many, notice: (text) => void told.push(text) })).search([question], 10), why).toEqual(
        plain,
      );
      expect(told, why).toHaveLength(1);
    };
    flipped(`${path}.graph`, 100);
    await try_("changed");
    writeFileSync(`${path}.graph`, graph.subarray(0, graph.length - 10));
    await try_("cut");
    rmSync(`${path}.graph`);
    await try_("gone");
    const other = store(400);
    await keepGraph(other.sql, other.now(), other.rows(), other.path, { many });
    for (const end of [".graph", ".graph-rows"]) writeFileSync(path + end, readFileSync(other.path + end));
    // Chunks of other texts: none of them is in it.
    await try_("another's");
    other.close();
    expect(await keepGraph(sql, now(), rows(), path, { many })).toBe(true);
    expect((await open({ many })).count).toBe(400);
    for (let i = 0; i < 50; i++) put(`later${i}`, vector());
    told.length = 0;
    await open({ many, notice: (text) => void told.push(text) });
    expect(told).toHaveLength(1);
    close();
  });
});
