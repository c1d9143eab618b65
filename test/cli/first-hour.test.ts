/** What somebody meets who has just installed it: answers that mean little, long prompts, misspelt keys, files that are there. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-first-hour-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const question = "Is this a fact or an opinion? Snow is cold.";
/** Nothing that the embedded model was asked in training is answered like this. */
const strange = ["grglbx", "zwetschge"].join(",");

describe("choices of which none is likely", () => {
  test("score says so, and has it in its row; one alone has no share", () => {
    const { stdout } = zeroth(["score", question, "--choices", strange]);
    expect(stdout).toMatch(/%.*\n.*%.*\nthe model would hardly give any of these answers by itself/);
    const [row] = rowsOf(zeroth(["score", question, "--choices", strange, "--json"]));
    expect(row).toMatchObject({ likely: false });
    const alone = zeroth(["score", question, "--choices", "zwetschge"]).stdout;
    expect(alone).toMatch(/^zwetschge {2}-[\d.]+ over \d+ tokens\nthe model would hardly give this answer/);
    expect(alone).not.toContain("%");
  });

  test("generate --choices, too", () => {
    const ran = zeroth(["generate", question, "--choices", strange]);
    expect(ran.stderr).toContain("hardly give any of these");
    const [row] = rowsOf(zeroth(["generate", question, "--choices", strange, "--json"]));
    expect(row).toMatchObject({ likely: false });
  });

  test("nothing is said where one is", () => {
    const { stdout } = zeroth(["score", question, "--choices", "fact,opinion"]);
    expect(stdout).not.toContain("hardly");
    const [row] = rowsOf(zeroth(["generate", question, "--choices", "fact,opinion", "--json"]));
    expect(row).toMatchObject({ text: "fact", likely: true });
    const idle = zeroth(["generate", question, "--choices", "fact,opinion", "--top-k", "3", "--stop", "x"]);
    expect(idle.stderr).toContain("--top-k, --stop beside --choices: of no effect");
  });
});

describe("long prompts", () => {
  test("past what the model was trained on: said, and answered", () => {
    const { status, stderr } = zeroth([`Is it cold? ${"snow ".repeat(400)}`, "--max-new-tokens", "2"]);
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/the prompt has \d+ tokens; zeroth-nano was trained on/),
    ]);
    expect(zeroth([question]).stderr).toBe("");
  });

  test("past what there is memory for: refused before anything runs, in its place among others", () => {
    const rows = [
      { id: 1, prompt: "snow ".repeat(2_000_000) },
      { id: 2, prompt: question },
    ];
    writeFileSync(join(folder, "long.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const ran = zeroth(["generate", "--input", "long.jsonl", "--json"]);
    expect(ran.status).toBe(1);
    expect(ran.stderr).not.toContain("onnxruntime");
    expect(rowsOf(ran)).toMatchObject([
      {
        id: 1,
        error: { code: "too_long", message: expect.stringContaining("the memory of this machine is enough for") },
      },
      { id: 2, text: "fact" },
    ]);
  });
});

test("a misspelt key of a training configuration is named, not the one that lacks", () => {
  writeFileSync(join(folder, "train.json"), JSON.stringify({ model: "zeroth-nano", dat: { train: "x" }, out: "run" }));
  const { status, stderr } = zeroth(["train", "--config", "train.json"]);
  expect([status, stderr]).toEqual([
    1,
    'error: train.json: the configuration: unknown key "dat"\n  → did you mean "data"?\n',
  ]);
});

test("a run that has all its steps says that nothing is left to do", () => {
  writeFileSync(join(folder, "pairs.jsonl"), `${JSON.stringify({ prompt: "a b", target: "c" })}\n`.repeat(4));
  const sizes = {
    vocab_size: 8192,
    d_model: 16,
    d_kv: 8,
    d_ff: 32,
    num_layers: 1,
    num_decoder_layers: 1,
    num_heads: 2,
  };
  const run = (steps: number, ...more: string[]) => {
    const settings = {
      architecture: "t5",
      sizes,
      tokenizer: "zeroth-nano",
      objective: "seq2seq",
      batch: 2,
      out: "run",
    };
    writeFileSync(join(folder, "run.json"), JSON.stringify({ ...settings, data: { train: "pairs.jsonl" }, steps }));
    return zeroth(["train", "--config", "run.json", ...more]);
  };
  expect(run(3).stderr).toContain("steps 1 to 3");
  const again = run(2, "--resume");
  expect([again.status, again.stderr]).toEqual([0, expect.stringContaining("step 3 of 2: nothing is left to do")]);
});

describe("what is there is replaced only when that is asked for", () => {
  const rows = `${JSON.stringify({ text: "A new bridge.", label: 0 })}\n`;
  writeFileSync(join(folder, "news.jsonl"), rows);
  const evaluate = ["eval", "--task", "ag_news", "--data", "news.jsonl", "--limit", "1"];
  const plan = ["plan", "zeroth-nano", "--machine", "8GB,20GB/s"];
  test.each<[string, readonly string[], string]>([
    ["export", ["export", "--format", "safetensors", "--out", "there"], "there"],
    ["quantize", ["quantize", "there-model", "--dtype", "int4", "--out", "there-model"], "there-model/config.json"],
    ["eval --out", [...evaluate, "--out", "there"], "there"],
    ["eval --html", [...evaluate, "--html", "there/file"], "there/file"],
    ["plan --plot", [...plan, "--plot", "there/file"], "there/file"],
  ])("%s", (_, args, place) => {
    for (const name of ["there", "there-model"]) {
      rmSync(join(folder, name), { recursive: true, force: true });
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "file"), "mine");
    }
    const from = zeroth(["export", "--format", "safetensors", "--out", "plain", "--overwrite", "--json"]);
    expect(from.status, from.stderr).toBe(0);
    if (place.startsWith("there-model")) {
      expect(zeroth(["export", "--format", "safetensors", "--out", "there-model", "--overwrite"]).status).toBe(0);
    }
    const refused = zeroth(args);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/already\n {2}→ .*add --overwrite\n$/)]);
    expect(readFileSync(join(folder, "there/file"), "utf8")).toBe("mine");
    if (place.startsWith("there-model")) return;
    const done = zeroth([...args, "--overwrite"]);
    expect([done.status, existsSync(join(folder, place))], done.stderr).toEqual([0, true]);
  });
});
