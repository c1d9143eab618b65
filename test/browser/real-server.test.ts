/** The built page on the real server, as a person starts it: zeroth serve, with the embedded model and a hub. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment, program } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";
import { type HubServer, startHub } from "../support/hub-server.js";
import { answered, axeFindings, buildPageInPlace, launch, openedBook, visit } from "./playground.ts";

const home = mkdtempSync(join(tmpdir(), "zeroth-real-"));
const llama = join(fixtures, "llama/grouped");
const files = Object.fromEntries(
  readdirSync(llama)
    .filter((file) => /^(config\.json|model\.safetensors)$/.test(file))
    .map((file) => [file, readFileSync(join(llama, file))]),
);
let browser: Browser;
let hub: HubServer;
let server: ChildProcess;
let address: string;

/** The address of a server that was started with --json: its first line. */
async function addressOf({ stdout, stderr }: ChildProcess): Promise<string> {
  const said: string[] = [];
  stderr!.setEncoding("utf8").on("data", (text: string) => said.push(text));
  for await (const line of createInterface({ input: stdout! })) return `${JSON.parse(line).url}/`;
  throw new Error(`the server did not start: ${said.join("")}`);
}

beforeAll(async () => {
  [browser, hub] = await Promise.all([launch(), startHub({ "acme/tiny": { files } }), buildPageInPlace()]);
  server = spawn(process.execPath, [program, "serve", "--json", "--port", "0"], {
    env: { ...environment(home), HF_ENDPOINT: hub.url, HF_HUB_OFFLINE: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  address = await addressOf(server);
});
afterAll(async () => {
  await browser?.close();
  const gone = new Promise((resolve) => server?.once("exit", resolve));
  if (server?.kill()) await gone;
  await hub?.close();
  rmSync(home, { recursive: true, force: true });
});

test("Ask with its tokens and another word, choices, and none of them likely", async () => {
  await visit(browser, address, async ({ page, click, type }) => {
    await page.waitForSelector('.facts >> text="this server"');
    await click("button", "Praise or blame");
    await answered(page);
    const first = page.locator('.tokens [data-at="0"]');
    expect(await first.textContent()).toBe("positive");
    await first.hover();
    await page.locator(".alternatives button:enabled").first().click();
    await page.waitForSelector('.branches >> text="2 / 2"');
    await answered(page);
    expect(await page.locator('.tokens [data-at="0"]').textContent()).not.toBe("positive");
    await page.mouse.move(0, 0);
    expect(await axeFindings(page)).toEqual([]);

    await click("button", "Fact or opinion");
    await page.waitForSelector(".choices tbody tr");
    expect(await page.locator(".choices .best th").textContent()).toBe("opinion");
    expect(await page.locator(".choices .warning").count()).toBe(0);
    await type("Choices, one a line", "wheelbarrow\nphotosynthesis");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".choices .warning");
    expect(await axeFindings(page)).toEqual([]);
  });
});

test("Chat answers and is axe clean", async () => {
  await visit(browser, `${address}#chat`, async ({ page }) => {
    await page.getByLabel("Message", { exact: true }).fill("Positive or negative? A warm film.");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.message.assistant[data-state="done"]');
    expect((await page.locator(".message.assistant .said").textContent())?.trim()).not.toBe("");
    expect(await axeFindings(page)).toEqual([]);
  });
});

test("Models: one is closed and opened, one of the hub comes by its name", async () => {
  await visit(browser, `${address}#models`, async ({ page, click }) => {
    const nano = page.locator('[data-model="zeroth-nano"]');
    await nano.getByRole("button", { name: "Close" }).click();
    await page.waitForSelector('[data-model="zeroth-nano"][data-state="closed"]');
    await nano.getByRole("button", { name: "Open" }).click();
    await page.waitForSelector('[data-model="zeroth-nano"][data-state="ready"]');
    await page.getByRole("searchbox").fill("acme/tiny");
    await click("button", "Look");
    await page.waitForSelector(".plan");
    expect(await page.locator(".plan dl").textContent()).toMatch(/Size[\d.]+ kB in 2 filesFree disk[\d.]+ GB/);
    await page.getByRole("button", { name: /^Download/ }).click();
    await page.waitForSelector('[data-download="acme/tiny"][data-state="done"] [data-verdict="safe"]');
    await page.waitForSelector('[data-model="acme/tiny"][data-state="closed"]');
    expect(await axeFindings(page)).toEqual([]);
    await click("link", /^Jobs/);
    await page.waitForSelector('.job[data-state="done"] >> text="Downloading acme/tiny"');
  });
});

test("Teach: the built-in rows are learnt by a job of the server's, and what it made is tried beside the frozen model", async () => {
  await visit(browser, `${address}#teach`, async ({ page, click, type }) => {
    await click("button", "Sort messages");
    await page.waitForSelector(".classes");
    expect(await page.getByLabel("in this browser").isChecked()).toBe(false);
    await click("button", "Teach it");
    await page.waitForSelector('.lesson[data-state="done"]', { timeout: 110_000 });
    const right = Number(/right in ([\d.]+) % of rows/.exec((await page.locator(".verdict").textContent())!)![1]);
    expect(right).toBeGreaterThan(50);
    await type("A text of your own", "I would like to order three loaves for Monday, please.");
    await page.waitForSelector('.beside [data-side="taught"] .best >> text=order');
    expect(await page.locator('.beside [data-side="frozen"] tr').count()).toBe(3);
  });
});

test("Search: documents are kept by the server, found, read in their place, narrowed, and forgotten", async () => {
  await visit(browser, `${address}#search`, async ({ page, click, type }) => {
    await page.waitForSelector('.search h1 >> text="Documents of yours, kept and searched by this page\'s server."');
    await click("button", "Three short documents");
    await page.waitForFunction(() => document.querySelectorAll('.documents li[data-state="ready"]').length === 3);
    await type("Question", "When is honey ripe?");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.search-answer[data-found="true"]');
    expect(await page.locator(".search-answer blockquote").textContent()).toMatch(/^Honey is ripe when two thirds/);
    await page.locator(".search-answer .cite").click();
    await page.waitForSelector(".source #found");
    expect((await page.locator(".source mark.best").allTextContents()).join("")).toMatch(/^Honey is ripe .* wax\.$/);
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator('[data-document="oven.txt"] input').check();
    await page.keyboard.press("Control+Enter");
    await type("Question", "honey clock");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => {
      const places = [...document.querySelectorAll(".passages .place")];
      return places.length > 0 && places.every(({ textContent }) => textContent?.includes("oven.txt"));
    });
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('.documents li[data-state="ready"]').length === 3);
    await page.getByRole("button", { name: "Take oven.txt away" }).click();
    await page.waitForFunction(() => document.querySelectorAll('.documents li[data-state="ready"]').length === 2);
    await click("button", "Forget this store");
    await click("button", "Yes, forget this store");
    await page.waitForSelector(".search .start");
    // The same in this browser, whose documents are its own.
    await page.getByLabel("in this browser").check();
    await click("button", "Three short documents");
    await page.waitForFunction(() => document.querySelectorAll('.documents li[data-state="ready"]').length === 3);
    expect(await page.getByLabel("in this browser").isChecked()).toBe(true);
  });
});

test("the page goes over to this browser, and answers there", async () => {
  await visit(browser, `${address}#settings`, async ({ page, click }) => {
    await click("radio", /in this browser/);
    await page.waitForSelector('.facts >> text="WebAssembly"');
    await click("link", "Ask");
    await click("button", "Praise or blame");
    await answered(page);
    expect(await page.locator('.tokens [data-at="0"]').textContent()).toBe("positive");
  });
});

test("Books: estimated, summarised on the server as it is watched, traced, corrected, exported, deleted", async () => {
  await visit(browser, `${address}#books`, async ({ page, click }) => {
    await openedBook(page, "lead");
    expect(await page.locator(".books h1").textContent()).toContain("on this page's server");
    await page.locator("button.sentence").first().click();
    await page.waitForSelector(".book-source mark.here");
    expect(await axeFindings(page)).toEqual([]);
    await page.locator('[data-node="h0.0"] .label').first().click();
    await page.waitForSelector('.book-node[data-node="h0.0"] .node-text');
    await click("button", "Correct it");
    await page.getByLabel("Text of this summary").fill("Elephants danced on the quay until Tuesday.");
    await click("button", "Save it");
    await page.waitForSelector('.book-node[data-state="edited"] .unsupported', { timeout: 60_000 });
    await page.waitForSelector('.book-head[data-state="completed"]', { timeout: 60_000 });
    await page.locator(".book-tree > ul > li > .branch .label").click();
    await page.waitForFunction(() => document.querySelector(".node-text")?.textContent?.includes("Elephants"));
    await click("button", "Export");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Markdown with footnotes" }).click(),
    ]);
    expect(readFileSync(await file.path(), "utf8")).toMatch(/^# The Lamp of Grey Island/);
    await page.keyboard.press("Escape");
    await click("button", "All books");
    await page.getByRole("button", { name: /^Delete/ }).click();
    await click("button", "Yes, delete");
    await page.waitForSelector(".shelf >> text=No book yet");
  });
});
