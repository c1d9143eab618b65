/** `zeroth serve` as a person runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";
import { environment, program, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-serve-"));
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<number | null>;
}

/** Start it, and wait for its address. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const child = spawn(process.execPath, [program, "serve", ...args], {
    cwd: folder,
    env: { ...environment(folder), ...env },
  });
  running.push(child);
  let [stdout, stderr] = ["", ""];
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stderr!.on("data", (piece: Buffer) => {
    stderr += piece.toString();
  });
  return new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`it ended with ${code}: ${stderr}`)));
    child.stdout!.on("data", (piece: Buffer) => {
      stdout += piece.toString();
      const [url] = /http:\/\/[\d.:]+/.exec(stdout) ?? [];
      if (url !== undefined && stdout.endsWith("\n"))
        resolve({ child, url, stdout: () => stdout, stderr: () => stderr, ended });
    });
  });
}

const question = "Is this a fact or an opinion? Snow is cold.";
const ask = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "zeroth-nano", messages: [{ role: "user", content: question }], temperature: 0 }),
  });

test("it says where it is and what to try, answers, and ends at Ctrl-C", async () => {
  const { child, url, stdout, stderr, ended } = await start(["--port", "0", "--no-page"]);
  expect(stdout()).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+, and OpenAI's interface under \/v1 \(ready in \d+\.\d s\)\. Try:\ncurl .*\n$/,
  );
  // The line to try has the body that is asked for here.
  const [, body] = /-d '(.*)'\n$/.exec(stdout())!;
  expect(JSON.parse(body!)).toMatchObject({ model: "zeroth-nano", messages: [{ content: question }] });
  const answer = await ask(url);
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "fact" }, finish_reason: "stop" }] });
  const scored = await fetch(`${url}/v1/score`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "zeroth-nano", input: question, choices: ["opinion", "fact"] }),
  });
  expect(await scored.json()).toMatchObject({ data: [{ best: 1, likely: true }] });
  expect(stderr()).toMatch(/POST \/v1\/chat\/completions 200 {2}\d+ ms {2}zeroth-nano {2}\d+\+\d+ tokens/);
  child.kill("SIGINT");
  expect(await ended).toBe(0);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test("with a key in the environment it asks for it, and with --json it tells rows", async () => {
  const { child, url, stdout, ended } = await start(["--port", "0", "--json", "--no-page"], {
    ZEROTH_API_KEY: "sk-secret",
  });
  expect((await ask(url)).status).toBe(401);
  expect((await ask(url, { authorization: "Bearer sk-secret" })).status).toBe(200);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const rows = stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows[0]).toEqual({ url });
  expect(rows.slice(1)).toMatchObject([
    { status: 401 },
    { status: 200, model: "zeroth-nano", owner: expect.stringMatching(/^key-[0-9a-f]{32}$/) },
  ]);
  expect(stdout()).not.toContain("sk-secret");
});

test("GGUF files are opened with the activations that are asked for, beside models that have none", async () => {
  const own = mkdtempSync(join(folder, "gguf-"));
  cpSync(fileURLToPath(new URL("../fixtures/gguf/llama.gguf", import.meta.url)), join(own, "tiny.gguf"));
  const args = [
    "--port",
    "0",
    "--no-page",
    "--model",
    join(own, "tiny.gguf"),
    "--activations",
    "int8",
    "--dtype",
    "fp32",
  ];
  const { url, stderr } = await start(args, { ZEROTH_HOME: join(own, "state") });
  expect(stderr()).toContain("GGUF files round activations to 8 bits");
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt: "a gull", max_tokens: 2 }),
  });
  expect([answer.status, await answer.json()]).toMatchObject([200, { usage: { completion_tokens: 2 } }]);
  expect(readdirSync(join(own, "state/quantized"))).toEqual([
    expect.stringMatching(/^tiny\.gguf-int8-activations-[0-9a-f]{12}$/),
  ]);
  expect((await ask(url)).status).toBe(200);
});

test("what cannot be served is said, with what to do", async () => {
  const zeroth = runIn(folder);
  const open = zeroth(["serve", "--host", "0.0.0.0"]);
  expect(open.status).toBe(2);
  expect(open.stderr).toMatch(/a key is needed[\s\S]*--api-key KEY/);
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const address = holder.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const taken = zeroth(["serve", "--port", String(port)]);
  holder.close();
  expect(taken.status).toBe(1);
  expect(taken.stderr).toContain(`port ${port} is taken by another program`);
  const missing = zeroth(["serve", "--model", "./no-such-folder"]);
  expect([missing.status, missing.stderr.includes("no such folder")]).toEqual([3, true]);
  expect(zeroth(["serve", "--port", "70000"]).status).toBe(2);
});
