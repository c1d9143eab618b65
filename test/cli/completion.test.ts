/** The completion script in a real bash: what Tab offers for words with "/", ":" and "=", and for options. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment, program, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  const { status, stdout } = runIn(folder)(["completion", "bash"]);
  expect(status).toBe(0);
  writeFileSync(join(folder, "zeroth.bash"), stdout);
  // `zeroth` as the shell finds it.
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "zeroth"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, {
    mode: 0o755,
  });
  // Models in the cache, laid out as huggingface_hub does.
  for (const name of ["models--google--flan-t5-small", "models--google--flan-t5-base", "models--bigscience--T0_3B"]) {
    const snapshot = join(folder, "hf", "hub", name, "snapshots", "0".repeat(40));
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(folder, "hf", "hub", name, "refs"));
    writeFileSync(join(folder, "hf", "hub", name, "refs", "main"), "0".repeat(40));
    for (const file of ["config.json", "model.safetensors", "tokenizer.json"])
      writeFileSync(join(snapshot, file), "{}");
  }
  for (const file of ["prompts.jsonl", "prompts.csv"]) writeFileSync(join(folder, file), "");
});

/** What Tab offers at the end of a line. Words are cut as readline does with bash's own COMP_WORDBREAKS. */
function offers(line: string): string[] {
  const words = line.split(/ +|(?=[:=])|(?<=[:=])/).map((word) => `'${word}'`);
  const script = `
    source ./zeroth.bash
    COMP_LINE='${line}' COMP_POINT=${line.length}
    COMP_WORDS=(${words.join(" ")}) COMP_CWORD=${words.length - 1}
    function=$(complete -p zeroth | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p')
    "$function" zeroth "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...environment(folder), PATH: `${join(folder, "bin")}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], {
    cwd: folder,
    encoding: "utf8",
    env,
  });
  expect([line, status, stderr]).toEqual([line, 0, ""]);
  return stdout.split("\n").filter(Boolean).sort();
}

test("commands, whole and begun", () => {
  expect(offers("zeroth ")).toEqual(expect.arrayContaining(["generate", "score", "inspect", "train"]));
  expect(offers("zeroth gen")).toEqual(["generate"]);
});

test("options of the command, before and after other words", () => {
  expect(offers("zeroth generate --max-n")).toEqual(["--max-new-tokens"]);
  expect(offers("zeroth generate 'a question' --sa".replaceAll("'", ""))).toEqual(["--sample"]);
  expect(offers("zeroth score --max-n")).toEqual([]);
  expect(offers("zeroth score --tar")).toEqual(["--target"]);
});

test("names of models, with a slash in them", () => {
  expect(offers("zeroth generate --model ")).toEqual(
    expect.arrayContaining(["google/flan-t5-small", "google/flan-t5-base", "bigscience/T0_3B", "zeroth-nano"]),
  );
  expect(offers("zeroth generate --model google/")).toEqual(["google/flan-t5-base", "google/flan-t5-small"]);
  expect(offers("zeroth generate -m google/flan-t5-s")).toEqual(["google/flan-t5-small"]);
  expect(offers("zeroth inspect bigscience/T")).toEqual(["bigscience/T0_3B"]);
});

test("behind an equals sign the answer leaves out what stands before it", () => {
  expect(offers("zeroth generate --model=google/flan-t5-s")).toEqual(["google/flan-t5-small"]);
  expect(offers("zeroth generate --input=pro")).toEqual(["prompts.csv", "prompts.jsonl"]);
});

test("words of a command, values of an option, names of a command's arguments", () => {
  expect(offers("zeroth prompts s")).toEqual(["show"]);
  expect(offers("zeroth cache re")).toEqual(["remove"]);
  expect(offers("zeroth generate --device ")).toEqual(["auto", "cpu", "cuda", "webgpu"]);
  expect(offers("zeroth quantize --dtype int")).toEqual(["int4", "int8"]);
  expect(offers("zeroth quantize google/flan-t5-s")).toEqual(["google/flan-t5-small"]);
  expect(offers("zeroth scan bigscience/T")).toEqual(["bigscience/T0_3B"]);
  expect(offers("zeroth plan google/flan-t5-xx")).toEqual(["google/flan-t5-xxl"]);
});

test("files where no word fits", () => {
  expect(offers("zeroth generate --input pro")).toEqual(["prompts.csv", "prompts.jsonl"]);
});
