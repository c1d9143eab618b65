/** `zeroth eval` as a person and a script meet it, on a tiny model of random weights. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures, readJson } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-eval-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const model = ["--model", join(fixtures, "rank")];
const data = readJson<Record<string, object[]>>("templates", "rows.json");
const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

mkdirSync(join(folder, "suite"));
for (const [name, task] of [
  ["rte", "rte"],
  ["cb", "cb"],
  ["copa", "copa"],
  ["wsc", "wsc.fixed"],
] as const) {
  writeFileSync(join(folder, "suite", `${name}.validation.jsonl.gz`), gzipSync(lines(data[`super_glue/${task}`]!)));
}
writeFileSync(join(folder, "rte.jsonl"), lines(data["super_glue/rte"]!));
writeFileSync(
  join(folder, "weather.yaml"),
  'task: weather\nprompts:\n  - "{{ text }} Dry or wet?"\n  - "Was it dry or wet? {{ text }}"\nchoices: [dry, wet]\nlabel: kind\n',
);
writeFileSync(join(folder, "weather.csv"), 'text,kind\n"Rain, all day.",wet\nSun.,dry\nFog.,0\n');

test("prompts end as the model's folder says they did in training, unless a flag says otherwise", () => {
  const ended = join(folder, "ended");
  cpSync(join(fixtures, "rank"), ended, { recursive: true });
  const config = join(ended, "tokenizer_config.json");
  const before = existsSync(config) ? JSON.parse(readFileSync(config, "utf8")) : {};
  writeFileSync(config, JSON.stringify({ ...before, add_eos_token: true }));
  const ask = (path: string, flags: string[] = []) => {
    const args = ["eval", "--model", path, "--task", "super_glue/rte", "--data", "rte.jsonl", "--json", ...flags];
    const [row] = rowsOf(zeroth(args));
    return row as { prompt_end: boolean };
  };
  const rank = join(fixtures, "rank");
  expect(ask(rank).prompt_end).toBe(false);
  expect(ask(ended)).toEqual(ask(rank, ["--prompt-end"]));
  expect(ask(ended, ["--no-prompt-end"])).toEqual(ask(rank));
});

test("a row a template, one that says what they give together, and the same again from what was kept", () => {
  const args = ["eval", ...model, "--task", "super_glue/rte", "--data", "rte.jsonl", "--json"];
  const first = zeroth(args);
  expect(first.stderr).toBe("");
  expect(first.status).toBe(0);
  const rows = rowsOf(first);
  expect(rows).toHaveLength(6);
  for (const row of rows.slice(0, -1)) {
    expect(Object.keys(row)).toEqual(
      expect.arrayContaining([
        "task",
        "template",
        "metric",
        "value",
        "stderr",
        "interval",
        "n",
        "skipped",
        "chance",
        "majority",
      ]),
    );
    expect(row).toMatchObject({
      task: "super_glue/rte",
      metric: "accuracy",
      n: 2,
      skipped: 0,
      chance: 0.5,
      majority: 0.5,
    });
  }
  expect(rows.at(-1)).toMatchObject({ task: "super_glue/rte", template: null, metric: "accuracy", templates: 5 });
  expect(existsSync(join(folder, "state", "evaluations"))).toBe(true);
  expect(zeroth(args).stdout).toBe(first.stdout);
  expect(zeroth([...args, "--no-cache"]).stdout).toBe(first.stdout);
});

test("a task of one's own, a table, a report and the files", () => {
  const args = ["--task", "weather.yaml", "--data", "weather.csv", "--html", "report.html", "--out", "results"];
  const { status, stdout, stderr } = zeroth(["eval", ...model, ...args]);
  expect(stderr).toContain("the report is report.html");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^weather {2}choices ranked by sum\n {2}template +metric +value +95 % interval/);
  expect(stdout).toMatch(/accuracy: median 0\.\d+, mean .* over 2 templates; chance 0\.500, majority 0\.667/);
  expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("</html>");
  expect(JSON.parse(readFileSync(join(folder, "results/results.json"), "utf8"))).toHaveProperty([
    "results",
    "weather_prompt_1",
  ]);
  expect(readFileSync(join(folder, "results/samples_weather.jsonl"), "utf8").trim().split("\n")).toHaveLength(6);
});

test("as lm-evaluation-harness counts: no end token, and prompt, delimiter and choice read as one text", () => {
  const decoder = ["--model", join(fixtures, "gguf/llama.gguf")];
  writeFileSync(
    join(folder, "why.yaml"),
    "task: why\nprompts: \"{{ premise.strip()[:-1] }} {{ 'because' if question == 'cause' else 'therefore' }}\"\n" +
      'choices: "{{ choice1[0] | lower ~ choice1[1:] }} ||| {{ choice2[0] | lower ~ choice2[1:] }}"\nlabel: label\n',
  );
  const about = [
    { premise: "The lake froze. ", choice1: "It was winter.", choice2: "Somebody sang.", question: "cause", label: 0 },
    {
      premise: "She lost her key.",
      choice1: "She slept.",
      choice2: "She rang the bell.",
      question: "effect",
      label: 1,
    },
    {
      premise: "The milk was sour.",
      choice1: "He drank it.",
      choice2: "He poured it away.",
      question: "effect",
      label: 1,
    },
  ];
  writeFileSync(join(folder, "why.jsonl"), lines(about));
  const args = ["eval", ...decoder, "--task", "why.yaml", "--data", "why.jsonl", "--json"];
  const ran = zeroth([...args, "--no-eos", "--delimiter", " ", "--out", "why"]);
  expect(ran.stderr).toContain("3 files written to why\n");
  const [row] = rowsOf(ran);
  expect(row).toMatchObject({ n: 3, eos: false, delimiter: " ", prompt_end: false });
  const samples = readFileSync(join(folder, "why/samples_why.jsonl"), "utf8").trim().split("\n");
  const kept = samples.map((line) => JSON.parse(line) as { sums: number[]; tokens: number[]; gold: number });

  // The harness' way: of the tokens of both, those behind the tokens of the prompt.
  const lower = (text: string) => text[0]!.toLowerCase() + text.slice(1);
  const asked = about.map(({ premise, question, choice1, choice2 }) => ({
    prompt: `${premise.trim().slice(0, -1)} ${question === "cause" ? "because" : "therefore"}`,
    choices: [choice1, choice2].map(lower),
  }));
  const texts = asked.flatMap(({ prompt, choices }) => [prompt, ...choices.map((choice) => `${prompt} ${choice}`)]);
  writeFileSync(join(folder, "texts.jsonl"), lines(texts.map((text) => ({ text }))));
  const tokenized = rowsOf(zeroth(["tokenize", ...decoder, "--input", "texts.jsonl", "--no-special", "--json"]));
  const ids = tokenized.map(({ tokens }) => tokens as number[]);
  const rows = asked.map((_, i) => {
    const [tokens, ...wholes] = ids.slice(3 * i, 3 * i + 3) as [number[], number[], number[]];
    return { tokens, choice_tokens: wholes.map((whole) => whole.slice(tokens.length)) };
  });
  writeFileSync(join(folder, "ids.jsonl"), lines(rows));
  const scored = rowsOf(zeroth(["score", ...decoder, "--input", "ids.jsonl", "--no-eos", "--json"]));
  for (const [i, { sums, tokens }] of kept.entries()) {
    expect(tokens).toEqual(rows[i]!.choice_tokens.map((choice) => choice.length));
    const { scores, best } = scored[i] as { scores: number[]; best: number };
    for (const [c, score] of scores.entries()) expect(sums[c]).toBeCloseTo(score, 4);
    expect(sums.indexOf(Math.max(...sums))).toBe(best);
  }
  const right = scored.filter(({ best }, i) => best === about[i]!.label).length;
  expect(row!.value).toBeCloseTo(right / 3, 12);
  // What was kept of another way of counting is not taken for this one.
  const usual = rowsOf(zeroth([...args, "--out", "usual"]));
  expect(usual[0]).not.toHaveProperty("eos");
  const [first] = readFileSync(join(folder, "usual/samples_why.jsonl"), "utf8").split("\n");
  expect((JSON.parse(first!) as { sums: number[] }).sums).not.toEqual(kept[0]!.sums);
});

test("SuperGLUE: official metrics of what is there, and what is missing", () => {
  const ran = zeroth(["eval", ...model, "--task", "superglue", "--data", "suite", "--json"]);
  expect(ran.status).toBe(0);
  const last = rowsOf(ran).at(-1)!;
  expect(last).toMatchObject({ task: "superglue", missing: ["boolq", "multirc", "record", "wic"] });
  const scores = last.scores as { name: string; metrics: object; score: number }[];
  expect(scores.map(({ name, metrics }) => [name, Object.keys(metrics)])).toEqual([
    ["cb", ["accuracy", "f1"]],
    ["copa", ["accuracy"]],
    ["rte", ["accuracy"]],
    ["wsc", ["accuracy"]],
  ]);
  const mean = scores.reduce((sum, { score }) => sum + score, 0) / scores.length;
  expect(last.value).toBeCloseTo(mean, 12);
  expect(zeroth(["eval", ...model, "--task", "superglue", "--data", "suite"]).stdout).toContain(
    "not the official average",
  );
});

describe("mistakes are told before the model is opened", () => {
  const rte = ["--task", "super_glue/rte"];
  test.each([
    [[], 2, "which task?"],
    [["rte"], 2, "did you mean --task rte?"],
    [["--task", "superglue", "--data", "suite", "--templates", "suppose"], 2, "all or original"],
    [["--task", "super_glue/rtr", "--data", "rte.jsonl"], 3, "did you mean super_glue/rte?"],
    [rte, 3, "give the rows: --data FILE.jsonl, or a folder with rte.validation.jsonl"],
    [["--task", join(folder, "weather.yaml")], 2, "the rows of weather are needed"],
    [[...rte, "--data", "acme/nothing"], 3, "give the rows"],
    [[...rte, "--data", "nothing.jsonl"], 3, "no such file"],
    [[...rte, "--data", "suite", "--split", "test"], 3, 'rte has no split "test"; there are validation'],
    [[...rte, "--data", "rte.jsonl", "--split", "test"], 2, "chooses among the files of a folder"],
    [["--task", "super_glue/wic", "--data", "suite"], 3, "there are no rows of super_glue/wic"],
    [[...rte, "--data", "rte.jsonl", "--normalize", "charcters"], 2, "did you mean --normalize characters?"],
    [[...rte, "--data", "rte.jsonl", "--limit", "0"], 2, "--limit 0"],
    [["--task", "superglue", "--data", "rte.jsonl"], 2, "needs the folder"],
  ])("%j", (args, status, message) => {
    const ran = zeroth(["eval", "--model", "no-such-folder/model", ...args]);
    expect(ran.stderr).toContain(message);
    expect(ran.status).toBe(status);
  });
});

test.each([
  [["--templates", "supose"], "rte.jsonl", 3, 'did you mean "suppose"?'],
  [[], "unlabelled.jsonl", 1, "row 1: its label is -1"],
  [[], "other.jsonl", 1, "asks for premise, hypothesis; the data has text, label"],
  [["--window", "1"], "rte.jsonl", 2, "the window is 1"],
])("mistakes of rows and templates: %j %s", (args, file, status, message) => {
  writeFileSync(join(folder, "unlabelled.jsonl"), lines([{ premise: "a", hypothesis: "b", label: -1 }]));
  writeFileSync(join(folder, "other.jsonl"), lines([{ text: "a", label: 0 }]));
  const ran = zeroth(["eval", ...model, "--task", "super_glue/rte", "--data", file, ...args]);
  expect(ran.stderr).toContain(message);
  expect(ran.status).toBe(status);
});

test("a data set of the hub, from the cache that Python shares", () => {
  const repo = join(folder, "hf/hub/datasets--acme--tasks");
  const commit = "0123456789abcdef0123456789abcdef01234567";
  mkdirSync(join(repo, "refs"), { recursive: true });
  writeFileSync(join(repo, "refs/main"), commit);
  mkdirSync(join(repo, "snapshots", commit, "rte"), { recursive: true });
  writeFileSync(join(repo, "snapshots", commit, "rte/validation.jsonl"), lines(data["super_glue/rte"]!));
  const ran = zeroth(["eval", ...model, "--task", "rte", "--data", "acme/tasks", "--json"]);
  expect(ran.stderr).toBe("");
  expect(rowsOf(ran).at(-1)).toMatchObject({ task: "super_glue/rte", template: null, n: 10 });
});

test("names of templates may hold commas, and one may be named with its data set", () => {
  const names = (args: string[]) =>
    rowsOf(zeroth(["eval", ...model, "--data", "rte.jsonl", "--json", ...args]))
      .map(({ template }) => template)
      .filter((name) => name !== null);
  expect(names(["--task", "rte", "--templates", "suppose,true, false"])).toEqual(["suppose", "true, false"]);
  expect(names(["--task", "super_glue/rte/given this"])).toEqual(["given this"]);
});
