/** Pictures: resizes as Pillow makes them (parity/pictures.py), processors, files, IDX. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { readBytes as stored } from "../../../test/support/pictures.ts";
import { decodeBytes, decodePicture } from "./decode-node.ts";
import { parseIdx } from "./idx.ts";
import { centreCrop, crop, mirrored, type Picture, toColour, toGrey } from "./image.ts";
import { prepare, readProcessor, readTimmProcessor, withSides } from "./processor.ts";
import { type Resample, resampleCodes, resizePicture } from "./resize.ts";

const bytes = stored("vision", "pictures.safetensors");
const picture: Picture = { width: 17, height: 11, channels: 3, data: bytes.get("picture")! };

test.each(resampleCodes)("resizing by %s is Pillow's, to the last bit", (resample) => {
  for (const [width, height] of [
    [6, 5],
    [23, 19],
    [17, 4],
    [9, 11],
  ] as const) {
    const wanted = bytes.get(`${resample}.${width}x${height}`)!;
    expect(Buffer.compare(resizePicture(picture, width, height, resample as Resample).data, wanted)).toBe(0);
  }
});

test("grey is Pillow's, colours of grey are equal", () => {
  expect(Buffer.compare(toGrey(picture).data, bytes.get("grey")!)).toBe(0);
  expect([...toColour({ width: 2, height: 1, channels: 1, data: Uint8Array.of(7, 9) }).data]).toEqual([
    7, 7, 7, 9, 9, 9,
  ]);
});

test("crops keep the middle and are black outside of the picture", () => {
  const small: Picture = { width: 3, height: 1, channels: 1, data: Uint8Array.of(1, 2, 3) };
  expect([...centreCrop(small, 1, 1).data]).toEqual([2]);
  expect([...centreCrop(small, 6, 1).data]).toEqual([0, 0, 1, 2, 3, 0]);
  expect([...crop(small, 5, 0, 2, 1).data]).toEqual([0, 0]);
  expect([...mirrored(small).data]).toEqual([3, 2, 1]);
});

describe("processors", () => {
  test("a ViT's file: both sides, from -1 to 1", () => {
    const p = readProcessor({ image_processor_type: "ViTImageProcessor", size: { height: 4, width: 6 }, resample: 2 });
    const out = prepare(picture, p, 3);
    expect(out.shape).toEqual([3, 4, 6]);
    const resized = resizePicture(picture, 6, 4, "bilinear");
    expect(out.data[0]).toBeCloseTo((resized.data[0]! / 255 - 0.5) / 0.5, 6);
    expect(out.data[24]).toBeCloseTo((resized.data[1]! / 255 - 0.5) / 0.5, 6);
  });

  test("a BiT's: the shorter side, the longer cut to a whole number, then the middle", () => {
    const p = readProcessor({ image_processor_type: "BitImageProcessor", size: { shortest_edge: 8 }, crop_size: 8 });
    const wide = resizePicture(picture, Math.trunc((8 * 17) / 11), 8, "bicubic");
    const kept = centreCrop(wide, 8, 8);
    expect(prepare(picture, p, 3).data[0]).toBeCloseTo((kept.data[0]! / 255 - 0.48145466) / 0.26862954, 5);
  });

  test("a ViViT's file without offset is taken as it was trained, with a word", () => {
    const p = readProcessor({ image_processor_type: "VivitImageProcessor" });
    expect(p).toMatchObject({ offset: 1, factor: 1 / 127.5 });
    expect(p.normalize).toBeUndefined();
    expect(p.warnings).toHaveLength(1);
    expect(
      readProcessor({ image_processor_type: "VivitImageProcessor", offset: true, do_normalize: true }).normalize,
    ).toBeDefined();
  });

  test("timm's: resized by crop_pct", () => {
    const p = readTimmProcessor({
      input_size: [3, 28, 28],
      crop_pct: 0.875,
      interpolation: "bicubic",
      mean: [0.5],
      std: [0.5],
    });
    expect(p.resize?.to).toEqual({ shortest: 32 });
    expect(p.crop).toEqual({ height: 28, width: 28 });
    expect(withSides(p, { height: 56, width: 56 })).toMatchObject({
      resize: { to: { shortest: 64 } },
      crop: { width: 56 },
    });
  });

  test.each<[string, object, string, string]>([
    ["an unknown class", { image_processor_type: "SwirlImageProcessor" }, "unsupported", "SwirlImageProcessor"],
    ["a class that every object has", { image_processor_type: "constructor" }, "unsupported", "constructor"],
    ["an unknown filter", { resample: 9 }, "corrupt_file", "resample 9"],
    ["a crop of no size", { do_center_crop: true }, "corrupt_file", "crop_size"],
    ["a factor that is null", { do_rescale: true, rescale_factor: null }, "corrupt_file", "rescale_factor"],
    ["a deviation of 0", { image_std: [0.5, 0, 0.5] }, "corrupt_file", "image_std"],
    ["a size that is none", { size: { width: -1, height: 2 } }, "corrupt_file", "size"],
  ])("%s is refused", (_, file, code, words) => {
    expect(() => readProcessor(file as Record<string, never>)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});

describe("files", () => {
  const raw = { raw: { width: 17, height: 11, channels: 3 as const } };

  test("a PNG is exact; grey, 16 bits and transparency become 8 bits of colour or grey", async () => {
    const png = await sharp(picture.data, raw).png().toBuffer();
    expect(Buffer.compare((await decodeBytes(png, "a.png")).picture.data, picture.data)).toBe(0);
    const deep = await sharp(picture.data, raw).toColourspace("rgb16").png().toBuffer();
    expect((await decodeBytes(deep, "deep.png")).picture).toMatchObject({ width: 17, height: 11, channels: 3 });
    const clear = await sharp(picture.data, raw).ensureAlpha(0.5).png().toBuffer();
    const { picture: kept, notes } = await decodeBytes(clear, "clear.png");
    expect(Buffer.compare(kept.data, picture.data)).toBe(0);
    expect(notes).toEqual(["its transparency is left out"]);
  });

  test("CMYK is converted, and a picture is turned as its EXIF says", async () => {
    const cmyk = await sharp(picture.data, raw).toColourspace("cmyk").jpeg().toBuffer();
    expect((await decodeBytes(cmyk, "print.jpg")).picture).toMatchObject({ width: 17, height: 11, channels: 3 });
    const turned = await sharp(picture.data, raw).withMetadata({ orientation: 6 }).png().toBuffer();
    expect((await decodeBytes(turned, "turned.png")).picture).toMatchObject({ width: 11, height: 17 });
  });

  test("what is no picture says so", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pictures-"));
    const png = await sharp(picture.data, raw).png().toBuffer();
    for (const [name, content] of [
      ["empty.png", Buffer.alloc(0)],
      ["short.png", png.subarray(0, png.length - 40)],
      ["words.png", Buffer.from("this is no picture at all")],
    ] as const) {
      writeFileSync(join(folder, name), content);
      await expect(decodePicture(join(folder, name)), name).rejects.toMatchObject({ code: "corrupt_file" });
    }
    await expect(decodePicture(join(folder, "none.png"))).rejects.toMatchObject({ code: "not_found" });
  });

  test("a small file that announces a huge picture is not unpacked", async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"></svg>');
    await expect(decodeBytes(svg, "bomb.svg")).rejects.toMatchObject({
      code: expect.stringMatching(/too_long|corrupt_file/),
    });
  });
});

describe("IDX", () => {
  const idx = (type: number, sizes: number[], data: number[]) =>
    Uint8Array.from([0, 0, type, sizes.length, ...sizes.flatMap((n) => [0, 0, n >> 8, n & 255]), ...data]);

  test("bytes, and labels of 16 bits", () => {
    expect(parseIdx(idx(8, [2, 1, 2], [1, 2, 3, 255]), "a")).toEqual({
      shape: [2, 1, 2],
      data: Uint8Array.of(1, 2, 3, 255),
    });
    expect(parseIdx(idx(0x0b, [2], [1, 0, 255, 255]), "b").data).toEqual(Int16Array.of(256, -1));
  });

  test.each<[string, Uint8Array, string]>([
    ["another beginning", Uint8Array.of(1, 2, 3, 4), "corrupt_file"],
    ["floats", idx(0x0d, [1], [0, 0, 0, 0]), "unsupported"],
    ["too few numbers", idx(8, [3], [1, 2]), "corrupt_file"],
    ["sizes beyond all memory", Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255), "corrupt_file"],
    ["no size", Uint8Array.of(0, 0, 8, 0), "corrupt_file"],
    ["an end within the sizes", Uint8Array.of(0, 0, 8, 3, 0, 0), "corrupt_file"],
  ])("%s is refused", (_, file, code) => {
    expect(() => parseIdx(file, "x")).toThrow(expect.objectContaining({ code }));
  });
});
