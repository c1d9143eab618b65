import { expect, test } from "vitest";
import { batchesOf } from "./batches.ts";

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<(readonly T[])[]> {
  const list: (readonly T[])[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

test("rows that are there come in full batches, in their order", async () => {
  async function* rows() {
    for (let i = 0; i < 7; i++) yield i;
  }
  expect(await all(batchesOf(rows(), { rows: 3, patience: 10_000 }))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  expect(await all(batchesOf([1, 2, 3], { rows: 2 }))).toEqual([[1, 2], [3]]);
  expect(await all(batchesOf([]))).toEqual([]);
});

test("a row is not kept back until the next one comes", async () => {
  let give = (_: number) => {};
  async function* rows() {
    yield 1;
    yield await new Promise<number>((resolve) => {
      give = resolve;
    });
  }
  const batches = batchesOf(rows(), { patience: 1 });
  expect((await batches.next()).value).toEqual([1]);
  const second = batches.next();
  give(2);
  expect((await second).value).toEqual([2]);
  expect((await batches.next()).done).toBe(true);
});

test("what ends the reading is thrown after the rows before it; leaving early ends the reading", async () => {
  let closed = 0;
  async function* rows() {
    try {
      yield 1;
      yield 2;
      throw new Error("cut");
    } finally {
      closed++;
    }
  }
  const seen: (readonly number[])[] = [];
  const work = async () => {
    for await (const batch of batchesOf(rows(), { rows: 10, patience: 10_000 })) seen.push(batch);
  };
  await expect(work()).rejects.toThrow("cut");
  expect([seen, closed]).toEqual([[[1, 2]], 1]);
  for await (const batch of batchesOf(rows(), { rows: 1 })) if (batch.includes(1)) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(closed).toBe(2);
});
