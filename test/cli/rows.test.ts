/** Rows of `--input` and `--data` in the program: as they come, with their ids, from files as people have them. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { sit } from "../support/pty.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-rows-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const file = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);
const program = fileURLToPath(new URL("../../bin/zeroth.js", import.meta.url));

test("ids come back digit for digit, from every command", () => {
  const ids = ["12345678901234567890", "9007199254740993", "1.0", '"7"'];
  file("ids.jsonl", ids.map((id) => `{"id":${id},"text":"a","prompt":"a","target":"b"}\n`).join(""));
  file("t.yaml", "task: t\nprompts: '{{ text }}'\nlabel: target\nchoices: [a, b]\n");
  for (const args of [["tokenize"], ["generate", "--max-new-tokens", "1"], ["score"]]) {
    const { stdout } = zeroth([...args, "--input", "ids.jsonl", "--json"]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => /^\{"id":([^,]*),/.exec(line)?.[1]),
    ).toEqual(ids);
  }
});

test("semicolons are said once, a ragged row is an error in its place, bytes that are no text end the reading", () => {
  file("rows.csv", "id;text\r1;hello\r2;a;b\r3;world\r");
  const ran = zeroth(["tokenize", "--input", "rows.csv", "--json"]);
  expect([ran.status, ran.stderr]).toEqual([1, "rows.csv: fields are separated by semicolons\n"]);
  expect(rowsOf(ran).map((row) => row.id ?? (row.error as { code: string }).code)).toEqual(["1", "bad_input", "3"]);
  file("latin.csv", Buffer.from("id,text\n1,caf\xe9\n", "latin1"));
  const latin = zeroth(["tokenize", "--input", "latin.csv", "--json"]);
  expect([latin.status, latin.stdout]).toEqual([1, ""]);
  expect(latin.stderr).toContain("latin.csv: byte 14 (0xe9) is not UTF-8");
});

test.each([
  ["tokenize", []],
  ["generate", ["--max-new-tokens", "1"]],
])("%s answers a row of stdin before the next one comes, and leaves when it is asked to", async (command, flags) => {
  const child = spawn(process.execPath, [program, command, "--input", "-", "--json", ...flags], { cwd: folder });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    for (const id of [1, 2]) {
      child.stdin.write(`{"id":${id},"text":"a","prompt":"a"}\n`);
      expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ id });
    }
    const code = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    expect(await code).toBe(130);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a file of many rows: rows are written while it is read, and draws do not depend on where batches end", () => {
  const rows = Array.from({ length: 600 }, (_, id) => `{"id":${id},"prompt":"a"}\n`);
  file("many.jsonl", rows.join(""));
  const ran = zeroth(["generate", "--input", "many.jsonl", "--json", "--max-new-tokens", "2", "--sample"]);
  const made = rowsOf(ran);
  expect([ran.status, made.map(({ id }) => id)]).toEqual([0, rows.map((_, id) => id)]);
  // Rows after the first batch are not numbered anew: their draws would be those of the first rows again.
  const texts = (from: number) => made.slice(from, from + 200).map(({ text }) => text);
  expect(texts(256)).not.toEqual(texts(0));
});

test("on a terminal, how far it is stands there while it goes on, and is gone at the end; one row needs none", async () => {
  file("few.jsonl", '{"text":"a"}\n'.repeat(40));
  const many = sit(folder, ["tokenize", "--input", "few.jsonl"]);
  expect(await many.end).toBe(0);
  expect(many.shown()).toContain("40 of 40 ");
  expect(many.shown().endsWith("\r\u001b[K")).toBe(true);
  const one = sit(folder, ["score", "Is snow cold?", "--choices", "yes,no"]);
  expect(await one.end).toBe(0);
  expect(one.shown()).not.toContain("1 of 1");
  expect(one.shown().endsWith("\r\n")).toBe(true);
});
