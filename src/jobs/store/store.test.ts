import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeS3, fakeS3 } from "../../../test/support/fake-s3.ts";
import type { Backend } from "./backend.ts";
import { folderBackend } from "./folder-node.ts";
import { collect, findResult, listResults, verifyStore } from "./keep-node.ts";
import type { Manifest } from "./manifest.ts";
import { commit, fileName, objectFolder, outputHash, problemsOf, readResult, refPath } from "./objects-node.ts";
import { s3Backend, s3Client, s3Place } from "./s3-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-store-"));
let service: FakeS3;
beforeAll(async () => {
  service = await fakeS3();
  process.env.AWS_ACCESS_KEY_ID = "somebody";
  process.env.AWS_SECRET_ACCESS_KEY = "something";
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
let drafts = 0;
/** A file of this content; a folder with it under `name`. */
function draft(content: string, name = "result.json"): { folder: string; file: string } {
  const own = join(folder, `draft-${drafts++}`);
  mkdirSync(own);
  writeFileSync(join(own, name), content);
  return { folder: own, file: join(own, name) };
}

const places: Record<string, (name: string) => Backend> = {
  "a folder": (name) => folderBackend(join(folder, name)),
  "a bucket": (name) => s3Backend(`s3://bucket/${name}`, s3Client({ AWS_ENDPOINT_URL: service.url })),
};

const key = sha256("a key");
/** Store a result of one file. */
function store(backend: Backend, content: string, of = key) {
  const { folder: from } = draft(content);
  const files = [{ path: "result.json", bytes: Buffer.byteLength(content), sha256: sha256(content) }];
  const base = { schema: 1 as const, key: of, job: "toy", jobVersion: 1, partition: "a/b", identity: {}, files };
  const more = { metrics: { loss: "NaN" as const }, checks: [], versions: {}, seconds: 1 };
  return commit(
    backend,
    { ...base, ...more },
    { from, write: async (manifest: Manifest) => draft(JSON.stringify(manifest)).file },
  );
}
const bytesOf = async (backend: Backend, path: string, content: string) => {
  await backend.remove(path);
  await backend.createFrom(path, draft(content).file);
};

describe.each(Object.entries(places))("a store in %s", (name, open) => {
  const fresh = () => open(`store-${name.length}-${drafts++}`);

  test("of many writers one creates a file, and it has what that one wrote", async () => {
    const backend = fresh();
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, i) => backend.createFrom("x/y.txt", draft(`writer ${i}`).file)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(new TextDecoder().decode(await backend.read("x/y.txt"))).toBe(`writer ${made.indexOf(true)}`);
    expect(await backend.size("x/none")).toBeUndefined();
    expect(await backend.read("x/none")).toBeUndefined();
  });

  test("the first manifest counts; the second attempt is told, and its own bytes are not mixed in", async () => {
    const backend = fresh();
    const first = await store(backend, "one");
    const second = await store(backend, "another");
    expect([first.first, second.first]).toEqual([true, false]);
    expect(second.manifest).toEqual(first.manifest);
    const whole = (await readResult(backend, key, true))!;
    expect(whole.outputHash).toBe(outputHash(first.manifest.files));
    expect(await problemsOf(backend, whole, true)).toEqual([]);
  });

  test("what an attempt left that ended before its commit is used where it is the same, else stepped around", async () => {
    for (const left of ["one", "half of it"]) {
      const backend = fresh();
      await backend.createFrom(`${objectFolder(key)}/result.json`, draft(left).file);
      // Without its manifest nothing is a result.
      expect(await readResult(backend, key)).toBeUndefined();
      const { manifest } = await store(backend, "one");
      expect(manifest.files[0]!.at === undefined).toBe(left === "one");
      expect(await problemsOf(backend, manifest, true)).toEqual([]);
      const to = join(folder, `copy-${drafts++}`, "deep", "result.json");
      await backend.fetch(`${objectFolder(key)}/${manifest.files[0]!.at ?? "result.json"}`, to);
      expect(readFileSync(to, "utf8")).toBe("one");
    }
  });

  test("a damaged result is put aside and counts as none; verify reads every byte", async () => {
    const backend = fresh();
    await store(backend, "good");
    await bytesOf(backend, `${objectFolder(key)}/result.json`, "goof");
    // The size is right: only reading it tells.
    expect(await readResult(backend, key)).toBeDefined();
    const found: string[] = [];
    const verified = await verifyStore(backend, ({ problem }) => found.push(problem));
    expect(verified).toEqual({ results: 1, problems: 1, unfinished: 0 });
    expect(found[0]).toContain("does not have the hash");
    expect(await readResult(backend, key)).toBeUndefined();
    expect(new TextDecoder().decode(await backend.read(`objects.bad/${key}/result.json`))).toBe("goof");
    // A file that lacks, and a manifest that is none.
    await store(backend, "good");
    await backend.remove(`${objectFolder(key)}/result.json`);
    expect(await readResult(backend, key)).toBeUndefined();
    await bytesOf(backend, `${objectFolder(key)}/manifest.json`, '{"schema":1}');
    expect(await readResult(backend, key)).toBeUndefined();
    expect((await store(backend, "good")).first).toBe(true);
  });

  test("gc takes what nobody can use, and what is not the latest only when asked", async () => {
    const backend = fresh();
    const old = sha256("older");
    await store(backend, "older", old);
    await store(backend, "newer");
    await backend.createFrom(`${objectFolder(sha256("dead"))}/result.json`, draft("left").file);
    const ref = JSON.stringify({ key, outputHash: "x", at: "now" });
    await backend.replaceFrom(refPath("toy", "a/b"), draft(ref).file);
    const now = Date.now();
    const rows = [];
    for await (const row of listResults(backend)) rows.push([row.key, row.latest]);
    expect(new Map(rows as [string, boolean][])).toEqual(
      new Map([
        [key, true],
        [old, false],
      ]),
    );
    if (name === "a folder") expect((await collect(backend, { keepRefs: true, hours: 24, now })).removed).toBe(0);
    expect(await collect(backend, { keepRefs: false, hours: 0, now: now + 1000 })).toEqual({ removed: 1, bytes: 4 });
    expect((await collect(backend, { keepRefs: true, hours: 0, now: now + 1000 })).removed).toBe(1);
    expect((await findResult(backend, "toy", "a/b")).key).toBe(key);
    expect((await findResult(backend, key.slice(0, 8))).key).toBe(key);
    await expect(findResult(backend, "toy", "c")).rejects.toMatchObject({ code: "not_found" });
  });
});

test("a service that is busy is asked again; what it refuses is said with what to do", async () => {
  const backend = places["a bucket"]!("refused");
  service.refusals.push(409);
  expect(await backend.createFrom("a", draft("x").file)).toBe(true);
  service.refusals.push(403);
  await expect(backend.read("a")).rejects.toMatchObject({ code: "bad_input", hint: expect.stringContaining("AWS_") });
  expect(() => s3Place("s3://")).toThrow("names no bucket");
  expect(s3Place("s3://my-bucket/a/b/")).toEqual({ bucket: "my-bucket", prefix: "a/b/" });
});

test("any name of a partition is one file of its folder, and no two are the same", () => {
  const names = [
    "",
    ".",
    "..",
    "a/b",
    "a%2Fb",
    "can we infer?",
    "É",
    "x".repeat(300),
    `${"x".repeat(300)}y`,
    ".x",
    "A",
  ];
  const files = names.map(fileName);
  expect(new Set(files).size).toBe(names.length);
  for (const file of files) expect(file).toMatch(/^[\w%-][\w%.-]{0,199}$/);
});
