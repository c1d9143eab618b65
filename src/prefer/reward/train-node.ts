/** A reward model from comparisons: an encoder with a head of one number, higher for what people prefer. */
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import { configText } from "../../folders/config-text-node.ts";
import { openTokenizer } from "../../folders/open-node.ts";
import type { NdArray } from "../../graph/array.ts";
import type { FitEvents, Fitted } from "../../learn/fit/fit.ts";
import { openFitFolder } from "../../learn/fit/folder-node.ts";
import { nodeHost } from "../../learn/fit/host-node.ts";
import { adapted } from "../../models/adapters/adapter.ts";
import type { AdapterSettings } from "../../models/adapters/settings.ts";
import { type EncodedText, encoderGraph, type ReaderArchitecture, textFeeds } from "../../models/kinds/encoder.ts";
import { type PairExample, pairLoss } from "../../models/kinds/preferences/pair-loss.ts";
import { wanted } from "../../models/kinds/programs.ts";
import { normal } from "../../nn/scope.ts";
import type { Program } from "../../runtime/program.ts";
import { fingerprintOf } from "../../text/adapters/files-node.ts";
import { mergedWeights, writeWhole } from "../../text/adapters/merge-node.ts";
import { copied, movingIn, poolerOf, startOf } from "../../text/adapters/moving.ts";
import { type ReadBase, readBase } from "../../text/adapters/read.ts";
import { asStored } from "../../weights/stored.ts";
import { type Share, shareOf } from "../data/agreement.ts";
import type { Pair } from "../data/comparison.ts";
import { type PairFiles, readDemonstrations, readPairs } from "../data/read-node.ts";
import { decisive, type RewardOptions } from "../options.ts";
import {
  identityOf,
  inParts,
  likelihoodOf,
  loraOf,
  needMovable,
  openTrainable,
  type PairRun,
  type PairStart,
  rightOf,
  trainPairs,
  written,
} from "../training-node.ts";
import { aboutText, rewardFile } from "./about-node.ts";
import { rewardReader } from "./encode.ts";

export interface RewardFiles extends PairFiles {
  /** An encoder's folder or name; a decoder's or encoder-decoder's with a head for classes of texts. */
  readonly model: string;
  readonly out: string;
  /** Rows of {prompt, completion} whose mean reward becomes 0; the chosen texts of the training rows without. */
  readonly demonstrations?: string | undefined;
}

export interface RewardEvents extends FitEvents {
  started?(info: RewardStart): void;
}

export interface RewardStart extends PairStart {
  /** Texts that are longer than the model reads. */
  readonly cut: number;
}

export type RewardRun = PairRun<RewardEvents>;

export interface RewardResult extends Omit<Fitted, "values"> {
  readonly folder: string;
  /** Of pairs that were held out how many are in the right order; undefined where none were. */
  readonly accuracy: Share | undefined;
  readonly byBook: readonly { readonly book: string; readonly accuracy: Share }[];
  /** What was taken off every reward, so that demonstrations have 0 on average. */
  readonly shift: number;
}

/** Usual rates: the body of a small encoder, LoRA beside it, its head alone. */
const usualRates = { full: 3e-5, lora: 5e-4, head: 1e-3 } as const;

/** Rows of one run of a model that judges. */
const together = 16;

/** Rewards of texts, in batches. */
async function rewardsOf(
  program: Program,
  texts: readonly EncodedText[],
  { pad }: ReaderArchitecture,
  padding: number | undefined,
  values: ReadonlyMap<string, NdArray>,
): Promise<number[]> {
  const rewards: number[] = [];
  for (const some of inParts(texts, together)) {
    const feeds = { ...textFeeds(some, pad, padding), ...Object.fromEntries(values) };
    const { scores } = await program.run(wanted(program, feeds));
    rewards.push(...(scores!.data as Float32Array));
  }
  return rewards;
}

function openBase(name: string) {
  const folder = openTrainable(name);
  const base = readBase(folder, "sequence", ["LABEL_0"]);
  const { architecture, weights } = base;
  if (architecture.kind !== "encoder" && architecture.kind !== "decoder") {
    return fail("unsupported", `${architecture.type} has no head for classes of texts`, {
      where: name,
      hint: "an encoder (BERT, MiniLM, DeBERTa, …) makes the smallest reward models",
    });
  }
  needMovable(weights, name);
  return { folder, base, reader: architecture as ReaderArchitecture };
}

/** Starting values of what moves; the head's last layer as in the paper's forerunner: N(0, 1/(d + 1)), bias 0. */
function startValues(
  base: ReadBase,
  trained: ReturnType<typeof written>["trained"],
  seed: number,
  read: Parameters<typeof copied>[1],
) {
  const heads = new Map(base.head.map(({ name, shape }) => [name, shape]));
  const values = new Map(
    trained.map((spec): [string, NdArray] => {
      const shape = heads.get(spec.name);
      const last = shape?.length === 2 && shape[0] === 1;
      const start = last ? { ...spec, initial: normal(1 / Math.sqrt(shape[1]! + 1)) } : spec;
      return [spec.name, startOf(start, base.weights, read, seed)];
    }),
  );
  const kept = new Map(
    base.head.flatMap(({ name }): [string, NdArray][] => {
      const pooler = poolerOf(name, base.weights);
      return pooler === undefined || values.has(name) ? [] : [[name, copied(base.weights.get(pooler)!, read)]];
    }),
  );
  return { values, kept };
}

function needPooler({ head, weights }: ReadBase, where: string): void {
  const lacks = head.find(({ name }) => /(^|\.)pooler\./.test(name) && !weights.has(name));
  if (!lacks) return;
  fail(
    "unsupported",
    `the checkpoint has no ${lacks.name.replace(/\.(weight|bias)$/, "")}, which its head looks through`,
    {
      where,
      hint: "take a checkpoint that has one, or --method full, which learns it",
    },
  );
}

/**
 * Train a reward model into `out`: a folder that transformers opens as a classifier of one label.
 * @throws as opening the model and reading the rows does; unsupported for a model without such a head; interrupted
 */
export async function trainReward(files: RewardFiles, o: RewardOptions, run: RewardRun = {}): Promise<RewardResult> {
  const { events = {}, resume = false, now = Date.now, signal } = run;
  const { out } = files;
  const data = readPairs(files, o.split, o.seed);
  const demonstrations = files.demonstrations === undefined ? [] : readDemonstrations(files.demonstrations);
  const { folder, base, reader } = openBase(files.model);
  if (o.method !== "full") needPooler(base, files.model);
  const host = nodeHost(o.threads, now);
  const settings: AdapterSettings = o.method === "lora" ? loraOf(o, base) : { method: o.method };
  const inside = adapted(reader, settings, base.survey) as ReaderArchitecture;
  const { pad_token_id: padId } = folder.config;
  const padding = typeof padId === "number" ? padId : undefined;
  const longest = Math.min(o.maxLength ?? 512, inside.longest ?? Infinity);
  const encoder = rewardReader(openTokenizer(folder), inside, longest);
  const example = ({ text, chosen, rejected }: Pair): PairExample => ({
    chosen: encoder.encode(text, chosen),
    rejected: encoder.encode(text, rejected),
  });
  const train = data.train.map(example);
  const held = data.held.map(example);

  const w = written(
    pairLoss(inside, padding),
    movingIn(base, base.weights, settings, inside.frozen),
    o.dropout ?? inside.dropout,
  );
  const { values, kept } = startValues(base, w.trained, o.seed, host.read);
  const weights = new Map([...base.weights, ...asStored(kept)]);
  await using opened = await openFitFolder({
    ...{ out, resume, values, now, signal },
    what: "training",
    identity: identityOf([decisive(o), data.digest, fingerprintOf(folder)]),
  });

  const marginsOf = async (program: Program, live: ReadonlyMap<string, NdArray>) => {
    const texts = [...new Set(held.flatMap(({ chosen, rejected }) => [chosen, rejected]))];
    const rewards = await rewardsOf(program, texts, inside, padding, live);
    const of = new Map(texts.map((text, i) => [text, rewards[i]!]));
    return held.map(({ chosen, rejected }) => of.get(chosen)! - of.get(rejected)!);
  };

  const fitted = await trainPairs<PairExample>(
    {
      ...{ written: w, examples: train, weights, values, host, run, store: opened.store, events },
      length: ({ chosen, rejected }) => chosen.ids.length + rejected.ids.length,
      rate: o.lr ?? usualRates[o.method],
      started: (info) =>
        events.started?.({
          ...{ pairs: train.length, held: held.length, silent: data.silent, books: data.books, cut: encoder.cut() },
          ...info,
        }),
      judge:
        held.length === 0
          ? undefined
          : {
              graph: encoderGraph(inside, "sequence"),
              async found(program) {
                const margins = await marginsOf(program, values);
                return {
                  metric: "pair_accuracy",
                  value: rightOf(margins) / margins.length,
                  more: { log_likelihood: likelihoodOf(margins) },
                };
              },
            },
    },
    o,
  );

  await using program = await host.compile(encoderGraph(inside, "sequence"), weights, (name) =>
    fitted.values.has(name),
  );
  const margins = held.length === 0 ? [] : await marginsOf(program, fitted.values);
  const shifting =
    demonstrations.length > 0
      ? demonstrations.map(({ text, answer }) => encoder.encode(text, answer))
      : [...new Set(train.map(({ chosen }) => chosen))];
  const zeroed = await rewardsOf(program, shifting, inside, padding, fitted.values);
  const shift = zeroed.reduce((sum, reward) => sum + reward, 0) / zeroed.length;

  const learnt = new Map([...fitted.values, ...kept]);
  const all =
    settings.method === "lora"
      ? new Map([...learnt, ...(await mergedWeights(settings, learnt, base.weights, folder.path))])
      : learnt;
  const final = new Map([...all].filter(([name]) => !/\.lora_[AB]\.weight$/.test(name)));
  const inBias = shiftedBias(final, base, shift);
  await writeWhole(out, folder, base.weights, final, {
    config: configText(folder.path, base.config),
    kinds: ["tokenizer"],
  });
  const accuracy = held.length === 0 ? undefined : shareOf(rightOf(margins), margins.length);
  const byBook = data.books.held.map((book) => {
    const own = margins.filter((_, i) => data.held[i]!.book === book);
    return { book, accuracy: shareOf(rightOf(own), own.length) };
  });
  await writeFileSafely(
    join(out, rewardFile),
    aboutText({
      format: 1,
      max_length: longest,
      shift: inBias ? 0 : shift,
      pairs: train.length,
      pair_accuracy: accuracy?.share,
    }),
  );
  const { values: _, ...told } = fitted;
  return { ...told, folder: out, accuracy, byBook, shift };
}

/** Take the shift off the head's last bias. @returns whether it has one */
function shiftedBias(values: Map<string, NdArray>, { head }: ReadBase, shift: number): boolean {
  const bias = head.find(({ shape }) => shape.length === 1 && shape[0] === 1);
  const value = bias && values.get(bias.name);
  if (!value) return false;
  (value.data as Float32Array)[0]! -= shift;
  return true;
}
