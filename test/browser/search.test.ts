/** Search: documents come in, are read, searched and marked in their place, in the browser alone. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import type { Page } from "playwright-core";
import { afterAll, expect, test } from "vitest";
import { fixtures } from "../support/fixtures.ts";
import { fakeServer } from "./fake-server.ts";
import { axeFindings, playground, searchedExample, visit } from "./playground.ts";

const here = playground((folder) =>
  cpSync(join(fixtures, "readers/mean"), join(folder, "models/mean"), { recursive: true }),
);
const scratch = mkdtempSync(join(tmpdir(), "zeroth-search-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const search = () => `${here.address}/#search`;
const files = "Documents: text, Markdown, HTML, EPUB, PDF";
const give = (page: Page, label: string, paths: string | readonly string[]) =>
  page.getByLabel(label, { exact: true }).setInputFiles(typeof paths === "string" ? paths : [...paths]);
const count = (page: Page) => page.locator('.documents li[data-state="ready"]').count();
const ready = (page: Page, documents: number) =>
  page.waitForFunction(
    (wanted) =>
      document.querySelectorAll('.documents li[data-state="ready"]').length === wanted &&
      !document.querySelector(".reading-work"),
    documents,
  );

async function asked(page: Page, question: string): Promise<void> {
  await page.getByLabel("Question", { exact: true }).fill(question);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".search-answer");
}

function written(name: string, content: string | Uint8Array): string {
  const path = join(scratch, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A book of two chapters. */
const book = () =>
  zipSync({
    "META-INF/container.xml": strToU8('<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'),
    "b.opf": strToU8(
      '<package><metadata><title>The lamp keeper</title></metadata><manifest><item id="a" href="a.xhtml"/><item id="b" href="b.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
    ),
    "a.xhtml": strToU8("<html><body><h1>The island</h1><p>Nobody lived there but goats.</p></body></html>"),
    "b.xhtml": strToU8("<html><body><h1>The lamp</h1><p>He trimmed the wick with silver scissors.</p></body></html>"),
  });

test("words are searched at once: the sentence, its place, and the document with the sentence marked and in view", async () => {
  await visit(here.browser, search(), async ({ page, click }) => {
    await click("button", "Three short documents");
    await ready(page, 3);
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.waitForSelector('.search-answer[data-found="true"]');
    expect(await page.locator(".search-answer blockquote").textContent()).toMatch(
      /^Honey is ripe when two thirds of the comb are closed with wax\./,
    );
    expect(await page.locator(".passages li").first().textContent()).toMatch(/bees\.md.*Harvest/);
    expect(await axeFindings(page)).toEqual([]);
    await page.locator(".search-answer .cite").click();
    await page.waitForSelector(".source #found");
    const marks = await page.locator(".source mark.best").allTextContents();
    expect(marks.join("")).toBe("Honey is ripe when two thirds of the comb are closed with wax.");
    const inView = await page.evaluate(() => {
      const [box, mark] = [".source", "#found"].map((one) => document.querySelector(one)!.getBoundingClientRect());
      return mark!.top >= box!.top && mark!.bottom <= box!.bottom;
    });
    expect(inView).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("source");
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press("Escape");
    expect(await page.locator(".reader").count()).toBe(0);
    await page.waitForFunction(() => document.activeElement?.textContent?.includes("Harvest"));
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.querySelector(".count")?.textContent)).toBe("2");
    expect(await page.locator(".search-answer").textContent()).toMatch(/No model writes here.*zeroth-nano/);

    // The menu of the page is no part of it, and what nobody wrote is not found.
    await asked(page, "Who painted the ferry?");
    await page.waitForSelector('.search-answer[data-found="false"]');
    expect(await page.locator(".search-answer").textContent()).toMatch(/not in the documents.*nearest/);
  });
});

test("text, Markdown, HTML, EPUB and PDF of one's own; files that are none are said by their names", async () => {
  const good = [
    written("notes.txt", "The spare key lies under the blue pot.\n"),
    written("garden.md", "# Garden\n\n## Roses\n\nRoses are cut in March, above an outer bud.\n"),
    written("page.html", "<title>Harbour</title><main><p>The pilot boards off the red buoy.</p></main>"),
    written("lamp.epub", book()),
    written("report.pdf", pdf("The turbine was replaced in 1987.")),
  ];
  const bad = [
    written("picture.png", new Uint8Array([137, 80, 78, 71, 1, 2, 3])),
    written("binary.txt", new Uint8Array([0, 1, 2, 3, 4, 5, 0, 7])),
    written("broken.epub", new Uint8Array([80, 75, 3, 4, 9, 9, 9, 9])),
    written("broken.pdf", "%PDF-1.7\nnothing else\n"),
    written("blank.txt", " \n \n"),
  ];
  await visit(here.browser, search(), async ({ page }) => {
    await give(page, files, [...good, ...bad]);
    await ready(page, good.length);
    const rows = page.locator('.documents li[data-state="failed"]');
    expect(await rows.count()).toBe(bad.length);
    const said = (await rows.allTextContents()).join("\n");
    expect(said).toMatch(/picture\.png.*A \.png file is not read\. Documents are/);
    expect(said).toMatch(/binary\.txt.*Is no text/);
    expect(said).toMatch(/blank\.txt.*no text/);
    expect(await axeFindings(page)).toEqual([]);
    for (const [question, where, what] of [
      ["Where is the spare key?", "notes.txt", "under the blue pot"],
      ["When are roses cut?", "Roses", "in March"],
      ["Where does the pilot board?", "Harbour", "red buoy"],
      ["What did he trim the wick with?", "The lamp", "silver scissors"],
      ["When was the turbine replaced?", "page 1", "1987"],
    ] as const) {
      await asked(page, question);
      const answer = page.locator(".search-answer");
      await page.waitForFunction((text) => document.querySelector(".search-answer")?.textContent?.includes(text), what);
      expect(await answer.textContent()).toContain(where);
    }
    await page.getByRole("button", { name: "Take picture.png away" }).click();
    await expect.poll(() => rows.count()).toBe(bad.length - 1);
  });
});

test("a folder: what is no document is left out and counted; a folder of none says so", async () => {
  const folder = join(scratch, "shelf");
  written("shelf/one.txt", "Apples are kept in straw.");
  written("shelf/deep/two.md", "# Pears\n\nPears ripen on the sill.");
  written("shelf/photo.jpg", "no photo");
  written("shelf/.hidden.txt", "Nobody reads this.");
  const empty = join(scratch, "pictures");
  written("pictures/a.jpg", "a");
  await visit(here.browser, search(), async ({ page }) => {
    await give(page, "A folder of documents", empty);
    expect(await page.getByRole("alert").textContent()).toMatch(/no document among these files/);
    await give(page, "A folder of documents", folder);
    await ready(page, 2);
    expect(await page.locator(".search > .note").textContent()).toMatch(/2 files of other kinds/);
    await asked(page, "Where do pears ripen?");
    expect(await page.locator(".search-answer blockquote").textContent()).toMatch(/Pears ripen on the sill/);
  });
});

const many = Array.from({ length: 60 }, (_, i) => {
  const about = ["bread", "tides", "clocks", "wool", "iron"][i % 5]!;
  return `## Part ${i}\n\n${`Part ${i} is about ${about} and what people did with ${about} in the year ${1800 + i}. `.repeat(15)}`;
}).join("\n\n");

test("a model gives vectors, is stopped and goes on; a reload keeps documents, vectors and model; all is forgotten", async () => {
  const long = written("long.md", `# Many things\n\n${many}`);
  const short = written("short.txt", "A small text about bread.");
  await visit(here.browser, search(), async ({ page, click }) => {
    await give(page, files, [long, short]);
    await ready(page, 2);
    // Before there are vectors there is nothing to choose.
    expect(await page.getByLabel("Searched by", { exact: true }).count()).toBe(0);
    await give(page, "The folder of a model that gives vectors", join(fixtures, "readers/mean"));
    await page.waitForSelector('.reading-work[data-phase="embedding"]', { timeout: 30_000 });
    // Words are searched meanwhile.
    await asked(page, "bread");
    expect(await page.locator(".passages li").count()).toBeGreaterThan(0);
    // At once: a click of the mouse waits until nothing moves, and the vectors may be there by then.
    await page.getByRole("button", { name: "Stop", exact: true }).first().dispatchEvent("click");
    await page.waitForSelector('.reading-work[data-phase="stopped"]');
    const told = /(\d+) of (\d+) passages have vectors/;
    const [, some, all] = told.exec((await page.locator(".reading-work").textContent())!)!;
    expect(Number(some)).toBeLessThan(Number(all));
    await page.waitForTimeout(400);
    expect(told.exec((await page.locator(".reading-work").textContent())!)![1]).toBe(some);
    await click("button", "Go on");
    await page.waitForSelector(".vector-model >> text=all passages have them", { timeout: 60_000 });
    expect(await count(page)).toBe(2);

    const by = page.getByLabel("Searched by", { exact: true });
    for (const [mode, score] of [
      ["hybrid", /words [\d.]+, meaning -?[\d.]+/],
      ["dense", /^(?!.*words).*meaning -?[\d.]+/],
      ["bm25", /^(?!.*meaning).*words [\d.]+/],
    ] as const) {
      await by.selectOption(mode);
      await asked(page, "tides and clocks");
      await page.waitForFunction(
        ([pattern]) => new RegExp(pattern!).test(document.querySelector(".passages .number")?.textContent ?? ""),
        [score.source],
      );
    }
    // Narrowed to one document, others are not found.
    await by.selectOption("hybrid");
    await page.locator('[data-document="short.txt"] input').check();
    await asked(page, "bread");
    await page.waitForFunction(() => document.querySelectorAll(".passages li").length === 1);
    expect(await page.locator(".passages li").textContent()).toContain("short.txt");
    expect(await axeFindings(page)).toEqual([]);

    await page.reload();
    await page.waitForSelector(".vector-model >> text=all passages have them", { timeout: 60_000 });
    expect(await count(page)).toBe(2);
    await by.selectOption("dense");
    await asked(page, "iron");
    expect(await page.locator(".passages .number").first().textContent()).toMatch(/meaning/);

    await click("button", "Without it");
    await page.waitForSelector('.vector-model[data-state="none"]');
    await asked(page, "iron");
    expect(await page.locator(".passages .number").first().textContent()).toMatch(/words/);

    await click("button", "Forget all documents");
    await click("button", "Yes, forget all documents");
    await page.waitForSelector(".search .start");
    await page.reload();
    await page.waitForSelector(".search .start");
    await page.waitForTimeout(500);
    expect(await page.locator(".documents").count()).toBe(0);
  });
});

test("a model beside the page; a folder that is no model, and one that is broken, are said in words", async () => {
  await visit(here.browser, search(), async ({ page, click }) => {
    await click("button", "Three short documents");
    await ready(page, 3);
    written("no-model/a.txt", "No model.");
    await give(page, "The folder of a model that gives vectors", join(scratch, "no-model"));
    expect(await page.getByRole("alert").textContent()).toMatch(/no folder of a model/);
    const named = async (path: string) => {
      await page.getByRole("button", { name: "One beside this page" }).click();
      await page.getByLabel("Folder below this page's address").fill(path);
      await page.keyboard.press("Enter");
    };
    await named("https://models.example/one");
    expect(await page.getByRole("alert").textContent()).toMatch(/below this page's own address/);
    await page.getByLabel("Folder below this page's address").fill("models/mean");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".vector-model >> text=all passages have them", { timeout: 30_000 });
    await click("button", "Without it");
    const broken = join(scratch, "broken-model");
    written("broken-model/config.json", '{"model_type":"bert"}');
    written("broken-model/model.safetensors", "no weights");
    await give(page, "The folder of a model that gives vectors", broken);
    await page.waitForSelector('.vector-model[data-state="failed"] .warning');
    expect(await page.locator(".vector-model .warning").textContent()).not.toMatch(/invalid\/|undefined/);
    // Words are searched all the same.
    await asked(page, "honey");
    expect(await page.locator(".passages li").count()).toBeGreaterThan(0);
  });
});

test("a model of the page's server writes over passages of this browser: numbered sources, what none says, a refusal", async () => {
  await using served = await fakeServer(here.folder, [
    {
      id: "writer",
      says: ["Honey is ripe when two thirds of the comb", " are closed with wax.", " A duke painted it in 1644."],
    },
    { id: "refuser", says: ["Not in the", " documents."] },
    { id: "breaker", says: ["a", "b"], fails: { after: 1, code: "engine_failed", message: "it died" } },
  ]);
  await visit(
    here.browser,
    `${served.address}#search`,
    async ({ page, click }) => {
      // A server without a place for documents: this browser keeps them.
      await page.waitForSelector(".places ~ .warning");
      expect(await page.locator(".places ~ .warning").textContent()).toMatch(/server does not keep documents/);
      await searchedExample(page);
      await click("button", "Have writer write an answer");
      await page.waitForSelector('.writer[data-state="done"]');
      const writer = page.locator(".writer");
      expect(await writer.locator(".said").textContent()).toMatch(
        /wax\.\s*1.*painted it in 1644\..*no passage says this/,
      );
      expect(await writer.locator(".unsupported").textContent()).toMatch(/^A duke/);
      expect(await writer.locator(".sources li").first().textContent()).toContain("bees.md");
      expect(await axeFindings(page)).toEqual([]);
      await writer.locator(".cite").first().click();
      await page.waitForSelector(".source #found");
      expect((await page.locator(".source mark.best").allTextContents()).join("")).toMatch(/^Honey is ripe/);
      const { body } = served.came.find(({ path }) => path === "/v1/completions")!;
      expect(body).toMatchObject({ model: "writer", temperature: 0 });
      expect(String(body.prompt)).toContain("two thirds of the comb");

      for (const [model, said] of [
        ["refuser", /This is not in the documents/],
        ["breaker", /The engine stopped/],
      ] as const) {
        await page.keyboard.press("Control+k");
        await page.keyboard.type(`take the model ${model}`);
        await page.keyboard.press("Enter");
        await page.getByRole("button", { name: "Write it again" }).click();
        await page.waitForFunction(
          ([pattern]) => new RegExp(pattern!).test(document.querySelector(".writer")?.textContent ?? ""),
          [said.source],
        );
      }
    },
    { expects: /./ },
  );
});

test("what stands in a document is text; a link holds the question alone; code asks the same", async () => {
  const evil = written(
    "evil.md",
    "# <img src=x onerror=alert(1)>\n\nRun <script>alert(2)</script> and [click](javascript:alert(3)) the walrus.\n",
  );
  await visit(
    here.browser,
    search(),
    async ({ page, click, context }) => {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      page.on("dialog", () => {
        throw new Error("a document ran a script");
      });
      await give(page, files, evil);
      await ready(page, 1);
      await asked(page, "walrus");
      await page.locator(".passages li > button").first().click();
      await page.waitForSelector(".source #found");
      expect(await page.locator(".source").textContent()).toContain("<script>alert(2)</script>");
      expect(await page.locator("main img, main a[href^=javascript]").count()).toBe(0);
      await click("button", "Share");
      const link = await page.evaluate(() => navigator.clipboard.readText());
      expect(link).toMatch(/#search\?prompt=walrus$/);
      for (const [form, pattern] of [
        ["curl", /v1\/vector_stores\/VECTOR_STORE\/search/],
        ["Python", /vector_stores\.search\("VECTOR_STORE", query="walrus"/],
        ["TypeScript", /vectorStores\.search\("VECTOR_STORE"/],
        ["zeroth", /zeroth search --store documents\.index --mode bm25 -k 10 walrus/],
      ] as const) {
        await click("button", "Copy as");
        await page.getByRole("button", { name: form, exact: true }).click();
        expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(pattern);
      }
      const other = await context.newPage();
      await other.goto(link);
      await other.waitForSelector(".documents");
      expect(await other.getByLabel("Question", { exact: true }).inputValue()).toBe("walrus");
    },
    {},
  );
});

/** A PDF of one page with one line. */
function pdf(line: string): string {
  const stream = `BT /F1 12 Tf 72 720 Td (${line}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let text = "%PDF-1.4\n";
  const places = objects.map((object, i) => {
    const at = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const at of places) text += `${String(at).padStart(10, "0")} 00000 n \n`;
  return `${text}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
}
