import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { failureOf } from "../../test/support/failure.ts";
import { type FakeEngine, type FakeOptions, fakeEngine } from "../../test/support/fake-engine.ts";
import { fixedKeys } from "./guards/keys.ts";
import { type ServeOptions, type Serving, serve } from "./serve-node.ts";

const open: Serving[] = [];
afterEach(async () => {
  for (const serving of open.splice(0)) await serving.close(0);
});

async function start(
  options: Partial<ServeOptions> = {},
  fake: FakeOptions = {},
): Promise<{ url: string; engine: FakeEngine; serving: Serving }> {
  const engine = fakeEngine(fake);
  const serving = await serve({ engine, port: 0, ...options });
  open.push(serving);
  return { url: serving.url, engine, serving };
}

const until = async (ready: () => boolean) => {
  const end = Date.now() + 5000;
  while (!ready()) {
    if (Date.now() > end) throw new Error("it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const post = (url: string, path: string, body: object, signal?: AbortSignal) =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

const long = { answer: () => "x".repeat(1000), delay: 20 };
const prompt = { model: "fake/decoder", prompt: "a", max_tokens: 1000 };

test.each([
  ["a stream", { ...prompt, stream: true }, long],
  ["an answer at once", prompt, long],
  ["a request that waits", prompt, { wait: 60_000 }],
  ["a stream that waits", { ...prompt, stream: true }, { wait: 60_000 }],
])("a client that goes ends its work within a step: %s", async (_, body, fake) => {
  const { url, engine, serving } = await start({ patience: 50 }, fake);
  const controller = new AbortController();
  const answer = post(url, "/v1/completions", body, controller.signal).then((got) => got.text());
  answer.catch(() => {});
  await until(() => engine.counts.running === 1 && ("wait" in fake || engine.counts.steps > 2));
  controller.abort();
  await until(() => engine.counts.running === 0);
  const { steps } = engine.counts;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(engine.counts).toMatchObject({ left: 1, running: 0 });
  expect(engine.counts.steps - steps).toBeLessThanOrEqual(1);
  await until(() => serving.running() === 0);
});

test("events come as they are made, uncompressed, and a waiting stream keeps its connection", async () => {
  const { url } = await start({ patience: 10, keepAlive: 30 }, { wait: 120, answer: () => "abc", delay: 10 });
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "accept-encoding": "gzip, br" },
    body: JSON.stringify({ ...prompt, stream: true }),
  });
  expect(answer.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expect(answer.headers.get("content-encoding")).toBeNull();
  const pieces: string[] = [];
  const decoder = new TextDecoder();
  for await (const piece of answer.body!) pieces.push(decoder.decode(piece as Uint8Array));
  expect(pieces[0]).toBe(": waiting\n\n");
  expect(pieces.at(-1)).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  expect(pieces.filter((piece) => /"text":"[abc]"/.test(piece))).toHaveLength(3);
});

test("a server that stops lets running answers end, and takes nothing new", async () => {
  const { url, engine, serving } = await start({}, { answer: () => "x".repeat(10), delay: 20 });
  const answer = post(url, "/v1/completions", prompt);
  await until(() => engine.counts.running === 1);
  const closing = serving.close(5000);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
  const { choices } = (await (await answer).json()) as { choices: { text: string }[] };
  expect(choices[0]!.text).toBe("x".repeat(10));
  await closing;
});

test("what outlasts the grace time is ended, with an event where it was being streamed", async () => {
  const { url, engine, serving } = await start({}, { answer: () => "x".repeat(1000), delay: 20 });
  const streamed = post(url, "/v1/completions", { ...prompt, stream: true }).then((answer) => answer.text());
  const whole = post(url, "/v1/completions", prompt);
  await until(() => engine.counts.running === 2);
  await serving.close(60);
  expect(await streamed).toMatch(/data: \{"error":\{[^\n]*"code":"interrupted"\}\}\n\n$/);
  const refused = await whole;
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(engine.counts.running).toBe(0);
});

test("a public address without a key is refused, with the ways out", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.5", "example.com"]) {
    const error = await failureOf(serve({ engine: fakeEngine(), host, port: 0 }));
    expect(error.code).toBe("wrong_use");
    for (const way of ["--api-key", "ZEROTH_API_KEY", "--host 127.0.0.1", "ssh -L", "proxy"])
      expect(error.hint).toContain(way);
  }
  const { url } = await start({ host: "0.0.0.0", keys: fixedKeys(["k"]) });
  expect((await fetch(`${url}/v1/models`)).status).toBe(401);
});

test("a taken port is said to be taken", async () => {
  const { serving } = await start();
  const error = await failureOf(serve({ engine: fakeEngine(), port: serving.port }));
  expect(error.message).toBe(`port ${serving.port} is taken by another program`);
  expect(error.hint).toContain("--port 0");
});

/** What a server answers to bytes on a socket. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let got = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (piece) => {
      got += piece.toString();
    });
    socket.on("close", () => resolve(got));
    socket.on("error", reject);
  });

test("headers of 64 kB are refused", async () => {
  const { serving } = await start();
  const answer = await raw(
    serving.port,
    `GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"a".repeat(65_536)}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
});

test("a body over the limit is refused at its announced length, before it is sent", async () => {
  const { serving } = await start({ limits: { body: 1000 } });
  const head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const answer = await raw(serving.port, `${head}Content-Length: 1000000000\r\nConnection: close\r\n\r\n{`);
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
  expect(answer).toContain('"code":"request_too_large"');
});

test("a body without a length is refused as it passes the limit", async () => {
  const { serving } = await start({ limits: { body: 100_000 } });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = httpRequest(
      { port: serving.port, path: "/v1/completions", method: "POST", headers: { "content-type": "application/json" } },
      resolve,
    );
    asked.on("error", reject);
    for (let i = 0; i < 30; i++) asked.write(" ".repeat(10_000));
    asked.end("{}");
  });
  expect(answer.statusCode).toBe(413);
  answer.destroy();
});

test("another name for this address (DNS rebinding) is refused", async () => {
  const { serving } = await start({ hosts: ["models.example"] });
  const ask = (host: string) => raw(serving.port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  for (const host of ["localhost", `127.0.0.1:${serving.port}`, "[::1]:80", "models.example"])
    expect(await ask(host)).toMatch(/ 200 /);
  for (const host of ["evil.example", "localhost.evil.example", "0.0.0.0", "[::]", "10.0.0.1", "2130706433"]) {
    expect(await ask(host), host).toMatch(/^HTTP\/1.1 403 .*"code":"host_not_allowed"/s);
  }
});

test("many slow clients do not keep others waiting", async () => {
  const { serving, url } = await start();
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(serving.port, "127.0.0.1", () =>
      socket.write(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
      ),
    );
    socket.on("error", () => {});
    return socket;
  });
  await until(() => serving.running() >= 200);
  const started = performance.now();
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(performance.now() - started).toBeLessThan(500);
  for (const socket of slow) socket.destroy();
  await until(() => serving.running() === 0);
});
