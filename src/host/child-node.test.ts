/** The engine in a child process: killed, left, asked many things at once. The script is the built one. */
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { LiveEvent } from "../text/live/request.ts";
import { childEngine } from "./child-node.ts";
import type { Engine, GenerateAsk, Prepared } from "./engine.ts";
import { localEngine } from "./local-node.ts";
import { eventsAhead, type FromEngine } from "./messages.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = pathToFileURL(join(root, "dist/node/engine-process-node.js"));
const model = "zeroth-nano";
mkdirSync(`${root}test/.tmp`, { recursive: true });
const folder = mkdtempSync(`${root}test/.tmp/child-`);

/** For the tests that leave it as it was: an engine costs a second to start. */
let kept: Engine | undefined;
const shared = (): Engine => {
  kept ??= childEngine({ script });
  return kept;
};
afterAll(async () => {
  await kept?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (text: string, tokens = 12): GenerateAsk => ({
  model,
  prompt: { text },
  settings: { minNewTokens: tokens, maxNewTokens: tokens },
});

async function all(events: AsyncIterable<Prepared | LiveEvent>): Promise<(Prepared | LiveEvent)[]> {
  const found: (Prepared | LiveEvent)[] = [];
  for await (const event of events) found.push(event);
  return found;
}

const textOf = (events: readonly (Prepared | LiveEvent)[]): string =>
  events.map((event) => (event.kind === "piece" ? event.text : "")).join("");

/** Until it is so; a test that waits in vain runs into its time limit. */
async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await so())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const rows = async (engine: Engine): Promise<number> => {
  const { models } = await engine.status();
  return models.reduce((sum, { live }) => sum + (live?.rows ?? 0) + (live?.waiting ?? 0), 0);
};

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("says what an engine in this process says", async () => {
  const child = shared();
  await using local = localEngine();
  const question = ask("Is snow cold?");
  const events = await all(child.generate(question));
  expect(events).toEqual(await all(local.generate(question)));
  expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["prepared", "prompt", "piece", "end"]));
  const scores = { model, rows: [{ prompt: { text: "Is snow cold?" }, choices: ["yes", "no"] }] };
  expect(await child.score(scores)).toEqual(await local.score(scores));
  expect(await child.list()).toEqual(await local.list());
  expect(await child.about(model)).toEqual(await local.open(model));
  const told = await child.tokenize(model, { text: "hello there" });
  expect(told).toEqual(await local.tokenize(model, { text: "hello there" }));
  expect(await child.detokenize(model, told.ids)).toBe(await local.detokenize(model, told.ids));
  expect(await child.tokens(model, told.ids)).toEqual(await local.tokens(model, told.ids));
  expect(await child.tokenizerInfo(model)).toEqual(await local.tokenizerInfo(model));
  const { pid, memory, threads, device } = await child.status();
  expect(pid).not.toBe(process.pid);
  expect(memory).toBeGreaterThan(10_000_000);
  expect([device, threads > 0]).toEqual(["cpu", true]);
});

test("many at once are told what each is told alone, with the likeliest tokens", async () => {
  const engine = shared();
  const asks = Array.from({ length: 8 }, (_, i) => ({
    ...ask(`Is ${i} even?`, 6 + i),
    logprobs: 2,
    answers: 1 + (i % 2),
  }));
  const alone: (Prepared | LiveEvent)[][] = [];
  for (const one of asks) alone.push(await all(engine.generate(one)));
  const together = await Promise.all(asks.map((one) => all(engine.generate(one))));
  const told = (events: readonly (Prepared | LiveEvent)[], answer: number) =>
    events.flatMap((event) => (event.kind === "piece" && event.answer === answer ? event.tokens : []));
  for (const [i, { answers }] of asks.entries()) {
    for (let answer = 0; answer < answers; answer++) {
      const [one, other] = [told(together[i]!, answer), told(alone[i]!, answer)];
      expect(one.map(({ id }) => id)).toEqual(other.map(({ id }) => id));
      expect(one).toHaveLength(6 + i);
      for (const [t, token] of one.entries()) {
        expect(token.top).toHaveLength(2);
        expect(token.logprob).toBeCloseTo(other[t]!.logprob!, 3);
      }
    }
  }
});

test("killed in the middle of an answer: what it did fails, the next is answered by another process", async () => {
  await using engine = childEngine({ script, pinned: [model] });
  await engine.open(model);
  const { pid } = await engine.status();
  const first = engine.generate(ask("Is snow cold?", 2000));
  const other = engine.score({ model, rows: [{ prompt: { text: "Is it?" }, choices: ["yes"] }] }).catch((e) => e);
  await first.next();
  const second = engine.generate(ask("Is fire hot?", 2000));
  const waits = second.next();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const killed = performance.now();
  process.kill(pid, "SIGKILL");
  await expect(all(first)).rejects.toMatchObject({
    code: "engine_failed",
    message: "the engine stopped while it answered; it is being started again",
  });
  const end = waits.then(() => all(second));
  await expect(end).rejects.toMatchObject({ code: "engine_failed" });
  const scored = await other;
  expect(Array.isArray(scored) || scored.code === "engine_failed").toBe(true);
  expect(textOf(await all(engine.generate(ask("Is snow cold?"))))).not.toBe("");
  console.log(`answering again ${(performance.now() - killed).toFixed(0)} ms after it was killed`);
  const status = await engine.status();
  expect(status.restarts).toBe(1);
  expect(status.pid).not.toBe(pid);
  expect(status.models.map(({ id }) => id)).toEqual([model]);
});

test("a model that is pinned is open again after a crash, without being asked for", async () => {
  await using engine = childEngine({ script, pinned: [model] });
  await engine.open(model);
  process.kill((await engine.status()).pid, "SIGKILL");
  await until(async () => (await engine.status()).models.some(({ state }) => state === "ready"));
  expect((await engine.status()).restarts).toBe(1);
});

test("two hundred answers that are called off or left leave no row", async () => {
  const engine = shared();
  await engine.open(model);
  const one = async (i: number) => {
    const stop = new AbortController();
    const events = engine.generate(ask(`Question ${i}?`, 500), stop.signal);
    if (i % 4 === 0) stop.abort();
    else if (i % 4 === 1) setTimeout(() => stop.abort(), i % 50);
    else {
      await events.next();
      if (i % 4 === 3) await events.return?.();
      else stop.abort();
    }
    return all(events).then(
      () => "left",
      (error) => error.code,
    );
  };
  const ends = new Set<string>();
  // No more at once than may wait for room.
  for (let first = 0; first < 200; first += 50) {
    for (const end of await Promise.all(Array.from({ length: 50 }, (_, i) => one(first + i)))) ends.add(end);
    await until(async () => (await rows(engine)) === 0);
  }
  expect(ends).toEqual(new Set(["left", "interrupted"]));
  expect(textOf(await all(engine.generate(ask("Is snow cold?"))))).not.toBe("");
});

test("a call that is called off fails at once, and the engine does not go on with it", async () => {
  const engine = shared();
  await engine.open(model);
  const stop = new AbortController();
  const many = Array.from({ length: 4000 }, (_, i) => ({ prompt: { text: `Row ${i}` }, choices: ["yes", "no"] }));
  const scores = engine.score({ model, rows: many }, stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const stopped = performance.now();
  stop.abort();
  await expect(scores).rejects.toMatchObject({ code: "interrupted" });
  await engine.score({ model, rows: many.slice(0, 1) });
  console.log(`free ${(performance.now() - stopped).toFixed(0)} ms after it was called off`);
  expect(performance.now() - stopped).toBeLessThan(5000);
});

test("while it computes, the caller's thread is free and the status comes in time", async () => {
  const engine = shared();
  await engine.open(model);
  const many = Array.from({ length: 600 }, (_, i) => ({ prompt: { text: `Is ${i} even?` }, choices: ["yes", "no"] }));
  let done = false;
  const scores = engine.score({ model, rows: many }).finally(() => {
    done = true;
  });
  let worst = 0;
  for (let before = performance.now(); !done; before = performance.now()) {
    await engine.status();
    worst = Math.max(worst, performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await scores).toHaveLength(600);
  console.log(`the longest wait for a status was ${worst.toFixed(0)} ms`);
  expect(worst).toBeLessThan(1500);
});

describe("what does not fit the protocol", () => {
  test.each([
    ["a prompt that is none", { model, prompt: { words: "x" }, settings: {} }],
    ["a setting of another kind", { model, prompt: { text: "x" }, settings: { temperature: "hot" } }],
    ["a number of answers below zero", { model, prompt: { text: "x" }, settings: {}, answers: -1 }],
    ["what cannot travel", { model, prompt: { text: "x" }, settings: { schema: { f: () => 1 } } }],
  ])("%s is refused, and the engine lives", async (_, wrong) => {
    const engine = shared();
    await engine.open(model);
    const { pid } = await engine.status();
    await expect(all(engine.generate(wrong as unknown as GenerateAsk))).rejects.toMatchObject({ code: "bad_input" });
    expect((await engine.status()).pid).toBe(pid);
  });

  test("errors of the engine keep their parts", async () => {
    const engine = shared();
    await expect(engine.open("zeroth-nanu")).rejects.toMatchObject({
      code: "not_found",
      hint: "did you mean zeroth-nano?",
    });
    const embed = engine.embed({ model, inputs: ["x"] });
    await expect(embed).rejects.toMatchObject({ code: "unsupported", where: model });
    await expect(embed).rejects.toThrow(/^zeroth-nano: t5 is an encoder with a decoder: it cannot give vectors/);
    expect(() => childEngine({ script, pinned: ["../x"] })).toThrow("is not a model name");
  });
});

test("nobody reads: the engine sends so many events and no more until some have been read", async () => {
  const child = fork(script, { serialization: "advanced", execArgv: [] });
  let events = 0;
  child.on("message", (messages) => {
    events += (messages as FromEngine[]).filter(({ kind }) => kind === "event").length;
  });
  child.send({ kind: "start", options: {} });
  child.send({ kind: "generate", id: 1, ask: ask("Is snow cold?", eventsAhead + 100) });
  await until(() => events === eventsAhead);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(events).toBe(eventsAhead);
  child.send({ kind: "more", id: 1, count: 10 });
  await until(() => events === eventsAhead + 10);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(events).toBe(eventsAhead + 10);
  child.send({ kind: "stop" });
  await once(child, "exit");
});

test("a slow reader gets all of a long answer", async () => {
  const engine = shared();
  // More than are sent before any is read.
  const long = eventsAhead + 100;
  let [tokens, last] = [0, ""];
  for await (const event of engine.generate(ask("Is snow cold?", long))) {
    if (event.kind === "piece") tokens += event.tokens.length;
    if (tokens % eventsAhead === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    last = event.kind;
  }
  expect([tokens, last]).toEqual([long, "end"]);
});

test("a process that dies whenever it is started: calls are told, none waits for ever", async () => {
  const dying = join(folder, "dying.mjs");
  writeFileSync(dying, "process.exit(3);");
  await using engine = childEngine({ script: pathToFileURL(dying) });
  const before = performance.now();
  await expect(engine.open(model)).rejects.toMatchObject({
    code: "engine_failed",
    message: "the engine does not stay up: exit code 3",
  });
  expect(performance.now() - before).toBeGreaterThan(500);
  await expect(engine.list()).rejects.toMatchObject({ code: "engine_failed" });
  expect((await engine.status()).restarts).toBeGreaterThan(3);
});

test("closing: what is under way fails, a process that does not stop is killed", async () => {
  const engine = childEngine({ script });
  const answer = all(engine.generate(ask("Is snow cold?", 2000)));
  await engine.open(model);
  const { pid } = await engine.status();
  const [error] = await Promise.all([answer.catch((e) => e), engine[Symbol.asyncDispose]()]);
  expect(error).toMatchObject({ code: "interrupted" });
  expect(alive(pid)).toBe(false);
  await expect(engine.list()).rejects.toMatchObject({ code: "interrupted" });

  const deaf = join(folder, "deaf.mjs");
  writeFileSync(deaf, 'process.on("message", () => { for (;;); });');
  const stuck = childEngine({ script: pathToFileURL(deaf), grace: 100 });
  const call = stuck.list().catch((e) => e.code);
  await stuck[Symbol.asyncDispose]();
  expect(await call).toBe("interrupted");
});

test("the engine goes when its owner is killed, and keeps no program alive that forgot it", async () => {
  const owner = (more: string) => `
    const { childEngine } = await import(${JSON.stringify(pathToFileURL(join(root, "dist/node/index.js")).href)});
    const engine = childEngine(); await engine.open("zeroth-nano");
    console.log((await engine.status()).pid); ${more}`;
  const started = spawn(process.execPath, ["--input-type=module", "-e", owner("setInterval(() => {}, 1000);")]);
  const pid = Number(await new Promise<string>((resolve) => started.stdout.once("data", (d) => resolve(String(d)))));
  expect(alive(pid)).toBe(true);
  started.kill("SIGKILL");
  await until(() => !alive(pid));
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", owner("")], { timeout: 60_000 });
  await until(() => !alive(Number(said)));
});
