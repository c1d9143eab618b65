/** Tuning in headless Chromium: the losses of Node from the same rows and seed, and an adapter that both open. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLanguageModel } from "../../src/text/open-node.ts";
import { tune } from "../../src/tune/folder-node.ts";
import { parseTuneOptions, type TuneInput } from "../../src/tune/options.ts";
import { fixtures } from "../support/fixtures.ts";
import { nanoAsNumbers } from "../support/models/nano.ts";
import type { TunedInPage } from "./check/main.ts";
import { openSite, type Site } from "./site.ts";

const scratch = mkdtempSync(join(tmpdir(), "zeroth-tune-browser-"));
const nano = fileURLToPath(new URL("../../models/zeroth-nano", import.meta.url));
const numbers = join(scratch, "numbers");
const encoder = join(fixtures, "readers/mean");
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

const asks = ["Please keep a rye loaf for me.", "Two rolls for noon, please.", "May I order a cake?"];
const blames = ["The loaf was stale.", "Nobody served me, awful.", "The cake was burnt and dry."];
const pairs = [...asks, ...blames, ...asks, ...blames].map((prompt, i) => ({
  prompt: `${prompt} ${i % 2 ? "Regards" : ""}`.trim(),
  target: asks.includes(prompt) ? "order" : "complaint",
}));
const classes = pairs.map(({ prompt, target }) => ({ text: prompt.toLowerCase(), label: target }));

async function inNode(model: string, rows: readonly object[], options: TuneInput, out: string) {
  const data = join(scratch, `${out}.jsonl`);
  writeFileSync(data, rows.map((row) => JSON.stringify(row)).join("\n"));
  const losses: number[] = [];
  const values: number[] = [];
  let said: string[] = [];
  const tuned = await tune({ model, data, out: join(scratch, out) }, parseTuneOptions({ ...options, threads: 1 }), {
    samples: 3,
    events: {
      step: ({ loss }) => void losses.push(loss),
      evaluated(row) {
        values.push(row.value);
        said = row.samples.map((sample) => sample.said);
      },
    },
  });
  return { losses, values, said, adapter: tuned.adapter };
}

async function inPage(address: string, rows: readonly object[], options: TuneInput): Promise<TunedInPage> {
  const page = await site.checks();
  return page.evaluate(([address, rows, options]) => window.checks.tune(address, rows, options), [
    address,
    rows,
    options,
  ] as const);
}

const far = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

const writer = { epochs: 4, batch: 4, split: 0.25, seed: 5, metric: "accuracy" } as const;
const reader = { epochs: 4, batch: 4, split: 0.25, seed: 5 } as const;

const deep = { ...writer, method: "p-tuning-v2", length: 4, lr: 3e-2 } as const;

test.each<[name: string, folder: string, address: string, rows: readonly object[], options: TuneInput]>([
  ["deep prompts of zeroth-nano as numbers", numbers, "/models/numbers", pairs, deep],
  ["LoRA of zeroth-nano as numbers", numbers, "/models/numbers", pairs, { ...writer, method: "lora", lr: 3e-3 }],
  [
    "deep prompts of an encoder, with its head",
    encoder,
    "/fixtures/readers/mean",
    classes,
    { ...reader, method: "p-tuning-v2", length: 4 },
  ],
  [
    "a prompt before an encoder",
    encoder,
    "/fixtures/readers/mean",
    classes,
    { ...reader, method: "prompt", length: 3 },
  ],
])("%s: losses, accuracy and what is said are Node's", async (name, folder, address, rows, options) => {
  const expected = await inNode(folder, rows, options, name.replace(/\W+/g, "-"));
  const got = await inPage(address, rows, options);
  expect(expected.losses.length).toBe(12);
  expect(got.losses.length).toBe(12);
  expect(far(got.losses, expected.losses)).toBeLessThan(1e-4);
  expect(got.values).toEqual(expected.values);
  expect(got.said).toEqual(expected.said);
  expect(expected.said.length).toBe(3);
});

test("in 8 bits, where rows are rounded by each engine in its own way, losses are near, and the adapter opens in both", async () => {
  const options = { ...deep, epochs: 6, lr: 1e-1 };
  const expected = await inNode(nano, pairs, options, "eight");
  const got = await inPage("/models/zeroth-nano", pairs, options);
  expect(far(got.losses.slice(0, 6), expected.losses.slice(0, 6))).toBeLessThan(0.1);
  expect(got.losses.at(-1)!).toBeLessThan(got.losses[0]! - 0.5);
  expect(Object.keys(got.files).sort()).toEqual(["zeroth_adapter.json", "zeroth_adapter.safetensors"]);

  const texts = [...new Set(pairs.map(({ prompt }) => prompt))];
  const choices = ["order", "complaint"];
  const page = await site.checks();
  const chosen = (adapter: boolean) =>
    page.evaluate(([texts, choices, adapter]) => window.checks.chosen("/models/zeroth-nano", texts, choices, adapter), [
      texts,
      choices,
      adapter,
    ] as const);
  const tuned = await chosen(true);
  expect(tuned).not.toEqual(await chosen(false));
  const folder = join(scratch, "from-page");
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(got.files)) writeFileSync(join(folder, name), Uint8Array.from(bytes));
  await using opened = await openLanguageModel(nano, { adapter: folder, threads: 1 });
  expect(opened.adapter!.warnings).toEqual([]);
  const here = await opened.text.chooseAll(texts.map((prompt) => ({ prompt, choices })));
  expect(here.map((answer) => ("text" in answer ? answer.text : answer.message))).toEqual(tuned);
});

test("answers that are written are the model's as it is, not as it was at the first evaluation", async () => {
  const options = { ...deep, metric: undefined, epochs: 8, lr: 1e-1 };
  const address = "/models/numbers";
  const got = await inPage(address, pairs, options);
  const page = await site.checks();
  const written = await page.evaluate((address) => window.checks.written(address), address);
  // Those of the last evaluation, which was the best one, by the adapter opened anew.
  expect(got.said).toEqual(written);
});

test("a signal stops it after the running step; full fine-tuning and an empty table are refused in words", async () => {
  const page = await site.checks();
  const code = (rows: readonly object[], options: TuneInput) =>
    page.evaluate(([rows, options]) => window.checks.stopped("/fixtures/readers/mean", rows, options), [
      rows,
      options,
    ] as const);
  expect(await code(classes, { ...reader, method: "head" })).toBe("interrupted");
  expect(await code(classes, { ...reader, method: "full" })).toBe("unsupported");
  expect(await code([], { ...reader, method: "head" })).toBe("bad_input");
});
