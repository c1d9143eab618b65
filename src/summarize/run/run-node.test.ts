import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fail } from "../../errors.ts";
import { exported } from "../export/export-node.ts";
import type { Asked } from "../writers/prompts.ts";
import { approximateTokens, extract, ruleWriter } from "../writers/rules.ts";
import type { Writer } from "../writers/writer.ts";
import { planBook } from "./plan-node.ts";
import { editNode, redoNode, resumeRun, revertNode, startRun } from "./run-node.ts";
import type { SummarizeOptions } from "./settings.ts";
import { readState, viewOf } from "./state-node.ts";
import { verifyRun } from "./verify-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-summarize-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sentence = (n: number) =>
  `The ${["keeper", "sailor", "miller", "weaver", "baker"][n % 5]} found ${["lamp", "rope", "wheel", "loom"][n % 4]} number ${n} under the ${["stair", "pier", "bridge"][n % 3]}.`;
const book = Array.from(
  { length: 4 },
  (_, c) =>
    `CHAPTER ${c + 1}\n\n${Array.from({ length: 12 }, (_, p) => [0, 1, 2, 3].map((s) => sentence(c * 100 + p * 4 + s)).join(" ")).join("\n\n")}`,
).join("\n\n\n\n");
const path = join(folder, "book.txt");
beforeAll(() => writeFileSync(path, book));

const options: SummarizeOptions = { leafTokens: 120, limits: [40, 60, 80], context: "subtree" };
const source = { model: "test" };

interface Called extends Writer {
  readonly asked: Asked[];
  /** Most calls at once. */
  most(): number;
}

/** A writer whose answers follow from everything it is told. */
function writer(
  change: Partial<Writer> & { readonly answer?: (asked: Asked, n: number) => string | Promise<string> } = {},
): Called {
  const asked: Asked[] = [];
  let [now, most] = [0, 0];
  const {
    answer = ({ text, context }) =>
      `${extract(text, 24, "lead")} It has ${text.length} signs.${context.length > 0 ? ` After ${context.length} before.` : ""}`,
  } = change;
  return {
    ...ruleWriter("lead"),
    ...{
      identity: { kind: "test" },
      name: "test",
      style: "chat",
      window: 1200,
      encoderDecoder: false,
      concurrency: 4,
      asksOnce: false,
    },
    promptTokens: (one) =>
      approximateTokens(one.text) + one.context.reduce((sum, text) => sum + approximateTokens(text) + 2, 0) + 20,
    async write(one) {
      asked.push(one);
      most = Math.max(most, ++now);
      const text = await answer(one, asked.length);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return { text, cut: false, inTokens: approximateTokens(one.text), outTokens: approximateTokens(text) };
    },
    ...change,
    asked,
    most: () => most,
  };
}

const start = (name: string, given: Writer, more: SummarizeOptions = {}, rest: object = {}) =>
  startRun({ path, folder: join(folder, name), options: { ...options, ...more }, source, writer: given, ...rest });
const showOf = (name: string) =>
  viewOf(readState(join(folder, name))).nodes.map(({ node, text, state }) => [node.id, text, state]);
const texts = (name: string) => new Map(showOf(name).map(([id, text]) => [id!, text]));

describe("a run", () => {
  it("asks once for every node, and is whole", async () => {
    const model = writer();
    const rows: string[] = [];
    const result = await start(
      "whole",
      model,
      {},
      { events: { node: (one: { node: string; done: number }) => rows.push(`${one.node} ${one.done}`) } },
    );
    const nodes = readState(join(folder, "whole")).tree.nodes.length;
    expect(result).toMatchObject({ nodes, calls: nodes, retries: 0 });
    expect(model.asked).toHaveLength(nodes);
    expect(rows).toHaveLength(nodes);
    expect(rows.at(-1)).toBe(`${readState(join(folder, "whole")).tree.root.id} ${nodes}`);
    expect(model.most()).toBeGreaterThan(1);
    expect(model.most()).toBeLessThanOrEqual(4);
    expect(verifyRun(join(folder, "whole"))).toMatchObject({ nodes, objects: nodes, problems: [] });
    // Again: nothing is missing.
    expect(await start("whole", model)).toMatchObject({ calls: 0, summary: result.summary });
  });

  it("takes the calls that its estimate says, in every context", async () => {
    for (const context of ["sequential", "subtree", "two-pass", "none"] as const) {
      const model = writer();
      const { estimate } = await planBook(path, model, { ...options, context });
      const { calls } = await start(`mode-${context}`, model, { context });
      expect(calls).toBe(estimate.calls);
      expect(estimate.heights.reduce((sum, row) => sum + row.inputTokens, 0)).toBe(estimate.inputTokens);
      const most = Math.max(...model.asked.map((asked) => asked.context.length));
      expect(most === 0).toBe(context === "none");
      expect(verifyRun(join(folder, `mode-${context}`)).problems).toEqual([]);
    }
    const leaves = readState(join(folder, "mode-subtree")).tree.nodes.filter(({ height }) => height === 0).length;
    const first = (name: string) =>
      viewOf(readState(join(folder, name)))
        .nodes.filter(({ node }) => node.height === 0)
        .map(({ summary }) => summary!.contexts);
    const fits = first("mode-sequential");
    expect(fits[0]).toBe(0);
    expect(Math.max(...fits)).toBeGreaterThan(Math.max(...first("mode-subtree")));
    expect(fits).toHaveLength(leaves);
  });

  it("goes on after any moment with exactly what is missing, and ends the same", async () => {
    for (const context of ["sequential", "subtree", "two-pass"] as const) {
      const total = (await start(`full-${context}`, writer(), { context })).calls;
      for (const kept of [0, 6, total - 1]) {
        const name = `stop-${context}-${kept}`;
        const stop = new AbortController();
        let finished = 0;
        const model = writer({ concurrency: 1 });
        const events = { node: () => ++finished === kept && stop.abort() };
        if (kept === 0) stop.abort();
        await expect(start(name, model, { context }, { signal: stop.signal, events })).rejects.toMatchObject({
          code: "interrupted",
        });
        const again = writer();
        const { calls } = await resumeRun(join(folder, name), { writer: again });
        expect(calls).toBe(total - model.asked.length);
        expect(again.asked).toHaveLength(total - model.asked.length);
        expect(model.asked.length).toBeGreaterThanOrEqual(kept - 1);
        expect(showOf(name)).toEqual(showOf(`full-${context}`));
        expect(exported(readState(join(folder, name)), "json")).toBe(
          exported(readState(join(folder, `full-${context}`)), "json"),
        );
      }
    }
  });

  it("makes equal calls once, and uses answers again under other options", async () => {
    const twice = join(folder, "twice.txt");
    writeFileSync(
      twice,
      `${book.slice(0, 1500)}\n\n\n\n${"Same words here. ".repeat(20)}\n\n\n\n${"Same words here. ".repeat(20)}`,
    );
    const model = writer();
    const given = { path: twice, folder: join(folder, "twice"), source, writer: model };
    await startRun({ ...given, options: { ...options, context: "none" } });
    const before = model.asked.length;
    await expect(
      startRun({ ...given, options: { ...options, context: "none", limits: [40, 60, 90] } }),
    ).rejects.toThrow(/limits was \[40,60,80\], is \[40,60,90\]/);
    const result = await startRun({
      ...given,
      options: { ...options, context: "none", seed: 0, contextTruncation: "block" },
      force: true,
    });
    expect(result.calls).toBe(0);
    expect(model.asked).toHaveLength(before);
  });

  it("stops at a budget and goes on", async () => {
    const model = writer({ concurrency: 1 });
    await expect(start("budget", model, {}, { budget: { maxCalls: 3 } })).rejects.toMatchObject({
      code: "check_failed",
    });
    expect(model.asked).toHaveLength(3);
    const paid = writer({ concurrency: 1 });
    await expect(
      resumeRun(join(folder, "budget"), { writer: paid, budget: { usd: 0.0001, price: { input: 1, output: 1 } } }),
    ).rejects.toThrow(/budget of \$0.0001/);
    expect(paid.asked).toHaveLength(1);
    const { calls, nodes } = await resumeRun(join(folder, "budget"), { writer: writer() });
    expect(calls).toBe(nodes - 4);
  });

  it("keeps what was done when a call fails", async () => {
    const broken = writer({
      concurrency: 2,
      answer: ({ text }, n) => (n > 4 ? fail("busy", "come later") : extract(text, 30, "lead")),
    });
    await expect(start("failing", broken)).rejects.toMatchObject({ code: "busy" });
    const { calls, nodes } = await resumeRun(join(folder, "failing"), { writer: writer() });
    expect(calls).toBe(nodes - 4);
  });

  it("refuses a folder that another process has, and another model", async () => {
    cpSync(join(folder, "whole"), join(folder, "held"), { recursive: true });
    let second: Promise<unknown> | undefined;
    const slow = writer({
      async answer({ text }) {
        second ??= resumeRun(join(folder, "lock"), { writer: writer() }).catch((error: unknown) => error);
        await second;
        return extract(text, 30, "lead");
      },
    });
    await start("lock", slow);
    expect(await second).toMatchObject({ code: "busy" });
    await expect(resumeRun(join(folder, "held"), { writer: writer({ identity: { kind: "other" } }) })).rejects.toThrow(
      /kind was "test", is "other"/,
    );
    await expect(resumeRun(join(folder, "nothing"), { writer: writer() })).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a person's corrections", () => {
  it("of a leaf cost as many calls as the tree is high", async () => {
    for (const context of ["sequential", "subtree", "none"] as const) {
      const name = `edit-${context}`;
      await start(name, writer(), { context });
      const { root } = readState(join(folder, name)).tree;
      const before = texts(name);
      const model = writer();
      const result = await editNode(join(folder, name), "h0.0", "Nobody found the first lamp.", { writer: model });
      expect(result.calls).toBe(root.height);
      expect(model.asked).toHaveLength(root.height);
      const after = texts(name);
      const changed = [...after].filter(([id, text]) => before.get(id) !== text).map(([id]) => id);
      expect(changed).toEqual(["h0.0", "h1.0", root.id].slice(0, root.height + 1));
      const states = viewOf(readState(join(folder, name))).nodes;
      expect(states.find(({ node }) => node.id === "h0.0")).toMatchObject({ state: "edited" });
      expect(states.some(({ flags }) => flags.includes("context-stale"))).toBe(context !== "none");
      // What is stale by its context alone stays until it is asked for.
      expect((await resumeRun(join(folder, name), { writer: writer() })).calls).toBe(0);
      const strict = await resumeRun(join(folder, name), { writer: writer(), strict: true });
      expect(strict.calls > 0).toBe(context !== "none");
      expect(viewOf(readState(join(folder, name))).nodes.some(({ flags }) => flags.includes("context-stale"))).toBe(
        false,
      );
      expect(texts(name).get("h0.0")).toBe("Nobody found the first lamp.");
    }
  });

  it("wait where asked to, and are given up again", async () => {
    await start("later", writer());
    const before = showOf("later");
    expect((await editNode(join(folder, "later"), "h0.2", "Short.", { later: true })).calls).toBe(0);
    expect(viewOf(readState(join(folder, "later"))).nodes.find(({ node }) => node.id === "h1.0")!.flags).toContain(
      "input-stale",
    );
    const { height } = readState(join(folder, "later")).tree.root;
    expect((await resumeRun(join(folder, "later"), { writer: writer() })).calls).toBe(height);
    // The old answers are there: nothing is asked.
    expect((await revertNode(join(folder, "later"), "h0.2", { writer: writer() })).calls).toBe(0);
    expect(showOf("later")).toEqual(before);
    await expect(revertNode(join(folder, "later"), "h0.2", { writer: writer() })).rejects.toThrow(/model's/);
    await expect(editNode(join(folder, "later"), "h7.7", "x", { later: true })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("are the only thing that a node is asked for anew over", async () => {
    await start("redo", writer());
    const { height } = readState(join(folder, "redo")).tree.root;
    await editNode(join(folder, "redo"), "h0.1", "By hand.", { writer: writer() });
    const model = writer();
    const { calls } = await redoNode(join(folder, "redo"), "h0.1", { writer: model });
    expect(calls).toBe(1);
    expect(model.asked[0]!.composed).toBe(false);
    expect(texts("redo").get("h0.1")).toMatch(/^The keeper|^The|^CHAPTER/);
    expect(height).toBe(2);
  });
});

describe("a damaged folder", () => {
  it("loses a half-written line, and says so", async () => {
    cpSync(join(folder, "whole"), join(folder, "cut"), { recursive: true });
    const journal = join(folder, "cut", "journal.jsonl");
    truncateSync(journal, readFileSync(journal).length - 7);
    expect(readState(join(folder, "cut")).warnings.join()).toMatch(/last line was cut off/);
    const warnings: string[] = [];
    // The answer itself is there.
    const result = await resumeRun(join(folder, "cut"), {
      writer: writer(),
      events: { warn: (text) => warnings.push(text) },
    });
    expect(result.calls).toBe(0);
    expect(warnings.join()).toMatch(/cut off/);
    expect(showOf("cut")).toEqual(showOf("whole"));
    expect(readState(join(folder, "cut")).warnings).toEqual([]);
    appendFileSync(journal, "no json\n");
    expect(readState(join(folder, "cut")).warnings.join()).toMatch(/line \d+ cannot be read/);
  });

  it("asks again for an answer that is not what its hash says", async () => {
    cpSync(join(folder, "whole"), join(folder, "rot"), { recursive: true });
    const objects = join(folder, "rot", "objects");
    const [shard] = readdirSync(objects);
    const file = join(objects, shard!, readdirSync(join(objects, shard!))[0]!);
    writeFileSync(file, readFileSync(file, "utf8").replace(/found/, "lost!"));
    expect(verifyRun(join(folder, "rot")).problems.join()).toMatch(/is not what its hash says/);
    const result = await resumeRun(join(folder, "rot"), { writer: writer() });
    expect(result.calls).toBe(1);
    expect(showOf("rot")).toEqual(showOf("whole"));
    expect(verifyRun(join(folder, "rot")).problems).toEqual([]);
  });
});

describe("what a model gives", () => {
  it("is asked for again where it cannot be taken, three times at most", async () => {
    const answers = [
      "",
      "I'm sorry, I cannot help with that.",
      "lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp lamp.",
      "The keeper found a lamp.",
    ];
    const tiny = join(folder, "tiny.txt");
    writeFileSync(tiny, paragraphOf(8));
    const model = writer({ answer: (_, n) => answers[n - 1] ?? "Never reached." });
    const result = await startRun({ path: tiny, folder: join(folder, "ladder"), options, source, writer: model });
    expect(result).toMatchObject({ calls: 1, retries: 3, summary: "The keeper found a lamp." });
    const bad = writer({ answer: () => "" });
    const empty = await startRun({ path: tiny, folder: join(folder, "ladder-empty"), options, source, writer: bad });
    expect(empty).toMatchObject({ calls: 1, retries: 3, summary: "" });
    expect(viewOf(readState(join(folder, "ladder-empty"))).root.flags).toEqual(
      expect.arrayContaining(["degraded", "empty"]),
    );
  });

  it("is halved where the model reads less than was thought", async () => {
    const tiny = join(folder, "halves.txt");
    writeFileSync(tiny, paragraphOf(8));
    const model = writer({
      answer: ({ text }) => (text.length > 300 ? fail("too_long", "too much") : extract(text, 30, "lead")),
    });
    const result = await startRun({
      path: tiny,
      folder: join(folder, "halves"),
      options: { ...options, leafTokens: 600 },
      source,
      writer: model,
    });
    expect(result.calls).toBe(1);
    expect(viewOf(readState(join(folder, "halves"))).root.flags).toContain("resplit");
  });

  it("is not asked about parts without words", async () => {
    const signs = join(folder, "signs.txt");
    writeFileSync(signs, `${"* * * — — —\n\n".repeat(80)}`);
    const model = writer();
    const result = await startRun({ path: signs, folder: join(folder, "signs"), options, source, writer: model });
    expect(result).toMatchObject({ calls: 0, summary: "" });
  });
});

const paragraphOf = (n: number) => Array.from({ length: n }, (_, i) => sentence(i)).join(" ");

describe("files that cannot be summarised", () => {
  const refused = (name: string, content: string | Uint8Array, code: string, pattern: RegExp) =>
    it(name, async () => {
      const file = join(folder, name.replaceAll(" ", "-"));
      writeFileSync(file, content);
      try {
        await planBook(file, writer(), options);
      } catch (error) {
        expect(error).toMatchObject({ code });
        expect((error as Error).message).toMatch(pattern);
        return;
      }
      expect.unreachable("no error");
    });
  refused("an empty file.txt", "", "bad_input", /no text/);
  refused("white space.txt", " \n\t\n ", "bad_input", /no text/);
  refused("binary.txt", Uint8Array.of(1, 2, 0, 4, 5), "corrupt_file", /zero/);
  refused("no utf.txt", Uint8Array.of(0x41, 0xff, 0xfe, 0x42), "corrupt_file", /UTF-8/);
  refused("no zip.epub", "PK\u0003\u0004 no zip", "corrupt_file", /./);
  refused("another kind.docx", "x", "unsupported", /docx/);
  it("a file that is not there", async () => {
    await expect(planBook(join(folder, "gone.txt"), writer(), options)).rejects.toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
  });
  it("a script that the model does not know, a window that is too small, options out of range", async () => {
    await expect(planBook(path, writer({ unknownShare: () => 0.5 }), options)).rejects.toThrow(
      /50 % of the tokens are unknown/,
    );
    await expect(planBook(path, writer({ window: 60 }), options)).rejects.toThrow(/leaves/);
    await expect(
      planBook(path, writer({ window: 170 }), { ...options, leafTokens: 40, limits: [90, 60, 60] }),
    ).rejects.toThrow(/too little for two summaries/);
    await expect(planBook(path, writer(), { leafTokens: 0 })).rejects.toThrow(
      expect.objectContaining({ code: "wrong_use" }),
    );
    await expect(planBook(path, writer(), { leafToken: 9 } as SummarizeOptions)).rejects.toThrow(/leafToken/);
  });
});
