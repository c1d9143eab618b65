/** Every field of every request: its range, its name in the answer, and what is neither honoured nor ignored. */
import { z } from "@hono/zod-openapi";
import { beforeAll, describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { chatsInMemory } from "../../src/server/chat/store.ts";
import { fakeEngine } from "../support/fake-engine.ts";

const engine = fakeEngine();
const chats = chatsInMemory();
const server = createServer({ engine, chats });
/** What every address with an id means here. */
const id = "kept";
beforeAll(async () => {
  await chats.put("everybody", { id, answer: { model: "fake/decoder" }, metadata: {}, messages: [] });
});
const posted = server.routes.filter(({ method, body }) => method === "post" && body !== undefined);

/** The least that each route takes. */
const least: Readonly<Record<string, object>> = {
  "/v1/completions": { model: "fake/decoder", prompt: "a" },
  "/v1/chat/completions": { model: "fake/decoder", messages: [{ role: "user", content: "a" }] },
  "/v1/chat/completions/{id}": { metadata: {} },
  "/v1/responses": { model: "fake/decoder", input: "a" },
  "/v1/embeddings": { model: "fake/vectors", input: "a" },
  "/v1/rerank": { model: "fake/ranker", query: "a", documents: ["a", "b"] },
  "/v1/score": { model: "fake/decoder", input: "a", choices: ["b"] },
  "/tokenize": { prompt: "a" },
  "/detokenize": { tokens: [97] },
  "/api/models/open": { model: "fake/decoder" },
  "/api/models/close": { model: "fake/decoder" },
  "/api/adapters/remove": { model: "fake/decoder:one" },
};

const bodyOf = (path: string): object => least[path] ?? expect.fail(`${path}: say what the least is that it takes`);

const post = (path: string, body: string) =>
  server.fetch(
    new Request(`http://localhost${path.replace("{id}", id)}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );

interface Numeric {
  readonly path: string;
  readonly field: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly whole: boolean;
}

interface Described {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Described[];
}

/** The numbers among a route's fields. */
function numbersOf(path: string, body: z.ZodType): Numeric[] {
  const { properties = {} } = z.toJSONSchema(body, { io: "input" }) as { properties?: Record<string, Described> };
  return Object.entries(properties).flatMap(([field, described]) => {
    const found = [described, ...(described.anyOf ?? [])].find(({ type }) => type === "number" || type === "integer");
    if (found === undefined) return [];
    const { minimum = Number.NaN, maximum = Number.NaN, type } = found;
    return [{ path, field, minimum, maximum, whole: type === "integer" }];
  });
}

const numbers = posted.flatMap(({ path, body }) => numbersOf(path, body!));

test("there are numbers, and every one has its ends", () => {
  expect(numbers.length).toBeGreaterThan(30);
  for (const { path, field, minimum, maximum } of numbers) {
    expect(Number.isFinite(minimum), `${path} ${field}`).toBe(true);
    expect(Number.isFinite(maximum), `${path} ${field}`).toBe(true);
  }
});

test.each(numbers)(
  "$path: $field outside of $minimum to $maximum is refused by its name",
  async ({ path, field, minimum, maximum, whole }) => {
    const wrong = [`${minimum - 1}`, `${maximum + 1}`, "1e308", "-1e308", '"1"', "NaN", "true", "[1]", "{}"];
    if (whole) wrong.push("1.5");
    for (const value of wrong) {
      const rest = JSON.stringify(bodyOf(path)).slice(1, -1);
      const answer = await post(path, `{${rest},"${field}":${value}}`);
      expect(answer.status, value).toBe(400);
      const { error } = (await answer.json()) as { error: { param: string | null; type: string } };
      expect(error.type).toBe("invalid_request_error");
      // NaN is no JSON: nobody can say whose it was.
      if (value !== "NaN") expect(error.param, value).toBe(field);
    }
  },
);

/** Fields that need another beside them, at the ends of their ranges. */
const beside: Readonly<Record<string, object>> = {
  top_logprobs: { logprobs: true, include: ["message.output_text.logprobs"] },
  best_of: { n: 1 },
  max_tokens: {},
};

test.each(numbers)("$path: $field may be $minimum and $maximum, or null", async ({ path, field, minimum, maximum }) => {
  for (const value of [minimum, maximum, null]) {
    const answer = await post(path, JSON.stringify({ ...bodyOf(path), ...beside[field], [field]: value }));
    // The most of a length is more work than a server does for one request, which is said by the same name.
    if (answer.status === 400) {
      const { error } = (await answer.json()) as { error: { code: string; param: string } };
      expect(error.code, `${value}`).toBe("too_much_work");
    } else expect(answer.status, `${value}`).toBe(200);
  }
});

describe.each(posted.map(({ path, refusals = {} }) => ({ path, refusals })))("$path", ({ path, refusals }) => {
  test("takes the least, with unknown fields", async () => {
    const answer = await post(path, JSON.stringify({ ...bodyOf(path), no_such_field: { a: 1 } }));
    expect(answer.status).toBe(200);
  });

  test.each(Object.entries(refusals))(
    "refuses %s by its name, unless it asks for nothing",
    async (param, { neutral = [] }) => {
      const answer = await post(path, JSON.stringify({ ...bodyOf(path), [param]: { asked: "for" } }));
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { param, code: "unsupported_parameter" } });
      for (const value of [null, ...neutral]) {
        const taken = await post(path, JSON.stringify({ ...bodyOf(path), [param]: value }));
        expect(taken.status, JSON.stringify(value)).toBe(200);
      }
    },
  );

  test("needs its fields, and says which", async () => {
    for (const field of Object.keys(bodyOf(path))) {
      const { [field]: _, ...rest } = bodyOf(path) as Record<string, unknown>;
      const answer = await post(path, JSON.stringify(rest));
      expect(answer.status, field).toBe(400);
      expect(await answer.json()).toMatchObject({ error: { param: field } });
    }
  });

  test("takes nothing but JSON objects of a sane depth", async () => {
    const deep = `{"deep":${"[".repeat(1000)}${"]".repeat(1000)}}`;
    for (const body of ["", "[]", "1", "null", '"a"', "{", '{"a":1', "\ufffe", deep, `{"a":"${"\\ud800"}"`]) {
      const answer = await post(path, body);
      expect(answer.status, body.slice(0, 20)).toBe(400);
      expect(await answer.json()).toMatchObject({
        error: { type: "invalid_request_error", message: expect.any(String) },
      });
    }
    const form = await server.fetch(
      new Request(`http://localhost${path.replace("{id}", id)}`, {
        method: "POST",
        body: new URLSearchParams({ a: "1" }),
      }),
    );
    expect(form.status).toBe(415);
  });

  test("keys such as __proto__ reach nothing", async () => {
    const hostile =
      '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"\\u005f_proto__":{"polluted":1}';
    const answer = await post(path, `{${hostile},${JSON.stringify(bodyOf(path)).slice(1)}`);
    expect(answer.status).toBe(200);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test("a prompt of 10 MB is refused at once, without a word to the engine", async () => {
  const before = engine.asks.length;
  const body = JSON.stringify({ model: "fake/decoder", prompt: "a".repeat(10_000_000) });
  const started = performance.now();
  const answer = await post("/v1/completions", body);
  const took = performance.now() - started;
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { param: "prompt", code: "string_above_max_length" } });
  expect(engine.asks.length).toBe(before);
  // 200 ms of a machine that does nothing else.
  expect(took).toBeLessThan(2000);
});

test("the work of one request is limited, whichever way it is asked for", async () => {
  for (const more of [
    { max_tokens: 1_000_000 },
    { max_tokens: 10_000, n: 128 },
    { max_tokens: 100_000, best_of: 20 },
    { prompt: Array.from({ length: 200 }, () => "a"), max_tokens: 2000 },
  ]) {
    const answer = await post("/v1/completions", JSON.stringify({ ...bodyOf("/v1/completions"), ...more }));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "too_much_work" } });
  }
});
