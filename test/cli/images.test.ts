/** Commands on models of images: what they do with them, and what they say they cannot. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";

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
