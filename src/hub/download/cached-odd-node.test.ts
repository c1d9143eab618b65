/** A cache with things in it that no cache should have: pipes, sockets, devices, links out of it, broken refs. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { makePipe } from "../../../test/support/pipe.ts";
import { resolveModel } from "../find-node.ts";
import { leadsOut, readRef, refsIn } from "../refs-node.ts";
import { openDraft, repoCache, writeRef } from "./cache-node.ts";
import { listCached, planRemoval } from "./cached-node.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-odd-"));
const sockets: Server[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
  rmSync(root, { recursive: true, force: true });
});
const commit = "c".repeat(40);
const secret = join(root, "outside");
mkdirSync(secret);
writeFileSync(join(secret, "secret"), `${commit}\n`);
writeFileSync(join(secret, "config.json"), "{}");

let caches = 0;
/** A cache with one whole model in it. */
function cacheWith() {
  const home = join(root, `home-${caches++}`);
  const cache = join(home, "hub");
  const folder = join(cache, "models--acme--tiny");
  const snapshot = join(folder, "snapshots", commit);
  mkdirSync(snapshot, { recursive: true });
  mkdirSync(join(folder, "blobs"));
  mkdirSync(join(folder, "refs"));
  writeFileSync(join(folder, "blobs", "a".repeat(40)), "{}");
  symlinkSync(`../../blobs/${"a".repeat(40)}`, join(snapshot, "config.json"));
  writeFileSync(join(folder, "refs", "main"), commit);
  return { env: { HF_HUB_CACHE: cache }, cache, folder, snapshot };
}
const thrown = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error as Error & { code: string; hint?: string };
  }
  throw new Error("it did not fail");
};
const problems = (cache: string) =>
  listCached(cache).map(({ refs, commit: at, problem }) => [refs.join() || at.slice(0, 3), problem]);

const posix = process.platform !== "win32";

describe.runIf(posix)("what is no file", () => {
  const places: [string, (folder: string, snapshot: string) => string, string][] = [
    ["a branch", (folder) => join(folder, "refs", "main"), "is not a file"],
    ["a branch with a slash", (folder) => join(folder, "refs", "pr", "1"), "is not a file"],
    ["all branches", (folder) => join(folder, "refs"), "is not a folder"],
    ["a snapshot", (folder) => join(folder, "snapshots", "d".repeat(40)), "is not a folder"],
    ["a file of a snapshot", (_, snapshot) => join(snapshot, "model.safetensors"), "none"],
    ["a blob", (folder) => join(folder, "blobs", "a".repeat(40)), "none"],
    ["all blobs", (folder) => join(folder, "blobs"), "none"],
  ];
  test.each(places)("a pipe in the place of %s neither hangs nor ends the listing", (_, place, problem) => {
    const { cache, folder, snapshot, env } = cacheWith();
    const other = join(cache, "models--other", "snapshots", commit);
    mkdirSync(other, { recursive: true });
    const path = place(folder, snapshot);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    makePipe(path);
    const rows = listCached(cache);
    expect(rows.filter(({ repo }) => repo === "other")).toHaveLength(1);
    const bad = rows.filter((row) => row.problem !== undefined);
    expect(bad.map((row) => [row.problem, row.path])).toEqual(problem === "none" ? [] : [[problem, path]]);
    // Finding and removing do not hang either.
    try {
      resolveModel("acme/tiny", { env });
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/not_found|corrupt_file/);
    }
    planRemoval(cache, "acme/tiny").remove();
    expect(existsSync(folder)).toBe(false);
  });

  test("a socket, and a device", async () => {
    const { cache, folder } = cacheWith();
    const path = join(folder, "refs", "s");
    const socket = createServer();
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.listen(path, resolve));
    symlinkSync("/dev/zero", join(folder, "refs", "zero"));
    expect(problems(cache)).toEqual([
      ["main", undefined],
      ["s", "is not a file"],
      ["zero", expect.stringMatching(/leads out/)],
    ]);
  });

  test("a draft and a branch to be written that are pipes", async () => {
    const { cache, folder } = cacheWith();
    const repo = repoCache(cache, "acme/tiny");
    makePipe(repo.incomplete("b".repeat(40)));
    await expect(openDraft(repo.incomplete("b".repeat(40)))).rejects.toMatchObject({
      code: "bad_input",
      message: expect.stringMatching(/is not a file/),
    });
    rmSync(join(folder, "refs", "main"));
    makePipe(join(folder, "refs", "main"));
    await writeRef(repo, "main", commit);
    expect(readFileSync(join(folder, "refs", "main"), "utf8")).toBe(commit);
  });
});

describe.runIf(posix)("links", () => {
  test.each<[string, (folder: string, snapshot: string) => string, string]>([
    ["all branches", (folder) => join(folder, "refs"), secret],
    ["a folder of branches", (folder) => join(folder, "refs", "pr"), secret],
    ["a branch", (folder) => join(folder, "refs", "main"), join(secret, "secret")],
    ["all snapshots", (folder) => join(folder, "snapshots"), secret],
    ["a snapshot", (folder) => join(folder, "snapshots", commit), secret],
    ["a snapshot, upwards", (folder) => join(folder, "snapshots", commit), "../../../.."],
    ["a circle", (folder) => join(folder, "refs"), "refs"],
    ["a branch, nowhere", (folder) => join(folder, "refs", "main"), "/nowhere/at/all"],
  ])("%s: not followed out of the repository's folder", (name, place, target) => {
    const { cache, folder, snapshot, env } = cacheWith();
    const path = place(folder, snapshot);
    rmSync(path, { recursive: true, force: true });
    symlinkSync(target, path);
    const bad = listCached(cache).filter(({ problem }) => problem !== undefined);
    expect(bad.map((row) => [row.path, row.problem, row.files])).toEqual([
      [path, expect.stringMatching(/leads out/), 0],
    ]);
    expect(leadsOut(folder, path)).toBe(true);
    const asked = name === "a folder of branches" ? "acme/tiny@pr/secret" : "acme/tiny";
    expect(thrown(() => resolveModel(asked, { env })).code).toMatch(/corrupt_file|not_found/);
    // What is outside stays, whatever is removed.
    try {
      planRemoval(cache, `acme/tiny@${commit}`).remove();
    } catch (cause) {
      expect((cause as { code: string }).code).toMatch(/corrupt_file|not_found/);
    }
    expect(readdirSync(secret).sort()).toEqual(["config.json", "secret"]);
  });

  test("a repository whose whole folder is a link is read, and removed by hand", () => {
    const { cache, env } = cacheWith();
    const elsewhere = cacheWith();
    symlinkSync(elsewhere.folder, join(cache, "models--acme--linked"));
    expect(listCached(cache).map(({ repo, problem, files }) => [repo, problem, files])).toEqual([
      ["acme/linked", undefined, 1],
      ["acme/tiny", undefined, 1],
    ]);
    expect(resolveModel("acme/linked", { env }).revision).toBe(commit);
    expect(thrown(() => planRemoval(cache, "acme/linked"))).toMatchObject({ code: "bad_input" });
    expect(existsSync(elsewhere.snapshot)).toBe(true);
  });

  test("nothing is written through them", async () => {
    const { cache, folder } = cacheWith();
    rmSync(join(folder, "refs"), { recursive: true });
    symlinkSync(secret, join(folder, "refs"));
    await expect(writeRef(repoCache(cache, "acme/tiny"), "main", "d".repeat(40))).rejects.toMatchObject({
      code: "corrupt_file",
      hint: expect.stringMatching(/remove the link/),
    });
    expect(readdirSync(secret).sort()).toEqual(["config.json", "secret"]);
  });
});

test("a broken branch is a row with its problem, beside the snapshots, and refused by name", () => {
  const { cache, folder, env } = cacheWith();
  const contents = { way: "../../outside", empty: "", binary: "\u0000\u0001", long: "x".repeat(5_000), two: "a b" };
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(folder, "refs", name), text);
  const rows = listCached(cache);
  expect(rows.filter(({ problem }) => problem === undefined).map(({ refs }) => refs)).toEqual([["main"]]);
  expect(rows.filter(({ problem }) => problem).map(({ refs, problem }) => [...refs, problem])).toEqual([
    ["binary", 'holds no commit, but "\\u0000\\u0001"'],
    ["empty", 'holds no commit, but ""'],
    ["long", "holds no commit, but 5000 bytes"],
    ["two", 'holds no commit, but "a b"'],
    ["way", 'holds no commit, but "../../outside"'],
  ]);
  for (const name of Object.keys(contents)) {
    expect(thrown(() => resolveModel(`acme/tiny@${name}`, { env }))).toMatchObject({
      code: "corrupt_file",
      hint: `remove it and download again: zeroth pull acme/tiny@${name}`,
    });
  }
  expect(resolveModel("acme/tiny", { env }).revision).toBe(commit);
  expect(thrown(() => planRemoval(cache, "acme/tiny@way"))).toMatchObject({ code: "not_found" });
});

test("whatever a branch's file holds, it leads into the snapshots or nowhere", () => {
  const { folder } = cacheWith();
  const path = join(folder, "refs", "any");
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.stringMatching(/^[a-f0-9./\\ \n-]{0,50}$/));
  fc.assert(
    fc.property(text, (content) => {
      writeFileSync(path, content);
      const ref = readRef(folder, "any");
      if (ref && "commit" in ref) {
        expect(dirname(join(folder, "snapshots", ref.commit))).toBe(join(folder, "snapshots"));
        expect(content.trim()).toBe(ref.commit);
      } else expect(ref?.problem).toMatch(/^holds no commit, but /);
    }),
    { numRuns: 300 },
  );
  expect(readRef(folder, "none")).toBeUndefined();
  expect(readRef(join(path, "below a file"), "main")).toBeUndefined();
  expect(refsIn(join(path, "below a file"))).toEqual([]);
});

test("below a file there is no model, and a name too long for a disk is not on it", () => {
  const { env, folder } = cacheWith();
  const file = join(folder, "refs", "main");
  for (const name of [`${file}/x`, `./${"x".repeat(300)}`]) {
    const error = thrown(() => resolveModel(name, { env }));
    expect([error.code, error.hint]).toEqual(["not_found", expect.stringMatching(/zeroth pull/)]);
  }
});
