/** The page before a server: streams, stops, failures, keys; and what a hostile model can say. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FakeServer, fakeServer } from "./fake-server.ts";
import { answered, axeFindings, builtPage, launch, type Visit, visit } from "./playground.ts";

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
    await visit(
      browser,
      `${served.address}#models`,
      async ({ page, click }) => {
        await page.getByRole("searchbox").fill("nobody/nothing");
        await click("button", "Look");
        expect(await page.getByRole("alert").textContent()).toMatch(/The hub gives no such model/);
      },
      { expects: /status of 404/ },
    );
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

test("a model's own settings are shown, and taken where nothing is set", async () => {
  const defaults = { temperature: 0.6, top_p: 0.9, top_k: null, min_p: null, repetition_penalty: 1.1, max_tokens: 77 };
  served.models.set("small", { id: "small", says: ["Hello"], defaults });
  await visit(browser, `${served.address}#settings`, async ({ page }) => {
    const field = page.getByLabel("Temperature", { exact: true });
    await expect.poll(() => field.getAttribute("placeholder")).toBe("0.6");
    expect(await page.getByLabel("Longest answer", { exact: true }).getAttribute("placeholder")).toBe("77");
    expect(await page.locator("#temperature-says").textContent()).toContain("small comes with 0.6.");
    await page.getByLabel("Top k", { exact: true }).fill("40");
    await page.keyboard.press("Tab");
    await page.goto(`${served.address}#ask`);
    await askOf(page, "small");
    await answered(page);
    const { body } = served.came.findLast(({ path }) => path === "/v1/completions")!;
    expect(body).toMatchObject({ max_tokens: 77, top_k: 40 });
    for (const name of ["temperature", "top_p", "repetition_penalty"]) expect(body).not.toHaveProperty(name);
    // Another model takes the likeliest token by itself.
    await askOf(page, "hostile");
    await answered(page);
    const { body: other } = served.came.findLast(({ path }) => path === "/v1/completions")!;
    expect(other).toMatchObject({ temperature: 0, max_tokens: 256 });
    expect(other).not.toHaveProperty("top_k");
  });
});

describe("a model of the hub", () => {
  const look = async (page: Page, name: string) => {
    await page.getByRole("searchbox").fill(name);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".plan");
  };

  test("its size, the free disk and what a scan says stand there before anything comes; then a bar a file", async () => {
    await visit(browser, `${served.address}#models`, async ({ page, click }) => {
      await look(page, "acme/tiny");
      const said = await page.locator(".plan dl").textContent();
      expect(said).toContain("262 MB in 3 files");
      expect(said).toContain("50.0 GB");
      expect(said).toContain("Scan saysOnly kinds of file that hold data, no code.");
      expect(served.came.some(({ path }) => path === "/api/models/download")).toBe(false);
      expect(await axeFindings(page)).toEqual([]);
      await click("button", "Download 262 MB");
      const row = page.locator('[data-download="acme/tiny"]');
      await row.locator('[data-file="model.safetensors"] progress').waitFor();
      expect(await row.locator(".files li").count()).toBe(3);
      expect(await row.locator('[data-file="model.safetensors"] .number').textContent()).toBe("130 MB of 260 MB");
      expect(await axeFindings(page)).toEqual([]);
      await page.waitForSelector('[data-download="acme/tiny"][data-state="done"] [data-verdict="safe"]');
      await row.getByRole("button", { name: "Open" }).click();
      await page.waitForSelector('[data-model="acme/tiny"][data-state="ready"]');
    });
  });

  test("one that does not fit is not begun", async () => {
    await visit(browser, `${served.address}#models`, async ({ page }) => {
      await look(page, "acme/large");
      expect(await page.locator(".plan dl").textContent()).toContain("not enough");
      expect(await page.getByRole("button", { name: /^Download/ }).isDisabled()).toBe(true);
      await page.getByRole("button", { name: "Not now" }).click();
      expect(await page.locator(".plan").count()).toBe(0);
    });
  });

  test("a download is cancelled here or among the jobs", async () => {
    await visit(browser, `${served.address}#models`, async ({ page, click }) => {
      for (const name of ["acme/slow", "other/slow"]) {
        await look(page, name);
        await page.getByRole("button", { name: /^Download/ }).click();
        await page.waitForSelector(`[data-download="${name}"][data-state="running"]`);
      }
      await page.locator('[data-download="acme/slow"]').getByRole("button", { name: "Cancel" }).click();
      await page.waitForSelector('[data-download="acme/slow"][data-state="stopped"]');
      await click("link", /^Jobs/);
      await page.locator('.job[data-state="running"]').getByRole("button", { name: "Stop" }).click();
      await expect.poll(() => page.locator('.job[data-state="stopped"]').count()).toBe(2);
    });
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

describe("Teach", () => {
  const rows = Array.from({ length: 12 }, (_, i) => `row ${i},${i % 2 ? "order" : "praise"}`).join("\n");
  const bring = async ({ page, click }: Visit) => {
    await click("button", "Paste rows");
    await page.getByLabel("Rows as text").fill(`text,label\n${rows}\n`);
    await page.waitForSelector(".classes");
  };

  test("a job of the server's: rows are uploaded, its events are seen, its model is tried beside the frozen one", async () => {
    served.tuning.steps = 12;
    await visit(browser, `${served.address}#teach`, async (person) => {
      const { page, click } = person;
      await bring(person);
      await click("button", "Teach it");
      await page.waitForSelector('.lesson[data-state="done"]');
      expect(await page.locator(".verdict").textContent()).toMatch(
        /right in 90.0 % .* the same would be right in 50.0 %/,
      );
      expect(await page.locator(".curve circle").count()).toBe(3);
      expect(await page.locator(".samples .right").textContent()).toContain("order");
      expect(await page.locator(".lesson").textContent()).toMatch(/step 12 of 12 · 15,360 numbers learnt, 0.37 %/);
      await page.getByLabel("A text of your own").fill("Two rolls");
      await page.waitForSelector('.beside [data-side="taught"]');
      const asked = served.came.filter(({ path }) => path === "/v1/score").map(({ body }) => body.model);
      expect(asked).toEqual(["small", "small:lesson-1"]);
      expect(await axeFindings(page)).toEqual([]);
    });
    const [form] = served.tuning.forms;
    expect(form).toMatch(/name="purpose"\r\n\r\nfine-tune/);
    expect(form).toContain('{"prompt":"row 0","target":"praise"}\n');
    expect(served.tuning.jobs[0]).toMatchObject({
      ...{ model: "small", training_file: "file-1", suffix: "lesson", hyperparameters: { n_epochs: 15 } },
      tuning: { method: "p-tuning-v2", split: 0.2 },
    });
  });

  test("a failed job says why, by row; pause and stop reach the server", async () => {
    served.tuning.steps = 200;
    await visit(browser, `${served.address}#teach`, async (person) => {
      const { page, click } = person;
      await bring(person);
      await click("button", "Teach it");
      await page.waitForSelector('.lesson[data-state="running"]');
      await click("button", "Pause");
      await click("button", "Go on");
      await click("button", "Stop");
      await page.waitForSelector('.lesson[data-state="stopped"]');
      await expect.poll(() => served.tuning.verbs).toEqual(["pause", "resume", "cancel"]);
      served.tuning.fails = { code: "bad_input", message: "the text is empty", row: 7 };
      await click("button", "Teach it");
      await page.waitForSelector(".problem");
      expect(await page.locator(".problem").textContent()).toContain("the text is empty (row 7)");
    });
  });

  test("a server without such routes: the panel says so and teaches in the browser", async () => {
    await visit(
      browser,
      `${served.address}#teach`,
      async ({ page }) => {
        await page.waitForSelector(".warning >> text=/This server cannot teach/");
        expect(await page.getByLabel("in this browser").isChecked()).toBe(true);
        expect(await page.locator(".lesson-form select").first().inputValue()).toBe("zeroth-nano");
      },
      { expects: /404/ },
    );
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
