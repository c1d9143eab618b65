/** Studies: a table of results comes in; law, interval, figures and advice come out, in the browser alone. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { playground, visit } from "./playground.ts";

const here = playground();

const studies = () => `${here.address}/#studies`;
const give = (page: Page, name: string, text: string) =>
  page
    .getByLabel("Results: CSV or JSON Lines", { exact: true })
    .setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
const cells = (page: Page, row: number) =>
  page.locator(".study-table tbody tr").nth(row).locator("td").allTextContents();

/** Accuracies in percent that follow error = 0.5 · (error upstream)^2 + 0.2. */
const law = Array.from({ length: 20 }, (_, i) => {
  const us = 20 + 3 * i;
  return { up: us, birds: Number((100 * (1 - (0.5 * (1 - us / 100) ** 2 + 0.2))).toFixed(4)) };
});

test("a file of one's own: its law and interval, drawn; another column, another answer", async () => {
  await visit(here.browser, studies(), async ({ page }) => {
    await give(page, "mine.jsonl", law.map((row) => JSON.stringify({ ...row, other: row.up })).join("\n"));
    await page.getByLabel("Downstream").selectOption("birds");
    await page.waitForFunction(() => /80\.0 %/.test(document.querySelector(".study-table tbody")?.textContent ?? ""));
    const [models, k, alpha, rest, level] = await cells(page, 0);
    expect([models, level]).toEqual(["20", "80.0 %"]);
    expect(Number(k)).toBeCloseTo(0.5, 2);
    expect(Number(alpha)).toBeCloseTo(2, 1);
    expect(Number(rest)).toBeCloseTo(0.2, 2);
    expect(await page.locator("figure svg circle").count()).toBe(20);
    await page.getByLabel("Downstream").selectOption("other");
    await page.waitForFunction(
      () => !/80\.0 %/.test(document.querySelector(".study-table tbody")?.textContent ?? "80.0 %"),
    );
  });
});

test("what a bigger model is worth, and advice from where one stands", async () => {
  await visit(here.browser, studies(), async ({ page, click }) => {
    await click("button", "A bigger model, or more labels?");
    await page.waitForSelector("figure svg[role=img] rect");
    expect((await cells(page, 3)).slice(0, 2)).toEqual(["60M", "2048"]);
    await page.getByLabel("Size now").selectOption("7000000");
    await page.getByLabel("Labels now").selectOption("512");
    await click("button", "Advise");
    await page.waitForSelector(".advice");
    expect(await page.locator(".advice strong").textContent()).toMatch(/^Grow:/);
    await click("button", "Forget");
    await page.getByText("Drop a table of results here").waitFor();
  });
});

test("what is no table of results says what is wrong and where", async () => {
  await visit(here.browser, studies(), async ({ page, click }) => {
    await give(page, "torn.csv", "a,b\n1,2,3\n");
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/torn\.csv: record 1 has 3 fields/);
    await give(page, "words.csv", "up,down\nhigh,low\n");
    await page.getByText(/row 1: "up" is "high": expected an accuracy/).waitFor();
    await click("button", "Forget");
    await give(page, "few.csv", "up,down\n0.5,0.4\n0.6,0.5\n");
    await page.getByText("too few for a law").waitFor();
  });
});
