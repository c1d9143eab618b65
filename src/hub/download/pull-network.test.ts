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
    message: expect.stringMatching(
      /answers with HTTP status 502 \(bad gateway\); given up after 6 tries, 0 of 400000 bytes came/,
    ),
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
    message: expect.stringMatching(
      /the hub cannot be reached: nothing answers at its address and port \(ECONNREFUSED\); given up after 3 tries/,
    ),
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

test("a server without ranges that cuts where it always does is asked so often and no more", async () => {
  const { go, cache, retries, served } = await start(onWeights(() => ({ ignoreRange: true, cut: 120_000 })));
  const error = await failure(go());
  expect(error).toMatchObject({
    code: "not_found",
    message: expect.stringMatching(/given up after 6 tries, 120000 of 400000 bytes came$/),
    hint: expect.stringMatching(/begins anew each time; another mirror/),
  });
  expect(served("model.safetensors")).toBe(6);
  expect(retries.filter((why) => /after 120000 of 400000 bytes/.test(why)).length).toBe(5);
  expect(existsSync(join(cache, "snapshots"))).toBe(false);
});

test("with ranges, the same cuts bring new bytes each time", async () => {
  const { go, cache, served } = await start(onWeights(() => ({ cut: 60_000 })));
  await go();
  expectWhole(cache);
  expect(served("model.safetensors")).toBe(7);
});

test("too few bytes, well ended, from a server without ranges", async () => {
  const { go, served } = await start(
    onWeights(() => ({ ignoreRange: true, chunked: true, headers: { "transfer-encoding": "chunked" }, short: 100 })),
  );
  expect(await failure(go())).toMatchObject({
    code: "not_found",
    message: expect.stringMatching(
      /the connection ended after 399900 of 400000 bytes; given up after 6 tries, 399900 of/,
    ),
  });
  expect(served("model.safetensors")).toBe(6);
});

const drip = { bytes: 1, pause: 20 };

test("a listing that drips, or stands still, is ended and asked anew", async () => {
  for (const [fault, why] of [
    [{ drip }, /listing broke off after \d+ bytes: only \d+ bytes came in/],
    [{ stall: 40 }, /listing broke off after 40 bytes: no byte came for 0.1 s/],
    [{ cut: 40 }, /listing broke off after 40 bytes: the other side cut the connection/],
  ] as const) {
    const { env, cache, go, retries } = await start(({ kind, count }) =>
      kind === "api" && count === 1 ? fault : undefined,
    );
    env.HF_HUB_DOWNLOAD_TIMEOUT = "0.1";
    await go();
    expectWhole(cache);
    expect(retries.join()).toMatch(why);
  }
});

test("a small file that drips is ended too", async () => {
  const { env, cache, go, retries } = await start(({ kind, file, count }) =>
    kind === "file" && file === "config.json" && count === 1 ? { drip: { bytes: 1, pause: 50 } } : undefined,
  );
  env.HF_HUB_DOWNLOAD_TIMEOUT = "0.1";
  await go();
  expectWhole(cache);
  expect(retries.join()).toMatch(/config\.json: the connection broke after \d+ of 19 bytes: only \d+ bytes came in/);
});

test("redirects and refusals whose bodies drip are not read", async () => {
  const redirects = await start(({ kind, file }) =>
    kind === "file" && file === "model.safetensors" ? { drip } : undefined,
  );
  const began = performance.now();
  await redirects.go();
  expectWhole(redirects.cache);
  expect(redirects.retries).toEqual([]);
  const refused = await start(({ kind, count }) => (kind === "api" && count === 1 ? { status: 503, drip } : undefined));
  await refused.go();
  expectWhole(refused.cache);
  // 10,000 bytes of a drip would be 200 s.
  expect(performance.now() - began).toBeLessThan(60_000);
});

test("a listing without end is refused at its limit", async () => {
  const { env, go } = await start();
  env.HF_ENDPOINT = "https://hub.example";
  let sent = 0;
  const fetch = async () => {
    const piece = new Uint8Array(1 << 20).fill(0x20);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += piece.length;
        controller.enqueue(piece);
      },
    });
    return new Response(body);
  };
  expect(await failure(go("acme/tiny", { fetch }))).toMatchObject({
    code: "corrupt_file",
    message: expect.stringMatching(/a listing of more than 67108864 bytes/),
  });
  expect(sent).toBeLessThan(70 << 20);
});

test("a page for people in the place of a listing", async () => {
  const { go } = await start(({ kind }) =>
    kind === "api" ? { headers: { "content-type": "text/html; charset=utf-8" } } : undefined,
  );
  expect(await failure(go())).toMatchObject({
    code: "corrupt_file",
    message: expect.stringMatching(/answers with a page for people/),
    hint: expect.stringMatching(/log in/),
  });
});

test("a date far away, however this machine's other clock runs", async () => {
  const after = new Date(Date.now() + 3 * 86_400_000).toUTCString();
  const { go, retries } = await start(() => ({ status: 503, headers: { "retry-after": after } }));
  const error = await failure(go("acme/tiny", { now: () => 1 }));
  expect(error.message).toMatch(/HTTP status 503 \(not available\), and asks to wait 3 days, until/);
  expect(retries).toEqual([]);
});

test("a date that is past, a negative time, and what is neither, are waited for as if nothing were said", async () => {
  const values = ["Sun, 06 Nov 1994 08:49:37 GMT", "-7200", "tomorrow", "1e9"];
  const { hub, cache, go } = await start(({ kind, count }) => {
    const value = values[count - 1];
    return kind === "file" && value !== undefined ? { status: 503, headers: { "retry-after": value } } : undefined;
  });
  const began = performance.now();
  await go();
  expectWhole(cache);
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(hub.requests.length).toBeGreaterThan(8);
});

test("another size in the hub's own answer than in its listing", async () => {
  const { cache, go, retries, served } = await start((request) =>
    request.kind === "file" && request.file === "model.safetensors" && request.count === 1
      ? { headers: { "x-linked-size": "4000000000000" } }
      : undefined,
  );
  await go();
  expectWhole(cache);
  expect(retries.join()).toMatch(/400000 bytes were listed, the hub now says "4000000000000"/);
  expect(served("model.safetensors")).toBe(2);
});
