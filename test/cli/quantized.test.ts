/** Quantised models by the program: on first use, by `quantize`, and what is refused. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModelFolder } from "../../src/folders/open-node.ts";
import { needRoom } from "../../src/text/copies/quantized-node.ts";
import { rowsOf, runIn } from "../support/cli.ts";
import { nanoAsNumbers } from "../support/models/nano.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-quantized-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const zeroth = runIn(folder);
const question = "Is this review positive or negative? A warm, funny film.";

beforeAll(() => nanoAsNumbers(join(folder, "numbers")));

test("--dtype int8 writes a copy the first time, says so, and uses it the next time", () => {
  const ask = () => zeroth(["generate", question, "--model", "./numbers", "--dtype", "int8", "--json"]);
  const first = ask();
  expect([first.status, first.stderr]).toEqual([
    0,
    expect.stringContaining("writing a copy in int8, about 4.1 MB, once"),
  ]);
  expect(rowsOf(first)[0]).toMatchObject({ text: "positive" });
  const copies = readdirSync(join(folder, "state/quantized"));
  expect(copies).toEqual([expect.stringMatching(/^numbers-int8-[0-9a-f]{12}$/)]);
  const second = ask();
  expect(second.stderr).not.toContain("writing");
  expect(second.stdout).toBe(first.stdout);
  expect(readdirSync(join(folder, "state/quantized"))).toEqual(copies);
});

test("the embedded model is in 8 bits: --dtype int8 makes no copy, int4 makes one of it", () => {
  const ask = (dtype: string) => zeroth(["generate", question, "--dtype", dtype, "--json"]);
  expect(rowsOf(ask("int8"))[0]).toMatchObject({ text: "positive" });
  expect(readdirSync(join(folder, "state/quantized")).filter((name) => name.startsWith("zeroth-nano"))).toEqual([]);
  const four = ask("int4");
  expect(four.stderr).toContain("writing a copy in int4");
  expect(rowsOf(four)[0]).toMatchObject({ text: "positive" });
});

test("cache lists the copies and removes one by its name", () => {
  const copies = () => rowsOf(zeroth(["cache", "list", "--json"])).filter(({ copy }) => copy !== undefined);
  const [first, second] = copies();
  expect(first).toMatchObject({ copy: expect.stringMatching(/^numbers-int8-/), whole: true });
  expect(second).toMatchObject({ copy: expect.stringMatching(/^zeroth-nano-int4-/), whole: true });
  expect(first!.bytes).toBeGreaterThan(4e6);
  expect(zeroth(["cache", "list"]).stdout).toMatch(/^numbers-int8-\w+ +copy +4\.\d MB {2}used \d{4}-/);
  const name = String(first!.copy);
  expect(zeroth(["cache", "remove", name]).status).toBe(2);
  expect(rowsOf(zeroth(["cache", "remove", name, "--yes", "--json"])).at(-1)).toMatchObject({
    done: true,
    removed: name,
  });
  expect(copies()).toEqual([second]);
});

test("a folder in 4 bits opens as it is, and is not turned into 8", () => {
  const made = zeroth(["quantize", "zeroth-nano", "--dtype", "int4", "--out", "four", "--json"]);
  expect(made.status).toBe(0);
  expect(rowsOf(made).at(-1)).toMatchObject({ done: true, dtype: "int4" });
  const [answer] = rowsOf(zeroth(["generate", question, "--model", "./four", "--dtype", "int4", "--json"]));
  expect(answer).toMatchObject({ text: "positive" });
  const refused = zeroth(["generate", question, "--model", "./four", "--dtype", "int8", "--json"]);
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stderr.trim().split("\n").at(-1)!)).toMatchObject({ error: { code: "unsupported" } });
});

test("weights that memory cannot hold are refused with the precision that fits", () => {
  const weights = new Map([
    ["w", { dtype: "float32", shape: [1 << 20, 1 << 12], file: "w", offset: 0, length: 2 ** 34 }],
  ] as const);
  expect(() => needRoom(weights, "t", 24e9)).not.toThrow();
  expect(() => needRoom(weights, "t", 16e9)).toThrow(/17\.2 GB of weights do not fit in 16\.0 GB/);
  const hint = (memory: number) => {
    try {
      needRoom(weights, "t", memory);
    } catch (error) {
      return (error as { hint: string }).hint;
    }
    return "";
  };
  expect(hint(8e9)).toContain("--dtype int8: 4.3 GB");
  expect(hint(4e9)).toContain("--dtype int4: 2.7 GB");
  expect(hint(1e9)).toContain("zeroth plan");
  needRoom(openModelFolder(join(folder, "four")).weights, "four");
});
