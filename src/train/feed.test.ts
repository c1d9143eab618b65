import { describe, expect, test } from "vitest";
import type { Example } from "../models/kinds/loss.ts";
import { type ExampleOptions, exampleOf } from "./examples.ts";
import { type BatchSize, byLengths, sourceFeed, streamFeed, windowFeed } from "./feed.ts";

/** An example of place n: as many 7s as its input is long. */
const example = (place: number): Example => ({
  input: new Array<number>(1 + (place % 5)).fill(place),
  target: [place, 1],
});
const placesOf = (rows: readonly (readonly Example[])[]) => rows.map((row) => row.map(({ target }) => target[0]));

describe.each<[string, BatchSize]>([
  ["rows", { rows: 3 }],
  ["tokens", { tokens: 20 }],
  ["packed rows", { rows: 2, pack: { maxInput: 8, maxTarget: 8 } }],
  ["packed tokens", { tokens: 48, pack: { maxInput: 8, maxTarget: 8 } }],
])("a stream in %s", (_, size) => {
  const at = async (place: number) => (place % 7 === 3 ? undefined : example(place));

  test("every place once, in order, but those to be passed over; it goes on from its position", async () => {
    const feed = streamFeed(at, size);
    const batches: unknown[][] = [];
    const positions: number[] = [];
    for (let i = 0; i < 20; i++) {
      positions.push(feed.position);
      batches.push(placesOf(await feed.next()));
    }
    const seen = batches.flat(2) as number[];
    const expected = Array.from({ length: feed.position }, (_, i) => i).filter((place) => place % 7 !== 3);
    expect([...seen].sort((a, b) => a - b)).toEqual(expected);
    const again = streamFeed(at, size);
    again.position = positions[11]!;
    for (let i = 11; i < 20; i++) expect(placesOf(await again.next())).toEqual(batches[i]);
    feed.position = positions[4]!;
    expect(placesOf(await feed.next())).toEqual(batches[4]);
  });

  test("an error comes when its place does", async () => {
    const feed = streamFeed(async (place) => (place === 9 ? Promise.reject(new Error("row 9")) : example(place)), size);
    await feed.next();
    await expect(Promise.all(Array.from({ length: 6 }, () => feed.next()))).rejects.toThrow("row 9");
  });
});

describe.each<[string, BatchSize]>([
  ["rows", { rows: 3 }],
  ["tokens", { tokens: 20 }],
])("a stream by windows, in %s", (_, size) => {
  const at = async (place: number) => (place % 7 === 3 ? undefined : example(place));
  const padding = (rows: readonly (readonly Example[])[]) => {
    const lengths = rows.map(([pair]) => pair!.input.length);
    return Math.max(...lengths) * lengths.length - lengths.reduce((a, b) => a + b);
  };

  test("every place of a window once, alike ones together; it goes on from its position", async () => {
    const feed = windowFeed(at, size, 3, 32);
    const batches: { position: number; places: unknown; padding: number }[] = [];
    while (feed.position < 96) {
      const { position } = feed;
      const rows = await feed.next();
      batches.push({ position, places: placesOf(rows), padding: padding(rows) });
    }
    for (const first of [0, 32, 64]) {
      const part = batches.filter(({ position }) => position >= first && position < first + 32);
      const seen = part.flatMap(({ places }) => (places as number[][]).flat());
      const expected = Array.from({ length: 32 }, (_, i) => first + i).filter((place) => place % 7 !== 3);
      expect(seen.sort((a, b) => a - b)).toEqual(expected);
      expect(part.reduce((sum, one) => sum + one.padding, 0)).toBeLessThan(10);
    }
    const other = windowFeed(at, size, 3, 32);
    for (const { position, places } of [...batches].reverse()) {
      other.position = position;
      expect(placesOf(await other.next())).toEqual(places);
    }
    expect(placesOf(await windowFeed(at, size, 4, 32).next())).not.toEqual(batches[0]!.places);
  });
});

test("sources in memory go on from their position, packed or not", async () => {
  const sources = [{ size: 11, weight: 1, length: (i: number) => 3 + (i % 5), example }];
  for (const pack of [undefined, { maxInput: 9, maxTarget: 9 }]) {
    const open = () => sourceFeed({ sources, shuffle: true, seed: 4, rows: 2, pack });
    const feed = open();
    const batches = [];
    for (let i = 0; i < 9; i++) batches.push([feed.position, placesOf(await feed.next())] as const);
    const other = open();
    for (const [position, rows] of [...batches].reverse()) {
      other.position = position;
      expect(placesOf(await other.next())).toEqual(rows);
    }
  }
});

describe("too long", () => {
  const encoder = {
    encode: (text: string, { addSpecialTokens = true } = {}) => ({
      ids: [...text].map((char) => char.charCodeAt(0)).concat(addSpecialTokens ? [1] : []),
    }),
  };
  const options: ExampleOptions = {
    objective: "seq2seq",
    encoder,
    maxInput: 3,
    maxTarget: 3,
    tooLong: "cut",
    promptEnd: false,
    seed: 0,
    end: 1,
    vocabulary: 100,
    sentinels: [],
    file: "mixture.json",
  };
  const ids = (text: string) => [...text].map((char) => char.charCodeAt(0));

  test("is cut as T0 cuts: the target keeps its end token, a prompt has none", () => {
    expect(exampleOf("abcde", "abcde", options, "x")).toEqual({
      example: { input: ids("abc"), target: [...ids("ab"), 1] },
      was: "cut",
    });
    const ended = exampleOf("abcde", "a", { ...options, promptEnd: true }, "x");
    expect(ended.example).toEqual({ input: [...ids("ab"), 1], target: [...ids("a"), 1] });
    expect(exampleOf("abc", "ab", options, "x").was).toBeUndefined();
  });

  test("is left out, or an error that names it", () => {
    expect(exampleOf("abcd", "a", { ...options, tooLong: "skip" }, "x")).toEqual({
      example: undefined,
      was: "skipped",
    });
    const work = () => exampleOf("abcd", "a", { ...options, tooLong: "error" }, "news/ask, row 7");
    expect(work).toThrow(/mixture\.json: news\/ask, row 7 has 4 input and 2 target tokens/);
  });
});

test("pairs of all lengths make batches of which little is padding, on both sides", () => {
  // Labels of two tokens and texts of forty, after inputs of any length: sorted by their sum they would meet.
  const pairs = Array.from({ length: 1024 }, (_, i) => ({
    input: new Array<number>(5 + ((i * 37) % 150)).fill(i),
    target: new Array<number>(i % 3 === 0 ? 40 - (i % 9) : 2 + (i % 2)).fill(1),
  }));
  const padded = (order: readonly Example[]) => {
    let slots = 0;
    for (let from = 0; from < order.length; from += 32) {
      const batch = order.slice(from, from + 32);
      const most = (side: "input" | "target") => Math.max(...batch.map((pair) => pair[side].length));
      slots += batch.length * (most("input") + most("target"));
    }
    return slots;
  };
  const tokens = pairs.reduce((sum, { input, target }) => sum + input.length + target.length, 0);
  const ordered = byLengths(pairs);
  expect(new Set(ordered)).toEqual(new Set(pairs));
  expect(padded(ordered) / tokens).toBeLessThan(1.12);
  const bySum = pairs.toSorted((a, b) => a.input.length + a.target.length - b.input.length - b.target.length);
  expect(padded(bySum) / tokens).toBeGreaterThan(1.3);
});
