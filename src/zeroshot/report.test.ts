/** The report is one whole HTML file that asks nothing of anyone; the other files have the keys their readers want. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bytes, fakeModel } from "../../test/support/fake-text.ts";
import { rowFromObject } from "../data/values.ts";
import type { TemplateFile } from "../prompts/template.ts";
import { textModel } from "../text/model.ts";
import { evaluateTemplate } from "./evaluate.ts";
import { harnessResults, type RunSettings } from "./harness.ts";
import { reportHtml } from "./report.ts";
import { memoryStore } from "./scoring.ts";
import { superGlueResult } from "./superglue.ts";
import { aggregatesOf, type TaskResult } from "./tasks.ts";
import { writeResults } from "./write-node.ts";

const metadata = { languages: [], metrics: [] };
const choice = { answerChoices: "dry ||| wet", metadata, where: "weather.yaml" };
const file: TemplateFile = {
  dataset: "weather",
  subset: "daily",
  templates: [
    { id: "1", name: 'a < b & "c"', jinja: "{{ text }}? ||| {{ answer_choices[label] }}", ...choice },
    { id: "2", name: "other", jinja: "Is it wet? {{ text }} ||| {{ answer_choices[label] }}", ...choice },
    { id: "3", name: "written", jinja: "{{ text }} ||| wet", metadata, where: "weather.yaml" },
  ],
};
const rows = ["rain", "sun", "snow", "storm"].map((text, i) => rowFromObject({ text, label: i % 2 }));

async function evaluated(): Promise<TaskResult> {
  const { model } = fakeModel(() => bytes.encode("wet").ids);
  const subject = { text: textModel({ model, tokenizer: bytes }), tokenizer: bytes };
  const settings = {
    normalize: "sum",
    nullPrompt: "",
    seed: 0,
    promptEnd: false,
    eos: true,
    delimiter: "",
    window: 64,
    maxNewTokens: 8,
  } as const;
  const templates = [];
  for (const template of file.templates) {
    templates.push(await evaluateTemplate(subject, template, rows, { ...settings, store: memoryStore() }));
  }
  return { task: "weather/daily", dataset: "weather", subset: "daily", templates, aggregates: aggregatesOf(templates) };
}

/** Every tag that is opened is closed in its order; what HTML leaves open is known. */
function needWellFormed(html: string): void {
  const open: string[] = [];
  const body = html.replace(/<style>[\s\S]*?<\/style>/g, "");
  for (const [tag, closing, name] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (["meta", "br"].includes(name!) || tag.endsWith("/>")) continue;
    if (closing === "") open.push(name!);
    else expect(open.pop(), tag).toBe(name);
  }
  expect(open).toEqual([]);
}

test("the report", async () => {
  const result = await evaluated();
  const superGlue = superGlueResult([{ name: "rte", metrics: { accuracy: 0.5 }, score: 0.5, templates: 2 }]);
  const html = reportHtml({ model: "a <model>", tasks: [result], normalize: "sum", superGlue, notes: ["By hand."] });
  expect(html.startsWith("<!doctype html>\n<html lang=")).toBe(true);
  needWellFormed(html);
  expect(html).not.toMatch(/<script|<link|<img|https?:|url\(|@import|src=/);
  expect(html).toContain("a &lt;model&gt;");
  expect(html).toContain("a &lt; b &amp; &quot;c&quot;");
  // By template for each of two metrics, the spread, the calibration.
  expect(html.match(/<svg /g)).toHaveLength(4);
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
  expect(html).toContain("no official average");
});

const settings: RunSettings = {
  model: "tiny",
  dtype: "fp32",
  device: "cpu",
  limit: null,
  normalize: "tokens",
  promptEnd: false,
  eos: true,
  delimiter: "",
  window: 64,
  seed: 0,
  version: "0",
};

test("lm-evaluation-harness' results", async () => {
  const result = await evaluated();
  const written = harnessResults([{ file, result }], settings) as Record<
    string,
    Record<string, Record<string, unknown>>
  >;
  const name = "weather_daily_other";
  expect(Object.keys(written.results!)).toEqual(["weather_daily_a_b_c_", name, "weather_daily_written"]);
  expect(written.results![name]).toEqual({
    alias: name,
    "acc,none": 0.5,
    "acc_stderr,none": Math.sqrt(0.25 / 3),
    "acc_norm,none": 0.5,
    "acc_norm_stderr,none": Math.sqrt(0.25 / 3),
    "acc_tokens,none": 0.5,
    "acc_tokens_stderr,none": Math.sqrt(0.25 / 3),
  });
  expect(written.results!.weather_daily_written).toMatchObject({
    "exact_match,none": 1,
    "f1,none": 1,
    "f1_stderr,none": "N/A",
  });
  expect(written["n-samples"]![name]).toEqual({ original: 4, effective: 4 });
  expect(written.configs![name]).toMatchObject({
    dataset_path: "weather",
    dataset_name: "daily",
    output_type: "multiple_choice",
    doc_to_text: "Is it wet? {{ text }}",
    num_fewshot: 0,
  });
  expect(written.groups!.weather_daily).toMatchObject({ "acc,none": 0.5, "acc_median,none": 0.5 });
});

test("the files: T0's for each template, and a line for each example", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-results-"));
  try {
    const paths = await writeResults(folder, [{ file, result: await evaluated() }], settings);
    expect(paths).toHaveLength(5);
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    expect(JSON.parse(read("t-zero/weather_daily_other.json"))).toEqual({
      dataset_name: "weather",
      dataset_config_name: "daily",
      template_name: "other",
      evaluation: { accuracy: 0.5 },
    });
    const lines = read("samples_weather_daily.jsonl").trim().split("\n");
    expect(lines).toHaveLength(12);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      index: 0,
      choices: ["dry", "wet"],
      gold: 0,
      predicted: 1,
      sums: [-9.5, -2],
    });
    expect(JSON.parse(read("results.json"))).toHaveProperty("results");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
