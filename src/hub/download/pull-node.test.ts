/** A pull from a server on this machine: the cache, the disk, what was left, this machine's settings. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { onFailingDisk } from "../../../test/support/failing-disk.ts";
import { gitSha1, sha256 } from "../../../test/support/hub-server.js";
import { commit, expectWhole, failure, files, noise, pulls, wanted, weights } from "../../../test/support/pull.ts";
import { lockTimes, takeLock } from "../../base/lock-node.ts";
import { ZerothError } from "../../errors.ts";
import { createFileHash } from "./cache-node.ts";
import { retryTimes } from "./retry.ts";
import { transfer } from "./transfer.ts";

const start = pulls("pull");

describe("a good connection", () => {
  test("the cache is laid out as Python has it", async () => {
    const { hub, home, cache, go } = await start();
    const planned: object[] = [];
    const { files: rows, path } = await go("acme/tiny", { events: { planned: (plan) => planned.push(plan) } });
    expectWhole(cache);
    const bytes = wanted.reduce((sum, name) => sum + files[name]!.length, 0);
    expect(planned).toEqual([{ repo: "acme/tiny", commit, files: 4, bytes, missing: bytes }]);
    expect(path).toBe(join(cache, "snapshots", commit));
    expect(readFileSync(join(cache, "refs", "main"), "utf8")).toBe(commit);
    expect(readlinkSync(join(path, "model.safetensors"))).toBe(`../../blobs/${sha256(weights)}`);
    expect(readlinkSync(join(path, "config.json"))).toBe(`../../blobs/${gitSha1(files["config.json"]!)}`);
    expect(readdirSync(join(cache, ".no_exist", commit)).sort()).toEqual([
      "model.safetensors.index.json",
      "special_tokens_map.json",
      "spiece.model",
      "tokenizer_config.json",
    ]);
    expect(readdirSync(join(home, "hub", ".locks", "models--acme--tiny"))).toContain(`${sha256(weights)}.lock`);
    expect(rows.map(({ file, sha256: hash, bytes: size, fetched }) => [file, hash, size, fetched]).sort()).toEqual(
      wanted.map((name) => [name, sha256(files[name]!), files[name]!.length, true]).sort(),
    );
    // A second time, nothing but the listing is asked for.
    const before = hub.requests.length;
    const again = await go();
    expect(hub.requests.slice(before).map(({ kind }) => kind)).toEqual(["api"]);
    expect(again.files.every(({ fetched }) => !fetched)).toBe(true);
  });
});

describe("pulls at once", () => {
  test.each(["", "1"])(
    "in one process, links disabled: %j: each file is served once, and each pull has all",
    async (disabled) => {
      const { hub, env, cache, go } = await start(({ kind }) => (kind === "api" ? undefined : { throttle: 4_000_000 }));
      env.HF_HUB_DISABLE_SYMLINKS = disabled;
      const all = await Promise.all(Array.from({ length: 5 }, () => go()));
      expectWhole(cache);
      for (const { files: rows } of all) expect(rows.map(({ file }) => file).sort()).toEqual(wanted);
      const asked = hub.requests.filter(({ kind }) => kind !== "api").map(({ kind, file }) => `${kind} ${file}`);
      expect(new Set(asked).size).toBe(asked.length);
      expect(all.flatMap(({ files: rows }) => rows).filter(({ fetched }) => fetched)).toHaveLength(wanted.length);
    },
  );

  test("a lock that a dead process left does not hold it up", async () => {
    const { home, cache, go } = await start();
    const locks = join(home, "hub", ".locks", "models--acme--tiny");
    mkdirSync(locks, { recursive: true });
    const held = { id: "dead", pid: 999_999_999, machine: "", began: "" };
    const waits: string[] = [];
    // A lock of this machine's, as it names itself.
    const lock = await takeLock(join(locks, "probe.lock"), { times: lockTimes, done: () => false, wait: false });
    const machine = (JSON.parse(readFileSync(join(locks, "probe.lock.owner"), "utf8")) as { machine: string }).machine;
    if (typeof lock === "object") lock.release();
    writeFileSync(join(locks, `${sha256(weights)}.lock.owner`), JSON.stringify({ ...held, machine }));
    await go("acme/tiny", { events: { waiting: (file) => waits.push(file) } });
    expectWhole(cache);
    expect(waits).toEqual([]);
  });
});

describe("the disk breaks", () => {
  const file = { name: "x", bytes: 3_000, etag: sha256(noise(3_000)), hash: "sha256" } as const;
  const asked = { repo: "acme/tiny", revision: "main", endpoint: "http://hub.example", token: false, file: "x" };

  test.each([0, 1, 2])("the write number %i fails: said at once, not tried again", async (nth) => {
    let [writes, requests] = [0, 0];
    const draft = {
      size: async () => 0,
      clear: async () => {},
      async write() {
        if (writes++ === nth) throw new ZerothError("bad_input", "cannot be written (ENOSPC)");
      },
      async *read() {},
    };
    const fetch = async () => {
      requests++;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < 3_000; at += 1_000) controller.enqueue(noise(3_000).subarray(at, at + 1_000));
          controller.close();
        },
      });
      return new Response(body);
    };
    const work = transfer("http://hub.example/x", file, asked, draft, {
      fetch,
      settings: { endpoint: "http://hub.example", token: undefined, timeout: 5_000 },
      times: retryTimes,
      random: Math.random,
      now: () => performance.now(),
      clock: Date.now,
      createHash: createFileHash,
    });
    expect(await failure(work)).toMatchObject({ code: "bad_input", message: expect.stringMatching(/ENOSPC/) });
    expect(requests).toBe(1);
  });

  test.each(["ENOSPC", "EROFS"] as const)(
    "the n-th change of the cache fails with %s: typed, and the next pull is whole",
    async (code) => {
      let failures = 0;
      for (let n = 1; n < 200; n += 7) {
        const { home, cache, go } = await start();
        const { error, failed } = await onFailingDisk({ n, code, below: home }, () => go("acme/tiny", { parallel: 1 }));
        if (!failed) break;
        if (error !== undefined) {
          failures++;
          expect(error).toBeInstanceOf(ZerothError);
          expect(error).toMatchObject({
            code: "bad_input",
            message: expect.stringMatching(code),
            hint: expect.any(String),
          });
        }
        await go();
        expectWhole(cache);
        expect(readdirSync(cache, { recursive: true }).filter((name) => String(name).endsWith(".tmp"))).toEqual([]);
      }
      expect(failures).toBeGreaterThan(3);
    },
  );

  test("a cache that cannot be written", async () => {
    const { home, go } = await start();
    writeFileSync(home, "a file where the cache should be");
    expect((await failure(go())).code).toBe("bad_input");
  });
});

describe("what was left", () => {
  test.each([
    ["a draft of other bytes", (draft: string) => writeFileSync(draft, noise(200_000, 99)), 2],
    ["a draft that is too long", (draft: string) => writeFileSync(draft, noise(500_000, 3)), 1],
    ["a draft that is whole", (draft: string) => writeFileSync(draft, weights), 0],
    ["a draft that is whole but wrong", (draft: string) => writeFileSync(draft, noise(400_000, 98)), 1],
  ])("%s", async (_, leave, times) => {
    const { cache, go, served } = await start();
    mkdirSync(join(cache, "blobs"), { recursive: true });
    leave(join(cache, "blobs", `${sha256(weights)}.incomplete`));
    await go();
    expectWhole(cache);
    expect(served("model.safetensors")).toBe(times);
  });

  test("a blob cut short by something else is fetched again", async () => {
    const { cache, go } = await start();
    await go();
    writeFileSync(join(cache, "blobs", sha256(weights)), "short");
    await go();
    expectWhole(cache);
  });
});

describe("this machine", () => {
  test("a disk that is too small is said before the first byte", async () => {
    const { hub, cache, go } = await start();
    expect(await failure(go("acme/tiny", { freeSpace: async () => 100_000 }))).toMatchObject({
      code: "bad_input",
      message: expect.stringMatching(/bytes are to come, the disk has room for 100000/),
      hint: expect.stringMatching(/HF_HOME/),
    });
    expect(hub.requests.length).toBe(1);
    expect(existsSync(cache)).toBe(false);
  });

  test("offline, nothing is asked", async () => {
    const { hub, env, go } = await start();
    for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
      env[name] = "yes";
      expect(await failure(go())).toMatchObject({ code: "not_found", message: expect.stringMatching(/offline/) });
      delete env[name];
    }
    expect(hub.requests).toEqual([]);
  });

  test("without links the files themselves lie in the snapshot, and are not fetched again", async () => {
    const { hub, env, cache, go } = await start();
    env.HF_HUB_DISABLE_SYMLINKS = "1";
    await go();
    const snapshot = join(cache, "snapshots", commit);
    expect(() => readlinkSync(join(snapshot, "config.json"))).toThrow();
    expectWhole(cache);
    const before = hub.requests.length;
    await go();
    expect(hub.requests.length).toBe(before + 1);
  });

  test("a proxy of the environment is used, and left aside where it says so", async () => {
    const { hub, env, cache, go } = await start();
    env.HTTP_PROXY = "http://127.0.0.1:1";
    expect((await failure(go())).message).toMatch(/cannot be reached/);
    expect(hub.requests).toEqual([]);
    env.NO_PROXY = "127.0.0.1, localhost";
    await go();
    expectWhole(cache);
  });
});
