/** A model in training, asked as it is now: what it learns are the arrays that the steps write. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { fillersOf } from "../models/adapters/adapter.ts";
import { filledLanguage, fillerOf } from "../models/adapters/fillers.ts";
import { decoderModel } from "../models/kinds/decoder.ts";
import { encoderDecoderModel } from "../models/kinds/encoder-decoder.ts";
import type { Example } from "../models/kinds/loss.ts";
import type { Compile } from "../models/kinds/programs.ts";
import type { Program } from "../runtime/program.ts";
import { bleu, bleuCounts, exactMatch, rougeL, rougeN, tokenF1 } from "../text/metrics/text-metrics.ts";
import { type TextModel, textModel } from "../text/model.ts";
import { roundsProducts } from "../weights/weights.ts";
import type { TextMetric } from "./options.ts";
import type { Prepared } from "./prepare.ts";
import { classScores, isChoice, type Scores, type TuneExample } from "./tasks.ts";

/** A row that is not learnt from, with what the model says to it. */
export interface Sample {
  readonly text: string;
  readonly wanted: string;
  readonly said: string;
}

export interface Heard {
  /** What the answers are worth, where a metric was asked for. */
  readonly scores?: Scores | undefined;
  readonly samples: readonly Sample[];
}

/** Programs that are given the trained values as they are, so that whoever runs them need not know of them. */
export function liveCompile(
  compile: (...graph: Parameters<Compile>) => Promise<Program>,
  values: ReadonlyMap<string, NdArray>,
): Compile {
  return async (graph) => {
    const program = await compile(graph);
    const own = program.inputs.filter((name) => values.has(name));
    return {
      inputs: program.inputs.filter((name) => !values.has(name)),
      outputs: program.outputs,
      run: (feeds, options) =>
        program.run({ ...feeds, ...Object.fromEntries(own.map((name) => [name, values.get(name)!])) }, options),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  };
}

/** The model of text with its adapter, over programs of {@link liveCompile}. */
function liveText({ base, model: { architecture, settings }, tokenizer }: Prepared, compile: Compile): TextModel {
  if (architecture.kind !== "decoder" && architecture.kind !== "encoder-decoder") {
    return fail("unsupported", `${architecture.type} writes no text`);
  }
  const bare =
    architecture.kind === "decoder"
      ? decoderModel(architecture, compile, { rounded: roundsProducts(base.weights) })
      : encoderDecoderModel(architecture, compile, { changes: true });
  const begin = architecture.kind === "decoder" ? architecture.begin : undefined;
  const model = filledLanguage(bare, fillersOf(architecture, settings), fillerOf(architecture), begin);
  return textModel({ model, tokenizer });
}

/** Most different targets among which the likeliest is looked for. */
const mostTargets = 100;
/** Tokens of a sample's answer. */
const longestAnswer = 48;

/** Different targets of the rows, in their order. @throws wrong_use where they are too many to be classes */
function targetsOf(examples: readonly TuneExample[]): (readonly number[])[] {
  const found = new Map<string, readonly number[]>();
  for (const example of examples) if (!isChoice(example)) found.set(example.target.join(), example.target);
  if (found.size > mostTargets) {
    fail("wrong_use", `${found.size} different targets: accuracy is for rows that have few`, {
      hint: "leave metric out: texts are judged by their likelihood",
    });
  }
  return [...found.values()];
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);

/** Written answers against the rows' targets by every measure; the one that was asked for decides. */
export function writtenScores(pairs: readonly Pick<Sample, "wanted" | "said">[], metric: TextMetric): Scores {
  const over = (measure: (text: string, reference: string) => number) =>
    mean(pairs.map(({ said, wanted }) => measure(said, wanted)));
  const all: Record<string, number> = {
    exact_match: over(exactMatch),
    f1: over(tokenF1),
    rouge1: over((a, b) => rougeN(a, b, 1)),
    rouge2: over((a, b) => rougeN(a, b, 2)),
    rougeL: over(rougeL),
    bleu: bleu(pairs.map(({ said, wanted }) => bleuCounts(said, wanted))),
  };
  const { [metric]: value = 0, ...more } = all;
  return { metric, value, more, flat: pairs.length > 1 && new Set(pairs.map(({ said }) => said)).size === 1 };
}

export interface Listener extends AsyncDisposable {
  hear(signal?: AbortSignal): Promise<Heard>;
}

/**
 * Asks a model that writes text.
 * @param metric `accuracy` ranks the rows' targets for every held row, others have every one answered; without, the first
 *   `count` rows are answered
 */
export function textListener(
  prepared: Prepared,
  compile: Compile,
  { metric, count }: { readonly metric: TextMetric | undefined; readonly count: number },
): Listener {
  const { data, tokenizer } = prepared;
  const choose = metric === "accuracy";
  const text = liveText(prepared, compile);
  const held = data.held.filter((example): example is Example => !isChoice(example));
  const shown = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
  const targets = choose ? targetsOf([...data.train, ...held]) : [];
  const names = targets.map(shown);
  const sample = ({ input, target }: Example, said: string): Sample => ({
    text: shown(input),
    wanted: shown(target),
    said,
  });
  const place = ({ target }: Example) => targets.findIndex((other) => other.join() === target.join());
  return {
    async hear(signal) {
      if (choose) {
        const rows = held.map(({ input }) => ({ prompt: input, choices: targets }));
        const ranked = await text.scoreAll(rows, { eos: false, signal });
        const best = ranked.map((row) => {
          if (row instanceof Error) throw row;
          return row.best;
        });
        const scores = classScores(
          held.map((example, i) => [best[i]!, place(example)]),
          targets.length,
        );
        return { scores, samples: held.slice(0, count).map((example, i) => sample(example, names[best[i]!]!)) };
      }
      const asked = metric === undefined ? held.slice(0, count) : held;
      const most = Math.max(...held.map(({ target }) => target.length));
      const answers = await text.generateAll(
        asked.map(({ input }) => input),
        { maxNewTokens: metric === undefined ? longestAnswer : 2 * most, signal },
      );
      const pairs = asked.map((example, i) => {
        const answer = answers[i]!;
        return sample(example, answer instanceof Error ? "" : answer.text);
      });
      return { scores: metric && writtenScores(pairs, metric), samples: pairs.slice(0, count) };
    },
    [Symbol.asyncDispose]: () => text[Symbol.asyncDispose](),
  };
}
