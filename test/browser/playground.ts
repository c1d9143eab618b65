/** The page as it is shipped, and a browser whose pages count clicks and report what goes wrong in them. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll } from "vitest";
import { lighthouse } from "../support/lighthouse.ts";
import { isolation, policy, serve } from "./serve.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

async function buildInto(folder: string): Promise<void> {
  // As it is shipped: a test runner's own environment makes a build for development.
  process.env.NODE_ENV = "production";
  await build({
    logLevel: "error",
    configFile: join(root, "web/vite.config.ts"),
    root: join(root, "web"),
    build: { outDir: folder, emptyOutDir: true },
  });
}

/** Builds the page where `zeroth serve` looks for it. */
export const buildPageInPlace = (): Promise<void> => buildInto(join(root, "dist/web"));

/** Builds the page once for a test file; gives its folder. */
export async function builtPage(): Promise<{ folder: string; [Symbol.dispose](): void }> {
  const scratch = mkdtempSync(join(tmpdir(), "zeroth-page-"));
  const folder = join(scratch, "web");
  await buildInto(folder);
  if (!existsSync(join(folder, "sw.js"))) throw new Error("the page was built without its service worker");
  return { folder, [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }) };
}

/** The built folder as any static server would serve it, under the page's strictest policy. */
export const staticPage = (folder: string, isolated = true) =>
  serve({ roots: [["/", folder]], isolated, headers: { "content-security-policy": policy } });

export const pageHeaders = { ...isolation, "content-security-policy": policy };

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });

/**
 * A browser, and the page as any static server would serve it: there before the tests of a file, gone after them.
 * @param prepare puts more into the page's folder
 */
export function playground(prepare?: (folder: string) => unknown) {
  let built: Awaited<ReturnType<typeof builtPage>> | undefined;
  let browser: Browser | undefined;
  let site: Awaited<ReturnType<typeof staticPage>> | undefined;
  beforeAll(async () => {
    [built, browser] = await Promise.all([builtPage(), launch()]);
    await prepare?.(built.folder);
    site = await staticPage(built.folder);
  });
  afterAll(async () => {
    await browser?.close();
    site?.server.close();
    built?.[Symbol.dispose]();
  });
  return {
    get browser() {
      return browser!;
    },
    get folder() {
      return built!.folder;
    },
    get address() {
      return site!.address;
    },
  };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** A click of a person on what has this role and name, inside what is shown. */
  click(role: "button" | "link" | "option" | "radio", name: string | RegExp): Promise<void>;
  type(label: string, text: string): Promise<void>;
}

/** Messages that are no fault of the page: it asks a static server whether it is one of ours. */
const harmless = /404|api\/status/;

/** A fresh visit at this address; anything that the page reports as an error, and that nobody expects, fails it. */
export async function visit(
  browser: Browser,
  address: string,
  work: (visit: Visit) => Promise<void>,
  { expects, ...options }: BrowserContextOptions & { readonly expects?: RegExp } = {},
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  try {
    await page.goto(address);
    await page.waitForSelector("main h1");
    await work({
      page,
      context,
      click: (role, name) =>
        page
          .getByRole(role, { name, exact: typeof name === "string" })
          .first()
          .click(),
      type: (label, text) => page.getByLabel(label, { exact: true }).fill(text),
    });
  } catch (error) {
    throw errors.length > 0 ? new Error(`the page reported: ${errors.join("; ")}`, { cause: error }) : error;
  } finally {
    await context.close();
  }
  const found = errors.filter((text) => !harmless.test(text) && !expects?.test(text));
  if (found.length > 0) throw new Error(`the page reported: ${found.join("; ")}`);
}

/** Teaches the built-in example in so many rounds, and waits until it is tried on a text. */
export async function taughtExample(page: Page, rounds?: number): Promise<void> {
  await page.getByRole("button", { name: "Sort messages" }).click();
  await page.waitForSelector(".preview");
  if (rounds !== undefined) {
    await page.locator(".lesson-form summary").click();
    await page.getByLabel("Rounds through the rows").fill(String(rounds));
  }
  await page.getByRole("button", { name: "Teach it" }).click();
  await page.waitForSelector('.lesson[data-state="done"]', { timeout: 110_000 });
  await page.waitForSelector('.beside [data-side="taught"]');
}

/** Takes the three documents that the page comes with, and asks them. */
export async function searchedExample(page: Page, question = "When is honey ripe?"): Promise<void> {
  await page.getByRole("button", { name: "Three short documents" }).click();
  await page.waitForFunction(() => document.querySelectorAll('.documents li[data-state="ready"]').length === 3);
  await page.getByLabel("Question", { exact: true }).fill(question);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".passages li");
}

const bookLabel = "A book: text, Markdown, HTML, EPUB, PDF";

/** Gives the page a book. */
export const giveBook = (page: Page, name = "lighthouse.md", text = lighthouse) =>
  page.getByLabel(bookLabel).setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });

/** Gives the page a book of five chapters, in small parts, and waits until its summary stands. */
export async function openedBook(page: Page, writer: "extractive" | "lead" = "extractive"): Promise<void> {
  await giveBook(page);
  await page.waitForSelector(".order");
  await page.getByLabel("Written by").selectOption(writer);
  await page.locator(".order summary").click();
  await page.getByLabel("Tokens of a part").fill("80");
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "Summarise it" }).click();
  await page.waitForSelector('.book-head[data-state="completed"]', { timeout: 60_000 });
}

/** Waits until Ask has its whole answer. */
export const answered = (page: Page) => page.waitForSelector('.answer[data-state="done"], .answer .choices');

export const panelNames = [
  "ask",
  "chat",
  "compare",
  "teach",
  "search",
  "books",
  "prefer",
  "look",
  "studies",
  "digest",
  "models",
  "jobs",
  "settings",
] as const;

interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
}

/** What axe finds, one line each. The page's policy lets no script in: the debugger's does not ask it. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (window as unknown as { axe: Axe }).axe.run());
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
