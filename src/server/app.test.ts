import { expect, test } from "vitest";
import { fakeEngine } from "../../test/support/fake-engine.ts";
import { createServer } from "./app.ts";
import type { ServerOptions } from "./context.ts";
import { fixedKeys } from "./guards/keys.ts";
import { routingPath } from "./route.ts";

const server = (options: Partial<ServerOptions> = {}) => createServer({ engine: fakeEngine(), ...options });
const ask = (path: string, init?: RequestInit, options?: Partial<ServerOptions>) =>
  server(options).fetch(new Request(`http://localhost${path}`, init));

test("a model's name comes with its slash, or with %2F for it", async () => {
  for (const path of ["/v1/models/fake/decoder", "/v1/models/fake%2Fdecoder"]) {
    const answer = await ask(path);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ id: "fake/decoder", object: "model", owned_by: "fake", parent: null });
  }
});

test("a model that is not there is a 404 with OpenAI's code, and no place on this machine", async () => {
  const answer = await ask("/v1/models/nobody/knows");
  expect(answer.status).toBe(404);
  const { error } = (await answer.json()) as { error: Record<string, string> };
  expect(error).toMatchObject({ code: "model_not_found", param: "model", type: "invalid_request_error" });
  expect(error.message).toContain('no model "nobody/knows"');
  expect(error.message).not.toContain("somebody");
});

test("every route but /health needs a key", async () => {
  const guarded = server({ keys: fixedKeys(["sk-one"]) });
  for (const { method, path, open } of guarded.routes) {
    const url = `http://localhost${routingPath(path).replace(/:\w+(\{\.\+\})?/g, "x")}`;
    const init = { method: method.toUpperCase() };
    for (const authorization of [undefined, "Bearer sk-two", "Bearer ", "Basic sk-one", "Bearer sk-one sk-one"]) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await guarded.fetch(new Request(url, { ...init, headers }));
      expect(answer.status, `${method} ${path} with ${authorization}`).toBe(open ? 200 : 401);
    }
    const answer = await guarded.fetch(new Request(url, { ...init, headers: { authorization: "Bearer sk-one" } }));
    expect(answer.status, `${method} ${path} with the key`).not.toBe(401);
  }
  expect(guarded.routes.filter(({ open }) => open).map(({ path }) => path)).toEqual(["/health"]);
});

test("an unknown address is a 404 in the same form, and a 401 without the key", async () => {
  const answer = await ask("/v1/nothing");
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ error: { code: "unknown_url", param: null } });
  expect((await ask("/v1/nothing", {}, { keys: fixedKeys(["k"]) })).status).toBe(401);
});

test("every answer has a request id, which is in the log", async () => {
  const lines: string[] = [];
  for (const path of ["/health", "/v1/models/none", "/nothing"]) {
    const answer = await ask(path, {}, { log: ({ id }) => lines.push(id) });
    expect(answer.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(lines.at(-1)).toBe(answer.headers.get("x-request-id"));
  }
});
