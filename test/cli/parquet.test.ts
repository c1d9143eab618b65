/** Rows from a Parquet file that pyarrow wrote (parity/parquet_rows.py). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";
import { fixtures } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-parquet-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const path = join(fixtures, "rows", "prompts.parquet");

const noPrompt = { code: "bad_input", message: 'the row has no "prompt"', hint: "the row has choices" };

test("generate: a result for every row in order, with its id; what a row lacks is its own error", () => {
  const ran = zeroth(["generate", "--input", path, "--json", "--max-new-tokens", "4"]);
  expect([ran.status, ran.stderr]).toEqual([1, ""]);
  const rows = rowsOf(ran);
  expect(rows.map(({ id }) => id)).toEqual([1, 2, undefined, expect.any(Number)]);
  expect(ran.stdout).toContain('{"id":9007199254740993,');
  expect(rows[2]).toEqual({ error: noPrompt });
  // The last row's tokens stand before its prompt; rows with choices answer one of them.
  expect(rows.map(({ prompt_tokens }) => prompt_tokens)[3]).toBe(3);
  for (const row of [rows[0]!, rows[3]!]) expect(["fact", "opinion"]).toContain(row.text);
  const first = "Is this a fact or an opinion? Snow is the loveliest weather.";
  const [alone] = rowsOf(zeroth(["generate", first, "--json", "--max-new-tokens", "4"]));
  expect(rows[1]).toEqual({ id: 2, ...alone });
});

test("score: the choices of each row", () => {
  const ran = zeroth(["score", "--input", path, "--json"]);
  expect([ran.status, ran.stderr]).toEqual([1, ""]);
  const [first, second, third, fourth] = rowsOf(ran);
  expect(first).toMatchObject({ id: 1, scores: [expect.any(Number), expect.any(Number)], lengths: [2, 2] });
  expect(second).toMatchObject({ id: 2, error: { code: "bad_input", message: 'the row has no "target"' } });
  expect(third).toEqual({ error: noPrompt });
  expect(fourth).toMatchObject({ best: expect.any(Number) });
  expect(ran.stdout).toContain('{"id":9007199254740993,');
});

test("a damaged file is named: cut, its footer overwritten, no Parquet at all", () => {
  const whole = readFileSync(path);
  const scribbled = Buffer.from(whole);
  scribbled.fill(0xff, whole.length - 600, whole.length - 8);
  const damaged = {
    cut: whole.subarray(0, 1000),
    scribbled,
    text: Buffer.from("id,prompt\n1,a\n"),
    empty: Buffer.alloc(0),
  };
  for (const [name, bytes] of Object.entries(damaged)) {
    writeFileSync(join(folder, `${name}.parquet`), bytes);
    for (const command of ["generate", "score"]) {
      const ran = zeroth([command, "--input", `${name}.parquet`, "--json"]);
      expect([name, ran.status, ran.stdout]).toEqual([name, 1, ""]);
      const { error } = JSON.parse(ran.stderr.trim().split("\n").at(-1)!) as {
        error: { code: string; message: string };
      };
      expect(error.code).toBe("corrupt_file");
      expect(error.message).toContain(`${name}.parquet`);
    }
  }
});
