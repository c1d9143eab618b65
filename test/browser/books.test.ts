/** Books: one comes in, is estimated, summarised, stopped, corrected, exported; a sentence leads to its place. */
import { readFileSync } from "node:fs";
import { strFromU8, unzipSync } from "fflate";
import { expect, test } from "vitest";
import { axeFindings, giveBook, openedBook, playground, visit } from "./playground.ts";

const here = playground();

const books = () => `${here.address}/#books`;

test("a book is estimated, summarised in the tab, and each sentence stands at its place in it", async () => {
  await visit(here.browser, books(), async ({ page }) => {
    expect(await axeFindings(page)).toEqual([]);
    await giveBook(page);
    await page.waitForSelector(".estimate dl");
    expect(await page.locator(".estimate").textContent()).toMatch(/Calls1/);
    expect(await axeFindings(page)).toEqual([]);
    await openedBook(page);
    expect(await page.locator(".book-tree li").count()).toBeGreaterThan(4);
    await page.waitForSelector("button.sentence");
    expect(await page.locator(".node-text .unsupported").count()).toBe(0);
    expect(await axeFindings(page)).toEqual([]);
    const sentence = page.locator("button.sentence").first();
    const said = (await sentence.textContent())!;
    await sentence.click();
    await page.waitForSelector(".book-source mark.here");
    // By rule: the sentence itself stands there.
    expect((await page.locator(".book-source mark").allTextContents()).join("").replace(/\s+/g, " ")).toContain(
      said.slice(0, 30),
    );
    const inView = await page.evaluate(() => {
      const [box, mark] = [".source", "mark.here"].map((one) => document.querySelector(one)!.getBoundingClientRect());
      return mark!.top >= box!.top && mark!.bottom <= box!.bottom;
    });
    expect(inView).toBe(true);
    expect(await page.locator("#source-title").textContent()).toContain("Chapter");
    expect(await axeFindings(page)).toEqual([]);
  });
});

test("a corrected part is kept and those above it are made again; a sentence of nowhere is marked; back again", async () => {
  await visit(here.browser, books(), async ({ page, click }) => {
    await openedBook(page, "lead");
    const before = await page.locator(".node-text").textContent();
    await page.locator('[data-node="h0.0"] .label').first().click();
    await page.waitForSelector('.book-node[data-node="h0.0"] .node-text');
    await click("button", "Correct it");
    await page.getByLabel("Text of this summary").fill("Elephants danced on the quay until Tuesday.");
    await click("button", "Save it");
    await page.waitForSelector('.book-node[data-state="edited"] .unsupported');
    // First as one that is not traced, then as one of nowhere.
    await page
      .locator(".book-node")
      .filter({ hasText: /Elephants.*nothing in the book says this/ })
      .waitFor();
    await page.waitForSelector('.book-head[data-state="completed"]');
    await page.locator(".book-tree > ul > li > .branch .label").click();
    await page.waitForFunction((old) => document.querySelector(".node-text")?.textContent !== old, before);
    expect(await page.locator(".node-text").textContent()).toContain("Elephants");
    // Still there after a reload, and given up again.
    await page.reload();
    await page.locator(".shelf .name").first().click();
    await page.locator('[data-node="h0.0"] .label').first().click();
    await page.waitForSelector('.book-node[data-state="edited"]');
    await click("button", "Back to the model's");
    await page.waitForSelector('.book-node[data-node="h0.0"][data-state="done"]');
    await page.locator(".book-tree > ul > li > .branch .label").click();
    await page.waitForFunction((old) => document.querySelector(".node-text")?.textContent === old, before);
  });
});

test("exports are handed over, a summary is deleted, and what is no book says so", async () => {
  await visit(here.browser, books(), async ({ page, click }) => {
    await openedBook(page);
    for (const [name, ending] of [
      ["Markdown with footnotes", "md"],
      ["EPUB", "epub"],
      ["JSON with every link", "json"],
    ] as const) {
      await click("button", "Export");
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name, exact: true }).click(),
      ]);
      expect(file.suggestedFilename()).toBe(`lighthouse-summary.${ending}`);
      const bytes = readFileSync(await file.path());
      if (ending === "epub") expect(strFromU8(unzipSync(bytes).mimetype!)).toBe("application/epub+zip");
      else expect(bytes.toString()).toContain("lighthouse");
      await page.keyboard.press("Escape");
    }
    await click("button", "All books");
    await page.getByRole("button", { name: /^Delete/ }).click();
    await click("button", "Yes, delete");
    await page.waitForSelector(".shelf >> text=No book yet");
    await giveBook(page, "picture.png", "no picture");
    expect(await page.getByRole("alert").textContent()).toMatch(/picture\.png is no book/i);
    await giveBook(page, "blank.txt", " \n \n");
    await page.waitForFunction(() =>
      /no text to summari/.test(document.querySelector('[role="alert"]')?.textContent ?? ""),
    );
  });
});
