/** `--json-schema` and `--grammar` of the built program, on the model that comes with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-structured-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const write = (name: string, content: unknown): void =>
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));

const question = "Is this review positive or negative? A warm, funny film.";
write("review.json", {
  type: "object",
  properties: { sentiment: { enum: ["positive", "negative"] }, stars: { type: "integer", minimum: 1, maximum: 5 } },
  required: ["sentiment", "stars"],
});
write("verdict.gbnf", 'root ::= ("Yes" | "No") ", " [a-z]{3,9} "."\n');

test("an answer fits the schema, and the grammar", () => {
  const ran = zeroth(["generate", question, "--json-schema", "review.json", "--json"]);
  const [row] = rowsOf(ran);
  expect(row).toMatchObject({ finish: "stop" });
  const { sentiment, stars } = JSON.parse(row!.text as string);
  expect(["positive", "negative"]).toContain(sentiment);
  expect([1, 2, 3, 4, 5]).toContain(stars);
  expect(ran.stderr).toBe("");
  expect(zeroth(["generate", question, "--grammar", "verdict.gbnf"]).stdout).toMatch(/^(?:Yes|No), [a-z]{3,9}\.\n$/);
});

test("an answer that is cut says so, and rows with choices are errors of their own", () => {
  const cut = zeroth(["generate", question, "--json-schema", "review.json", "--max-new-tokens", "3"]);
  expect(cut.status).toBe(0);
  expect(cut.stderr).toContain("the answer was cut by --max-new-tokens: the JSON is not complete");
  const rows = ['{"id":1,"prompt":"a"}', '{"id":2,"prompt":"b","choices":["x"]}', '{"id":3,"prompt":"c"}'];
  const ran = zeroth(
    ["generate", "--input", "-", "--json-schema", "review.json", "--json", "--max-new-tokens", "3"],
    rows.join("\n"),
  );
  expect(ran.status).toBe(1);
  expect(rowsOf(ran)).toMatchObject([
    { id: 1, finish: "length" },
    { id: 2, error: { code: "bad_input", message: "choices do not go with --json-schema or --grammar" } },
    { id: 3, finish: "length" },
  ]);
  expect(ran.stderr).toContain("2 of 2 answers were cut by --max-new-tokens");
});

describe("what cannot be used is told before a model is opened", () => {
  write("wrong.json", { properties: { age: { minimum: "0" } } });
  write("broken.json", '{"type":');
  write("wrong.gbnf", 'root ::= "a"\n  | b\n');
  const schema = ["--json-schema", "review.json"];
  test.each<[args: readonly string[], status: number, message: string]>([
    [["--json-schema", "absent.json"], 3, "absent.json: no such file"],
    [["--grammar", "absent.gbnf"], 3, "absent.gbnf: no such file"],
    [
      ["--json-schema", "wrong.json"],
      1,
      'wrong.json, #/properties/age/minimum: must be a number, got a string "\\"0\\""',
    ],
    [["--json-schema", "broken.json"], 1, "broken.json: not valid JSON"],
    [["--grammar", "wrong.gbnf"], 1, "wrong.gbnf, line 2, column 5: the rule b is not defined"],
    [[...schema, "--grammar", "verdict.gbnf"], 2, "--json-schema and --grammar do not go together"],
    [[...schema, "--choices", "a,b"], 2, "--choices is an answer's form already"],
  ])("%j", (args, status, message) => {
    const ran = zeroth(["generate", "hi", ...args, "--model", "no/such-model"]);
    expect(ran.stderr).toContain(`error: ${message}`);
    expect(ran.status).toBe(status);
  });
});
