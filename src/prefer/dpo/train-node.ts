/** A model that writes, brought to prefer what people prefer: direct preference optimisation over its own frozen self. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileSafely } from "../../base/files-node.ts";
import { readJsonFile } from "../../base/read-node.ts";
import { fail, throwIfAborted } from "../../errors.ts";
import { configText } from "../../folders/config-text-node.ts";
import { openTokenizer } from "../../folders/open-node.ts";
import type { NdArray } from "../../graph/array.ts";
import type { FitEvents, Fitted, Found } from "../../learn/fit/fit.ts";
import { openFitFolder } from "../../learn/fit/folder-node.ts";
import type { TrainingHost } from "../../learn/fit/host.ts";
import { nodeHost } from "../../learn/fit/host-node.ts";
import { adapted } from "../../models/adapters/adapter.ts";
import type { Example } from "../../models/kinds/loss.ts";
import {
  logprobFeeds,
  logprobsGraph,
  type PreferenceExample,
  preferenceLoss,
  type WriterArchitecture,
} from "../../models/kinds/preferences/preference-loss.ts";
import { wanted } from "../../models/kinds/programs.ts";
import type { Program } from "../../runtime/program.ts";
import { fingerprintOf, writeAdapter } from "../../text/adapters/files-node.ts";
import { writeWhole } from "../../text/adapters/merge-node.ts";
import { movingIn, startOf } from "../../text/adapters/moving.ts";
import { type ReadBase, readBase } from "../../text/adapters/read.ts";
import { type Conversations, conversations, idsOfAnswer } from "../../text/chat/conversations.ts";
import { promptMaker } from "../../text/chat/prompt.ts";
import { templatesOf } from "../../text/open-node.ts";
import type { Pair } from "../data/comparison.ts";
import { type PairFiles, readPairs } from "../data/read-node.ts";
import { type DpoOptions, decisive } from "../options.ts";
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

export interface DpoFiles extends PairFiles {
  /** A decoder's or an encoder-decoder's folder or name. */
  readonly model: string;
  readonly out: string;
}

export interface DpoStart extends PairStart {
  /** Pairs that are too long for the model. */
  readonly skipped: number;
}

export interface DpoEvents extends FitEvents {
  started?(info: DpoStart): void;
  /** The frozen model has read so many pairs of so many. */
  reference?(done: number, total: number): void;
}

export type DpoRun = PairRun<DpoEvents>;

export interface DpoResult extends Omit<Fitted, "values"> {
  readonly adapter: string;
}

const usualRates = { lora: 1e-4, full: 1e-6 } as const;
const usualLongest = 1024;

type WithoutReference = Omit<PreferenceExample, "reference">;

/** A pair in tokens, as the model is asked and as it answers. */
function exampleOf({ prompt, chat, chosen, rejected }: Pair, talk: Conversations): WithoutReference {
  const { tokenizer, maker } = talk;
  const input =
    chat && maker.template() !== undefined
      ? maker.prompt([{ role: "user", content: prompt }]).ids
      : tokenizer.encode(prompt, { plain: [[0, prompt.length]] }).ids;
  const answered = (answer: string): Example => ({ input: [...input], target: idsOfAnswer(talk, answer) });
  return { chosen: answered(chosen), rejected: answered(rejected) };
}

/** Tokens that a row takes in the model. */
const lengthOf = ({ input, target }: Example, { kind }: WriterArchitecture): number =>
  kind === "decoder" ? input.length + target.length : Math.max(input.length, target.length);

/** Log-probabilities of the better answers less those of the worse, pair by pair. */
async function differences(
  program: Program,
  model: WriterArchitecture,
  pairs: readonly WithoutReference[],
  {
    together,
    values = new Map(),
    signal,
    told,
  }: {
    readonly together: number;
    readonly values?: ReadonlyMap<string, NdArray>;
    readonly signal: AbortSignal | undefined;
    readonly told?: (done: number) => void;
  },
): Promise<[chosen: number, rejected: number][]> {
  const found: [number, number][] = [];
  for (const some of inParts(pairs, together)) {
    throwIfAborted(signal);
    const rows = some.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const feeds = { ...logprobFeeds(model, rows), ...Object.fromEntries(values) };
    const logprobs = (await program.run(wanted(program, feeds))).logprobs!.data as Float32Array;
    some.forEach((_, i) => {
      found.push([logprobs[2 * i]!, logprobs[2 * i + 1]!]);
    });
    told?.(found.length);
  }
  return found;
}

/** What the frozen model says of every pair: computed once, and kept beside the checkpoints. */
async function referencesOf(
  {
    out,
    identity,
    host,
    base,
    together,
    signal,
    told,
  }: {
    readonly out: string;
    readonly identity: string;
    readonly host: TrainingHost;
    readonly base: ReadBase;
    readonly together: number;
    readonly signal: AbortSignal | undefined;
    readonly told: (done: number) => void;
  },
  pairs: readonly WithoutReference[],
): Promise<[number, number][]> {
  const path = join(out, "reference.json");
  if (existsSync(path)) {
    const kept = readJsonFile(path, 2 ** 30);
    if (kept.identity === identity && Array.isArray(kept.pairs) && kept.pairs.length === pairs.length)
      return kept.pairs as [number, number][];
  }
  const model = base.architecture as WriterArchitecture;
  await using program = await host.compile(logprobsGraph(model), base.weights);
  const found = await differences(program, model, pairs, { together, signal, told });
  await writeFileSafely(path, `${JSON.stringify({ identity, pairs: found })}\n`);
  return found;
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

/** What TRL tells of held rows: rewards β (log p − log p of the frozen model), and how often the better one has more. */
export function rewardsOf(
  now: readonly (readonly [number, number])[],
  reference: readonly (readonly [number, number])[],
  beta: number,
): Found {
  const rewards = now.map(([a, b], i) => [beta * (a - reference[i]![0]), beta * (b - reference[i]![1])] as const);
  const margins = rewards.map(([chosen, rejected]) => chosen - rejected);
  return {
    metric: "reward_accuracy",
    value: rightOf(margins) / margins.length,
    more: {
      log_likelihood: likelihoodOf(margins),
      reward_chosen: mean(rewards.map(([chosen]) => chosen)),
      reward_rejected: mean(rewards.map(([, rejected]) => rejected)),
      reward_margin: mean(margins),
    },
  };
}

/**
 * Train on preferences into `out`: PEFT's folder of a LoRA, or with `full` a model's.
 * @throws as opening the model and reading the rows does; unsupported for a model that writes no text; interrupted
 */
export async function trainDpo(files: DpoFiles, o: DpoOptions, run: DpoRun = {}): Promise<DpoResult> {
  const { events = {}, resume = false, now = Date.now, signal } = run;
  const { out } = files;
  const data = readPairs(files, o.split, o.seed);
  const folder = openTrainable(files.model);
  const base = readBase(folder);
  const { architecture } = base;
  if (architecture.kind !== "decoder" && architecture.kind !== "encoder-decoder") {
    return fail("unsupported", `${architecture.type} writes no text`, {
      where: files.model,
      hint: "zeroth prefer reward trains an encoder to judge",
    });
  }
  if (o.method === "full") needMovable(base.weights, files.model);
  const tokenizer = openTokenizer(folder);
  const maker = promptMaker({ tokenizer, config: folder.config, templates: templatesOf(folder) });
  const talk = conversations(maker, tokenizer, architecture.ends[0]);
  const longest = Math.min(o.maxLength ?? usualLongest, architecture.longest ?? Infinity);
  const fits = ({ chosen, rejected }: WithoutReference) =>
    Math.max(lengthOf(chosen, architecture), lengthOf(rejected, architecture)) <= longest;
  const [train, held] = [data.train, data.held].map((pairs) =>
    pairs.map((pair) => exampleOf(pair, talk)).filter(fits),
  ) as [WithoutReference[], WithoutReference[]];
  if (train.length === 0) {
    fail("too_long", `every pair has more than ${longest} tokens`, {
      where: files.data,
      hint: "--max-length, where the model reads more",
    });
  }

  const host = nodeHost(o.threads, now);
  const settings = o.method === "lora" ? loraOf(o, base) : ({ method: "full" } as const);
  const inside = adapted(architecture, settings, base.survey) as WriterArchitecture;
  const dropout = o.dropout ?? inside.dropout;
  const unjoined = inside.kind === "encoder-decoder" && inside.unjoined === true;
  const w = written(
    preferenceLoss(inside, o.beta),
    movingIn(base, base.weights, settings, inside.frozen),
    dropout,
    unjoined,
  );
  const values = new Map(w.trained.map((spec) => [spec.name, startOf(spec, base.weights, host.read, o.seed)]));
  const identity = identityOf([decisive(o), data.digest, fingerprintOf(folder)]);
  await using opened = await openFitFolder({ ...{ out, resume, values, now, signal, identity }, what: "training" });

  const all = [...train, ...held];
  const parts = { out, identity, host, base, together: o.batch, signal };
  const told = (done: number) => events.reference?.(done, all.length);
  const references = await referencesOf({ ...parts, told }, all);
  const examples = train.map((pair, i): PreferenceExample => {
    const [chosen, rejected] = references[i]!;
    return { ...pair, reference: chosen - rejected };
  });

  const fitted = await trainPairs<PreferenceExample>(
    {
      ...{ written: w, examples, values, host, run, store: opened.store, events, weights: base.weights },
      length: ({ chosen, rejected }) => lengthOf(chosen, inside) + lengthOf(rejected, inside),
      rate: o.lr ?? usualRates[o.method],
      started: (info) =>
        events.started?.({
          ...{ pairs: train.length, held: held.length, silent: data.silent, books: data.books, ...info },
          skipped: data.train.length + data.held.length - all.length,
        }),
      judge:
        held.length === 0
          ? undefined
          : {
              graph: logprobsGraph(inside),
              async found(program) {
                const mine = await differences(program, inside, held, { together: o.batch, values, signal });
                return rewardsOf(mine, references.slice(train.length), o.beta);
              },
            },
    },
    o,
  );
  const { values: learnt, ...result } = fitted;
  if (settings.method === "full") {
    await writeWhole(out, folder, base.weights, learnt, {
      config: configText(folder.path, base.config),
      kinds: ["tokenizer", "generation"],
    });
  } else {
    await writeAdapter(out, { settings, values: learnt }, base, {
      baseName: files.model,
      fingerprint: fingerprintOf(folder),
    });
  }
  return { ...result, adapter: out };
}
