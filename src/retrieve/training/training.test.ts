import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { accuracyOf, retrieverData } from "../../../test/support/retriever-data.ts";
import { openEncoder } from "../../text/open-node.ts";
import { crossEncoder } from "../rerank.ts";
import { parseRetrieverConfig } from "./config.ts";
import { mineNegatives } from "./mine.ts";
import { trainStage } from "./run-node.ts";
import type { StageRow } from "./stage-node.ts";

const { folder, configOf } = retrieverData();
const accuracy = (path: string) => accuracyOf(path, join(folder, "data"));

describe("training", () => {
  it("warms a retriever up, and goes on bit for bit", async () => {
    const rows: StageRow[] = [];
    const options = { negatives: 1, mining: { source: "dense", depth: 20 }, steps: 60, save_every: 20 };
    const before = await accuracy(join(folder, "model"));
    const whole = await trainStage("warmup", configOf("warm", options), {
      events: { step: (row) => void rows.push(row) },
    });
    expect(rows).toHaveLength(60);
    expect(rows.at(-1)!.loss).toBeLessThan(rows[0]!.loss / 4);
    expect(before).toBeLessThan(0.3);
    expect(await accuracy(whole.retriever!)).toBeGreaterThan(0.9);
    const stop = new AbortController();
    const events = { step: ({ step }: StageRow) => void (step === 33 && stop.abort()) };
    expect(
      (await failureOf(trainStage("warmup", configOf("again", options), { signal: stop.signal, events }))).code,
    ).toBe("interrupted");
    expect((await failureOf(trainStage("warmup", configOf("again", options)))).message).toMatch(
      /a training in this folder already \(step 33\)/,
    );
    await trainStage("warmup", configOf("again", options), { resume: true });
    const bytes = (out: string) => readFileSync(join(folder, out, "model.safetensors"));
    expect(bytes("again").equals(bytes("warm"))).toBe(true);
    expect(existsSync(join(folder, "again", "checkpoint-33"))).toBe(false);
  });

  it("trains a ranker, then both against each other", async () => {
    const lists = { negatives: 5, mining: { source: "dense", depth: 20 } };
    const losses: number[] = [];
    const ranked = await trainStage(
      "ranker",
      configOf("ranker", { ...lists, ranker: join(folder, "model"), steps: 120 }),
      {
        events: { step: ({ loss }) => void losses.push(loss) },
      },
    );
    const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.97 * mean(losses.slice(0, 20)));
    await using opened = await openEncoder(ranked.ranker!, { threads: 1 });
    const { encoder, tokenizer, folder: files } = opened;
    const ranker = crossEncoder({ name: "ranker", encoder, tokenizer, config: files.config, longest: 16 });
    const scores = (await ranker.score("ask7 red", ["say3 red", "say7 old"])) as number[];
    // Logits as they are: the folder says so.
    const { logits } = await encoder.classify!(["ask7 red", "say7 old"]);
    expect(scores[1]).toBeCloseTo(logits[0]!, 5);

    const judged: object[] = [];
    const both = {
      ...lists,
      ranker: ranked.ranker,
      iterations: 2,
      steps: 20,
      ranker_steps: 10,
      lambda: 0.5,
      adv_reduction: "mean",
      lr: 0.003,
      allow_weaker_ranker: true,
    };
    const rows: StageRow[] = [];
    const result = await trainStage("ar2", configOf("both", { ...both, model: join(folder, "warm") }), {
      events: { judged: (one) => void judged.push(one), step: (row) => void rows.push(row) },
    });
    expect(judged).toHaveLength(2);
    expect(rows.map(({ stage }) => stage[1]).join("")).toBe(("a".repeat(10) + "e".repeat(20)).repeat(2));
    // This ranker has learnt little, and the adversarial term pulls to what it takes for right: no more is left than that.
    expect(await accuracy(result.retriever!)).toBeGreaterThan(0.25);
    const distilled: number[] = [];
    const away = { ...lists, ranker: ranked.ranker, steps: 60, allow_weaker_ranker: true };
    await trainStage("distil", configOf("distilled", away), {
      events: { step: ({ loss }) => void distilled.push(loss) },
    });
    expect(mean(distilled.slice(-10))).toBeLessThan(mean(distilled.slice(0, 10)));
  });

  it("refuses a ranker that knows less than the retriever", async () => {
    const config = configOf("weaker", {
      model: join(folder, "warm"),
      ranker: join(folder, "model"),
      negatives: 5,
      steps: 5,
      mining: { depth: 20 },
    });
    expect((await failureOf(trainStage("distil", config))).message).toMatch(
      /the ranker has the right passage first for .* would spoil/,
    );
  });

  it("writes what it mines", async () => {
    const { mined } = await trainStage(
      "mine",
      configOf("mined", { negatives: 3, mining: { depth: 20, sampling: "top" } }),
    );
    const [first] = readFileSync(mined!, "utf8")
      .split("\n")
      .map((line) => line && JSON.parse(line));
    expect(first.negative_document_ids).toHaveLength(3);
    expect(first.negative_document_ids).not.toContain(first.positive_document_ids[0]);
  });

  it("writes it as DPR does, and learns from such a file with the negatives that it has", async () => {
    const options = { negatives: 2, mining: { depth: 20, format: "dpr" } };
    const { mined } = await trainStage("mine", configOf("dpr", options));
    expect(mined).toMatch(/mined\.json$/);
    const [first] = JSON.parse(readFileSync(mined!, "utf8"));
    expect(first).toMatchObject({ answers: [], negative_ctxs: [], positive_ctxs: [{ title: "" }] });
    expect(first.hard_negative_ctxs).toHaveLength(2);
    const sources: string[] = [];
    const events = {
      mined: ({ source, questions }: { source: string; questions: number }) =>
        void sources.push(`${source} ${questions}`),
    };
    const config = configOf("of-dpr", { data: mined, negatives: 1, steps: 30 });
    const losses: number[] = [];
    await trainStage("warmup", config, { events: { ...events, step: ({ loss }) => void losses.push(loss) } });
    expect(sources).toEqual(["given 48"]);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const missing = configOf("no-negatives", { mining: { source: "given" } });
    expect((await failureOf(trainStage("warmup", missing))).message).toMatch(/the data has no negatives/);
  });

  it("names what is wrong with a configuration", () => {
    expect(failure(() => parseRetrieverConfig({ data: "x", out: "y", lamda: 1 }, "c.json")).message).toMatch(/lamda/);
  });
});

describe("mining", () => {
  const corpus = ["a", "b", "c", "d"].map((id) => ({
    id,
    title: "",
    text: id === "c" ? "holds forty two" : `text ${id}`,
  }));
  const questions = new Map([["q", { id: "q", text: "?", answers: ["forty two"] }]]);
  const data = { corpus, questions, judgements: new Map([["q", new Map([["a", 1]])]]), warnings: [] };
  const hits = [
    [3, 9],
    [0, 8],
    [2, 7],
    [1, 4],
  ].map(([row, score]) => ({ row: row!, score: score! }));
  const mined = (o: object, count = 4) => {
    const { mining } = parseRetrieverConfig({ data: "x", out: "y", mining: { sampling: "top", ...o } }, "c.json");
    return mineNegatives(data, Array(6).fill("q"), Array(6).fill(hits), count, mining, 0).mined[0]!.negatives;
  };

  it("leaves out what is right, what holds an answer, and what is too near", () => {
    expect(mined({}, 2)).toEqual([3, 1]);
    expect(mined({ exclude_answers: false }, 3)).toEqual([3, 2, 1]);
    expect(mined({ range_min: 1 }, 1)).toEqual([1]);
    expect(mined({ absolute_margin: 0.5 }, 1)).toEqual([1]);
    expect(mined({ relative_margin: 0.05, exclude_answers: false }, 2)).toEqual([2, 1]);
    expect(mined({ max_score: 5 }, 1)).toEqual([1]);
    expect(failure(() => mined({}, 3)).message).toMatch(/of 6 questions 0 have no negatives at all and 6 fewer than 3/);
  });
});
