/** The page without a server: accessible, offline, safe, and honest about what is missing. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { answered, axeFindings, panelNames, playground, staticPage, taughtExample, visit } from "./playground.ts";
import { prepared } from "./prepared.ts";

const here = playground();

describe("axe finds nothing, light and dark", () => {
  test.each(panelNames)("%s", async (name) => {
    const size = { width: name === "chat" ? 390 : 1280, height: 800 };
    await visit(
      here.browser,
      `${here.address}/#${name}`,
      async ({ page }) => {
        await page.waitForSelector(`main[data-panel="${name}"] h1`);
        await prepared[name](page);
        for (const colorScheme of ["light", "dark"] as const) {
          // Without transitions, in the midst of which colours are of neither scheme.
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          expect(await axeFindings(page), colorScheme).toEqual([]);
        }
      },
      { colorScheme: "light", viewport: size },
    );
  });
});

test("axe would find something: a check that cannot fail proves nothing", async () => {
  await visit(here.browser, here.address, async ({ page }) => {
    await page.evaluate(() => document.querySelector("#prompt")!.removeAttribute("aria-label"));
    await page.evaluate(() => document.querySelector("#prompt")!.removeAttribute("placeholder"));
    expect((await axeFindings(page)).join()).toMatch(/label/);
  });
});

describe.each(panelNames)("%s fits a phone", (name) => {
  test("nothing reaches over the edge at 390 pixels", async () => {
    await visit(
      here.browser,
      `${here.address}/#${name}`,
      async ({ page }) => {
        await page.waitForSelector(`main[data-panel="${name}"] h1`);
        const over = await page.evaluate(() => {
          const main = document.querySelector("main")!;
          return [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth];
        });
        expect(over).toEqual([0, 0]);
      },
      { viewport: { width: 390, height: 844 } },
    );
  });
});

test("after the first visit it answers without a network, also from a server that isolates nothing", async () => {
  const plain = await staticPage(here.folder, false);
  const context = await here.browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(plain.address);
    await page.waitForSelector('.facts >> text="WebAssembly"');
    const kept = () =>
      page.evaluate(async () => {
        const names = await caches.keys();
        const requests = names[0] === undefined ? [] : await (await caches.open(names[0])).keys();
        return requests.map(({ url }) => new URL(url).pathname);
      });
    await expect.poll(kept, { timeout: 60_000, interval: 300 }).toContain("/models/zeroth-nano/model.safetensors");
    await expect.poll(kept).toEqual(expect.arrayContaining([expect.stringMatching(/\.wasm$/), "/", "/templates.json"]));
    plain.server.closeAllConnections();
    await new Promise((resolve) => plain.server.close(resolve));
    await context.setOffline(true);
    await page.reload();
    await page
      .getByLabel("Prompt", { exact: true })
      .fill("Is this a fact or an opinion? The bridge was opened in 1932.");
    await page.keyboard.press("Control+Enter");
    await answered(page);
    expect(await page.locator(".tokens .token").first().textContent()).toBe("fact");
    // What comes from its own copies is isolated, so that the engine may have threads.
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  } finally {
    await context.close();
    plain.server.close();
  }
});

test("installable: a manifest with a name, a start and an icon that are there", async () => {
  const manifest = JSON.parse(readFileSync(join(here.folder, "manifest.webmanifest"), "utf8")) as {
    name: string;
    display: string;
    start_url: string;
    icons: { src: string }[];
  };
  expect(manifest).toMatchObject({ name: "Zeroth", display: "standalone", start_url: "./" });
  for (const { src } of manifest.icons) expect(statSync(join(here.folder, src)).size).toBeGreaterThan(100);
});

test("less than 250 kB of script come before the engine, and the first panel needs a third of it", async () => {
  await visit(here.browser, `${here.address}/#ask`, async ({ page }) => {
    const scripts = () =>
      page.evaluate(() =>
        performance
          .getEntriesByType("resource")
          .filter(({ name }) => name.endsWith(".js") && !/\/(?:worker|ort|constraint)[^/]*$/.test(name))
          .map((entry) => (entry as PerformanceResourceTiming).decodedBodySize),
      );
    const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0);
    await page.waitForSelector("#prompt");
    expect(sum(await scripts())).toBeLessThan(90_000);
    for (const name of panelNames) {
      await page.goto(`${here.address}/#${name}`);
      await page.waitForSelector(`main[data-panel="${name}"] h1`);
    }
    expect(sum(await scripts())).toBeGreaterThan(90_000);
    expect(sum(await scripts())).toBeLessThan(250_000);
  });
  const engine = readdirSync(join(here.folder, "assets")).filter((name) => /webgpu.*\.js$|asyncify/.test(name));
  expect(engine.filter((name) => !name.startsWith("_no-webgpu"))).toEqual([]);
});

describe("Ask is honest", () => {
  test("an empty run says what is missing, and the old answer is gone", async () => {
    await visit(here.browser, here.address, async ({ page, click, type }) => {
      await click("button", "Praise or blame");
      await answered(page);
      await type("Prompt", "  ");
      await click("button", "Run");
      expect(await page.getByRole("alert").textContent()).toMatch(/nothing to answer yet.*Type a prompt/);
      expect(await page.locator(".tokens").count()).toBe(0);
      await click("button", "Choices");
      await type("Prompt", "Yes or no?");
      await type("Choices, one a line", "yes");
      await click("button", "Run");
      expect(await page.getByRole("alert").textContent()).toMatch(/at least two choices/);
    });
  });

  test("a reload keeps the prompt, and what was asked before", async () => {
    await visit(here.browser, here.address, async ({ page, click, type }) => {
      await click("button", "What kind of thing");
      await answered(page);
      await type("Prompt", "A prompt that is not sent yet");
      await page.reload();
      await page.waitForSelector(".earlier .entry");
      expect(await page.getByLabel("Prompt", { exact: true }).inputValue()).toBe("A prompt that is not sent yet");
      await page.locator(".earlier .entry").click();
      expect((await page.locator(".tokens .token:not(.end)").allTextContents()).join("")).toBe("natural place");
    });
  });

  test("a text beyond any model is refused in words, without the engine's own", async () => {
    await visit(here.browser, here.address, async ({ page, type }) => {
      await type("Prompt", "word ".repeat(60_000));
      await page.keyboard.press("Control+Enter");
      const alert = page.getByRole("alert");
      await alert.waitFor({ timeout: 100_000 });
      const [said] = await alert.locator("p").allTextContents();
      expect(said).not.toMatch(/\.cc|onnxruntime|\/|::/);
      expect(said).toMatch(/shorter|[Ss]horten|memory/);
    });
  });

  test("Esc stops an answer and keeps what has come", async () => {
    await visit(here.browser, here.address, async ({ page, type }) => {
      await page.waitForSelector(".facts >> text=/thread/");
      await type("Prompt", "word ".repeat(900));
      await page.keyboard.press("Control+Enter");
      await page.waitForSelector('.answer[aria-busy="true"]');
      await page.keyboard.press("Escape");
      await page.waitForSelector('.answer[aria-busy="false"]');
      expect(await page.locator(".problem").count()).toBe(0);
    });
  });
});

test("a link holds what was asked and no key, and runs nothing by itself", async () => {
  const link = `${here.address}/#ask?prompt=Hello&temperature=0.5&choices=yes%0Ano&key=secret&authorization=secret`;
  await visit(here.browser, link, async ({ page }) => {
    await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>("#prompt")?.value === "Hello");
    expect(await page.getByLabel("Choices, one a line").inputValue()).toBe("yes\nno");
    expect(page.url()).toBe(`${here.address}/#ask`);
    expect(await page.locator(".choices").count()).toBe(0);
    await page.goto(`${here.address}/#settings`);
    expect(await page.getByLabel("Temperature", { exact: true }).inputValue()).toBe("0.5");
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(stored).not.toContain("secret");
  });
});

test("everything by name: Ctrl-K finds a panel and a theme", async () => {
  await visit(here.browser, here.address, async ({ page }) => {
    await page.keyboard.press("Control+k");
    await page.keyboard.type("sett");
    await page.keyboard.press("Enter");
    await page.waitForSelector('main[data-panel="settings"] h1');
    await page.keyboard.press("Control+k");
    await page.keyboard.type("theme dark");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
  });
});

test("tokens are walked by arrow keys, and another one taken with Enter", async () => {
  await visit(here.browser, here.address, async ({ page, click }) => {
    await click("button", "What kind of thing");
    await answered(page);
    await page.locator(".tokens").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    expect(await page.locator(".token.open").getAttribute("data-at")).toBe("1");
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.branches >> text="2 / 2"');
  });
});

test("what was taught is kept, answers under its name in the other panels, and can be taken along and forgotten", async () => {
  await visit(here.browser, `${here.address}/#teach`, async ({ page, click }) => {
    await taughtExample(page, 6);
    const [saved] = await Promise.all([page.waitForEvent("download"), click("button", "Download")]);
    expect(saved.suggestedFilename()).toBe("zeroth-nano-sort-messages.zip");
    const archive = readFileSync(await saved.path());
    expect(archive.subarray(0, 4).toString("latin1")).toBe("PK\u0003\u0004");
    for (const name of ["zeroth_adapter.json", "zeroth_adapter.safetensors"]) expect(archive.includes(name)).toBe(true);
    await page.reload();
    await page.locator(".earlier .entry").click();
    await page.getByLabel("A text of your own").fill("Nobody answers and the bread was mouldy.");
    await page.waitForSelector('.beside [data-side="taught"]');
    await click("button", "Ask it");
    await page.waitForSelector("#prompt");
    await page.getByLabel("Prompt", { exact: true }).fill("The bread was mouldy and nobody served me.");
    await page.keyboard.press("Control+Enter");
    await answered(page);
    expect(await page.locator(".picker select").inputValue()).toBe("zeroth-nano:sort-messages");
    const said = (await page.locator(".tokens .token:not(.end)").allTextContents()).join("");
    expect(["order", "praise", "complaint"]).toContain(said.trim());
    await click("link", "Teach");
    await page.getByRole("button", { name: "Forget zeroth-nano:sort-messages" }).click();
    await page.waitForFunction(() => !document.querySelector(".teach .earlier"));
  });
});

test("a lesson is paused, goes on, is stopped without a trace, and ended early with what was learnt", async () => {
  await visit(here.browser, `${here.address}/#teach`, async ({ page, click }) => {
    const step = async () => Number(/step (\d+)/.exec((await page.locator(".lesson").textContent())!)?.[1] ?? 0);
    const begin = async () => {
      await click("button", "Teach it");
      await expect.poll(step, { timeout: 60_000 }).toBeGreaterThan(1);
    };
    await click("button", "Sort messages");
    await page.waitForSelector(".preview");
    await begin();
    await click("button", "Pause");
    await page.waitForSelector('.lesson[data-state="paused"]');
    // The running step, and what was on its way.
    await page.waitForTimeout(3000);
    const held = await step();
    await page.waitForTimeout(1500);
    expect(await step()).toBe(held);
    await click("button", "Go on");
    await expect.poll(step, { timeout: 30_000 }).toBeGreaterThan(held);
    await click("button", "Stop");
    await page.waitForSelector('.lesson[data-state="stopped"]');
    expect(await page.locator(".problem").count()).toBe(0);
    expect(await page.locator(".teach .earlier").count()).toBe(0);
    await begin();
    await click("button", "Enough: keep it");
    await page.waitForSelector('.lesson[data-state="done"]', { timeout: 60_000 });
    expect(await step()).toBeLessThan(90);
    expect(await page.locator(".teach .earlier li").count()).toBe(1);
  });
});

test("rows that are pasted are read at once, and what is wrong with them is said", async () => {
  await visit(here.browser, `${here.address}/#teach`, async ({ page, click }) => {
    expect(await page.getByRole("button", { name: "Teach it" }).isDisabled()).toBe(true);
    await click("button", "Paste rows");
    await page.getByLabel("Rows as text").fill("said,group\nA,x\nB,x\nC\nD,x\nE,x\n");
    await page.waitForSelector('.warning >> text="Every row has the label “x”: there is nothing to tell apart."');
    expect(await page.locator("details.warning").textContent()).toContain("Row 3 has 1 field");
    await page.getByLabel("Rows as text").fill('text,label\n"never closed,x\n');
    await page.waitForSelector(".problem >> text=This table cannot be read.");
  });
});

test("forgetting leaves nothing behind", async () => {
  await visit(here.browser, here.address, async ({ page, click }) => {
    await click("button", "Praise or blame");
    await answered(page);
    await click("link", "Settings");
    await click("button", "Forget everything");
    await Promise.all([page.waitForEvent("load"), click("button", "Yes, forget everything")]);
    await page.waitForSelector("#prompt");
    expect(await page.getByLabel("Prompt", { exact: true }).inputValue()).toBe("");
    expect(await page.locator(".earlier").count()).toBe(0);
  });
});

test("a panel can be taken out: no panel reads another's files, and the shell reads none of them", () => {
  const web = join(import.meta.dirname, "../../web");
  const files = readdirSync(web, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
  const wrong = files.flatMap((file) => {
    const own = /^panels\/([^/]+)\//.exec(file)?.[1];
    const text = readFileSync(join(web, file), "utf8");
    const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, path]) => join(file, "..", path!));
    return imports
      .filter((path) => /^panels\/[^/]+\//.test(path) && path.split("/")[1] !== own)
      .map((path) => `${file}: ${path}`);
  });
  expect(wrong).toEqual([]);
});

test("on a phone the newest answer is in sight, and whoever scrolled up is left there", async () => {
  await visit(
    here.browser,
    `${here.address}/#chat`,
    async ({ page }) => {
      const said = page.locator(".message.assistant[data-state='done']");
      const inSight = () =>
        page.evaluate(() => {
          const last = [...document.querySelectorAll(".message")].at(-1)!.getBoundingClientRect();
          return last.bottom <= document.querySelector(".composer")!.getBoundingClientRect().top + 1;
        });
      for (const count of [1, 2, 3]) {
        await page
          .getByLabel("Message", { exact: true })
          .fill(`Positive or negative? Film ${count} was warm and funny.`);
        await page.keyboard.press("Enter");
        await expect.poll(() => said.count(), { timeout: 30_000 }).toBe(count);
        await expect.poll(inSight).toBe(true);
      }
      await page.evaluate(() => document.querySelector("main")!.scrollTo(0, 0));
      await page.waitForTimeout(300);
      expect(await page.evaluate(() => document.querySelector("main")!.scrollTop)).toBe(0);
    },
    { viewport: { width: 390, height: 700 } },
  );
});
