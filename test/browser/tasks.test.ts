/** Eleven things people come to do, without reading anything: each in fewer than five clicks, typing not counted. */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTextModel } from "../../src/text/open-node.ts";
import { type FakeServer, fakeServer } from "./fake-server.ts";
import { answered, builtPage, launch, staticPage, type Visit, visit } from "./playground.ts";

const nano = fileURLToPath(new URL("../../models/zeroth-nano", import.meta.url));
let built: Awaited<ReturnType<typeof builtPage>>;
let browser: Browser;
let site: { server: Server; address: string };
let served: FakeServer;

beforeAll(async () => {
  [built, browser] = await Promise.all([builtPage(), launch()]);
  site = await staticPage(built.folder);
  served = await fakeServer(built.folder, [
    { id: "small", says: ["The ", "first ", "answer."] },
    { id: "other", says: ["The ", "second ", "answer."] },
  ]);
});
afterAll(async () => {
  await browser?.close();
  site?.server.close();
  await served?.[Symbol.asyncDispose]();
  built?.[Symbol.dispose]();
});

const limit = 5;

interface Task {
  readonly title: string;
  readonly where: "browser" | "server";
  readonly does: (visit: Visit) => Promise<void>;
}

const tasks: readonly Task[] = [
  {
    title: "have an example answered, as the command line answers it",
    where: "browser",
    async does({ page, click }) {
      await click("button", "Praise or blame");
      await answered(page);
      const prompt = await page.getByLabel("Prompt", { exact: true }).inputValue();
      await using model = await openTextModel(nano, { threads: 1 });
      const { text } = await model.generate(prompt);
      const shown = await page.locator(".tokens .token:not(.end)").allTextContents();
      expect(shown.join("")).toBe(text);
      expect(text).toBe("positive");
    },
  },
  {
    title: "ask something of one's own by keyboard, and see how sure the answer is",
    where: "browser",
    async does({ page, type }) {
      const prompt = "Positive or negative? What a waste of two hours.";
      await type("Prompt", prompt);
      await page.keyboard.press("Control+Enter");
      await answered(page);
      const token = page.locator('.tokens [data-at="0"]');
      await token.hover();
      const shares = (await page.locator(".alternatives .number").allTextContents()).map(Number.parseFloat);
      expect(shares.length).toBeGreaterThan(4);
      expect(shares).toEqual([...shares].sort((a, b) => b - a));
      await using model = await openTextModel(nano, { threads: 1 });
      const { text } = await model.generate(prompt);
      const { logprobs } = await model.score(prompt, [text]);
      // Products are rounded to 8 bits, in Node and in the page each in its own way.
      expect(Math.abs(shares[0]! - 100 * Math.exp(logprobs[0]![0]!))).toBeLessThan(5);
      expect(await page.locator(".alternatives .taken .word").textContent()).toBe(await token.textContent());
    },
  },
  {
    title: "go on from another word, and come back to the first answer",
    where: "browser",
    async does({ page, click, type }) {
      await type("Prompt", "What kind of thing is described here? The river rises in the hills and flows north.");
      await click("button", "Run");
      await answered(page);
      const text = async () => (await page.locator(".tokens .token:not(.end)").allTextContents()).join("");
      const first = await text();
      await page.locator('.tokens [data-at="0"]').hover();
      const other = page.locator(".alternatives button:enabled").first();
      const word = await other.locator(".word").textContent();
      await other.click();
      await page.waitForSelector('.branches >> text="2 / 2"');
      await answered(page);
      expect((await text()).startsWith(word!.replace("␣", ""))).toBe(true);
      await click("button", "Branch before");
      expect(await text()).toBe(first);
    },
  },
  {
    title: "have the model choose among answers of one's own",
    where: "browser",
    async does({ page, click, type }) {
      await type("Prompt", "Is this a fact or an opinion? The acting is wonderful but the plot is thin.");
      await click("button", "Choices");
      await type("Choices, one a line", "fact\nopinion");
      await click("button", "Run");
      await page.waitForSelector(".choices tbody tr");
      expect(await page.locator(".choices .best th").textContent()).toBe("opinion");
      expect(await page.locator(".choices .warning").count()).toBe(0);
    },
  },
  {
    title: "be told that none of the choices is likely",
    where: "browser",
    async does({ page, click, type }) {
      await type("Prompt", "Is this mail spam? Hi Anna, shall we meet at noon?");
      await click("button", "Choices");
      await type("Choices, one a line", "a bicycle in the rain\nseventeen");
      await click("button", "Run");
      await page.waitForSelector(".choices tbody tr");
      expect(await page.locator(".choices .warning").textContent()).toMatch(/^None of these is likely/);
    },
  },
  {
    title: "use a template: fill it in, see the prompt, run it",
    where: "browser",
    async does({ page, click, type }) {
      await click("button", "Templates");
      await page.getByLabel("Find a template").fill("fact or opinion customer");
      await page.locator(".template-list li button").first().click();
      await type("text", "The strap broke after two days.");
      await page.waitForFunction(() =>
        document.querySelector<HTMLTextAreaElement>("#prompt")!.value.includes("The strap broke after two days."),
      );
      await click("button", "Run");
      await page.waitForSelector(".choices tbody tr");
    },
  },
  {
    title: "talk, say it differently, and find the first branch again",
    where: "server",
    async does({ page, click }) {
      await click("link", "Chat");
      await page.getByLabel("Message", { exact: true }).fill("Hello");
      await page.keyboard.press("Enter");
      const done = () => page.waitForSelector('.message.assistant[data-state="done"]');
      await done();
      await click("button", "Edit");
      await page.locator(".editor textarea").fill("Good evening");
      await page.keyboard.press("Control+Enter");
      await page.waitForSelector('.message.user .branches >> text="2 / 2"');
      await done();
      await click("button", "Branch before");
      expect(await page.locator(".message.user .said").textContent()).toBe("Hello");
    },
  },
  {
    title: "see two models answer the same, and where they differ",
    where: "server",
    async does({ page, click, type }) {
      await click("link", "Compare");
      await page.getByLabel(/^Right/).selectOption("other");
      await type("Prompt", "Who are you?");
      await click("button", "Run both");
      await page.waitForSelector('[data-side="right"][data-state="done"]');
      await page.waitForSelector('[data-side="left"][data-state="done"]');
      expect(await page.locator('[data-side="left"] mark').allTextContents()).toEqual([" first"]);
      expect(await page.locator('[data-side="right"] mark').textContent()).toContain("second");
    },
  },
  {
    title: "open a model by its name on the hub, watch it come, and ask it",
    where: "server",
    async does({ page, click }) {
      await click("link", "Models");
      await page.getByRole("searchbox").fill("somebody/a-model");
      await page.keyboard.press("Enter");
      await click("button", /^Download/);
      const coming = page.locator('[data-download="somebody/a-model"]');
      await coming.locator("progress").first().waitFor();
      await coming.getByRole("button", { name: "Open" }).click();
      const row = page.locator('[data-model="somebody/a-model"]');
      await page.waitForSelector('[data-model="somebody/a-model"][data-state="ready"]');
      await row.getByRole("button", { name: "Ask it" }).click();
      await page.getByLabel("Prompt", { exact: true }).fill("Hello");
      await page.keyboard.press("Control+Enter");
      await answered(page);
      expect(served.came.findLast(({ path }) => path === "/v1/completions")!.body.model).toBe("somebody/a-model");
    },
  },
  {
    title: "take the question along: as code, and as a link that brings it back",
    where: "browser",
    async does({ page, context, click, type }) {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
      await type("Prompt", "Positive or negative? It isn't bad.");
      await page.keyboard.press("Control+Enter");
      await answered(page);
      await click("button", "Copy as");
      await click("button", "curl");
      await page.waitForSelector('.note >> text="curl copied"');
      expect(await clipboard()).toContain(`"prompt": "Positive or negative? It isn'\\''t bad."`);
      await click("button", "Share");
      await page.waitForSelector('.note >> text="Link copied"');
      const link = await clipboard();
      const other = await context.newPage();
      await other.goto(link);
      await other.waitForFunction(() => document.querySelector<HTMLTextAreaElement>("#prompt")?.value);
      expect(await other.getByLabel("Prompt", { exact: true }).inputValue()).toBe(
        "Positive or negative? It isn't bad.",
      );
    },
  },
  {
    title: "teach it to sort messages, and see on a message of one's own what that has changed",
    where: "browser",
    async does({ page, click, type }) {
      await click("link", "Teach");
      await click("button", "Sort messages");
      await page.waitForSelector(".classes");
      await click("button", "Teach it");
      await page.waitForSelector('.lesson[data-state="done"]', { timeout: 110_000 });
      // Always saying the same would be right in a third of the rows.
      const right = Number(/right in ([\d.]+) % of rows/.exec((await page.locator(".verdict").textContent())!)![1]);
      expect(right).toBeGreaterThan(50);
      await type("A text of your own", "I would like to order three loaves for Monday, please.");
      await page.waitForSelector('.beside [data-side="taught"] .best >> text=order');
      expect(await page.locator('.beside [data-side="frozen"] tr').count()).toBe(3);
    },
  },
];

test("there are eleven of them", () => expect(tasks.length).toBe(11));

test.each(tasks.map((task) => [task.title, task] as const))("%s", async (_, { where, does }) => {
  await visit(browser, where === "browser" ? site.address : served.address, async (person) => {
    const { page } = person;
    await page.evaluate(() => {
      const { dataset } = document.documentElement;
      const count = (event: MouseEvent) => {
        if (event.isTrusted && event.detail > 0) dataset.clicks = String(Number(dataset.clicks ?? 0) + 1);
      };
      addEventListener("click", count, true);
    });
    await does(person);
    const clicks = await page.evaluate(() => Number(document.documentElement.dataset.clicks ?? 0));
    expect(clicks).toBeLessThan(limit);
  });
});

test("the page says what the embedded model is, with its size as it is", async () => {
  await visit(browser, site.address, async ({ page }) => {
    await page.waitForSelector(".about >> text=parameters");
    const line = (await page.locator(".about").textContent())!;
    const millions = Number(/\(([\d.]+) million parameters\)/.exec(line)![1]);
    const config = JSON.parse(readFileSync(join(nano, "config.json"), "utf8")) as {
      vocab_size: number;
      d_model: number;
    };
    expect(millions * 1e6).toBeGreaterThan(config.vocab_size * config.d_model);
    expect(line).toMatch(/very small model .* It knows no facts/);
  });
});
