/** `zeroth prompts` as a person and a script meet it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-prompts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function zeroth(args: string[], stdin = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "prompts", ...args], {
    input: stdin,
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, HF_HUB_OFFLINE: "1", NO_COLOR: "1" },
  });
  const rows = () =>
    stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, stdout, stderr, rows };
}
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return name;
};

const news = [
  { id: "a", title: "Ferry line buys rival", description: "Two companies merge.", label: 2 },
  { id: "b", title: "Late goal", description: "The visitors scored.", label: 1 },
];
const own = `dataset: weather
templates:
  1f0e5c2e-6a0f-4d3b-9f35-1f0e5f3f7a11: !Template
    answer_choices: dry ||| wet
    id: 1f0e5c2e-6a0f-4d3b-9f35-1f0e5f3f7a11
    jinja: |-
      {{ place_name }}: {{ millimetres }} mm. Dry or wet? |||
      {{ answer_choices[millimetres > 1] }}
    metadata: !TemplateMetadata
      choices_in_prompt: true
      languages: [en]
      metrics: [Accuracy]
      original_task: true
    name: dry or wet
    reference: ''
`;

describe("list and show", () => {
  test("data sets, then a data set's templates with their choices", () => {
    const all = zeroth(["list"]);
    expect([all.status, all.stderr.split("\n").length]).toEqual([0, 2]);
    expect(all.stdout).toMatch(/^ag_news +7 templates +5 with choices +5 original task$/m);
    const one = zeroth(["list", "rte"]);
    expect(one.stdout).toMatch(/^super_glue\/rte\n(.*\n)* {2}does it follow .*Yes \| No/);
    const rows = zeroth(["list", "super_glue/rte", "--json"]).rows();
    expect(rows[0]).toMatchObject({
      dataset: "super_glue",
      subset: "rte",
      choices: expect.any(Array),
      columns: ["premise", "hypothesis", "label"],
    });
    expect(zeroth(["--json"]).rows().length).toBeGreaterThan(200);
  });

  test("one template with its text, a row through it and its tokens", () => {
    file("news.jsonl", news.map((row) => JSON.stringify(row)).join("\n"));
    const shown = zeroth([
      "show",
      "ag_news/pick a desk",
      "--data",
      "news.jsonl",
      "--row",
      "2",
      "--model",
      "zeroth-nano",
    ]);
    expect(shown.stdout).toContain("An editor hands each story to one desk");
    expect(shown.stdout).toContain("Story: Late goal. The visitors scored.");
    expect(shown.stdout).toMatch(/prompt {2}\d+ tokens/);
    const [row] = zeroth(["show", "ag_news/pick a desk", "--data", "news.jsonl", "--json"]).rows();
    expect(row).toMatchObject({ jinja: expect.any(String), preview: { target: "Business" } });
    expect(zeroth(["show", "ag_news/pick a desk", "--data", "news.jsonl", "--row", "3"]).stderr).toContain(
      "the file has 2",
    );
  });
});

test("shown again whenever the file changes, with its error where it has one, until Ctrl-C", async () => {
  file("watched.yaml", own);
  file("one.jsonl", '{"place_name": "Merton", "millimetres": 2}');
  const args = ["prompts", "show", "watched.yaml:dry or wet", "--data", "one.jsonl", "--watch", "--json"];
  const child = spawn(process.execPath, [program, ...args], { cwd: folder });
  const closed = once(child, "close");
  // What is seen decides what is done next: another wording, a mistake, Ctrl-C. A file may be read while half written.
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { preview, error } = JSON.parse(line) as { preview?: { prompt: string }; error?: { message: string } };
    if (preview?.prompt.includes("Dry or wet?")) {
      seen.push("first");
      file("watched.yaml", own.replace("Dry or wet?", "Wet or dry?"));
    } else if (preview?.prompt.includes("Wet or dry?")) {
      seen.push("changed");
      file("watched.yaml", own.replace("{{ place_name }}", "{{ place_name"));
    } else if (error?.message.includes('template "dry or wet", line 1')) {
      // It may be shown twice, and a second Ctrl-C leaves at once.
      if (!seen.includes("broken")) child.kill("SIGINT");
      seen.push("broken");
    }
  }
  expect((await closed)[0]).toBe(130);
  expect([...new Set(seen)]).toEqual(["first", "changed", "broken"]);
});

describe("render", () => {
  test("rows keep their order and ids; a row that cannot be done has its error in its place", () => {
    const lines = [
      JSON.stringify(news[0]),
      "not json",
      JSON.stringify({ id: 3, answer_choices: 1 }),
      JSON.stringify(news[1]),
    ];
    const { status, rows } = zeroth(
      ["render", "--template", "ag_news/what is it about", "--data", "-", "--json"],
      lines.join("\n"),
    );
    expect(status).toBe(1);
    expect(rows()).toMatchObject([
      { id: "a", target: "business", choices: ["world affairs", "sports", "business", "science and technology"] },
      { error: { code: "bad_input", message: expect.stringContaining("stdin, line 2") } },
      { id: 3, error: { code: "bad_input", message: expect.stringContaining("answer_choices") } },
      { id: "b", target: "sports" },
    ]);
  });

  test("a file of one's own: floats stay floats, a-b is a_b, gzip, CSV, Parquet", () => {
    file("weather.yaml", own);
    file("weather.jsonl.gz", gzipSync('{"place-name": "Merton", "millimetres": 2.0}\n'));
    const args = ["render", "--template", "weather.yaml:dry or wet", "--json", "--data"];
    expect(zeroth([...args, "weather.jsonl.gz"]).rows()).toEqual([
      { prompt: "Merton: 2.0 mm. Dry or wet?", target: "wet", choices: ["dry", "wet"] },
    ]);
    file("weather.csv", "place_name,millimetres\nMerton,2\n");
    const csv = zeroth([...args, "weather.csv"]);
    expect([csv.status, csv.rows()[0]]).toEqual([
      1,
      {
        error: expect.objectContaining({
          message: expect.stringContaining("line 2: '>' not supported between instances of 'str' and 'int'"),
        }),
      },
    ]);
    const print = own.replace(
      "{{ place_name }}: {{ millimetres }} mm.",
      "{{ place_name }} {{ millimetres }} {{ days }} {{ reading }} {{ year }}.",
    );
    file("print.yaml", print.replace("[millimetres > 1]", "[0]"));
    const parquet = fileURLToPath(new URL("../fixtures/rows/floats.parquet", import.meta.url));
    const printed = zeroth(["render", "print.yaml:dry or wet", "--data", parquet, "--json"]).rows();
    expect(printed.map(({ prompt }) => prompt)).toEqual([
      "Merton 2.0 [1.0, 2.5] {'value': 3.0, 'count': 4} 2001. Dry or wet?",
      "Orrin 0.5 [] {'value': 0.25, 'count': 1} 9007199254740993. Dry or wet?",
      "Lee None None None 3. Dry or wet?",
    ]);
    expect(zeroth([...args, "none.jsonl"]).status).toBe(3);
    expect(zeroth([...args, "none.parquet"]).status).toBe(3);
  });

  test("templates that do not apply are skipped and counted; a whole data set names its templates", () => {
    file(
      "pairs.jsonl",
      '{"sentence1": "a", "sentence2": "b", "label": 0}\n{"sentence1": "c", "sentence2": "d", "label": 1}',
    );
    const skipped = zeroth(["render", "mrpc/say it again", "--data", "pairs.jsonl", "--json"]);
    expect([skipped.status, skipped.stderr]).toEqual([0, "1 not rendered: the template does not apply to them\n"]);
    expect(skipped.rows()).toEqual([
      { skipped: expect.any(String) },
      { prompt: "Say this in other words: c", target: "d" },
    ]);
    const all = zeroth(["render", "--template", "mrpc", "--data", "pairs.jsonl", "--limit", "1", "--json"]).rows();
    expect(all).toHaveLength(6);
    expect(all[0]).toMatchObject({ template: expect.any(String) });
  });

  test("columns that are missing are said once", () => {
    file("other.jsonl", '{"headline": "a", "label": 1}\n{"headline": "b", "label": 2}');
    const { stderr } = zeroth(["render", "trec/kind of answer", "--data", "other.jsonl"]);
    expect(stderr.match(/asks for text, coarse_label, which the row does not have; it has headline/g)).toHaveLength(1);
  });

  test("the same seed draws the same, another another", () => {
    const answers = JSON.stringify({ question: "q", answers: Array.from({ length: 50 }, (_, i) => `answer ${i}`) });
    const draw = (seed: string) =>
      zeroth(["render", "web_questions/question", "--data", "-", "--seed", seed, "--json"], answers).stdout;
    expect(draw("1")).toBe(draw("1"));
    expect(draw("1")).not.toBe(draw("2"));
  });
});

describe("check", () => {
  test("a good file, the package's own, and one with everything wrong", () => {
    file("weather.yaml", own);
    expect(zeroth(["check", "weather.yaml"]).status).toBe(0);
    expect(zeroth(["check"]).stderr).toMatch(/^\d+ templates checked: nothing to report\n$/);
    const [, template = ""] = own.split("templates:\n");
    const broken = `${own}${template.replaceAll("7a11", "7a12").replace("7a12: !", "7a13: !").replace("dry ||| wet", "''").replace("{{ place_name", "{{ place_name | shout")}`;
    file("broken.yaml", broken);
    const { status, rows, stderr } = zeroth(["check", "broken.yaml", "--json"]);
    expect([status, stderr]).toEqual([4, expect.stringContaining("2 templates checked: 4 findings")]);
    expect(rows()).toMatchObject([
      { file: "broken.yaml", template: "dry or wet", line: 3, problem: "another template has the same name" },
      { line: 16, problem: expect.stringContaining("which is not its id") },
      { line: 16, problem: 'line 1: there is no filter "shout"' },
      { line: 16, problem: "another template has the same name" },
    ]);
  });

  test("a file that cannot be read as templates, and data whose columns do not fit", () => {
    file("nothing.yaml", "dataset: a\n");
    expect(zeroth(["check", "nothing.yaml", "--json"]).rows()).toEqual([
      { file: "nothing.yaml", line: 1, problem: 'nothing.yaml:1: the key "templates" is missing' },
    ]);
    file("weather.yaml", own);
    file("columns.jsonl", '{"place": "Merton"}');
    const { status, stdout } = zeroth(["check", "weather.yaml", "--data", "columns.jsonl"]);
    expect([status, stdout]).toEqual([
      4,
      "weather.yaml:3  dry or wet  it asks for place_name, millimetres; the data has place\n",
    ]);
  });
});

test("mistyped names find the one that was meant", () => {
  for (const [args, says, status] of [
    [["shw", "x"], "did you mean zeroth prompts show?", 2],
    [["show", "agnews"], "did you mean ag_news?", 3],
    [["show", "ag_news/pick a dsk"], 'did you mean "pick a desk"?', 3],
    [["show", "none.yaml:x"], "no such file", 3],
    [["show"], "which template?", 2],
    [["render", "ag_news"], "a template and rows are needed", 2],
    [["list", "--folder", "nowhere"], "no such folder", 3],
    [["render", "ag_news", "--data", "x", "--limit", "0"], "expected 1 or more", 2],
  ] as const) {
    const { status: got, stderr } = zeroth([...args]);
    expect([args.join(" "), got, stderr]).toEqual([args.join(" "), status, expect.stringContaining(says)]);
  }
});

test("its help is quick to find", () => {
  expect(zeroth(["--help"]).stdout).toContain("--no-truncate");
  expect(readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8")).toContain("## zeroth prompts");
});
