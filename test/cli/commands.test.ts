/** The program as a script sees it: rows, order, errors and exit codes, on the embedded model. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";

const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "zeroth-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function zeroth(args: string[], stdin = "") {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    input: stdin,
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, HF_HOME: join(folder, "hf"), HF_HUB_OFFLINE: "1", NO_COLOR: "1" },
  });
  const rows = () =>
    stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const error = () =>
    (JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { code: string; hint?: string } }).error;
  return { status, stdout, stderr, rows, error };
}

const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return name;
};

const generated = z.strictObject({
  id: z.unknown().optional(),
  text: z.string(),
  tokens: z.array(z.number().int()),
  finish: z.enum(["stop", "length", "stop_string"]),
  prompt_tokens: z.number().int().positive(),
  score: z.number().optional(),
  likely: z.boolean().optional(),
});

const fact = "Is this a fact or an opinion? The bridge was opened in 1932.";

describe("generate", () => {
  test("a question alone is answered in plain text", () => {
    const { status, stdout, stderr } = zeroth([fact]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\S.*\n$/);
    expect(stderr).toBe("");
  });

  test("rows keep their order and ids; what cannot be done has its error in its place", () => {
    const input = [
      JSON.stringify({ id: "x", prompt: fact, choices: ["fact", "opinion"] }),
      "not json",
      JSON.stringify({ id: 7 }),
      JSON.stringify({ id: 8, tokens: [10, 11, 1] }),
    ].join("\n");
    const { status, rows } = zeroth(["generate", "--input", "-", "--json", "--max-new-tokens", "4"], input);
    expect(status).toBe(1);
    const [first, second, third, fourth] = rows();
    expect(generated.parse(first)).toMatchObject({ id: "x", finish: "stop" });
    expect(["fact", "opinion"]).toContain(first!.text);
    expect(second).toMatchObject({ error: { code: "bad_input" } });
    expect(third).toMatchObject({ id: 7, error: { code: "bad_input" } });
    expect(generated.parse(fourth)).toMatchObject({ id: 8, prompt_tokens: 3 });
  });

  test("CSV rows, stop strings, a limit on prompts, prompts without the end token", () => {
    file("rows.csv", 'id,prompt\n1,"Is this a fact or an opinion? Snow, they say, is cold."\n');
    expect(zeroth(["generate", "--input", "rows.csv", "--json"]).rows()[0]).toMatchObject({ id: "1" });
    const packed = gzipSync("id\tprompt\r\n2\tIs this a fact or an opinion? Snow is cold.\r\n");
    writeFileSync(join(folder, "rows.tsv.gz"), packed);
    expect(zeroth(["generate", "--input", "rows.tsv.gz", "--json"]).rows()[0]).toMatchObject({ id: "2" });
    writeFileSync(join(folder, "cut.tsv.gz"), packed.subarray(0, 20));
    const cut = zeroth(["generate", "--input", "cut.tsv.gz", "--json"]);
    expect(cut.status).toBe(1);
    expect(cut.stderr).toContain("corrupt_file");
    const [stopped] = zeroth(["generate", fact, "--stop", "a", "--json"]).rows();
    expect(String(stopped!.text)).not.toContain("a");
    const long = zeroth(["generate", fact, "--max-input", "3", "--json"]);
    expect([long.status, long.error().code]).toEqual([1, "too_long"]);
    const [with_, without] = [[], ["--no-prompt-end"]].map(
      (flags) => zeroth(["generate", fact, "--json", ...flags]).rows()[0]!,
    );
    expect(Number(with_!.prompt_tokens) - Number(without!.prompt_tokens)).toBe(1);
  });

  test("wrong use is 2, a missing model or file 3, each with a next step", () => {
    for (const args of [
      ["generate"],
      ["genrate", "x"],
      ["generate", "x", "--max-new-tokns", "3"],
      ["generate", "x", "--temperature", "hot"],
      ["generate", "x", "--num-beams", "0"],
      ["generate", "x", "--dtype", "fp99"],
    ]) {
      const { status, stderr } = zeroth(args);
      expect([args.join(" "), status]).toEqual([args.join(" "), 2]);
      expect(stderr).toMatch(/^error: /);
    }
    expect(zeroth(["genrate", "x"]).stderr).toContain("did you mean zeroth generate?");
    const missing = zeroth(["generate", "x", "--model", "no/such-model", "--json"]);
    expect([missing.status, missing.error().code, missing.stdout]).toEqual([3, "not_found", ""]);
    expect(zeroth(["generate", "--input", "no.jsonl"]).status).toBe(3);
  });

  test("the same seed draws the same", () => {
    const draw = () =>
      zeroth(["generate", fact, "--sample", "--seed", "3", "--max-new-tokens", "8", "--json"]).rows()[0];
    expect(draw()).toEqual(draw());
  });
});

test("score gives sums, lengths and the best, and every token of one target", () => {
  const [choices] = zeroth(["score", fact, "--choices", "fact,opinion", "--json"]).rows();
  expect(choices).toMatchObject({ best: expect.any(Number), lengths: [2, 2] });
  const [target] = zeroth(["score", fact, "--target", "fact", "--json"]).rows();
  const { scores, logprobs } = target as { scores: number[]; logprobs: number[] };
  expect(logprobs.reduce((a, b) => a + b, 0)).toBeCloseTo(scores[0]!, 6);
  expect((choices!.scores as number[])[0]).toBeCloseTo(scores[0]!, 4);
});

test("tokenize gives ids, pieces and places in the text", () => {
  const [row] = zeroth(["tokenize", "Hello there", "--no-special", "--json"]).rows();
  const { tokens, pieces, offsets } = row as { tokens: number[]; pieces: string[]; offsets: number[][] };
  expect(pieces.join("").replaceAll("▁", " ").trim()).toBe("Hello there");
  expect([tokens.length, offsets.length]).toEqual([pieces.length, pieces.length]);
});

test("inspect, doctor, export and completion", () => {
  expect(zeroth(["inspect", "--json"]).rows()[0]).toMatchObject({
    parameters: expect.any(Number),
    licence: "apache-2.0",
  });
  const doctor = zeroth(["doctor", "--json"]);
  expect(doctor.status).toBe(0);
  expect(doctor.rows().every(({ ok }) => ok)).toBe(true);
  const exported = zeroth(["export", "--format", "safetensors", "--out", "copy", "--json"]);
  expect(exported.rows().at(-1)).toMatchObject({ done: true });
  expect(zeroth(["generate", fact, "--model", "./copy"]).stdout).toBe(zeroth([fact]).stdout);
  for (const shell of ["bash", "zsh", "fish", "powershell"])
    expect(zeroth(["completion", shell]).stdout).toContain("zeroth");
  const checked = spawnSync("bash", ["-n"], { input: zeroth(["completion", "bash"]).stdout, encoding: "utf8" });
  expect(checked.stderr).toBe("");
  expect(zeroth(["completion", "models"]).stdout).toContain("zeroth-nano");
});

test("a damaged file is named", () => {
  expect(zeroth(["export", "--format", "safetensors", "--out", "broken", "--json"]).status).toBe(0);
  const path = join(folder, "broken", "model.safetensors");
  writeFileSync(path, readFileSync(path).subarray(0, 1000));
  const { status, error, stderr } = zeroth(["generate", fact, "--model", "./broken", "--json"]);
  expect([status, error().code]).toEqual([1, "corrupt_file"]);
  expect(stderr).toContain("model.safetensors");
});

test("a reader that leaves early ends the program without a message", () => {
  const input = Array.from({ length: 20 }, () => JSON.stringify({ text: "a b c" })).join("\n");
  file("many.jsonl", input);
  const command = `"${process.execPath}" "${program}" tokenize --input many.jsonl --json | head -1`;
  const { stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: folder, encoding: "utf8" });
  expect(stdout.split("\n").filter(Boolean)).toHaveLength(1);
  expect(stderr).toBe("");
});

test("training: a configuration is checked by key, a run gives a model and resumes", () => {
  file(
    "rows.jsonl",
    `${JSON.stringify({ prompt: "a b", target: "c" })}\n${JSON.stringify({ prompt: "d", target: "e f" })}\n`,
  );
  const config = {
    model: "zeroth-nano",
    data: { train: "rows.jsonl" },
    batch: 2,
    steps: 3,
    dropout: 0,
    trainable: ["final_layer_norm"],
    out: "run",
  };
  file("bad.json", JSON.stringify({ ...config, stepz: 3 }));
  const bad = zeroth(["train", "--config", "bad.json", "--json"]);
  expect([bad.status, bad.error().code]).toEqual([1, "bad_input"]);
  expect(bad.stderr).toContain("stepz");
  file("train.json", JSON.stringify(config));
  const run = zeroth(["train", "--config", "train.json", "--json"]);
  expect(run.stderr).not.toContain("error");
  expect(run.rows().at(-1)).toMatchObject({ done: true });
  expect(zeroth(["train", "--config", "train.json"]).stderr).toContain("--resume");
  expect(zeroth(["generate", fact, "--model", "./run"]).status).toBe(0);
});
