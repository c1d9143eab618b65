import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, failureOf } from "../../../test/support/failure.ts";
import { smallRetriever } from "../../../test/support/models/small-retriever.ts";
import { randomAt } from "../../base/rng.ts";
import { compile } from "../../runtime/compile-node.ts";
import { openEncoder } from "../../text/open-node.ts";
import { crossEncoder } from "../rerank.ts";
import { parseRetrieverConfig } from "./config.ts";
import { mineNegatives } from "./mine.ts";
import { openRetriever } from "./models-node.ts";
import { outputTrainer } from "./outputs.ts";
import { trainStage } from "./run-node.ts";
import type { StageRow } from "./stage-node.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-retriever-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Questions in words of their own: "ask3" is answered where "say3" stands. */
const topics = 24;
const fill = ["red", "blue", "old", "new", "big"];
const words = [...Array.from({ length: topics }, (_, i) => [`ask${i}`, `say${i}`]).flat(), ...fill];

beforeAll(async () => {
  await smallRetriever(join(folder, "model"), { words, width: 16, normalize: false, longest: 16 });
  const data = join(folder, "data");
  mkdirSync(join(data, "qrels"), { recursive: true });
  const random = randomAt(3, 1);
  const some = (n: number) => Array.from({ length: n }, () => fill[random.below(fill.length)]).join(" ");
  const corpus = Array.from({ length: topics }, (_, i) => ({ _id: `d${i}`, title: "", text: `say${i} ${some(3)}` }));
  const queries = Array.from({ length: 2 * topics }, (_, i) => ({ _id: `q${i}`, text: `ask${i % topics} ${some(2)}` }));
  writeFileSync(join(data, "corpus.jsonl"), corpus.map((row) => JSON.stringify(row)).join("\n"));
  writeFileSync(join(data, "queries.jsonl"), queries.map((row) => JSON.stringify(row)).join("\n"));
  writeFileSync(
    join(data, "qrels", "train.tsv"),
    `query-id\tcorpus-id\tscore\n${queries.map(({ _id }, i) => `${_id}\td${i % topics}\t1\n`).join("")}`,
  );
});

const configOf = (out: string, more: object) =>
  parseRetrieverConfig(
    {
      model: join(folder, "model"),
      data: join(folder, "data"),
      out: join(folder, out),
      lr: 0.01,
      ranker_lr: 0.01,
      batch: 12,
      threads: 1,
      max_length: 16,
      max_question: 8,
      ...more,
    },
    "config.json",
  );

/** Share of questions whose passage is nearest, in a folder as it was written. */
async function accuracyOf(path: string): Promise<number> {
  await using opened = await openEncoder(path, { threads: 1 });
  const text = (name: string) =>
    readFileSync(join(folder, "data", name), "utf8")
      .split("\n")
      .map((line) => JSON.parse(line).text as string);
  const embed = async (texts: string[]) => (await opened.encoder.embedAll(texts)) as Float32Array[];
  const [d, q] = [await embed(text("corpus.jsonl")), await embed(text("queries.jsonl"))];
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const right = q.filter((vector, i) => {
    const scores = d.map((passage) => dot(vector, passage));
    return scores.indexOf(Math.max(...scores)) === i % topics;
  });
  return right.length / q.length;
}

describe("two passes", () => {
  it("give the gradient of one, however a batch is parted", async () => {
    const changes: Float32Array[] = [];
    for (const part of [6, 2]) {
      const learner = await openRetriever(join(folder, "model"));
      const name = [...learner.values.keys()].find((one) => one.endsWith("word_embeddings.weight"))!;
      const before = Float32Array.from(learner.values.get(name)!.data as Float32Array);
      await using trainer = await outputTrainer({
        model: learner.model,
        values: learner.values,
        trained: () => true,
        ...{ texts: 6, part, dropout: 0, clip: 0, weightDecay: 0, seed: 0 },
        compile: (graph, trained) => compile(graph, { trained, threads: 1, weights: new Map() }),
      });
      const texts = ["ask1", "say1 red", "ask2 old old", "say2", "new", "big blue red"].map((text) => ({
        ids: learner.tokenizer.encode(text).ids,
      }));
      const judge = async (outputs: Float32Array) => ({
        loss: outputs.reduce((a, b) => a + b * b, 0) / 2,
        gradient: outputs.slice(),
      });
      const { loss, gradNorm } = await trainer.step(texts, judge, 1e-3);
      expect(gradNorm).toBeGreaterThan(0);
      const after = trainer.trainer.values.get(name)!.data as Float32Array;
      changes.push(Float32Array.of(loss, gradNorm, ...after.map((value, i) => value - before[i]!)));
    }
    const [whole, parted] = changes as [Float32Array, Float32Array];
    whole.forEach((value, i) => {
      expect(Math.abs(value - parted[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  });
});

describe("training", () => {
  it("warms a retriever up, and goes on bit for bit", async () => {
    const rows: StageRow[] = [];
    const options = { negatives: 1, mining: { source: "dense", depth: 20 }, steps: 60, save_every: 20 };
    const before = await accuracyOf(join(folder, "model"));
    const whole = await trainStage("warmup", configOf("warm", options), {
      events: { step: (row) => void rows.push(row) },
    });
    expect(rows).toHaveLength(60);
    expect(rows.at(-1)!.loss).toBeLessThan(rows[0]!.loss / 4);
    expect(before).toBeLessThan(0.3);
    expect(await accuracyOf(whole.retriever!)).toBeGreaterThan(0.9);
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
    expect(await accuracyOf(result.retriever!)).toBeGreaterThan(0.25);
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
