/** Choose: summaries compared blind, by keys, kept over a reload, and taken along as rows. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readComparisons } from "../../src/prefer/data/read-node.ts";
import { axeFindings, playground, visit } from "./playground.ts";

const here = playground();
const scratch = mkdtempSync(join(tmpdir(), "zeroth-prefer-page-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("choices are made by keys, are still there after a reload, and are rows that zeroth prefer reads", async () => {
  const file = join(scratch, "rows.jsonl");
  const rows = Array.from({ length: 4 }, (_, i) => ({
    ...{ id: `r${i}`, book: "Lighthouse", text: `Text ${i}.` },
    candidates: ["secret-one", "secret-two"].map((model, j) => ({ text: `Summary ${j} of ${i}.`, model })),
  }));
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await visit(here.browser, `${here.address}/#prefer`, async ({ page }) => {
    const made = (count: number) => page.getByText(`${count} of 4 choices made`).waitFor();
    await page.getByLabel("Rows to choose among", { exact: true }).setInputFiles(file);
    await made(0);
    expect(await page.locator("main").textContent()).not.toContain("secret");
    expect(await axeFindings(page)).toEqual([]);
    const shown = await page.locator(".choose-candidates section p").allInnerTexts();
    await page.keyboard.press("b");
    await made(1);
    await page.keyboard.press("t");
    await made(2);
    await page.keyboard.press("Backspace");
    await made(1);
    // Letters of a name are no choices.
    await page.getByLabel("Your name in the rows").fill("ab");
    await made(1);
    await page.reload();
    await made(1);
    await page.getByRole("button", { name: "A is better" }).click();
    await page.keyboard.press("s");
    await page.keyboard.press("t");
    await page.getByText("That was all").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    const taken = join(scratch, "taken.jsonl");
    writeFileSync(taken, readFileSync(await download.path()));
    const read = readComparisons(taken).rows;
    expect(read.map(({ choice }) => choice)).toEqual([1, 0, "skip", "tie"]);
    expect(read[0]!.candidates.map(({ text }) => text)).toEqual(shown);
    expect(read[0]).toMatchObject({ book: "Lighthouse", worker: "ab" });
    await page.getByRole("button", { name: "Forget these" }).click();
    await page.getByText("Drop rows here").waitFor();
    await page.reload();
    await page.getByText("Drop rows here").waitFor();
  });
});
