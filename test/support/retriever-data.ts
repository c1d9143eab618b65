/** Questions in words of their own: "ask3" is answered where "say3" stands; and a small model that reads these words. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { randomAt } from "../../src/base/rng.ts";
import { parseRetrieverConfig, type RetrieverConfig } from "../../src/retrieve/training/config.ts";
import { openEncoder } from "../../src/text/open-node.ts";
import { smallRetriever } from "./models/small-retriever.ts";

export const topics = 24;
const fill = ["red", "blue", "old", "new", "big"];
const words = [...Array.from({ length: topics }, (_, i) => [`ask${i}`, `say${i}`]).flat(), ...fill];

export interface RetrieverData {
  /** Holds `model` and `data`, and what trainings write. */
  readonly folder: string;
  configOf(out: string, more: object): RetrieverConfig;
}

/** @param same whether all passages are the same text */
export function retrieverData({ same = false } = {}): RetrieverData {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-retriever-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(async () => {
    await smallRetriever(join(folder, "model"), { words, width: 16, normalize: false, longest: 16 });
    const data = join(folder, "data");
    mkdirSync(join(data, "qrels"), { recursive: true });
    const random = randomAt(3, 1);
    const some = (n: number) => Array.from({ length: n }, () => fill[random.below(fill.length)]).join(" ");
    const corpus = Array.from({ length: topics }, (_, i) => ({
      ...{ _id: `d${i}`, title: "" },
      text: same ? "red blue" : `say${i} ${some(3)}`,
    }));
    const queries = Array.from({ length: 2 * topics }, (_, i) => ({
      _id: `q${i}`,
      text: `ask${i % topics} ${some(2)}`,
    }));
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
        ...{ model: join(folder, "model"), data: join(folder, "data"), out: join(folder, out) },
        ...{ lr: 0.01, ranker_lr: 0.01, batch: 12, threads: 1, max_length: 16, max_question: 8 },
        ...more,
      },
      "config.json",
    );
  return { folder, configOf };
}

/** Share of questions whose passage is nearest by the model of a folder as it was written. */
export async function accuracyOf(path: string, data: string): Promise<number> {
  await using opened = await openEncoder(path, { threads: 1 });
  const text = (name: string) =>
    readFileSync(join(data, name), "utf8")
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
