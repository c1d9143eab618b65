/** Mixtures from files: what each task gives, shares, orders that go on where they stopped, collections, T0 by name. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { startHub } from "../../test/support/hub-server.js";
import { everyPair } from "./mixture.ts";
import { openMixture } from "./open-mixture-node.ts";
import type { ReadTemplates } from "./wording.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "zeroth-mixture-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (name: string, content: unknown): Promise<string> => {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
};
const lines = (count: number, row: (i: number) => object) =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify(row(i))}\n`).join("");

/** One wording a line: its name, a colon, what it says of the column `text`; "?" before it gives nothing for odd rows. */
const readTemplates: ReadTemplates = (yaml) =>
  yaml
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", text = ""] = line.split(":");
      return {
        name,
        original: !name.startsWith("other"),
        render(row, { index }) {
          if (text.startsWith("?") && index % 2 === 1) return undefined;
          return { prompt: `${text} ${row.get("text")}`, target: String(row.get("new_label") ?? "") };
        },
      };
    });

const small = async (more: object = {}) => {
  await write(
    "a.jsonl",
    lines(40, (i) => ({ text: `a${i}`, "new-label": i % 3 === 0 ? "" : `t${i}` })),
  );
  await write("b.csv.gz", gzipSync(`text,new-label\n${Array.from({ length: 20 }, (_, i) => `b${i},x\n`).join("")}`));
  await write("words.yaml", "say:Say\nother:?Tell\n");
  return write("mixture.json", {
    tasks: {
      a: { train: "a.jsonl", templates: "words.yaml" },
      b: { train: "b.csv.gz", templates: "words.yaml", use: "original" },
    },
    ...more,
  });
};

describe("a mixture of files", () => {
  test("every row in every wording: dashes in names, empty targets, what gives nothing", async () => {
    await using mixture = await openMixture(await small(), { readTemplates });
    expect(mixture.tasks.map(({ name, rate }) => [name, rate])).toEqual([
      ["a/say", 40],
      ["a/other", 40],
      ["b/say", 20],
    ]);
    expect(mixture.rows).toBe(60);
    const pairs = [];
    for await (const pair of everyPair(mixture.tasks, 0)) pairs.push(pair);
    expect(pairs).toHaveLength(100);
    expect(pairs.filter(({ rendered }) => !rendered).map(({ task, row }) => [task.name, row % 2])).toEqual(
      Array.from({ length: 20 }, () => ["a/other", 1]),
    );
    expect(pairs[0]!.rendered).toEqual({ prompt: "Say a0", target: "<NO LABEL>" });
    expect(pairs[3]).toMatchObject({ row: 1, rendered: undefined });
    expect(pairs.at(-1)!.rendered).toEqual({ prompt: "Say b19", target: "x" });
  });

  test("the stream has each task's share and each row once an epoch, in another order each epoch", async () => {
    await using mixture = await openMixture(await small(), { readTemplates, seed: 5 });
    const drawn = await Promise.all(Array.from({ length: 4000 }, (_, i) => mixture.at(i)));
    const of = (name: string) => drawn.filter(({ task }) => task.name === name);
    expect(of("a/say").length / 4000).toBeCloseTo(0.4, 1);
    expect(of("b/say").length / 4000).toBeCloseTo(0.2, 1);
    const rows = of("a/say").map(({ row }) => row);
    for (const from of [0, 40, 80]) expect(new Set(rows.slice(from, from + 40)).size).toBe(40);
    expect(rows.slice(0, 40)).not.toEqual(rows.slice(40, 80));
    // Rows that a wording gives nothing for are taken by others of the same task.
    expect(of("a/other").every(({ row }) => row % 2 === 0)).toBe(true);
    expect(mixture.dropped).toBeGreaterThan(100);
  });

  test("a stream goes on anywhere, and another seed or task order changes what it should", async () => {
    const path = await small();
    const take = async (from: number, count: number, seed: number) => {
      await using mixture = await openMixture(path, { readTemplates, seed });
      const texts: string[] = [];
      for await (const { prompt } of mixture.stream(from)) if (texts.push(prompt) === count) break;
      return texts;
    };
    const whole = await take(0, 100, 3);
    expect(await take(37, 63, 3)).toEqual(whole.slice(37));
    expect(await take(0, 100, 4)).not.toEqual(whole);
  });

  test("Parquet keeps to its row groups", async () => {
    await write("words.yaml", "say:Say\nask:Ask\n");
    const path = await write("mixture.json", {
      tasks: {
        p: { train: join(fixtures, "rows/groups.parquet"), templates: "words.yaml", columns: { text: "{number}" } },
      },
    });
    await using mixture = await openMixture(path, { readTemplates });
    const drawn = await Promise.all(Array.from({ length: 46 }, (_, i) => mixture.at(i)));
    const rows = drawn.filter(({ task }) => task.name === "p/say").map(({ row }) => row);
    expect(new Set(rows.slice(0, 22)).size).toBe(Math.min(22, rows.length));
    expect(drawn[0]!.prompt).toMatch(/^(Say|Ask) \d+$/);
  });

  test("rules, caps and weights", async () => {
    const rates = async (more: object) => {
      await using mixture = await openMixture(await small(more), { readTemplates });
      return mixture.tasks.map(({ rate }) => rate);
    };
    expect(await rates({ rule: { name: "t0", cap: 30 } })).toEqual([15, 15, 20]);
    expect(await rates({ rule: { name: "proportional", cap: 10 } })).toEqual([5, 5, 10]);
    expect(await rates({ rule: "equal" })).toEqual([0.5, 0.5, 1]);
    expect(await rates({ max_examples: 8 })).toEqual([8, 8, 8]);
  });

  test("the digest follows the data, the words and the file", async () => {
    const digest = async (path: string) => {
      await using mixture = await openMixture(path, { readTemplates });
      return mixture.digest;
    };
    const path = await small();
    const one = await digest(path);
    expect(await digest(path)).toBe(one);
    await write("words.yaml", "say:Say\nother:?Told\n");
    const other = await digest(path);
    await write(
      "a.jsonl",
      lines(41, (i) => ({ text: `a${i}` })),
    );
    expect(new Set([one, other, await digest(path)]).size).toBe(3);
  });

  test.each([
    [{ tasks: { a: { train: "none.jsonl", pairs: true } } }, "not_found", /none\.jsonl: no such file/],
    [{ tasks: { a: { train: "a.jsonl", templates: "none.yaml" } } }, "not_found", /none\.yaml: no such file/],
    [{ tasks: { a: { train: "a.jsonl", templates: "words.yaml", use: ["sing"] } } }, "not_found", /no template "sing"/],
    [
      { tasks: { a: { validation: "a.jsonl", train: "a.jsonl", columns: { x: "{" }, pairs: true } } },
      "bad_input",
      /tasks\.a\.columns/,
    ],
  ])("%j is an error that names its place", async (json, code, message) => {
    await small();
    const work = openMixture(await write("bad.json", json), { readTemplates });
    await expect(work).rejects.toMatchObject({ code });
    await expect(openMixture(join(folder, "bad.json"), { readTemplates })).rejects.toThrow(message);
  });

  test("a wording that never applies, a row without its column, no validation files", async () => {
    await write(
      "a.jsonl",
      lines(4, () => ({ text: "x", label: -1 })),
    );
    await write("flan.json", { dataset: "a", options: ["n", "y"], label: "label", patterns: [["{text}", "{answer}"]] });
    const path = await write("mixture.json", { tasks: { a: { train: "a.jsonl", patterns: "flan.json" } } });
    await using mixture = await openMixture(path);
    await expect(mixture.at(0)).rejects.toThrow(/a\/pattern_0: gives no prompt for 1000 rows/);
    await write("flan.json", { dataset: "a", patterns: [["{question}", "{text}"]] });
    await using other = await openMixture(path);
    await expect(other.at(0)).rejects.toThrow(/a\/pattern_0: row \d: the row has no "question"/);
    await expect(openMixture(path, { split: "validation" })).rejects.toThrow(/no task has validation files/);
  });
});

describe("promptsource templates", () => {
  const yaml = `dataset: reviews
templates:
  a1b2c3d4-0000-4000-8000-000000000001: !Template
    answer_choices: bad ||| good
    id: a1b2c3d4-0000-4000-8000-000000000001
    jinja: "{{text_a}} Is it {{answer_choices[0]}} or {{answer_choices[1]}}? |||{% if label >= 0 %}{{answer_choices[label]}}{% endif %}"
    metadata: !TemplateMetadata
      choices_in_prompt: true
      languages: [en]
      metrics: [Accuracy]
      original_task: true
    name: is it
    reference: ''
  a1b2c3d4-0000-4000-8000-000000000002: !Template
    answer_choices: null
    id: a1b2c3d4-0000-4000-8000-000000000002
    jinja: "{{text_a}}{% if label == 1 %}|||again|||and again{% endif %}"
    metadata: !TemplateMetadata
      choices_in_prompt: null
      languages: [en]
      metrics: [Other]
      original_task: false
    name: broken
    reference: ''
`;

  test("two parts or nothing, an empty target, columns by their other names, the package's own", async () => {
    await write(
      "reviews.jsonl",
      lines(3, (i) => ({ "text-a": `r${i}`, label: i - 1 })),
    );
    await write("reviews.yaml", yaml);
    const path = await write("m.json", { tasks: { reviews: { train: "reviews.jsonl", templates: "reviews.yaml" } } });
    await using mixture = await openMixture(path);
    const pairs = [];
    for await (const { task, rendered } of everyPair(mixture.tasks, 0)) pairs.push([task.name, rendered]);
    const choices = ["bad", "good"];
    const prompt = (i: number) => `r${i} Is it bad or good?`;
    expect(pairs).toEqual([
      ["reviews/is it", { prompt: prompt(0), target: "<NO LABEL>", choices }],
      ["reviews/broken", undefined],
      ["reviews/is it", { prompt: prompt(1), target: "bad", choices }],
      ["reviews/broken", undefined],
      ["reviews/is it", { prompt: prompt(2), target: "good", choices }],
      ["reviews/broken", undefined],
    ]);
    await write(
      "own.jsonl",
      lines(2, (i) => ({ text: `r${i}`, label: i })),
    );
    const own = { train: "own.jsonl", templates: "rotten_tomatoes", use: "original" };
    await using other = await openMixture(await write("own.json", { tasks: { own } }));
    expect(other.tasks.length).toBeGreaterThan(2);
    expect((await other.at(0)).target).not.toBe("");
  });
});

describe("instructions", () => {
  const head = { Definition: ["Copy."], "Positive Examples": [{ input: "a", output: "a" }] };

  test("one file a task, or headers and instances apart, give the same prompts", async () => {
    const instances = (name: string) =>
      Array.from({ length: 3 }, (_, i) => ({ id: i, input: `${name}${i}`, output: [`${i}`] }));
    await write("tasks/t1.json", { ...head, Instances: instances("x") });
    await write("tasks/t2.json", { ...head, Definition: "Turn.", Instances: instances("y") });
    await write(
      "tasks.jsonl",
      lines(2, (i) => ({ task: `t${i + 1}`, ...head, ...(i ? { Definition: "Turn." } : {}) })),
    );
    const rows = ["x", "y"].flatMap((name, t) => instances(name).map((one) => ({ task: `t${t + 1}`, ...one })));
    await write("instances.jsonl.gz", gzipSync([4, 0, 3, 1, 5, 2].map((i) => `${JSON.stringify(rows[i])}\n`).join("")));
    const collect = async (ni: object) => {
      const path = await write("mixture.json", { rule: "equal", tasks: { ni } });
      await using mixture = await openMixture(path);
      const prompts: string[] = [];
      for await (const { rendered } of everyPair(mixture.tasks, 0))
        prompts.push(`${rendered!.prompt}${rendered!.target}`);
      return { names: mixture.tasks.map(({ name }) => name), prompts: prompts.sort() };
    };
    const files = await collect({ train: "tasks", instructions: { positive: 1 } });
    expect(files.names).toEqual(["ni/t1", "ni/t2"]);
    expect(files.prompts).toHaveLength(6);
    expect(files.prompts[0]).toBe(
      "Definition: Copy.\n\n Positive Example 1 -\nInput: a.\n Output: a.\n\nNow complete the following example -\nInput: x0.\nOutput: 0",
    );
    expect(await collect({ train: "instances.jsonl.gz", instructions: { tasks: "tasks.jsonl", positive: 1 } })).toEqual(
      files,
    );
  });

  test("instances without a header are an error", async () => {
    await write(
      "tasks.jsonl",
      lines(1, () => ({ task: "t1", ...head })),
    );
    await write(
      "rows.jsonl",
      lines(2, (i) => ({ task: `t${i + 1}`, input: "a", output: "b" })),
    );
    const path = await write("m.json", {
      tasks: { ni: { train: "rows.jsonl", instructions: { tasks: "tasks.jsonl" } } },
    });
    await expect(openMixture(path)).rejects.toThrow(/instances of "t2" have no header/);
  });
});

describe("T0 by name", () => {
  test("what is here is used, what is missing is named", async () => {
    for (const name of ["glue/mrpc", "trec", "imdb"]) await write(`words/${name}/templates.yaml`, "say:Say\nask:Ask");
    await write(
      "data/glue/mrpc/train-00000-of-00001.jsonl",
      lines(5, (i) => ({ text: `m${i}` })),
    );
    await write("data/trec.train.jsonl.gz", gzipSync(lines(7, (i) => ({ text: `t${i}` }))));
    const json = { mixture: "t0", data: "data", templates: "words" };
    const work = openMixture(await write("m.json", json), { readTemplates });
    await expect(work).rejects.toMatchObject({ code: "not_found" });
    await expect(openMixture(join(folder, "m.json"), { readTemplates })).rejects.toThrow(
      /36 of the 38 data sets of t0 are not here: glue\/qqp \(templates\).*imdb,/,
    );
    await using mixture = await openMixture(await write("skip.json", { ...json, missing: "skip" }), { readTemplates });
    expect(mixture.tasks.map(({ name, rate }) => [name, rate])).toEqual([
      ["glue/mrpc/say", 5],
      ["glue/mrpc/ask", 5],
      ["trec/say", 7],
      ["trec/ask", 7],
    ]);
    expect(mixture.missing).toHaveLength(36);
  });

  test("rows from a hub", async () => {
    await write("words/glue/mrpc/templates.yaml", "say:Say");
    const rows = (text: string) => Buffer.from(lines(4, (i) => ({ text: `${text}${i}` })));
    const files = { "mrpc/train-00000-of-00001.jsonl": rows("m"), "qqp/train-00000-of-00001.jsonl": rows("q") };
    const hub = await startHub({ "datasets/glue": { files } });
    try {
      const json = { mixture: "t0", data: "hub", templates: "words", missing: "skip" };
      const env = { HF_HOME: join(folder, "hf"), HF_ENDPOINT: hub.url };
      await using mixture = await openMixture(await write("m.json", json), { readTemplates, hub: { env } });
      expect([mixture.rows, mixture.missing.length]).toEqual([4, 37]);
      expect((await mixture.at(0)).prompt).toMatch(/^Say m\d$/);
    } finally {
      await hub.close();
    }
  });
});

test("a data set of the hub by its name", async () => {
  const files = { "data/train-00000-of-00001.jsonl": Buffer.from(lines(3, (i) => ({ prompt: `p${i}`, target: "t" }))) };
  const hub = await startHub({ "datasets/acme/pairs": { files } });
  try {
    const path = await write("m.json", { tasks: { p: { hub: "acme/pairs", pairs: true } } });
    const env = { HF_HOME: join(folder, "hf"), HF_ENDPOINT: hub.url };
    await using mixture = await openMixture(path, { hub: { env } });
    expect((await mixture.at(0)).prompt).toMatch(/^p[012]$/);
  } finally {
    await hub.close();
  }
});
