/** What the stages of a training are put together of: mining, steps of each loss, and the checks between them. */
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import { float32, int64, type NdArray } from "../../graph/array.ts";
import type { Graph } from "../../graph/graph.ts";
import { scheduleFactor } from "../../learn/schedules.ts";
import type { EncodedText } from "../../models/kinds/encoder.ts";
import { compile } from "../../runtime/compile-node.ts";
import type { Program } from "../../runtime/program.ts";
import type { CompileOver } from "../dense/exact.ts";
import { type Beir, passageText } from "../evaluation/beir-node.ts";
import { denseHits, lexicalHits } from "../evaluation/retrieve.ts";
import { byScore, type Hit } from "../lexical/bm25.ts";
import type { RetrieverConfig } from "./config.ts";
import { inBatchGraph, listwiseGraph, rankerGraph } from "./losses.ts";
import { type Mined, type MineReport, mineNegatives, negativeAt } from "./mine.ts";
import { encoderOf, type Learner } from "./models-node.ts";
import { type OutputTrainer, outputTrainer } from "./outputs.ts";
import { cosine, dot, judgedBy, metricOf, promptsOf } from "./parts.ts";
import { flatWatch, needApart } from "./watch.ts";

export interface StageRow {
  readonly stage: "retriever" | "ranker";
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
  readonly grad_norm: number;
  readonly seconds: number;
}

export interface StageEvents {
  step?(row: StageRow): void;
  mined?(report: MineReport & { readonly questions: number; readonly source: string }): void;
  warned?(text: string): void;
  /** Share of the questions whose right passage is first among the candidates. */
  judged?(accuracy: { readonly retriever: number; readonly ranker: number }): void;
}

export interface StageRun {
  readonly resume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly events?: StageEvents | undefined;
  readonly now?: (() => number) | undefined;
}

/** Where negatives are looked for; `given` are those that the data has. */
type MiningSource = NonNullable<RetrieverConfig["mining"]["source"]>;

/** Between two looks at whether to stop. */
const textsAtOnce = 256;
/** A model in training. */
export interface Side {
  readonly learner: Learner;
  readonly trainer: OutputTrainer;
}

/** A retriever in training, with what it is compared by. */
export function createStage(c: RetrieverConfig, data: Beir, ids: readonly string[], run: StageRun) {
  const { signal, events = {}, now = Date.now } = run;
  const matchers = c.frozen.map((pattern) => new RegExp(pattern));
  const moves = (name: string) => !matchers.some((one) => one.test(name));
  const threads = c.threads === undefined ? {} : { threads: c.threads };
  const over: CompileOver = (graph, weights) => compile(graph, { ...threads, weights, spin: false });
  const compileFor = (
    graph: Graph,
    trained: (name: string) => boolean,
    values: ReadonlyMap<string, NdArray>,
  ): Promise<Program> => {
    // What stays as it is lies in memory, as the rest of the graph's weights.
    const weights = new Map(
      [...values].map(([name, { shape, data: d }]) => {
        const { buffer, byteOffset, byteLength } = d as Float32Array<ArrayBuffer>;
        return [
          name,
          { dtype: "float32" as const, shape, data: new Uint8Array(buffer, byteOffset, byteLength) },
        ] as const;
      }),
    );
    return compile(graph, { ...threads, weights, trained, optimize: "disabled", spin: false });
  };
  const passages = data.corpus.map(passageText);

  const trainerOf = (learner: Learner, texts: number, salt: number): Promise<OutputTrainer> =>
    outputTrainer({
      model: learner.model,
      values: learner.values,
      trained: moves,
      ...{
        texts,
        part: Math.min(c.part, texts),
        dropout: c.dropout,
        clip: c.clip,
        weightDecay: c.weight_decay,
        seed: c.seed + salt,
      },
      compile: (graph, trained) => compileFor(graph, trained, learner.values),
    });

  /** Questions in an order of their own each epoch; the last ones of an epoch that fill no batch wait for another. */
  function batchAt(mined: readonly Mined[], step: number, salt: number): Mined[] {
    const size = Math.min(c.batch, mined.length);
    const perEpoch = Math.floor(mined.length / size);
    const epoch = Math.floor(step / perEpoch);
    const order = shuffle(
      mined.map((_, i) => i),
      randomAt(c.seed, epoch, salt),
    );
    const at = (step % perEpoch) * size;
    return order.slice(at, at + size).map((i) => mined[i]!);
  }

  async function vectorsOf(
    trainer: OutputTrainer,
    texts: readonly EncodedText[],
    width: number,
  ): Promise<Float32Array[]> {
    const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.ids.length - texts[b]!.ids.length);
    const vectors = new Array<Float32Array>(texts.length);
    for (let at = 0; at < order.length; at += textsAtOnce) {
      throwIfAborted(signal);
      const places = order.slice(at, at + textsAtOnce);
      const flat = await trainer.outputs(places.map((i) => texts[i]!));
      for (const [j, i] of places.entries()) vectors[i] = flat.slice(j * width, (j + 1) * width);
    }
    return vectors;
  }

  /** What a model finds for every question now. */
  async function found(source: MiningSource, retriever?: Side): Promise<Hit[][]> {
    if (source === "given") {
      const negatives =
        data.negatives ??
        fail("bad_input", "mining.source is given, and the data has no negatives", {
          hint: "a .json file of DPR's has them; of a BEIR folder they are found: bm25, dense or union",
        });
      const rows = new Map(data.corpus.map(({ id }, row) => [id, row]));
      return ids.map((id) =>
        (negatives.get(id) ?? []).map((passage, i): Hit => ({ row: rows.get(passage)!, score: -i })),
      );
    }
    const depth = c.mining.depth + c.mining.range_min + 8;
    const texts = ids.map((id) => data.questions.get(id)!.text);
    const lexical = source === "dense" ? undefined : lexicalHits(passages, texts, depth, { signal });
    if (source === "bm25") return lexical!;
    const { learner, trainer } = retriever!;
    const { width } = learner.model;
    const read = encoderOf(learner, c.max_length);
    const asked = encoderOf(learner, c.max_question);
    const { documentPrompt, queryPrompt } = promptsOf(learner);
    const [d, q] = [
      await vectorsOf(
        trainer,
        passages.map((text) => read.one(documentPrompt + text)),
        width,
      ),
      await vectorsOf(
        trainer,
        texts.map((text) => asked.one(queryPrompt + text)),
        width,
      ),
    ];
    let likeness = 0;
    const pairs = Math.min(200, d.length - 1);
    for (let i = 0; i < pairs; i++) likeness += cosine(d[i]!, d[i + 1]!);
    // Before the first step it is the start that is so: of BERT, for one, whose first token has learnt nothing yet.
    if (trainer.trainer.steps > 0 && pairs > 10) needApart(likeness / pairs);
    if (read.cut() > 0)
      events.warned?.(`${read.cut()} passages are longer than max_length ${c.max_length} and were cut`);
    const dense = await denseHits(d, q, depth, { metric: metricOf(learner), compile: over });
    if (source === "dense") return dense;
    return dense.map((hits, i) =>
      [...new Map([...lexical![i]!, ...hits].map((hit) => [hit.row, hit])).values()].sort(byScore),
    );
  }

  async function mine(count: number, source: MiningSource, salt: number, retriever?: Side) {
    const { mined, report } = mineNegatives(data, ids, await found(source, retriever), count, c.mining, c.seed + salt);
    events.mined?.({ ...report, questions: mined.length, source });
    return mined;
  }

  const scoring = (learner: Learner) => {
    const normalize = metricOf(learner) === "cosine";
    // Vectors that the model itself makes of length 1 are compared by their products.
    const already = learner.embedding?.layers.some(({ kind }) => kind === "normalize");
    return { scale: c.scale ?? (normalize ? 20 : 1), normalize: normalize && !already };
  };

  const relevant = (question: string, row: number) =>
    (data.judgements.get(question)?.get(data.corpus[row]!.id) ?? 0) > 0;

  /** A batch of questions over all of its passages. */
  async function contrastive(learner: Learner, trainer: OutputTrainer, negatives: number) {
    const { width } = learner.model;
    const program = await compile(inBatchGraph(width, scoring(learner)), threads);
    const [read, asked] = [encoderOf(learner, c.max_length), encoderOf(learner, c.max_question)];
    const { documentPrompt, queryPrompt } = promptsOf(learner);
    return {
      program,
      async step(batch: readonly Mined[], lr: number) {
        const rows = batch.flatMap((one) => [
          one.positives[0]!,
          ...Array.from({ length: negatives }, (_, n) => negativeAt(one, n)),
        ]);
        const texts = [
          ...batch.map(({ text }) => asked.one(queryPrompt + text)),
          ...rows.map((row) => read.one(documentPrompt + passages[row]!)),
        ];
        const gold = batch.map((_, i) => i * (1 + negatives));
        // What answers a question is no negative of it, wherever in the batch it comes from.
        const masked = batch.flatMap(({ question }, i) =>
          rows.map((row, j) => Number(j !== gold[i] && (row === rows[gold[i]!] || relevant(question, row)))),
        );
        return trainer.step(
          texts,
          async (vectors) => {
            const cut = batch.length * width;
            const result = await program.run({
              q: float32([batch.length, width], vectors.slice(0, cut)),
              d: float32([rows.length, width], vectors.slice(cut)),
              gold: int64([batch.length], gold),
              masked: float32([batch.length, rows.length], masked),
            });
            return judgedBy(result, ["dq", "dd"]);
          },
          lr,
        );
      },
    };
  }

  const candidatesOf = (batch: readonly Mined[], negatives: number): number[] =>
    batch.flatMap((one) => [one.positives[0]!, ...Array.from({ length: negatives }, (_, n) => negativeAt(one, n))]);

  function pairsOf(learner: Learner, batch: readonly Mined[], negatives: number): EncodedText[] {
    const read = encoderOf(learner, c.max_length);
    const rows = candidatesOf(batch, negatives);
    return rows.map((row, i) =>
      read.pair(batch[Math.floor(i / (1 + negatives))]!.text, passages[row]!, c.max_question),
    );
  }

  /** A ranker over each question's candidates. */
  async function ranking(learner: Learner, trainer: OutputTrainer, negatives: number) {
    const program = await compile(rankerGraph(1 + negatives), threads);
    return {
      program,
      step: (batch: readonly Mined[], lr: number) =>
        trainer.step(
          pairsOf(learner, batch, negatives),
          async (scores) => {
            const result = await program.run({ scores: float32([batch.length, 1 + negatives], scores) });
            return judgedBy(result, ["dscores"]);
          },
          lr,
        ),
    };
  }

  /** A retriever over each question's candidates, by what a ranker makes of them. */
  async function listwise(learner: Learner, trainer: OutputTrainer, ranker: Side, negatives: number) {
    const { width } = learner.model;
    const size = Math.min(c.batch, ids.length);
    const { lambda, adv_reduction: advReduction, temperature, ranker_temperature: rankerTemperature } = c;
    const options = { ...scoring(learner), lambda, advReduction, temperature, rankerTemperature };
    const programs = new Map<number, Promise<Program>>();
    const programOf = (batch: number) => {
      const known = programs.get(batch) ?? compile(listwiseGraph(width, batch, 1 + negatives, options), threads);
      programs.set(batch, known);
      return known;
    };
    await programOf(size);
    const [read, asked] = [encoderOf(learner, c.max_length), encoderOf(learner, c.max_question)];
    const { documentPrompt, queryPrompt } = promptsOf(learner);
    return {
      programs,
      async step(batch: readonly Mined[], lr: number) {
        const program = await programOf(batch.length);
        const scores = await ranker.trainer.outputs(pairsOf(ranker.learner, batch, negatives));
        const rows = candidatesOf(batch, negatives);
        const texts = [
          ...batch.map(({ text }) => asked.one(queryPrompt + text)),
          ...rows.map((row) => read.one(documentPrompt + passages[row]!)),
        ];
        return trainer.step(
          texts,
          async (vectors) => {
            const cut = batch.length * width;
            const result = await program.run({
              q: float32([batch.length, width], vectors.slice(0, cut)),
              d: float32([rows.length, width], vectors.slice(cut)),
              ranker: float32([batch.length, 1 + negatives], scores),
            });
            return judgedBy(result, ["dq", "dd"]);
          },
          lr,
        );
      },
    };
  }

  /** How often each of the two has the right passage first, on some of the questions. */
  async function accuracies(mined: readonly Mined[], negatives: number, retriever: Side, ranker: Side) {
    const some = mined.slice(0, 200);
    const scores = await ranker.trainer.outputs(pairsOf(ranker.learner, some, negatives));
    const rows = candidatesOf(some, negatives);
    const { width } = retriever.learner.model;
    const [read, asked] = [encoderOf(retriever.learner, c.max_length), encoderOf(retriever.learner, c.max_question)];
    const { documentPrompt, queryPrompt } = promptsOf(retriever.learner);
    const q = await vectorsOf(
      retriever.trainer,
      some.map(({ text }) => asked.one(queryPrompt + text)),
      width,
    );
    const d = await vectorsOf(
      retriever.trainer,
      rows.map((row) => read.one(documentPrompt + passages[row]!)),
      width,
    );
    const compareBy = metricOf(retriever.learner) === "cosine" ? cosine : dot;
    const firstIsBest = (score: (question: number, place: number) => number) => {
      const wins = some.filter((_, i) =>
        Array.from({ length: negatives }, (_, n) => score(i, n + 1)).every((other) => other < score(i, 0)),
      );
      return wins.length / some.length;
    };
    const place = (i: number, n: number) => i * (1 + negatives) + n;
    const result = {
      retriever: firstIsBest((i, n) => compareBy(q[i]!, d[place(i, n)]!)),
      ranker: firstIsBest((i, n) => scores[place(i, n)]!),
    };
    events.judged?.(result);
    if (result.ranker < result.retriever && !c.allow_weaker_ranker) {
      const [a, b] = [result.ranker, result.retriever].map((share) => `${(100 * share).toFixed(1)} %`);
      fail(
        "bad_input",
        `the ranker has the right passage first for ${a} of the questions, the retriever for ${b}: learning from it would spoil the retriever`,
        {
          hint: "train the ranker for longer (ranker_steps, ranker_lr); allow_weaker_ranker goes on all the same",
        },
      );
    }
  }

  /** Steps from the trainer's own to the last. */
  async function steps(o: {
    readonly stage: StageRow["stage"];
    readonly trainer: OutputTrainer;
    readonly from: number;
    readonly to: number;
    readonly total: number;
    readonly lr: number;
    readonly mined: readonly Mined[];
    readonly candidates: number;
    readonly salt: number;
    readonly step: (batch: readonly Mined[], lr: number) => Promise<{ loss: number; gradNorm: number }>;
    readonly row: (row: StageRow) => void;
    readonly save?: (step: number) => Promise<void>;
  }): Promise<number> {
    const watch = flatWatch(o.candidates);
    let last = Number.NaN;
    for (let step = o.from + 1; step <= o.to; step++) {
      if (signal?.aborted) {
        await o.save?.(step - 1);
        throwIfAborted(signal);
      }
      const started = now();
      const rising = Math.round(c.warmup * o.total);
      // The first step has a rate, too: it would be lost.
      const lr = o.lr * scheduleFactor({ name: "linear", warmup: rising }, step + (rising > 0 ? 1 : 0), o.total + 1);
      const { loss, gradNorm } = await o.step(batchAt(o.mined, step - 1, o.salt), lr);
      if (c.lambda === 0 || o.stage === "ranker") watch(loss, step);
      const row = { stage: o.stage, step, loss, lr, grad_norm: gradNorm, seconds: (now() - started) / 1000 };
      o.row(row);
      events.step?.(row);
      last = loss;
      if (o.save && c.save_every > 0 && step % c.save_every === 0 && step < o.to) await o.save(step);
    }
    return last;
  }

  return { trainerOf, mine, contrastive, ranking, listwise, accuracies, steps, passages };
}
