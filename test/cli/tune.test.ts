/** `zeroth tune` and what takes its adapters, as a person runs them. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { fixtures } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tune-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = new URL("../../bin/zeroth.js", import.meta.url).pathname;
const bert = join(fixtures, "readers/mean");

async function zeroth(...args: string[]) {
  const run = promisify(execFile)(process.execPath, [program, ...args], { cwd: folder });
  const { stdout, stderr, code } = await run
    .then((done) => ({ ...done, code: 0 }))
    .catch((error: { stdout: string; stderr: string; code: number }) => error);
  const rows = stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { stdout, stderr, code, rows };
}

writeFileSync(
  join(folder, "rows.csv"),
  `text,label\n${Array.from({ length: 12 }, (_, i) => `the ${i % 2 ? "warm bread" : "cold snow"} ${i % 3},${i % 2 ? "warm" : "cold"}`).join("\n")}\n`,
);

test("from a table to an adapter that predicts, also by row and by BASE:FOLDER", async () => {
  const tuned = await zeroth(
    "tune",
    "--model",
    bert,
    "--data",
    "rows.csv",
    "--out",
    "warm",
    "--n",
    "3",
    "--epochs",
    "6",
    "--batch",
    "4",
    "--lr",
    "0.05",
    "--json",
    "--threads",
    "1",
  );
  expect(tuned.stderr).toContain("trainable params: ");
  expect(tuned.code).toBe(0);
  expect(tuned.rows.at(-1)).toMatchObject({ done: true, adapter: "warm", best: { metric: "accuracy" } });
  expect(tuned.rows.filter((row) => "loss" in row).length).toBe(tuned.rows.at(-1).steps);

  const one = await zeroth("predict", "--model", `${bert}:warm`, "--json", "the warm bread 1");
  expect(Object.keys(one.rows[0].probabilities).sort()).toEqual(["cold", "warm"]);
  const flag = await zeroth("predict", "--model", bert, "--adapter", "warm", "--json", "the warm bread 1");
  expect(flag.rows[0]).toEqual(one.rows[0]);

  writeFileSync(
    join(folder, "asked.jsonl"),
    [
      { id: 1, text: "the warm bread 1", adapter: "warm" },
      { id: 2, text: "snow", adapter: "gone" },
    ]
      .map((row) => JSON.stringify(row))
      .join("\n"),
  );
  const rows = await zeroth("predict", "--model", bert, "--input", "asked.jsonl", "--json");
  expect(rows.code).toBe(1);
  expect(rows.rows[0]).toMatchObject({ id: 1, logits: one.rows[0].logits });
  expect(rows.rows[1]).toMatchObject({ id: 2, error: { code: "not_found" } });

  const again = await zeroth("tune", "--model", bert, "--data", "rows.csv", "--out", "warm", "--n", "3");
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("--resume");
  const long = await zeroth("tune", "--model", bert, "--data", "rows.csv", "--out", "long");
  expect(long.stderr).toContain("the adapter takes 20 positions");
});

test("a search keeps the best of its trials", async () => {
  const found = await zeroth(
    "tune",
    "--model",
    bert,
    "--method",
    "head",
    "--data",
    "rows.csv",
    "--out",
    "searched",
    "--epochs",
    "2",
    "--batch",
    "4",
    "--search",
    "0.001,0.05",
    "--json",
    "--threads",
    "1",
  );
  expect(found.code).toBe(0);
  expect(found.rows.filter((row) => "trial" in row).map(({ trial }) => trial.lr)).toEqual([0.001, 0.05]);
  expect(JSON.parse(readFileSync(join(folder, "searched", "zeroth_adapter.json"), "utf8"))).toMatchObject({
    head: "sequence",
  });
});

test("an adapter is inspected, converted, merged; what cannot be is said", async () => {
  const lora = join(fixtures, "adapters/bert-lora");
  const base = join(fixtures, "adapters/base/bert-sequence");
  const about = await zeroth("adapter", "inspect", lora, "--model", base, "--json");
  expect(about.rows[0]).toMatchObject({ method: "lora", peft_type: "LORA", head: "sequence" });
  expect((await zeroth("adapter", "merge", lora, "--model", base, "--out", "merged", "--json")).rows.at(-1)).toEqual({
    done: true,
    model: "merged",
  });
  const wrong = await zeroth(
    "adapter",
    "merge",
    join(fixtures, "adapters/bert-prefix"),
    "--model",
    base,
    "--out",
    "no",
    "--json",
  );
  expect(wrong.code).toBe(1);
  expect(JSON.parse(wrong.stderr.trim().split("\n").at(-1)!).error.code).toBe("unsupported");
  expect((await zeroth("adapter", "inspect", "nowhere")).code).toBe(3);
  expect((await zeroth("adapter", "polish", "x")).code).toBe(2);
  expect((await zeroth("tune", "--model", bert, "--data", "rows.csv")).code).toBe(2);
});
