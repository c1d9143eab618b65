/** Look: a model is given, a picture dropped; its classes and where the model looked, as Node says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localEngine } from "../../src/host/local-node.ts";
import { openVisionModel } from "../../src/images/open-node.ts";
import { openPage } from "../../src/server/page-node.ts";
import { serve } from "../../src/server/serve-node.ts";
import { freshFolder, vitConfig } from "../support/models/fresh.ts";
import { axeFindings, playground, type Visit, visit } from "./playground.ts";

const here = playground();
const scratch = mkdtempSync(join(tmpdir(), "zeroth-look-"));
const at = (...names: string[]) => join(scratch, ...names);

beforeAll(async () => {
  await freshFolder(at("my-vit"), vitConfig);
  const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37 + (i >> 5)) % 256);
  await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
    .png()
    .toFile(at("noise.png"));
  writeFileSync(at("text.png"), "no picture at all");
  mkdirSync(at("words"));
  writeFileSync(at("words", "config.json"), "{}");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const folder = "The folder of a model that sees";
const give = (page: Page, label: string, path: string) => page.getByLabel(label, { exact: true }).setInputFiles(path);

test("a picture's classes are those of Node, and the panel is clean for those who do not see it", async () => {
  await visit(here.browser, `${here.address}/#look`, async ({ page }) => {
    await page.waitForSelector(".look");
    expect(await page.locator(".look .start").textContent()).toContain("No model that sees is built into this page");
    expect(await axeFindings(page)).toEqual([]);
    await give(page, folder, at("words"));
    await page.waitForFunction(() => document.body.textContent.includes("model.safetensors is missing"));
    await give(page, folder, at("my-vit"));
    await page.waitForSelector(".look .model");
    await give(page, "A picture", at("text.png"));
    await page.waitForFunction(() => document.body.textContent.includes("no picture that this browser reads"));
    await give(page, "A picture", at("noise.png"));
    await page.waitForSelector(".look canvas");
    const rows = await page.locator(".look .choices tbody tr").allInnerTexts();
    await using model = await openVisionModel(at("my-vit"), { threads: 1 });
    const { pixels } = await model.read(at("noise.png"));
    const { scores } = (await model.classify([pixels]))[0]!;
    const order = [0, 1, 2].sort((a, b) => scores[b]! - scores[a]!);
    expect(rows.map((row) => row.split(/\s/)[0])).toEqual(order.map((i) => ["cat", "dog", "fish"][i]));
    const wanted = Math.round(100 * scores[order[0]!]!);
    expect(Number(/([\d.]+)\s*%/.exec(rows[0]!)![1])).toBeCloseTo(wanted, -0.5);
    const look = await page.locator(".look canvas").evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return { width: canvas.width, height: canvas.height, sum: data.reduce((a, b) => a + b, 0) };
    });
    expect(look).toMatchObject({ width: 40, height: 30 });
    expect(look.sum).toBeGreaterThan(40 * 30 * 255);
    expect(await axeFindings(page)).toEqual([]);
  });
}, 120_000);

test("a model of the server's: the picture goes there, its classes and where the model looked come back", async () => {
  await using engine = localEngine({ folders: { "my-vit": at("my-vit") }, threads: 1 });
  await using serving = await serve({ engine, page: openPage(here.folder), port: 0 });
  const work = async ({ page, click }: Visit) => {
    await click("button", "my-vit");
    expect(await page.locator(".look .model").textContent()).toContain("a picture is sent to it");
    expect(await axeFindings(page)).toEqual([]);
    await give(page, "A picture", at("text.png"));
    await page.waitForSelector(".look .problem");
    await give(page, "A picture", at("noise.png"));
    await page.waitForSelector(".look canvas");
    expect(await page.locator(".look .problem").count()).toBe(0);
    const rows = await page.locator(".look .choices tbody tr").allInnerTexts();
    await using model = await openVisionModel(at("my-vit"), { threads: 1 });
    const { scores } = (await model.classify([(await model.read(at("noise.png"))).pixels]))[0]!;
    const order = [0, 1, 2].sort((a, b) => scores[b]! - scores[a]!);
    expect(rows.map((row) => row.split(/\s/)[0])).toEqual(order.map((i) => ["cat", "dog", "fish"][i]));
    const box = await page.locator(".look canvas").evaluate(({ width, height }: HTMLCanvasElement) => [width, height]);
    expect(box).toEqual([40, 30]);
    await click("button", "Take it away");
    await page.waitForSelector(".look .start");
  };
  // What is no picture is refused, which a browser reports.
  await visit(here.browser, `${serving.url}/#look`, work, { expects: /400 \(Bad Request\)/ });
}, 120_000);
