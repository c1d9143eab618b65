/** Engines on other threads and in other processes, built first: a thread's script is a file of its own. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { type CompileOver, greedy, type Rows, trainingSteps } from "../../test/support/tasks.ts";
import { type NdArray, zeros } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { safetensorsInMemory } from "../weights/safetensors-memory.ts";
import { compile } from "./compile-node.ts";
import { type HostKind, openHost } from "./host-node.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder = "";
const host = (kind: HostKind) => openHost(kind, { engine: pathToFileURL(`${folder}/runtime/host-engine-node.js`) });

beforeAll(() => {
  mkdirSync(`${root}test/.tmp`, { recursive: true });
  folder = mkdtempSync(`${root}test/.tmp/host-`);
  execFileSync(
    process.execPath,
    [`${root}node_modules/typescript/bin/tsc`, "-p", "tsconfig.build.json", "--outDir", folder],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** About a second of products on one thread. */
const size = 1024;
function slow() {
  let x: Tensor = input("x", "float32", [size, size]);
  for (let i = 0; i < 60; i++) x = o.matmul(x, x);
  return graph({ y: o.sum(x) });
}
const slowFeeds = () => ({ x: zeros("float32", [size, size]) });

const counter = () => {
  const x = input("x", "float32", ["n"]);
  const twice = o.mul(x, 2);
  return graph({ next: o.add(o.div(twice, 2), 1), twice });
};
const numbers = (...values: number[]): NdArray => ({
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

describe.each(["thread", "worker", "child"] as const)("%s", (kind) => {
  test("computes, writes in place and checks inputs like any program", async () => {
    await using engine = host(kind);
    await using program = await engine.compile(counter(), { threads: 1 });
    // A view into a larger buffer: only its part may travel, and only its part may change.
    const whole = Float32Array.of(9, 1, 2, 3, 9);
    const x: NdArray = { dtype: "float32", shape: [3], data: whole.subarray(1, 4) };
    const { next, twice } = await program.run({ x }, { into: { next: x } });
    expect([...twice.data]).toEqual([2, 4, 6]);
    expect([...next.data]).toEqual([2, 3, 4]);
    expect([...whole]).toEqual([9, 2, 3, 4, 9]);
    await expect(program.run({})).rejects.toMatchObject({ code: "wrong_use" });
    await using other = await engine.compile(graph({ y: o.neg(input("z", "float32", [])) }), { threads: 1 });
    expect([...(await other.run({ z: { ...numbers(2), shape: [] } })).y.data]).toEqual([-2]);
  });

  test("generates and trains as on the caller's thread", async () => {
    const folder = join(fixtures, "training/tied-relu");
    const json = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    const rows = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")).batches[0] as Rows;
    const weights = safetensorsInMemory(new Uint8Array(readFileSync(join(folder, "model.safetensors"))), folder);
    await using engine = host(kind);
    const over =
      (run: typeof compile): CompileOver =>
      (weights, trained) =>
      (g) =>
        run(g, { threads: 1, weights, ...(trained ? { trained: () => true } : {}) });
    const prompts = [
      [3, 5, 1],
      [4, 1],
    ];
    const tokens = await greedy(json, weights, prompts, 8, over(engine.compile));
    expect(tokens).toEqual(await greedy(json, weights, prompts, 8, over(compile)));
    const result = await trainingSteps(json, weights, rows, 2, over(engine.compile));
    expect(result).toEqual(await trainingSteps(json, weights, rows, 2, over(compile)));
  });

  test("an abort stops what has not begun", async () => {
    await using engine = host(kind);
    await using program = await engine.compile(counter(), { threads: 1 });
    const stop = new AbortController();
    stop.abort();
    await expect(program.run({ x: numbers(1) }, { signal: stop.signal })).rejects.toMatchObject({
      code: "interrupted",
    });
    expect([...(await program.run({ x: numbers(1) })).next.data]).toEqual([2]);
  });
});

describe.each(["worker", "child"] as const)("%s", (kind) => {
  test("the event loop goes on during a run; a waiting run can be called off", async () => {
    await using engine = host(kind);
    await using program = await engine.compile(slow(), { threads: 1 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const stop = new AbortController();
    const first = program.run(slowFeeds());
    const second = program.run(slowFeeds(), { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    await expect(second).rejects.toMatchObject({ code: "interrupted" });
    await first;
    clearInterval(timer);
    // On the engine's own thread there would be none.
    expect(ticks).toBeGreaterThan(2);
  });
});

test("a killed child fails its run with a typed error and nothing else", async () => {
  await using engine = host("child");
  await using program = await engine.compile(slow(), { threads: 1 });
  const run = program.run(slowFeeds());
  setTimeout(() => engine.kill(), 100);
  await expect(run).rejects.toMatchObject({ code: "interrupted" });
  await expect(program.run(slowFeeds())).rejects.toMatchObject({ code: "interrupted" });
  await using another = host("child");
  await using fresh = await another.compile(counter(), { threads: 1 });
  expect([...(await fresh.run({ x: numbers(1) })).next.data]).toEqual([2]);
});

test.each(["worker", "child"] as const)("an idle %s does not keep a program alive that forgot it", (kind) => {
  const modules = ["graph/graph", "graph/operators", "graph/tensor", "runtime/host-node"];
  const [g, o, t, h] = modules.map((name) => pathToFileURL(`${folder}/${name}.js`).href);
  const script = `
    import { graph } from "${g}"; import * as o from "${o}";
    import { input } from "${t}"; import { openHost } from "${h}";
    const program = await openHost("${kind}").compile(graph({ y: o.neg(input("x", "float32", [1])) }), { threads: 1 });
    const { y } = await program.run({ x: { dtype: "float32", shape: [1], data: Float32Array.of(3) } });
    console.log(y.data[0]);`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 120_000, cwd: root });
  expect(said.toString().trim()).toBe("-3");
});

test("threads cannot be killed", () => {
  expect(() => host("thread").kill()).toThrowError(expect.objectContaining({ code: "wrong_use" }));
});
