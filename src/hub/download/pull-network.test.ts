/** A pull from a server on this machine that does what networks do. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Fault, sha256 } from "../../../test/support/hub-server.js";
import { expectWhole, failure, onWeights, pulls, weights } from "../../../test/support/pull.ts";

const start = pulls("network");

test("cut in the middle: goes on where it ended, under the same name in the store", async () => {
  const { hub, cache, go, served, retries } = await start(
    onWeights((count) => (count < 4 ? { cut: 100_000 } : undefined)),
  );
  await go();
  expectWhole(cache);
  expect(served("model.safetensors")).toBe(4);
  const asked = hub.requests.filter((one) => one.kind === "store" && one.file === "model.safetensors").slice(1);
  for (const { headers } of asked) {
    expect(headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(headers["if-range"]).toMatch(/^"store-/);
  }
  expect(retries.length).toBe(3);
});

test.each<[string, Fault, Fault?]>([
  ["a server that ignores ranges", { cut: 100_000 }, { ignoreRange: true }],
  ["a range that begins elsewhere", { cut: 100_000 }, { shiftRange: 7 }],
  ["a range of a whole of another size", { cut: 100_000 }, { total: 400_001 }],
  ["no such range", { cut: 100_000 }, { status: 416 }],
  ["another name in the store half-way", { cut: 100_000 }, { etag: '"other"', headers: { etag: '"changed"' } }],
  ["other bytes than listed", { corrupt: true }],
  ["other bytes from a range on", { cut: 100_000 }, { corrupt: true }],
  ["more bytes than listed", { extra: 5, chunked: true }],
  ["a length that is too long", { extra: 5 }],
  ["a length that is too short", { announce: 100 }],
  ["fewer bytes than announced", { cut: 399_999 }],
  ["nothing at all", { cut: 0 }],
  ["a store that has run out of patience with the address", { status: 403 }],
  ["errors of the store", { status: 500 }, { status: 503 }],
])("%s", async (_, first, second) => {
  const { cache, go } = await start(onWeights((count) => (count === 1 ? first : count === 2 ? second : undefined)));
  await go();
  expectWhole(cache);
});

test("another hash in the hub's own answer is not fetched at all", async () => {
  const { cache, go, served } = await start((request) =>
    request.kind === "file" && request.file === "model.safetensors" && request.count === 1
      ? { headers: { "x-linked-etag": `"${"0".repeat(64)}"` } }
      : undefined,
  );
  await go();
  expectWhole(cache);
  expect(served("model.safetensors")).toBe(2);
});

test("a connection that stands still is ended and asked anew", async () => {
  const { env, cache, go, retries } = await start(onWeights((count) => (count === 1 ? { stall: 60_000 } : undefined)));
  env.HF_HUB_DOWNLOAD_TIMEOUT = "0.3";
  await go();
  expectWhole(cache);
  expect(retries.join()).toMatch(/no byte came for 0.3 s/);
});

test("a connection that only drips is ended too, one that is merely slow is not", async () => {
  const slow = await start(onWeights((count) => (count === 1 ? { drip: { bytes: 1, pause: 20 } } : undefined)));
  slow.env.HF_HUB_DOWNLOAD_TIMEOUT = "0.1";
  await slow.go();
  expectWhole(slow.cache);
  expect(slow.retries.join()).toMatch(/only \d+ bytes came in/);
  await slow.hub.close();
  const steady = await start(onWeights(() => ({ drip: { bytes: 40_000, pause: 60 } })));
  steady.env.HF_HUB_DOWNLOAD_TIMEOUT = "2";
  await steady.go();
  expectWhole(steady.cache);
  expect(steady.retries).toEqual([]);
});

test("429 is waited for as long as the server says, 500 for longer each time", async () => {
  const { hub, cache, go } = await start(({ kind, count }) =>
    kind === "api" && count === 1 ? { status: 429, headers: { "retry-after": "1" } } : undefined,
  );
  await go();
  expectWhole(cache);
  const [first, second] = hub.requests.filter(({ kind }) => kind === "api");
  expect(second!.at - first!.at).toBeGreaterThanOrEqual(990);
});

test("a wait longer than anybody's patience is an error at once", async () => {
  const { go } = await start(() => ({ status: 429, headers: { "retry-after": "7200" } }));
  expect(await failure(go())).toMatchObject({
    code: "not_found",
    message: expect.stringMatching(/asks to wait 2 h, until \d{4}-\d\d-\d\d \d\d:\d\d UTC/),
  });
});

test("a server that never recovers is given up with the next step", async () => {
  const { hub, go, cache, served } = await start(onWeights(() => ({ status: 502 })));
  expect(await failure(go())).toMatchObject({
    code: "not_found",
    message: expect.stringMatching(/answers with HTTP status 502 \(bad gateway\); given up after 6 tries, 0 of 400000 bytes came/),
    hint: expect.stringMatching(/try again later/),
  });
  expect(served("model.safetensors")).toBe(6);
  expect(existsSync(join(cache, "snapshots"))).toBe(false);
  // What came is kept, so a later pull asks for the weights alone.
  hub.setFault(() => undefined);
  const before = hub.requests.length;
  await go();
  expectWhole(cache);
  expect(hub.requests.slice(before).map(({ kind, file }) => file ?? kind)).toEqual([
    "api",
    "model.safetensors",
    "model.safetensors",
  ]);
});

test("a server that keeps sending something else is refused, and nothing of it kept", async () => {
  for (const fault of [{ corrupt: true }, { extra: 1 }, { announce: 3 }] as Fault[]) {
    const { hub, go, cache } = await start(onWeights(() => fault));
    expect(await failure(go())).toMatchObject({
      code: "corrupt_file",
      message: expect.stringMatching(/keeps sending something else/),
    });
    expect(existsSync(join(cache, "blobs", sha256(weights)))).toBe(false);
    expect(existsSync(join(cache, "refs"))).toBe(false);
    await hub.close();
  }
});

test("a hub that is not there is said soon, with the ways out", async () => {
  const { hub, go, env } = await start();
  await hub.close();
  expect(await failure(go())).toMatchObject({
    code: "not_found",
    message: expect.stringMatching(/the hub cannot be reached: nothing answers at its address and port \(ECONNREFUSED\); given up after 3 tries/),
    hint: expect.stringMatching(/HTTPS_PROXY.*HF_ENDPOINT.*HF_HUB_OFFLINE/),
  });
  env.HF_ENDPOINT = "http://127.0.0.1:1";
});

test("stopped on request: what came is kept, and the next pull goes on", async () => {
  const { hub, cache, go } = await start(onWeights(() => ({ throttle: 400_000 })));
  const stop = new AbortController();
  const progress = () => stop.abort();
  expect(await failure(go("acme/tiny", { signal: stop.signal, events: { progress } }))).toMatchObject({
    code: "interrupted",
  });
  const [left] = readdirSync(join(cache, "blobs")).filter((name) => name.endsWith(".incomplete"));
  expect(left).toBe(`${sha256(weights)}.incomplete`);
  hub.setFault(() => undefined);
  const before = hub.requests.length;
  await go();
  expectWhole(cache);
  const asked = hub.requests.slice(before).find(({ kind }) => kind === "store");
  expect(asked!.headers.range).toMatch(/^bytes=[1-9]/);
});
