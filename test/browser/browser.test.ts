/** Headless Chromium: the same tokens and the same training step as in Node. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { safetensorsInMemory } from "../../src/browser.ts";
import { openModelFolder, openTokenizer } from "../../src/folders/open-node.ts";
import { compile } from "../../src/runtime/compile-node.ts";
import type { EmbedJob } from "../../src/text/embedding/encoding-model.ts";
import { expectClose, fixtures, readFloats, readTensors } from "../support/fixtures.ts";
import type { Planes } from "../support/images.ts";
import { nanoAsNumbers } from "../support/models/nano.ts";
import { type CompileOver, greedy, type Rows, scores, trainingSteps } from "../support/tasks.ts";
import { openSite, ready, type Site } from "./site.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const nano = join(root, "models/zeroth-nano");
const scratch = mkdtempSync(join(tmpdir(), "zeroth-browser-"));
const numbers = join(scratch, "numbers");
const inNode: CompileOver = (weights, trained) => (graph) =>
  compile(graph, { weights, threads: 1, ...(trained ? { trained: () => true } : {}) });

let site: Site;

beforeAll(async () => {
  await nanoAsNumbers(numbers);
  const roots = [
    ["/fixtures", fixtures],
    ["/models/zeroth-nano", nano],
    ["/models/numbers", numbers],
  ] as const;
  site = await openSite({ scratch, roots });
});

afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** A fresh page; anything it reports as an error fails the test. */
async function opened(address: string, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await site.browser.newContext();
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  try {
    await page.goto(address);
    await work(page);
  } catch (error) {
    throw errors.length > 0 ? new Error(`the page reported: ${errors.join("; ")}`, { cause: error }) : error;
  } finally {
    await context.close();
  }
  // A model folder needs no tokenizer_config.json: asking for it in vain is not an error of ours.
  expect(errors.filter((text) => !text.includes("404"))).toEqual([]);
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const inMemory = (...path: string[]) => safetensorsInMemory(new Uint8Array(readFileSync(join(...path))), join(...path));

describe("in wasm as in Node", () => {
  const prompts = [
    [5, 9, 3, 1],
    [7, 2, 8, 4, 6, 10, 1],
    [3, 1],
  ];

  const t5 = ["t5/untied-gated-gelu", "t5/tied-relu-v5", "t5/bf16", "t5/fp16"];
  const pairs = ["encoder-decoders/bart", "encoder-decoders/marian"];
  const written = [...t5, ...pairs, "gpt2/tied", "llama/grouped", "decoders/gemma3"];
  const cases = written.map((name) => [name, join(fixtures, name), `/fixtures/${name}`] as const);

  // In 8 bits the last bit of a sum can move a row by a whole level, so that all tokens are compared with its numbers.
  const shipped = ["zeroth-nano as numbers", numbers, "/models/numbers"] as const;

  test.each([...cases, shipped])("greedy tokens of %s", async (_, folder, address) => {
    const weights = inMemory(folder, "model.safetensors");
    const expected = await greedy(readJson(folder, "config.json"), weights, prompts, 20, inNode);
    const page = await site.checks();
    const got = await page.evaluate(([folder, prompts]) => window.checks.greedy(folder, prompts, 20), [
      address,
      prompts,
    ] as const);
    expect(got).toEqual(expected);
  });

  test.each(["bert/masked", "encoders/mpnet-masked", "encoders/modernbert-masked", "encoders/deberta-masked"])(
    "what an encoder's head gives: %s",
    async (name) => {
      const folder = join(fixtures, name);
      const weights = inMemory(folder, "model.safetensors");
      const expected = await scores(readJson(folder, "config.json"), weights, prompts, inNode);
      const page = await site.checks();
      const got = await page.evaluate(([folder, rows]) => window.checks.scores(folder, rows), [
        `/fixtures/${name}`,
        prompts,
      ] as const);
      expectClose(got, expected, 1e-4, "logits");
    },
  );

  test("vectors of texts as their folder says, and tags of words", async () => {
    const page = await site.checks();
    for (const name of ["mean", "dense", "prompts", "decoder"]) {
      const { texts, cases } = readJson(fixtures, "readers", name, "expected.json") as {
        texts: string[];
        cases: { options: EmbedJob; vectors: number[][] }[];
      };
      for (const { options, vectors } of cases) {
        const got = await page.evaluate(([folder, texts, options]) => window.checks.vectors(folder, texts, options), [
          `/fixtures/readers/${name}`,
          texts,
          options,
        ] as const);
        expectClose(got.flat(), vectors.flat(), 1e-4, `${name} ${JSON.stringify(options)}`);
      }
    }
    const { rows } = readJson(fixtures, "readers/tags", "expected.json") as {
      rows: { tokens: string[]; tags: string[] }[];
    };
    const tags = await page.evaluate((words) => window.checks.tags("/fixtures/readers/tags", words), rows[0]!.tokens);
    expect(tags).toEqual(rows[0]!.tags);
  });

  test("classes of images, and images beside texts", async () => {
    const page = await site.checks();
    const of = (name: string) => readJson(fixtures, name, "expected.json") as { pixels: Planes[]; rows: number[][] };
    const expected = (name: string) => readFloats(readTensors(name, "expected.safetensors").get("scores")!);
    const classes = await page.evaluate(
      (images) => window.checks.classes("/fixtures/vit/classifier", images),
      of("vit/classifier").pixels,
    );
    expectClose(classes, expected("vit/classifier"), 1e-4, "classes");
    const cosines = await page.evaluate(
      ({ pixels, rows }) => window.checks.cosines("/fixtures/clip/end-token", pixels, rows),
      of("clip/end-token"),
    );
    expectClose(cosines, expected("clip/end-token"), 1e-4, "cosines");
  });

  test("answers of zeroth-nano in 8 bits", async () => {
    const tokenizer = openTokenizer(openModelFolder(nano));
    const asked = [
      "Is this review positive or negative? A warm, funny film that I would gladly see again.",
      "Is this a fact or an opinion? The bridge was opened in 1932.",
      "What kind of thing is described here? The river rises in the hills and flows north for 40 miles.",
    ].map((text) => [...tokenizer.encode(text).ids]);
    // What comes after an answer's end hangs on a few hundredths of a logit, less than a level of rounding.
    const answers = (rows: readonly (readonly number[])[]) => rows.map((row) => row.slice(0, row.indexOf(1) + 1));
    const weights = inMemory(nano, "model.safetensors");
    const expected = answers(await greedy(readJson(nano, "config.json"), weights, asked, 12, inNode));
    const page = await site.checks();
    const got = await page.evaluate((prompts) => window.checks.greedy("/models/zeroth-nano", prompts, 12), asked);
    expect(expected.every((answer) => answer.length > 1)).toBe(true);
    expect(answers(got)).toEqual(expected);
  });

  test("greedy tokens on webgpu, from weights stored in bfloat16", async () => {
    const folder = join(fixtures, "t5/bf16");
    const weights = inMemory(folder, "model.safetensors");
    const expected = await greedy(readJson(folder, "config.json"), weights, prompts, 3, inNode);
    const page = await site.checks();
    const got = await page.evaluate(
      (prompts) => window.checks.greedy("/fixtures/t5/bf16", prompts, 3, "webgpu"),
      prompts,
    );
    expect(got).toEqual(expected);
  });

  test("three steps of training", async () => {
    const folder = join(fixtures, "training/tied-relu");
    const rows = readJson(folder, "expected.json").batches[0] as Rows;
    const weights = inMemory(folder, "model.safetensors");
    const expected = await trainingSteps(readJson(folder, "config.json"), weights, rows, 3, inNode);
    const page = await site.checks();
    const got = await page.evaluate((rows) => window.checks.train("/fixtures/training/tied-relu", rows, 3), rows);
    expectClose([got.loss, got.gradNorm], [expected.loss, expected.gradNorm], 1e-4, "loss and gradient norm");
    for (const [key, value] of Object.entries(expected.values)) expectClose(got.values[key]!, value, 1e-4, key);
  });

  test("products in 8 bits are exact with the largest numbers", async () => {
    const page = await site.checks();
    expect(await page.evaluate(() => window.checks.largest())).toEqual([-127 * 127 * 64]);
  });

  test("a page that is not isolated has one thread, and a checkpoint that does not fit says what is missing", async () => {
    await opened(`${site.plain}/check/`, async (page) => {
      await ready(page);
      expect(await page.evaluate(() => window.checks.threads())).toBe(1);
      const error = await page.evaluate(() => window.checks.misfit("/fixtures/t5/tied-relu"));
      expect(error.code).toBe("corrupt_file");
      expect(error.message).toContain("wo.weight");
    });
  });
});
