import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { failure } from "../../../test/support/failure.ts";
import { fakeEngine } from "../../../test/support/fake-engine.ts";
import { createServer } from "../app.ts";
import type { ServerOptions } from "../context.ts";
import { openPage } from "../page-node.ts";
import { answersInMemory, keptAnswers } from "./idempotency.ts";
import { fixedKeys } from "./keys.ts";

const ask = (
  path: string,
  headers: Record<string, string>,
  options: Partial<ServerOptions> = {},
  init: RequestInit = {},
) =>
  createServer({ engine: fakeEngine(), ...options }).fetch(
    new Request(`http://localhost:8080${path}`, { headers, ...init }),
  );

test("pages of other addresses may not ask, and `null` never may", async () => {
  for (const origin of ["https://evil.example", "http://localhost:9090", "http://localhost", "null", "file://"]) {
    expect((await ask("/v1/models", { origin })).status, origin).toBe(403);
  }
  expect((await ask("/v1/models", { origin: "null" }, { cors: ["*", "null"] })).status).toBe(403);
  expect((await ask("/v1/models", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).status).toBe(403);
  const own = await ask("/v1/models", { origin: "http://localhost:8080" });
  expect(own.status).toBe(200);
  expect(own.headers.has("access-control-allow-origin")).toBe(false);
});

test("a listed page may ask, with the headers that OpenAI's clients send", async () => {
  const options = { cors: ["https://chat.example"], keys: fixedKeys(["k"]) };
  const asked = "authorization,content-type,x-stainless-arch,x-stainless-retry-count,idempotency-key";
  const preflight = await ask(
    "/v1/chat/completions",
    {
      origin: "https://chat.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": asked,
    },
    options,
    { method: "OPTIONS" },
  );
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("https://chat.example");
  expect(preflight.headers.get("access-control-allow-headers")).toBe(asked);
  expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
  const answer = await ask("/v1/models", { origin: "https://chat.example", authorization: "Bearer k" }, options);
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://chat.example");
  expect(answer.headers.get("access-control-expose-headers")).toContain("x-request-id");
  const refused = await ask("/v1/models", { origin: "https://chat.example" }, options);
  // A page can read why.
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, "https://chat.example"]);
});

test("data may not be embedded, guessed at or kept", async () => {
  for (const path of ["/health", "/nothing", "/v1/models"]) {
    const { headers } = await ask(path, {});
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("cache-control")).toBe("no-store");
  }
});

test("keys are found by their hash, whatever is sent", async () => {
  const keys = fixedKeys(["one", "two"]);
  expect(await keys.find("two")).toMatchObject({ admin: true });
  for (const wrong of ["", "tw", "two ", "Two", "one,two", "\u0000", "a".repeat(100_000)])
    expect(await keys.find(wrong)).toBeUndefined();
});

test("what a given key owns stays its own when keys are added, taken away or given in another order", async () => {
  const ownerOf = async (keys: readonly string[], key: string) => (await fixedKeys(keys).find(key))?.owner;
  const one = await ownerOf(["one", "two"], "one");
  expect(one).toMatch(/^key-[0-9a-f]{32}$/);
  expect(await ownerOf(["three", "one"], "one")).toBe(one);
  expect(await ownerOf(["three", "two"], "three")).not.toBe(one);
});

test("a key that may not manage is refused where the server is managed", async () => {
  const keys = { find: async () => ({ owner: "somebody", admin: false }) };
  const server = createServer({ engine: fakeEngine(), keys });
  const headers = { authorization: "Bearer k", "content-type": "application/json" };
  const managing = server.routes.filter(({ admin }) => admin);
  expect(managing.length).toBeGreaterThan(1);
  for (const { method, path } of managing) {
    const request = new Request(`http://localhost${path}`, {
      method: method.toUpperCase(),
      headers,
      ...(method === "post" && { body: "{}" }),
    });
    expect((await server.fetch(request)).status, path).toBe(403);
  }
});

test("answers that are kept are their owner's", async () => {
  let number = 0;
  const engine = fakeEngine();
  const keys = { find: async (key: string) => ({ owner: key, admin: true }) };
  const server = createServer({ engine, keys });
  const as = (owner: string, path: string, method = "GET", body?: object) =>
    server.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: {
          authorization: `Bearer ${owner}`,
          "content-type": "application/json",
          ...(body && { "idempotency-key": `${number}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );
  const made = async (owner: string) =>
    ((await (await as(owner, "/v1/responses", "POST", { model: "fake/decoder", input: "a" })).json()) as { id: string })
      .id;
  const id = await made("a");
  for (const [method, path] of [
    ["GET", ""],
    ["DELETE", ""],
    ["POST", "/cancel"],
    ["GET", "/input_items"],
  ] as const) {
    expect((await as("b", `/v1/responses/${id}${path}`, method)).status).toBe(404);
  }
  number++;
  const went = await as("b", "/v1/responses", "POST", { model: "fake/decoder", input: "a", previous_response_id: id });
  expect(went.status).toBe(400);
  // The same key of another owner is another key.
  number = 0;
  expect(await made("b")).not.toBe(id);
  expect((await as("a", `/v1/responses/${id}`)).status).toBe(200);
});

test("an idempotency key is forgotten after a day, and where its request failed", async () => {
  let now = 0;
  const kept = keptAnswers(answersInMemory(() => now));
  let made = 0;
  const { signal } = new AbortController();
  const work = async () => Response.json({ made: ++made });
  const run = (print: string) => kept.run({ owner: "a", key: "k", print }, signal, work);
  await run("x");
  await run("x");
  expect(made).toBe(1);
  await expect(run("y")).rejects.toMatchObject({ status: 422 });
  now += 25 * 60 * 60 * 1000;
  await run("y");
  expect(made).toBe(2);
  const failing = () => Promise.reject(new Error("no"));
  await expect(kept.run({ owner: "a", key: "f", print: "x" }, signal, failing)).rejects.toThrow("no");
  await kept.run({ owner: "a", key: "f", print: "y" }, signal, work);
  expect(made).toBe(3);
  await expect(kept.run({ owner: "a", key: "bad key", print: "x" }, signal, work)).rejects.toMatchObject({
    status: 400,
  });
});

test("more requests than there is room for are told to come again", async () => {
  const engine = fakeEngine({ wait: 100 });
  const server = createServer({ engine, limits: { requests: 2 } });
  const body = JSON.stringify({ model: "fake/decoder", prompt: "a" });
  const post = () =>
    server.fetch(
      new Request("http://localhost/v1/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      }),
    );
  const answers = await Promise.all([post(), post(), post()]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
  expect(answers.find(({ status }) => status === 429)!.headers.get("retry-after")).toBe("1");
  expect((await post()).status).toBe(200);
});

const folder = mkdtempSync(join(tmpdir(), "zeroth-page-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the page: its files and no others, with headers that let no script in", async () => {
  mkdirSync(join(folder, "page/assets"), { recursive: true });
  writeFileSync(join(folder, "page/index.html"), '<script type="module" src="/assets/index-B_ISNP_1.js"></script>');
  writeFileSync(join(folder, "page/assets/index-B_ISNP_1.js"), "1");
  writeFileSync(join(folder, "page/sw.js"), "2");
  writeFileSync(join(folder, "secret.txt"), "3");
  const options = { page: openPage(join(folder, "page")), keys: fixedKeys(["k"]) };
  const page = await ask("/", {}, options);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
  );
  expect(page.headers.get("content-security-policy")).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/);
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const asset = await ask("/assets/index-B_ISNP_1.js", {}, options);
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect((await ask("/sw.js", {}, options)).headers.get("cache-control")).toBe("no-cache");
  for (const path of [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/assets/",
    "/assets",
    "//index.html",
    "/index.html%00",
    "/nothing.js",
  ]) {
    expect((await ask(path, {}, options)).status, path).toBe(401);
  }
  expect((await ask("/", {}, options, { method: "POST" })).status).toBe(401);
});

test("a folder without a page is said to be none, and a page with a script within it is refused", () => {
  expect(failure(() => openPage(join(folder, "none"))).code).toBe("not_found");
  mkdirSync(join(folder, "inline"));
  writeFileSync(join(folder, "inline/index.html"), "<script>alert(1)</script>");
  expect(failure(() => openPage(join(folder, "inline"))).code).toBe("corrupt_file");
});
