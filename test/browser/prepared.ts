/** Every panel with something in it: what a look at the whole page looks at. */
import type { Page } from "playwright-core";
import { answered, openedBook, type panelNames, searchedExample, taughtExample } from "./playground.ts";

/** Puts something into a panel that is open, and waits until it is shown. */
export const prepared: Readonly<Record<(typeof panelNames)[number], (page: Page) => Promise<unknown>>> = {
  async ask(page) {
    await page.getByRole("button", { name: "What kind of thing" }).click();
    await answered(page);
    await page.locator('.tokens [data-at="0"]').hover();
    await page.waitForSelector(".alternatives");
  },
  async chat(page) {
    await page.getByLabel("Message", { exact: true }).fill("Positive or negative? A warm film.");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.message.assistant[data-state="done"]');
  },
  async compare(page) {
    await page.getByRole("button", { name: "Another wording" }).click();
    await page.getByLabel("Prompt", { exact: true }).fill("Fact or opinion: the film is far too long.");
    await page
      .getByLabel("The same in other words")
      .fill("Is this a fact or an opinion? The bridge was opened in 1932.");
    await page.getByRole("button", { name: "Run both" }).click();
    await page.waitForSelector('[data-side="right"][data-state="done"]');
  },
  teach: (page) => taughtExample(page, 1),
  async search(page) {
    await searchedExample(page);
    await page.locator(".search-answer .cite").click();
    await page.waitForSelector(".source #found");
  },
  digest: (page) => page.waitForSelector(".digest .problem"),
  async books(page) {
    await openedBook(page);
    await page.locator("button.sentence").first().click();
    await page.waitForSelector(".book-source mark.here");
  },
  async studies(page) {
    await page.getByRole("button", { name: "A bigger model, or more labels?" }).click();
    await page.waitForSelector(".study-answer svg[role=img]");
    await page.getByRole("button", { name: "Advise" }).click();
    await page.waitForSelector(".advice");
  },
  // With a choice and a picture: their own tests.
  prefer: (page) => page.waitForSelector(".drop-zone"),
  look: (page) => page.waitForSelector(".drop-zone"),
  models: (page) => page.waitForSelector('[data-state="ready"]'),
  jobs: (page) => page.waitForSelector(".job"),
  settings: (page) => page.waitForSelector(".setting"),
};
