/** `zeroth retriever eval`. */

import { writeFileSafely } from "../../base/files-node.ts";
import { readTextFile } from "../../base/read-node.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { Embedder } from "../../retrieve/embedder-node.ts";
import { type Beir, passageText } from "../../retrieve/evaluation/beir-node.ts";
import { compare } from "../../retrieve/evaluation/compare.ts";
import { openJudged } from "../../retrieve/evaluation/judged-node.ts";
import { type AskedMetric, meanOf, parseMetric, perQuestion, type Run } from "../../retrieve/evaluation/metrics.ts";
import { denseHits, hybridHits, lexicalHits, runOf } from "../../retrieve/evaluation/retrieve.ts";
import { parseRun, runText } from "../../retrieve/evaluation/trec.ts";
import type { Stemming } from "../../retrieve/lexical/analyse.ts";
import { byScore, type Hit } from "../../retrieve/lexical/bm25.ts";
import type { EngineFlags } from "../engine.ts";
import type { Output } from "../output.ts";
import { engineOver, openEmbedders, openRanker } from "./open.ts";

interface Call {
  readonly flags: EngineFlags & {
    readonly data?: string | undefined;
    readonly split?: string | undefined;
    readonly queryModel?: string | undefined;
    readonly run?: string | undefined;
    readonly compare?: string | undefined;
    readonly mode?: "hybrid" | "dense" | "bm25" | undefined;
    readonly metrics?: readonly string[] | undefined;
    readonly depth?: number | undefined;
    readonly rerank?: string | undefined;
    readonly stem?: Stemming | undefined;
    readonly writeRun?: string | undefined;
  };
  readonly output: Output;
  readonly signal: AbortSignal;
}

const usual = ["ndcg@10", "mrr@10", "recall@100"];
const mostRanked = 50;
const mostRun = 1 << 30;

/** Vectors of texts; a text that is too long is read in its beginning. */
async function vectorsOf(
  embedder: Embedder,
  texts: readonly string[],
  kind: "documents" | "queries",
  { output, signal }: Call,
): Promise<Float32Array[]> {
  let cut = 0;
  const short = texts.map((text) => {
    const starts = embedder.starts(text);
    if (starts.length <= embedder.longest) return text;
    cut++;
    return text.slice(0, starts[embedder.longest]);
  });
  if (cut > 0)
    output.say(`${cut.toLocaleString("en")} ${kind} are longer than the model reads: their beginning counts`);
  const onDone = (done: number) =>
    output.progress(`${done.toLocaleString("en")} of ${texts.length.toLocaleString("en")} ${kind}`);
  return (await embedder[kind](short, { signal, onDone })).map((vector) => {
    if (vector instanceof ZerothError) throw vector;
    return vector;
  });
}

async function found(data: Beir, call: Call): Promise<Run> {
  const { flags, output, signal } = call;
  const { depth = 100, model } = flags;
  const mode = flags.mode ?? (model === undefined ? "bm25" : "hybrid");
  if (mode !== "bm25" && model === undefined) fail("wrong_use", `${mode} search needs a --model`);
  const ids = data.corpus.map(({ id }) => id);
  const texts = data.corpus.map(passageText);
  const questions = [...data.judgements.keys()];
  const asked = questions.map((id) => data.questions.get(id)!.text);
  const words = mode === "dense" ? [] : lexicalHits(texts, asked, depth, { stemming: flags.stem, signal });
  let hits: Hit[][] = words;
  if (mode !== "bm25") {
    await using opened = await openEmbedders(model!, flags.queryModel, flags, {}, output, signal);
    const { embedder } = opened;
    const d = await vectorsOf(embedder, texts, "documents", call);
    const q = await vectorsOf(embedder, asked, "queries", call);
    const near = await denseHits(d, q, depth, { metric: embedder.settings.metric, compile: engineOver(flags, output) });
    hits = mode === "dense" ? near : hybridHits(words, near);
  }
  if (flags.rerank === undefined) return runOf(questions, ids, hits);
  await using ranker = await openRanker(flags.rerank, flags, output, signal);
  const ordered: Hit[][] = [];
  for (const [i, list] of hits.entries()) {
    const some = list.slice(0, mostRanked);
    const scores = await ranker.ranker.score(
      asked[i]!,
      some.map(({ row }) => texts[row]!),
      { signal },
    );
    const failed = scores.find((one) => one instanceof ZerothError);
    if (failed) throw failed;
    ordered.push(some.map(({ row }, j): Hit => ({ row, score: scores[j] as number })).sort(byScore));
    output.progress(`${(i + 1).toLocaleString("en")} of ${hits.length.toLocaleString("en")} questions are ranked`);
  }
  return runOf(questions, ids, ordered);
}

const nameOf = ({ name, k }: AskedMetric) => (k === Number.POSITIVE_INFINITY ? name : `${name}@${k}`);

export async function evaluate(call: Call): Promise<number> {
  const { flags, output } = call;
  const { data: folder, split = "test" } = flags;
  if (folder === undefined)
    fail("wrong_use", "--data is missing", {
      hint: "a folder with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, or DPR's .json",
    });
  const metrics = (flags.metrics ?? usual).map(parseMetric);
  const data = await openJudged(folder, split);
  for (const warning of data.warnings) output.say(`warning: ${warning}`);
  const runIn = (path: string) => parseRun(readTextFile(path, mostRun), path);
  const run = flags.run === undefined ? await found(data, call) : runIn(flags.run);
  const without = [...data.judgements.keys()].filter((id) => (run.get(id)?.size ?? 0) === 0).length;
  if (without > 0) output.say(`${without.toLocaleString("en")} questions have no hits and count 0`);
  const other = flags.compare === undefined ? undefined : runIn(flags.compare);
  for (const metric of metrics) {
    const values = perQuestion(run, data.judgements, metric);
    const value = meanOf(values.values());
    const at = { metric: metric.name, k: metric.k === Number.POSITIVE_INFINITY ? null : metric.k };
    output.row({ ...at, value, n: values.size });
    output.text(
      `${nameOf(metric).padEnd(14)} ${(100 * value).toFixed(2).padStart(6)}  of ${values.size.toLocaleString("en")} questions\n`,
    );
    if (!other) continue;
    const before = perQuestion(other, data.judgements, metric);
    const { mean, low, high, p } = compare(
      [...values.keys()].map((id) => before.get(id) ?? 0),
      [...values.values()],
    );
    output.row({ ...at, difference: mean, low, high, p });
    output.text(
      `${"".padEnd(14)} ${(100 * mean).toFixed(2).padStart(6)}  against ${flags.compare}, 95 % from ${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)}, p ${p.toFixed(4)}\n`,
    );
  }
  if (flags.writeRun !== undefined) {
    await writeFileSafely(flags.writeRun, runText(run));
    output.say(`${flags.writeRun}: what was found, as TREC has it`);
  }
  return 0;
}
