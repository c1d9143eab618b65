/** Sinusoids against the formula of the paper. */
import { expect, test } from "vitest";
import { sinusoids } from "./positions.ts";

const [length, width] = [40, 10];

test.each([false, true])("sines and cosines of every position, interleaved %s", (interleaved) => {
  const { shape, data } = sinusoids(length, width, { interleaved });
  expect(shape).toEqual([length, width]);
  for (const position of [0, 1, 7, 39]) {
    for (let pair = 0; pair < width / 2; pair++) {
      const angle = position / 10000 ** ((2 * pair) / width);
      const [sine, cosine] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, width / 2 + pair];
      expect(data[position * width + sine]).toBeCloseTo(Math.sin(angle), 6);
      expect(data[position * width + cosine]).toBeCloseTo(Math.cos(angle), 6);
    }
  }
});

test("an odd width has one sine more", () => {
  // 5 channels: sines of pairs 0, 1, 2, cosines of 0, 1.
  const { data } = sinusoids(3, 5);
  const angles = [0, 1, 2].map((pair) => 2 / 10000 ** ((2 * pair) / 5));
  const expected = [...angles.map(Math.sin), ...angles.slice(0, 2).map(Math.cos)];
  expected.forEach((value, i) => {
    expect(data[10 + i]).toBeCloseTo(value, 6);
  });
});
