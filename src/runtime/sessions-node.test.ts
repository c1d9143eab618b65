import { copyFileSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { float32, zeros } from "../graph/array.ts";
import { graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import { createScope, onesInit } from "../nn/scope.ts";
import { openSafetensors, writeSafetensors } from "../weights/safetensors-node.ts";
import { compile, prepare } from "./compile-node.ts";
import { nothing, openSessions } from "./sessions-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-sessions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "w.safetensors");
const scaled = () => graph({ y: o.mul(input("x", "float32", [2]), createScope().param("w", [2], onesInit)) });
const opened = (path = file, threads = 1) => compile(scaled(), { threads, weights: openSafetensors(path).tensors });
const answer = async (program: Awaited<ReturnType<typeof opened>>) => [
  ...(await program.run({ x: float32([2], [1, 2]) })).y.data,
];

test("equal compilations share one session until the last has gone", async () => {
  await writeSafetensors(file, new Map([["w", float32([2], [3, 5])]]));
  const [first, second] = await Promise.all([opened(), opened()]);
  expect(openSessions()).toBe(1);
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  expect(await answer(second)).toEqual([3, 10]);
  await expect(answer(first)).rejects.toMatchObject({ code: "wrong_use" });
  await second[Symbol.asyncDispose]();
  expect(openSessions()).toBe(0);
});

test("other threads, other files and a file that was replaced are other sessions", async () => {
  await using _first = await opened();
  await using _threads = await opened(file, 2);
  expect(openSessions()).toBe(2);
  const copy = join(folder, "copy.safetensors");
  copyFileSync(file, copy);
  await using _copy = await opened(copy);
  expect(openSessions()).toBe(3);
  utimesSync(copy, 1, 1);
  await using touched = await opened(copy);
  expect(openSessions()).toBe(4);
  expect(await answer(touched)).toEqual([3, 10]);
});

test("a session that cannot be opened leaves nothing behind", async () => {
  const short = new Map([["w", { dtype: "float32" as const, shape: [2], file, offset: 1 << 20, length: 8 }]]);
  for (let i = 0; i < 2; i++) {
    await expect(compile(scaled(), { threads: 1, weights: short })).rejects.toMatchObject({ code: "engine_failed" });
  }
  expect(openSessions()).toBe(0);
});

test("an update of everything in place is never lost, and nothing is copied", async () => {
  const x = input("x", "float32", [1000]);
  const g = graph({ next: o.add(x, 1), total: o.sum(x) });
  await using program = await compile(g, { threads: 2 });
  const [value, total] = [zeros("float32", [1000]), zeros("float32", [])];
  for (let step = 0; step < 1000; step++) {
    const results = await program.run({ x: value }, { into: { next: value, total } });
    expect(results.next.data).toBe(value.data);
    expect(total.data[0]).toBe(1000 * step);
  }
  expect(value.data.every((v) => v === 1000)).toBe(true);
  const short = zeros("float32", [999]);
  await expect(program.run({ x: value }, { into: { next: short, total } })).rejects.toThrow(/next/);
});

test("the engine refuses a result that is no tensor only after the run: what saves the copies", async () => {
  const { model } = prepare(graph({ next: o.add(input("x", "float32", [2]), 1) }));
  const session = await InferenceSession.create(model);
  const next = new Tensor("float32", new Float32Array(2), [2]);
  const x = new Tensor("float32", Float32Array.of(1, 2), [2]);
  await expect(session.run({ x }, { [nothing]: null, next })).rejects.toThrow(/^Non tensor type/);
  expect([...(next.data as Float32Array)]).toEqual([2, 3]);
  await session.release();
});
