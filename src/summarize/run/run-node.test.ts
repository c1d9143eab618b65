import { appendFileSync, cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bookOfSentences, calledWriter, shelf, smallOptions } from "../../../test/support/summaries.ts";
import { fail } from "../../errors.ts";
import { exported } from "../export/export.ts";
import { extract } from "../writers/rules.ts";
import { planBook } from "./plan-node.ts";
import { resumeRun, startRun } from "./run-node.ts";
import { viewOf } from "./state.ts";
import { readState } from "./state-node.ts";
import { verifyRun } from "./verify-node.ts";

const { path, at, showOf, start, close } = shelf();
afterAll(close);

describe("a run", () => {
  it("asks once for every node, and is whole", async () => {
    const model = calledWriter();
    const rows: string[] = [];
    const result = await start(
      "whole",
      model,
      {},
      { events: { node: (one: { node: string; done: number }) => rows.push(`${one.node} ${one.done}`) } },
    );
    const nodes = readState(at("whole")).tree.nodes.length;
    expect(result).toMatchObject({ nodes, calls: nodes, retries: 0 });
    expect(model.asked).toHaveLength(nodes);
    expect(rows).toHaveLength(nodes);
    expect(rows.at(-1)).toBe(`${readState(at("whole")).tree.root.id} ${nodes}`);
    expect(model.most()).toBeGreaterThan(1);
    expect(model.most()).toBeLessThanOrEqual(4);
    expect(verifyRun(at("whole"))).toMatchObject({ nodes, objects: nodes, problems: [] });
    // Again: nothing is missing.
    expect(await start("whole", model)).toMatchObject({ calls: 0, summary: result.summary });
  });

  it("takes the calls that its estimate says, in every context", async () => {
    for (const context of ["sequential", "subtree", "two-pass", "none"] as const) {
      const model = calledWriter();
      const { estimate } = await planBook(path, model, { ...smallOptions, context });
      const { calls } = await start(`mode-${context}`, model, { context });
      expect(calls).toBe(estimate.calls);
      expect(estimate.heights.reduce((sum, row) => sum + row.inputTokens, 0)).toBe(estimate.inputTokens);
      const most = Math.max(...model.asked.map((asked) => asked.context.length));
      expect(most === 0).toBe(context === "none");
      expect(verifyRun(at(`mode-${context}`)).problems).toEqual([]);
    }
    const leaves = readState(at("mode-subtree")).tree.nodes.filter(({ height }) => height === 0).length;
    const first = (name: string) =>
      viewOf(readState(at(name)))
        .nodes.filter(({ node }) => node.height === 0)
        .map(({ summary }) => summary!.contexts);
    const fits = first("mode-sequential");
    expect(fits[0]).toBe(0);
    expect(Math.max(...fits)).toBeGreaterThan(Math.max(...first("mode-subtree")));
    expect(fits).toHaveLength(leaves);
  });

  it("goes on after any moment with exactly what is missing, and ends the same", async () => {
    for (const context of ["sequential", "subtree", "two-pass"] as const) {
      const total = (await start(`full-${context}`, calledWriter(), { context })).calls;
      for (const kept of [0, 6, total - 1]) {
        const name = `stop-${context}-${kept}`;
        const stop = new AbortController();
        let finished = 0;
        const model = calledWriter({ concurrency: 1 });
        const events = { node: () => ++finished === kept && stop.abort() };
        if (kept === 0) stop.abort();
        await expect(start(name, model, { context }, { signal: stop.signal, events })).rejects.toMatchObject({
          code: "interrupted",
        });
        const again = calledWriter();
        const { calls } = await resumeRun(at(name), { writer: again });
        expect(calls).toBe(total - model.asked.length);
        expect(again.asked).toHaveLength(total - model.asked.length);
        expect(model.asked.length).toBeGreaterThanOrEqual(kept - 1);
        expect(showOf(name)).toEqual(showOf(`full-${context}`));
        expect(exported(readState(at(name)), "json")).toBe(exported(readState(at(`full-${context}`)), "json"));
      }
    }
  });

  it("makes equal calls once, and uses answers again under other options", async () => {
    const twice = at("twice.txt");
    writeFileSync(
      twice,
      `${bookOfSentences.slice(0, 1500)}\n\n\n\n${"Same words here. ".repeat(20)}\n\n\n\n${"Same words here. ".repeat(20)}`,
    );
    const model = calledWriter();
    const given = { path: twice, folder: at("twice"), source: { model: "test" }, writer: model };
    await startRun({ ...given, options: { ...smallOptions, context: "none" } });
    const before = model.asked.length;
    await expect(
      startRun({ ...given, options: { ...smallOptions, context: "none", limits: [40, 60, 90] } }),
    ).rejects.toThrow(/limits was \[40,60,80\], is \[40,60,90\]/);
    const result = await startRun({
      ...given,
      options: { ...smallOptions, context: "none", seed: 0, contextTruncation: "block" },
      force: true,
    });
    expect(result.calls).toBe(0);
    expect(model.asked).toHaveLength(before);
  });

  it("stops at a budget and goes on", async () => {
    const model = calledWriter({ concurrency: 1 });
    await expect(start("budget", model, {}, { budget: { maxCalls: 3 } })).rejects.toMatchObject({
      code: "check_failed",
    });
    expect(model.asked).toHaveLength(3);
    const paid = calledWriter({ concurrency: 1 });
    await expect(
      resumeRun(at("budget"), { writer: paid, budget: { usd: 0.0001, price: { input: 1, output: 1 } } }),
    ).rejects.toThrow(/budget of \$0.0001/);
    expect(paid.asked).toHaveLength(1);
    const { calls, nodes } = await resumeRun(at("budget"), { writer: calledWriter() });
    expect(calls).toBe(nodes - 4);
  });

  it("keeps what was done when a call fails", async () => {
    const broken = calledWriter({
      concurrency: 2,
      answer: ({ text }, n) => (n > 4 ? fail("busy", "come later") : extract(text, 30, "lead")),
    });
    await expect(start("failing", broken)).rejects.toMatchObject({ code: "busy" });
    const { calls, nodes } = await resumeRun(at("failing"), { writer: calledWriter() });
    expect(calls).toBe(nodes - 4);
  });

  it("refuses a folder that another process has, and another model", async () => {
    cpSync(at("whole"), at("held"), { recursive: true });
    let second: Promise<unknown> | undefined;
    const slow = calledWriter({
      async answer({ text }) {
        second ??= resumeRun(at("lock"), { writer: calledWriter() }).catch((error: unknown) => error);
        await second;
        return extract(text, 30, "lead");
      },
    });
    await start("lock", slow);
    expect(await second).toMatchObject({ code: "busy" });
    await expect(resumeRun(at("held"), { writer: calledWriter({ identity: { kind: "other" } }) })).rejects.toThrow(
      /kind was "test", is "other"/,
    );
    await expect(resumeRun(at("nothing"), { writer: calledWriter() })).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a damaged folder", () => {
  it("loses a half-written line, and says so", async () => {
    cpSync(at("whole"), at("cut"), { recursive: true });
    const journal = join(at("cut"), "journal.jsonl");
    truncateSync(journal, readFileSync(journal).length - 7);
    expect(readState(at("cut")).warnings.join()).toMatch(/last line was cut off/);
    const warnings: string[] = [];
    // The answer itself is there.
    const result = await resumeRun(at("cut"), {
      writer: calledWriter(),
      events: { warn: (text) => warnings.push(text) },
    });
    expect(result.calls).toBe(0);
    expect(warnings.join()).toMatch(/cut off/);
    expect(showOf("cut")).toEqual(showOf("whole"));
    expect(readState(at("cut")).warnings).toEqual([]);
    appendFileSync(journal, "no json\n");
    expect(readState(at("cut")).warnings.join()).toMatch(/line \d+ cannot be read/);
  });

  it("asks again for an answer that is not what its hash says", async () => {
    cpSync(at("whole"), at("rot"), { recursive: true });
    const objects = join(at("rot"), "objects");
    const [shard] = readdirSync(objects);
    const file = join(objects, shard!, readdirSync(join(objects, shard!))[0]!);
    writeFileSync(file, readFileSync(file, "utf8").replace(/found/, "lost!"));
    expect(verifyRun(at("rot")).problems.join()).toMatch(/is not what its hash says/);
    const result = await resumeRun(at("rot"), { writer: calledWriter() });
    expect(result.calls).toBe(1);
    expect(showOf("rot")).toEqual(showOf("whole"));
    expect(verifyRun(at("rot")).problems).toEqual([]);
  });
});
