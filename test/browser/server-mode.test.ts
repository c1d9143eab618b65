/** The page before a server: streams, stops, failures, keys; and what a hostile model can say. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FakeServer, fakeServer } from "./fake-server.ts";
import { answered, builtPage, launch, type Visit, visit } from "./playground.ts";

let built: Awaited<ReturnType<typeof builtPage>>;
let browser: Browser;
let served: FakeServer;

const hostile = [
  "<img src=x onerror=\"document.title='broken'\">",
  "<script>document.title='broken'</script>\n\n",
  "[a link](javascript:document.title='broken') ",
  "[another](data:text/html,<script>alert(1)</script>)\n\n",
  "![a picture](https://tracker.example/p.png) ",
  "<iframe src='https://tracker.example'></iframe><style>body{display:none}</style>\n\n",
  "<a href='https://tracker.example' onclick=\"document.title='broken'\">x</a>\n\n",
  "**bold** and [a real link](https://example.org)",
];

beforeAll(async () => {
  [built, browser] = await Promise.all([builtPage(), launch()]);
});
beforeEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = await fakeServer(built.folder, [
    { id: "small", says: ["Hello", " there", ", how", " are you?"] },
    { id: "hostile", says: hostile },
    { id: "plain", says: ["No", " chances"], plain: true },
    { id: "slow", says: Array.from({ length: 400 }, (_, i) => ` ${i}`), pause: 20 },
    {
      ...{ id: "broken", says: ["half", " of", " it"] },
      fails: { after: 2, code: "engine_failed", message: "the engine died" },
    },
  ]);
});
afterAll(async () => {
  await browser?.close();
  await served?.[Symbol.asyncDispose]();
  built?.[Symbol.dispose]();
});

async function askOf(page: Page, model: string, prompt = "Hello"): Promise<void> {
  await page.getByLabel(/^Model/).selectOption(model);
  await page.getByLabel("Prompt", { exact: true }).fill(prompt);
  await page.keyboard.press("Control+Enter");
}

const noScripts = async (page: Page) => {
  expect(await page.locator("main :is(img, script, iframe, style, object, [onerror], [onclick])").count()).toBe(0);
  expect(await page.title()).not.toBe("broken");
};

test("it takes the server it came from, and loads no engine of its own", async () => {
  await visit(browser, served.address, async ({ page }) => {
    await page.waitForSelector('.facts >> text="this server"');
    await page.waitForSelector('.facts >> text="4 threads"');
    await askOf(page, "small");
    await answered(page);
    expect(await page.locator(".tokens").textContent()).toContain("Hello there, how are you?");
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    expect(loaded.filter((name) => /worker|\.wasm|models\/zeroth/.test(name))).toEqual([]);
  });
});

test("a model that tells no probabilities answers without a tint", async () => {
  const work = async ({ page }: Visit) => {
    await askOf(page, "plain");
    await answered(page);
    expect(await page.locator(".answer > .answer-text").textContent()).toBe("No chances");
    expect(await page.locator(".tokens").count()).toBe(0);
  };
  await visit(browser, served.address, work, { expects: /status of 400/ });
});

test("a hostile answer is text, tinted or not", async () => {
  await visit(browser, served.address, async ({ page, click }) => {
    await askOf(page, "hostile");
    await answered(page);
    await noScripts(page);
    expect(await page.locator(".tokens").textContent()).toContain("<script>");
    await click("button", "How sure");
    await noScripts(page);
    expect(await page.locator(".answer-text").textContent()).toContain("onerror");
  });
});

test("in a chat its Markdown shows, and nothing else of it works or loads", async () => {
  await visit(browser, `${served.address}#chat`, async ({ page }) => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.getByLabel(/^Model/).selectOption("hostile");
    await page.getByLabel("Message", { exact: true }).fill("Hello");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.message.assistant[data-state="done"]');
    await noScripts(page);
    const said = page.locator(".message.assistant .said");
    expect(await said.locator("strong").textContent()).toBe("bold");
    const links = await said
      .locator("a[href]")
      .evaluateAll((all) => all.map((a) => [a.getAttribute("href"), (a as HTMLAnchorElement).rel]));
    expect(links).toEqual([["https://example.org", "noopener noreferrer nofollow"]]);
    expect(await said.textContent()).toContain("<iframe");
    expect(asked.filter((url) => !url.startsWith(served.address))).toEqual([]);
  });
});

test("Esc ends the answer at once, and the server learns of it", async () => {
  await visit(browser, served.address, async ({ page }) => {
    await askOf(page, "slow");
    await page.waitForSelector(".tokens .token");
    await page.keyboard.press("Escape");
    await page.waitForSelector('.answer[data-state="stopped"]');
    const count = await page.locator(".tokens .token").count();
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(400);
    await expect.poll(() => served.left, { timeout: 5000 }).toBe(1);
  });
});

describe("failures in a person's words", () => {
  test("an answer that breaks keeps its half, and the rest is behind a fold", async () => {
    await visit(browser, served.address, async ({ page }) => {
      await askOf(page, "broken");
      const alert = page.getByRole("alert");
      await alert.waitFor();
      expect(await alert.locator("p").textContent()).toBe(
        "The engine stopped in the middle of the answer. Run it again; if it happens with this prompt only, a shorter one may help.",
      );
      expect(await alert.locator("details").getAttribute("open")).toBe(null);
      expect(await alert.locator("details pre").textContent()).toBe("the engine died");
      expect(await page.locator(".tokens").textContent()).toContain("half of");
    });
  });

  test("a server that is gone", async () => {
    const work = async ({ page }: Visit) => {
      await page.waitForSelector('.facts >> text="4 threads"');
      await served[Symbol.asyncDispose]();
      await askOf(page, "small");
      const alert = page.getByRole("alert").first();
      await alert.waitFor();
      expect(await alert.textContent()).toMatch(/^The server does not answer\. Is zeroth serve still running/);
    };
    await visit(browser, served.address, work, { expects: /ERR_CONNECTION|ERR_EMPTY/ });
  });

  test("a name that nobody has", async () => {
    await visit(browser, `${served.address}#models`, async ({ page, click }) => {
      await page.getByRole("textbox").fill("nobody/nothing");
      await click("button", "Open");
      expect(await page.getByRole("alert").textContent()).toMatch(/There is no such model here/);
    });
  });
});

test("a server's key is asked for, sent, and kept in this tab alone", async () => {
  served.key = "sesame";
  const work = async ({ page, click }: Visit) => {
    expect(await page.getByRole("alert").textContent()).toMatch(/This server wants a key/);
    await click("link", "Settings");
    await page.getByLabel("Key of the server").fill("sesame");
    await page.keyboard.press("Tab");
    await page.waitForSelector('.facts >> text="4 threads"');
    await page.goto(`${served.address}#ask`);
    await askOf(page, "small");
    await answered(page);
    expect(served.came.findLast(({ path }) => path === "/v1/completions")!.key).toBe("Bearer sesame");
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain("sesame");
    expect(page.url()).not.toContain("sesame");
  };
  await visit(browser, served.address, work, { expects: /status of 401/ });
});

test("another word's branch is asked for by a grammar, in order", async () => {
  await visit(browser, served.address, async ({ page }) => {
    await askOf(page, "small");
    await answered(page);
    await page.locator('.tokens [data-at="1"]').hover();
    await page.locator(".alternatives button:enabled").first().click();
    await page.waitForSelector('.branches >> text="2 / 2"');
    await answered(page);
    expect(await page.locator(".tokens").textContent()).toContain("Hello else went on");
    const { body } = served.came.findLast(({ path }) => path === "/v1/completions")!;
    expect(body.grammar).toBe('root ::= " "? "Hello else" .*');
  });
});

test("settings reach the server under OpenAI's names, and only those that were set", async () => {
  await visit(browser, `${served.address}#settings`, async ({ page }) => {
    await page.getByLabel("Temperature", { exact: true }).fill("0.7");
    await page.getByLabel("Top k", { exact: true }).fill("40");
    await page.keyboard.press("Tab");
    await page.goto(`${served.address}#ask`);
    await askOf(page, "small");
    await answered(page);
    const { body } = served.came.findLast(({ path }) => path === "/v1/completions")!;
    expect(body).toMatchObject({ temperature: 0.7, top_k: 40, max_tokens: 256, stream: true, logprobs: 5 });
    expect(body).not.toHaveProperty("top_p");
  });
});

test("a model is closed and opened again; jobs remember the opening", async () => {
  await visit(browser, `${served.address}#models`, async ({ page }) => {
    const row = page.locator('[data-model="small"]');
    await row.getByRole("button", { name: "Close" }).click();
    await page.waitForSelector('[data-model="small"][data-state="closed"]');
    await row.getByRole("button", { name: "Open" }).click();
    await page.waitForSelector('[data-model="small"][data-state="ready"]');
    await page.goto(`${served.address}#jobs`);
    await page.waitForSelector('.job[data-state="done"]');
    expect(await page.locator(".job h2").textContent()).toBe("Opening small");
  });
});
