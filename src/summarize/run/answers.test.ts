import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { calledWriter, paragraphOf, shelf, smallOptions } from "../../../test/support/summaries.ts";
import { fail } from "../../errors.ts";
import { extract } from "../writers/rules.ts";
import { startRun } from "./run-node.ts";
import { viewOf } from "./state.ts";
import { readState } from "./state-node.ts";

const { at, close } = shelf();
afterAll(close);

describe("what a model gives", () => {
  it("is asked for again where it cannot be taken, three times at most", async () => {
    const answers = [
      "",
      "I'm sorry, I cannot help with that.",
      "lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp.",
      "The keeper found a lamp.",
    ];
    const tiny = at("tiny.txt");
    writeFileSync(tiny, paragraphOf(8));
    const model = calledWriter({ answer: (_, n) => answers[n - 1] ?? "Never reached." });
    const result = await startRun({
      path: tiny,
      folder: at("ladder"),
      options: smallOptions,
      source: { model: "test" },
      writer: model,
    });
    expect(result).toMatchObject({ calls: 1, retries: 3, summary: "The keeper found a lamp." });
    const bad = calledWriter({ answer: () => "" });
    const empty = await startRun({
      path: tiny,
      folder: at("ladder-empty"),
      options: smallOptions,
      source: { model: "test" },
      writer: bad,
    });
    expect(empty).toMatchObject({ calls: 1, retries: 3, summary: "" });
    expect(viewOf(readState(at("ladder-empty"))).root.flags).toEqual(expect.arrayContaining(["degraded", "empty"]));
  });

  it("is halved where the model reads less than was thought", async () => {
    const tiny = at("halves.txt");
    writeFileSync(tiny, paragraphOf(8));
    const model = calledWriter({
      answer: ({ text }) => (text.length > 300 ? fail("too_long", "too much") : extract(text, 30, "lead")),
    });
    const result = await startRun({
      path: tiny,
      folder: at("halves"),
      options: { ...smallOptions, leafTokens: 600 },
      source: { model: "test" },
      writer: model,
    });
    expect(result.calls).toBe(1);
    expect(viewOf(readState(at("halves"))).root.flags).toContain("resplit");
  });

  it("is not asked about parts without words", async () => {
    const signs = at("signs.txt");
    writeFileSync(signs, `${"* * * — — —\n\n".repeat(80)}`);
    const model = calledWriter();
    const result = await startRun({
      path: signs,
      folder: at("signs"),
      options: smallOptions,
      source: { model: "test" },
      writer: model,
    });
    expect(result).toMatchObject({ calls: 0, summary: "" });
  });
});
