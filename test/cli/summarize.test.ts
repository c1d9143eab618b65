import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsOf, runIn } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-summarize-cli-"));
const run = runIn(folder);
const zeroth = (...args: string[]) => run([...args, "--json"]);

beforeAll(() => {
  const sentence = (n: number) => `The keeper of house ${n} found a ${["lamp", "rope", "wheel"][n % 3]} and kept it.`;
  const paragraphs = Array.from({ length: 12 }, (_, p) => [0, 1, 2].map((s) => sentence(p * 3 + s)).join(" "));
  writeFileSync(join(folder, "book.txt"), paragraphs.join("\n\n"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("zeroth summarize", () => {
  it("estimates, summarizes, traces and corrects", () => {
    const book = ["summarize", "book.txt", "--model", "extractive", "--leaf-tokens", "120", "--limits", "40,60,80"];
    const [estimate] = rowsOf(zeroth(...book, "--estimate"));
    expect(estimate).toMatchObject({
      calls: expect.any(Number),
      input_tokens: expect.any(Number),
      heights: expect.any(Array),
    });
    const made = zeroth(...book, "--out", "run");
    const rows = rowsOf(made);
    expect(rows.slice(0, -1).map(({ done, total }) => [done, total])).toEqual(
      rows.slice(1).map((_, i) => [i + 1, estimate!.calls]),
    );
    const last = rows.at(-1)!;
    expect(last).toMatchObject({ done: true, nodes: estimate!.calls, calls: estimate!.calls, unsupported: 0 });

    const shown = rowsOf(zeroth("summarize", "show", "run"));
    expect(shown.at(-1)).toMatchObject({ node: "h1.0", height: 1, parent: null, text: last.summary });
    const [{ text }] = rowsOf(zeroth("summarize", "text", "run")) as [{ text: string }];
    const [traced] = rowsOf(zeroth("summarize", "trace", "run", "--sentence", "1"));
    const [span] = traced!.spans as { start: number; end: number; text: string }[];
    expect(text.slice(span!.start, span!.end)).toBe(span!.text);
    expect(traced).toMatchObject({ sentence: 1, supported: true, text: span!.text });

    const edited = rowsOf(zeroth("summarize", "edit", "run", "h0.0", "--text", "A dragon came to the house."));
    expect(edited.at(-1)).toMatchObject({ done: true, calls: 1 });
    expect(run(["summarize", "verify", "run"])).toMatchObject({ status: 0 });
    rmSync(join(folder, "run", "objects"), { recursive: true });
    expect(run(["summarize", "verify", "run"])).toMatchObject({ status: 4 });
  });

  it("ends with the code of what was wrong", () => {
    expect(run(["summarize"]).status).toBe(2);
    expect(run(["summarize", "book.txt", "--model", "lead"]).status).toBe(2);
    expect(run(["summarize", "gone.txt", "--model", "lead", "--out", "x"]).status).toBe(3);
    expect(run(["summarize", "show", "nothing"]).status).toBe(3);
  });
});

it("zeroth metrics scores rows, each on its own", () => {
  const input = '{"id":1,"prediction":"a cat sat","references":["the cat sat","a cat sat"]}\n{"prediction":"x"}\n';
  const ran = run(["metrics", "rouge", "--stem", "--input", "-", "--json"], input);
  expect(ran.status).toBe(1);
  expect(rowsOf(ran)).toEqual([
    {
      id: 1,
      rouge1: { precision: 1, recall: 1, f: 1 },
      rouge2: expect.anything(),
      rougeL: expect.anything(),
      rougeLsum: expect.anything(),
    },
    { error: expect.objectContaining({ code: "bad_input" }) },
  ]);
  expect(
    rowsOf(run(["metrics", "exact", "--input", "-", "--json"], '{"prediction":"The cat!","references":["cat"]}\n')),
  ).toEqual([{ value: 1 }]);
});
