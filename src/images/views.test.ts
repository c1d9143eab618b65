/** Windows of time and crops: where each looks, and that a clip's logits are the mean over them. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { freshFolder, videoConfig, vitConfig } from "../../test/support/models/fresh.ts";
import { openVisionModel } from "./open-node.ts";
import { meanOfViews, parseViews, threeCrops, windowsOf } from "./views.ts";

const windows = (count: number, frames: number, clips: number, stride?: number) =>
  windowsOf(count, frames, { clips, crops: 1, stride }, "clip");

test("windows lie side by side, at a clip's begin and end, or in the middle", () => {
  expect(windows(16, 4, 1)).toEqual([[0, 4, 8, 12]].map((one) => one.map((i) => i + 1)));
  expect(windows(16, 4, 4)).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
    [12, 13, 14, 15],
  ]);
  expect(windows(10, 4, 2, 2)).toEqual([
    [0, 2, 4, 6],
    [3, 5, 7, 9],
  ]);
  expect(windows(4, 4, 3)).toEqual([0, 0, 0].map(() => [0, 1, 2, 3]));
  expect(() => windows(9, 4, 1, 3)).toThrow(/a clip of 9 frames, a view takes 4, one in 3/);
  expect(() => windows(3, 4, 2)).toThrow(/a clip of 3 frames, the model takes 4/);
  expect(windowsOf(3, 4, { clips: 2, crops: 1 }, "clip", true)).toEqual([0, 0].map(() => [0, 1, 2, 2]));
});

test("what is asked for is read or refused", () => {
  expect(parseViews("4x3")).toEqual({ clips: 4, crops: 3 });
  for (const text of ["", "4", "x3", "0x1", "65x1", "4x2", "4×3", "-1x1", "4x3x1"]) {
    expect(() => parseViews(text), text).toThrow(/--views/);
  }
});

test("three crops are the longer side's begin, middle and end", () => {
  const data = Uint8Array.from({ length: 8 * 4 }, (_, at) => at % 8);
  const processor = { resize: { to: { shortest: 5 }, resample: "nearest" }, crop: { width: 4, height: 4 } } as const;
  const crops = threeCrops(
    { width: 8, height: 4, channels: 1, data },
    { ...processor, factor: 1, offset: 0, warnings: [] },
    { width: 4, height: 4, channels: 1 },
  );
  expect(crops.map((one) => [...one.data.slice(0, 4)])).toEqual([
    [0, 1, 2, 3],
    [2, 3, 4, 5],
    [4, 5, 6, 7],
  ]);
});

test("rows that belong together are averaged", () => {
  const rows = [1, 3, 10, 30].map((x) => Float32Array.of(x, -x));
  expect(meanOfViews(rows, 2)).toEqual([Float32Array.of(2, -2), Float32Array.of(20, -20)]);
});

describe("a model of clips", () => {
  const home = mkdtempSync(join(tmpdir(), "views-"));
  const clip = join(home, "clip");

  beforeAll(async () => {
    await freshFolder(join(home, "model"), videoConfig);
    mkdirSync(clip);
    for (let i = 0; i < 9; i++) {
      const data = Uint8Array.from({ length: 24 * 16 * 3 }, (_, at) => (at * (i + 3)) % 251);
      await sharp(data, { raw: { width: 24, height: 16, channels: 3 } })
        .png()
        .toFile(join(clip, `${i}.png`));
    }
  });

  test("its logits are the mean over windows and crops", async () => {
    await using model = await openVisionModel(join(home, "model"), { threads: 1 });
    const { views, notes } = await model.readViews(clip, { clips: 2, crops: 3 });
    expect(notes).toEqual(["2 of 4 frames, from 0 to 8 of its 9"]);
    expect(views.map(({ shape }) => shape)).toEqual(Array(6).fill([4, 3, 16, 16]));
    const each = await model.classify(views);
    let told = 0;
    const [together] = await model.classify(views, {
      views: 6,
      onDone: (done) => {
        told = done;
      },
    });
    expect(told).toBe(1);
    together!.logits.forEach((logit, c) => {
      expect(logit).toBeCloseTo(each.reduce((sum, { logits }) => sum + logits[c]!, 0) / 6, 5);
    });
    expect(new Set(each.map(({ logits }) => logits[0])).size).toBe(6);
    // A window that is the whole clip, as the processor cuts, is what `read` gives.
    const [whole] = (await model.readViews(clip, { clips: 1, crops: 1, stride: 2 })).views;
    expect(whole!.shape).toEqual([4, 3, 16, 16]);
  });

  test("a model of pictures has crops and no windows", async () => {
    await freshFolder(join(home, "pictures"), vitConfig);
    await using model = await openVisionModel(join(home, "pictures"), { threads: 1 });
    const one = join(clip, "0.png");
    expect((await model.readViews(one, { clips: 1, crops: 3 })).views).toHaveLength(3);
    expect((await model.readViews(one, { clips: 1, crops: 1 })).views).toEqual([(await model.read(one)).pixels]);
    await expect(model.readViews(one, { clips: 2, crops: 3 })).rejects.toMatchObject({ code: "wrong_use" });
  });
});
