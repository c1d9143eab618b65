/** What is refused as an image, with the shape that was expected and the one that came. */
import { expect, test } from "vitest";
import { float32, int64, type NdArray, zeros } from "../../graph/array.ts";
import { joinPixels, needPixels } from "./pixels.ts";

const image = { height: 4, width: 4, channels: 3 };
const good = zeros("float32", [2, 3, 4, 4]);

test("images of the model's size pass", () => {
  expect(() => needPixels(good, image)).not.toThrow();
});

test.each<[string, NdArray, string, string]>([
  ["channels last", zeros("float32", [2, 4, 4, 3]), "[2, 4, 4, 3], expected [images, 3, 4, 4]", "channels come first"],
  ["one image alone", zeros("float32", [3, 4, 4]), "[3, 4, 4], expected [images, 3, 4, 4]", "[1, 3, 4, 4]"],
  ["another size", zeros("float32", [1, 3, 8, 8]), "[1, 3, 8, 8], expected", "4 by 4 pixels"],
  ["grey for colours", zeros("float32", [1, 1, 4, 4]), "[1, 1, 4, 4], expected", "[images, channels, rows, columns]"],
  ["no image", zeros("float32", [0, 3, 4, 4]), "there is no image", ""],
  ["bytes", zeros("uint8", [1, 3, 4, 4]), "uint8, expected float32", "rescaled"],
  ["whole numbers", int64([1, 3, 4, 4], new Array(48).fill(1)), "int64, expected float32", "rescaled"],
  ["too few values", { ...good, data: good.data.slice(1) }, "95 values", ""],
  [
    "no number",
    { ...good, data: Float32Array.from({ length: 96 }, (_, i) => (i === 50 ? Number.NaN : 0)) },
    "image 1",
    "",
  ],
])("%s is refused", (_, pixels, message, hint) => {
  try {
    needPixels(pixels, image);
  } catch (error) {
    expect(error).toMatchObject({ code: "bad_input", message: expect.stringContaining(message) });
    expect((error as { hint?: string }).hint ?? "").toContain(hint);
    return;
  }
  throw new Error("passed");
});

test("single images are joined in their order", () => {
  const plain = (value: number) => float32([3, 4, 4], new Array(48).fill(value));
  const { shape, data } = joinPixels([plain(1), plain(2)], image);
  expect(shape).toEqual([2, 3, 4, 4]);
  expect([data[0], data[47], data[48], data[95]]).toEqual([1, 1, 2, 2]);
  expect(() => joinPixels([plain(1), zeros("float32", [3, 5, 5])], image)).toThrow("expected [images, 3, 4, 4]");
});
