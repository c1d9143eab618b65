/**
 * The page at the widths of a phone, a tablet and a desk, light and dark: nothing reaches over an edge. With PAGE_IMAGES
 * set to a folder the pictures are written there; those that the documentation keeps lie in docs/images.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  answered,
  giveBook,
  openedBook,
  playground,
  searchedExample,
  taughtExample,
  type Visit,
  visit,
} from "./playground.ts";

const here = playground();

async function askShown({ page }: Visit): Promise<void> {
  await page.getByLabel("Prompt", { exact: true }).fill("Positive or negative? What a waste of two hours.");
  await page.keyboard.press("Control+Enter");
  await answered(page);
  await page.locator('.tokens [data-at="0"]').hover();
  await page.waitForSelector(".alternatives");
}

async function chosen({ page }: Visit): Promise<void> {
  await page.getByRole("button", { name: "Fact or opinion" }).click();
  await page.waitForSelector(".choices tbody tr");
}

async function compared({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#compare`);
  await page.getByRole("button", { name: "Another wording" }).click();
  await page
    .getByLabel("Prompt", { exact: true })
    .fill("What kind of thing is described here? A fern that grows in wet forests.");
  await page
    .getByLabel("The same in other words")
    .fill("A fern that grows in wet forests. Is that a person, a plant or a company?");
  await page.getByRole("button", { name: "Run both" }).click();
  await page.waitForSelector('[data-side="right"][data-state="done"]');
}

async function taughtShown({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#teach`);
  await taughtExample(page);
}

async function rowsShown({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#teach`);
  await page.getByRole("button", { name: "Sort messages" }).click();
  await page.waitForSelector(".preview");
}

async function searched({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#search`);
  await searchedExample(page);
}

async function readShown(person: Visit): Promise<void> {
  await searched(person);
  const { page } = person;
  await page.locator(".search-answer .cite").click();
  await page.waitForSelector(".source #found");
}

async function bookShown({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#books`);
  await openedBook(page);
  await page.locator("button.sentence").nth(2).click();
  await page.waitForSelector(".book-source mark.here");
}

async function bookGiven({ page }: Visit): Promise<void> {
  await page.goto(`${here.address}/#books`);
  await giveBook(page);
  await page.waitForSelector(".estimate dl");
}

const pictures: readonly (readonly [
  name: string,
  width: number,
  height: number,
  "light" | "dark",
  (visit: Visit) => Promise<void>,
])[] = [
  ["ask-1440-light", 1440, 860, "light", askShown],
  ["ask-1440-dark", 1440, 860, "dark", chosen],
  ["compare-800-light", 800, 760, "light", compared],
  ["compare-800-dark", 800, 760, "dark", compared],
  ["ask-390-light", 390, 780, "light", askShown],
  ["ask-390-dark", 390, 780, "dark", chosen],
  ["teach-1170-light", 1170, 720, "light", taughtShown],
  ["teach-800-dark", 800, 860, "dark", rowsShown],
  ["teach-390-light", 390, 860, "light", rowsShown],
  ["search-1440-light", 1440, 600, "light", readShown],
  ["search-800-dark", 800, 900, "dark", searched],
  ["search-800-light", 800, 900, "light", readShown],
  ["search-390-light", 390, 860, "light", searched],
  ["search-390-dark", 390, 860, "dark", readShown],
  ["books-1440-light", 1440, 480, "light", bookShown],
  ["books-800-dark", 800, 560, "dark", bookShown],
  ["books-390-light", 390, 900, "light", bookShown],
  ["books-390-dark", 390, 860, "dark", bookGiven],
];

test.each(pictures)("%s", async (name, width, height, colorScheme, work) => {
  await visit(
    here.browser,
    here.address,
    async (person) => {
      const { page } = person;
      await work(person);
      const over = await page.evaluate(() => {
        const main = document.querySelector("main")!;
        return [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth];
      });
      expect(over).toEqual([0, 0]);
      const picture = await page.screenshot();
      expect(picture.length).toBeLessThan(150_000);
      const folder = process.env.PAGE_IMAGES;
      if (folder === undefined) return;
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${name}.png`), picture);
    },
    { colorScheme, viewport: { width, height } },
  );
});
