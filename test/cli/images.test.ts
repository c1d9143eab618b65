/** Commands on models of images: what they do with them, and what they say they cannot. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";
import { freshFolder, videoConfig } from "../support/models/fresh.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cli-images-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);

describe.each([
  ["vit/classifier", "ViTForImageClassification", 0, ["model.onnx"]],
  ["clip/end-token", "CLIPModel", 30, ["model.onnx", "text_model.onnx", "vision_model.onnx"]],
] as const)("%s", (name, architecture, vocabulary, exported) => {
  const model = join(fixtures, name);
  const out = (what: string) => join(folder, `${what}-${name.replace("/", "-")}`);

  test("is inspected, counted, exported and written in 8 bits", () => {
    expect(rowsOf(zeroth(["inspect", model, "--json"]))[0]).toMatchObject({ architecture, vocabulary });
    const planned = zeroth(["plan", model, "--machine", "8GB,10GB/s"]);
    expect(planned.stdout).toContain("the weight files hold exactly these");
    expect(planned.stdout).not.toContain("tokens in");
    const files = (format: string) =>
      rowsOf(zeroth(["export", model, "--format", format, "--out", out(format), "--json"])).map(({ file }) => file);
    expect(files("onnx")).toEqual(expect.arrayContaining([...exported]));
    expect(files("transformers.js")).toEqual(expect.arrayContaining(exported.map((file) => `onnx/${file}`)));
    expect(zeroth(["quantize", model, "--dtype", "int8", "--out", out("int8")]).status).toBe(0);
    expect(rowsOf(zeroth(["inspect", out("int8"), "--json"]))[0]).toMatchObject({ architecture });
  });

  test("writes no text", () => {
    for (const args of [
      ["generate", "--model", model, "hello"],
      ["bench", model],
    ]) {
      const { status, stderr } = zeroth(args);
      expect(status).not.toBe(0);
      expect(stderr).toContain("it cannot generate text");
    }
  });
});

test("a clip is classified by the mean of its views", async () => {
  const model = await freshFolder(join(folder, "video"), videoConfig);
  mkdirSync(join(folder, "clip"));
  for (let i = 0; i < 9; i++) {
    await sharp({ create: { width: 24, height: 16, channels: 3, background: { r: 28 * i, g: 90, b: 200 - 20 * i } } })
      .png()
      .toFile(join(folder, "clip", `${i}.png`));
  }
  const classify = (...more: string[]) => zeroth(["vision", "classify", "--model", model, "clip", ...more]);
  const { stdout, stderr, status } = classify("--views", "2x3", "--json");
  expect([status, stderr]).toEqual([0, expect.stringContaining("clip: 2 of 4 frames, from 0 to 8 of its 9")]);
  expect(JSON.parse(stdout).labels).toHaveLength(3);
  expect(JSON.parse(classify("--json").stdout).logits).not.toEqual(JSON.parse(stdout).logits);
  // Every clip is named, however few are looked at together.
  const many = zeroth(["vision", "classify", "--model", model, ...Array(9).fill("clip"), "--views", "1x3"]);
  expect(many.stdout.match(/^clip$/gm)).toHaveLength(9);
  for (const [flags, said] of [
    [["--views", "4x2"], "windows of time (1 to 64), x, and crops (1 or 3): 4x3"],
    [["--views", "1x1", "--stride", "3"], "a --stride below 3"],
    [["--stride", "2"], "--stride is for --views"],
    [["--views", "1x1", "--stride", "0"], "--stride is 0"],
  ] as const) {
    const refused = classify(...flags);
    expect(refused.status, said).not.toBe(0);
    expect(refused.stderr).toContain(said);
  }
});
