/** Training's steps on pictures: the same for the same place, other for another, refused where they are wrong. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Picture } from "./image.ts";
import { augmented, parsePipeline } from "./pipeline.ts";
import { plainProcessor, prepare, readTimmProcessor, regionSeen } from "./processor.ts";

const picture: Picture = {
  ...{ width: 17, height: 11, channels: 3 },
  data: Uint8Array.from({ length: 17 * 11 * 3 }, (_, i) => (i * 37) % 251),
};
const image = { width: 8, height: 8, channels: 3 };
const processor = plainProcessor(image);
const made = (text: string, place: [number, number, number], frames = [picture]) =>
  augmented(
    frames,
    parsePipeline(text),
    processor,
    { ...image, ...(frames.length > 1 && { frames: frames.length }) },
    place,
  );

test("numbers are written out, and none is a pipeline too", () => {
  expect(parsePipeline(" random_resized_crop( 0.05 ) | flip_lr").text).toBe("random_resized_crop(0.05,1)|flip_lr(0.5)");
  expect(parsePipeline(parsePipeline("light|grey(1)|shift(2)").text).text).toBe("light(0.2,0.2)|grey(1)|shift(2)");
  expect(parsePipeline("none")).toEqual({ text: "none", steps: [] });
  expect(made("none", [0, 0, 0])).toEqual(prepare(picture, processor, 3));
});

test("what is drawn follows from seed, epoch and example", () => {
  const text = "random_resized_crop(0.05,1)|flip_lr|light";
  const one = made(text, [1, 2, 3]);
  expect(one.shape).toEqual([3, 8, 8]);
  expect(made(text, [1, 2, 3])).toEqual(one);
  for (const place of [
    [2, 2, 3],
    [1, 3, 3],
    [1, 2, 4],
  ] as [number, number, number][]) {
    expect(made(text, place)).not.toEqual(one);
  }
  const clip = made(text, [1, 2, 3], [picture, picture]);
  expect([clip.shape, clip.data.slice(0, 192)]).toEqual([[2, 3, 8, 8], one.data]);
});

test("any pipeline of known steps gives what the model takes", () => {
  const step = fc.constantFrom(
    ...["random_resized_crop(0.01,0.02)", "resize(5)", "resize_small(3)", "central_crop(30)", "random_crop(4)"],
    ...["random_crop(40)", "flip_lr(1)", "shift(3)", "grey(1)", "light(1,1)"],
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), fc.nat(1000), (steps, seed) => {
      const { shape, data } = made(steps.join("|"), [seed, 0, 0]);
      expect(shape).toEqual([3, 8, 8]);
      expect((data as Float32Array).every((value) => value >= -1 && value <= 1)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("a random box keeps its area and lies within", () => {
  const white: Picture = { width: 40, height: 30, channels: 1, data: new Uint8Array(1200).fill(255) };
  for (let i = 0; i < 50; i++) {
    const { data } = augmented(
      [white],
      parsePipeline("random_resized_crop(0.1,0.5)"),
      processor,
      { ...image, channels: 1 },
      [0, 0, i],
    );
    expect((data as Float32Array).every((value) => value === 1)).toBe(true);
  }
});

test.each([
  ["blur(3)", /blur/],
  ["resize", /side is missing/],
  ["resize(2.5)", /2\.5/],
  ["flip_lr(2)", /probability is 2/],
  ["random_resized_crop(0.9,0.1)", /0\.9 to 0\.1/],
  ["shift(1,2)", /got 2 numbers/],
  ["constructor(1)", /not known/],
  ["resize(1e999)", /1e999/],
])("%s is refused by name", (text, message) => {
  expect(() => parsePipeline(text)).toThrow(message);
});

test("half a pixel of a crop: cut off by transformers, to the even one by timm", () => {
  const timm = readTimmProcessor({ input_size: [3, 32, 32], crop_pct: 0.9, interpolation: "nearest", mean: 0, std: 1 });
  const seen = regionSeen({ width: 35, height: 35 }, timm);
  expect(seen).toEqual({ left: 2, top: 2, width: 32, height: 32 });
  expect(regionSeen({ width: 35, height: 35 }, { ...timm, rounds: false })).toMatchObject({ left: 1, top: 1 });
  const marked: Picture = { width: 35, height: 35, channels: 1, data: new Uint8Array(35 * 35) };
  marked.data[2 * 35 + 2] = 255;
  expect(prepare(marked, timm, 1).data[0]).toBe(1);
});
