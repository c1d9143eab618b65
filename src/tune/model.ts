/** A frozen model with something to learn: its loss, what moves and where that starts, and what evaluation computes. */
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { siteSeed } from "../graph/random.ts";
import { isCheap } from "../graph/recompute.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Adapter, adapted, fillersOf, placesOf } from "../models/adapters/adapter.ts";
import { filledLoss, fillerOf } from "../models/adapters/fillers.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import type { Base } from "../models/adapters/peft.ts";
import { loraSettings, usualOf } from "../models/adapters/peft-targets.ts";
import type { AdapterSettings } from "../models/adapters/settings.ts";
import type { Survey } from "../models/adapters/survey.ts";
import type { Architecture } from "../models/family.ts";
import { choiceLoss } from "../models/kinds/choice-loss.ts";
import { decoderLoss } from "../models/kinds/decoder-loss.ts";
import { encoderGraph, type ReaderArchitecture } from "../models/kinds/encoder.ts";
import { encoderDecoderLoss } from "../models/kinds/encoder-decoder-loss.ts";
import { encoderLoss } from "../models/kinds/encoder-loss.ts";
import type { Example, Loss } from "../models/kinds/loss.ts";
import { siteNoise } from "../models/kinds/noise.ts";
import { wanted } from "../models/kinds/programs.ts";
import { createScope, type ParameterSpec } from "../nn/scope.ts";
import { isPooler, movingIn } from "../text/adapters/moving.ts";
import type { Weights } from "../weights/weights.ts";
import { areKept, type Encodings, encodings, isConstant, withEncoded } from "./frozen.ts";
import { type Task, type TuneOptions, usualLength } from "./options.ts";
import { type NamedSet, thereOf, withHeadsApart } from "./sets.ts";
import { headOfTask, type TuneExample } from "./tasks.ts";

/** How a method of these options adapts a network. @throws unsupported where it cannot */
export function settingsOf(
  o: TuneOptions,
  { kind, type }: Architecture,
  { attentions, products }: Survey,
): AdapterSettings {
  const { method, length = usualLength } = o;
  switch (method) {
    case "head":
    case "full":
      return { method };
    case "prompt":
      return { method: "prompt", length };
    case "lora": {
      const { rank, alpha = rank, targets = usualOf(products) } = o;
      return loraSettings({ targets, rank, alpha }, products);
    }
    default: {
      const usual =
        kind === "encoder-decoder" ? (["encoder", "decoder"] as const) : ([kind] as ("encoder" | "decoder")[]);
      const sites = o.sites ?? usual;
      for (const site of sites) {
        if (attentions[site]) continue;
        fail("unsupported", `${type} has no attention at the site ${site}`, {
          hint: `it has ${Object.keys(attentions).join(", ")}`,
        });
      }
      const counted = o.counted ?? kind !== "encoder-decoder";
      if (kind === "decoder" && !counted) fail("unsupported", "positions of a decoder count on behind its prefix");
      const [site] = sites;
      const { kvHeads, headWidth } = attentions[site!]!;
      return {
        method: "prefix",
        length,
        sites,
        counted,
        ...(o.projection !== undefined && { projection: { from: kvHeads * headWidth, hidden: o.projection } }),
      };
    }
  }
}

/** Most tokens of a text that are left beside an adapter, and of all of the row. */
export function roomOf(model: Architecture, settings: AdapterSettings, asked: number | undefined): number {
  const longest = "longest" in model ? (model.longest ?? Infinity) : Infinity;
  const left = longest - placesOf(settings);
  if (left < 2) {
    fail("unsupported", `${longest} positions, and the adapter takes ${placesOf(settings)}`, {
      hint: "fewer virtual tokens: --n",
    });
  }
  if (asked !== undefined && asked > left) {
    fail(
      "wrong_use",
      `max length ${asked}: the model has ${longest} positions, the adapter takes ${placesOf(settings)}`,
      {
        hint: `at most ${left} are left`,
      },
    );
  }
  return Math.min(left, asked ?? 512);
}

export interface TuneModel {
  readonly architecture: Architecture;
  readonly settings: AdapterSettings;
  readonly head: TaskHead | undefined;
  /** Tokens before every text, whose places the adapter takes. */
  readonly fillers: number;
  /** Tasks that are tuned together; one, or none that is named, otherwise. */
  readonly sets: readonly NamedSet[];
  /** Where the encoder says the same in every epoch: every text must be read by it before the first step. */
  readonly encoded: Encodings | undefined;
  readonly loss: Tensor;
  readonly labels: (example: TuneExample) => number;
  collate(examples: readonly TuneExample[], labels: number): Record<string, NdArray>;
  /** What a step needs besides its batch: the seed of its noise. */
  extra(seed: number, step: number, micro: number): Record<string, NdArray>;
  readonly trained: readonly ParameterSpec[];
  /** All that the network asks for. */
  readonly all: readonly ParameterSpec[];
  readonly recompute: ((value: Tensor) => boolean) | undefined;
  /** Of a batch: `scores` of the head, or the summed `loss` of text. */
  readonly evaluation: Graph;
  /** The batch of an evaluation. */
  readonly read: (examples: readonly TuneExample[]) => {
    readonly feeds: Record<string, NdArray>;
    readonly labels: NdArray;
  };
}

function lossOf(model: Architecture, settings: AdapterSettings, head: TaskHead | undefined): Loss<TuneExample> {
  const { whole } = fillersOf(model, settings);
  const behind = (loss: Loss, filler: number) =>
    filledLoss(loss, whole, filler, head) as Loss<never> as Loss<TuneExample>;
  if (head === undefined) {
    if (model.kind === "decoder") return behind(decoderLoss(model), fillerOf(model));
    if (model.kind === "encoder-decoder") return behind(encoderDecoderLoss(model), fillerOf(model));
    return fail("unsupported", `${model.type} writes no text: it is tuned for classes, tags, answers or choices`);
  }
  if (model.kind !== "encoder") {
    return fail("unsupported", `${model.type} is tuned by what it writes: rows of prompt and target`, {
      hint: 'write the label as the target: {"prompt": text, "target": label}',
    });
  }
  if (head === "choice") {
    if (whole > 0) fail("unsupported", "a prompt before several choices: take a prefix");
    return choiceLoss(model) as Loss<never> as Loss<TuneExample>;
  }
  return behind(encoderLoss(model, head), fillerOf(model));
}

/** All that the network asks for, its encoder too. */
function parametersOf(model: Architecture, settings: AdapterSettings, head: TaskHead | undefined): ParameterSpec[] {
  const scope = createScope();
  lossOf(model, settings, head).graph(scope, {});
  return [...scope.parameters.values()];
}

/** Write the graphs of a tuning. */
export function tuneModel(
  base: Base,
  weights: Weights,
  settings: AdapterSettings,
  task: Task,
  o: TuneOptions,
  {
    sets = [],
    examples = [],
  }: { readonly sets?: readonly NamedSet[]; readonly examples?: readonly TuneExample[] } = {},
): TuneModel {
  const head = headOfTask[task];
  const inside = adapted(base.architecture, settings, base.survey);
  const classes = sets.reduce((sum, set) => sum + set.labels.length, 0);
  const apart = head !== undefined && sets.length > 1;
  const whole = apart ? withHeadsApart(inside, head, classes) : inside;
  const rate = o.dropout ?? inside.dropout;
  const unjoined = inside.kind === "encoder-decoder" && inside.unjoined === true;
  const random = rate > 0 || unjoined;
  const width = inside.kind === "encoder" ? inside.width : base.survey.width;
  const constant = isConstant(inside, settings, head, rate) && areKept(examples as readonly Example[], width);
  const encoded = constant && "pad" in inside ? encodings(inside, width, inside.pad) : undefined;
  const model = encoded ? withEncoded(whole, width) : whole;
  const { graph: write, collate: together, labels } = lossOf(model, settings, head);
  const collate = (batch: readonly TuneExample[], count: number): Record<string, NdArray> => {
    const arrays = together(
      batch.map((one) => [one]),
      count,
    );
    return {
      ...arrays,
      ...(apart && { there: thereOf(batch, sets, classes) }),
      ...(encoded && { encoded: encoded.of(batch as readonly Example[], arrays.ids!.shape[1]!) }),
    };
  };
  const scope = createScope();
  const loss = write(scope, { ...(random && siteNoise(rate)), zLoss: o.zLoss });
  const all = parametersOf(whole, settings, head);
  for (const { name } of base.head) {
    if (!isPooler(name) || weights.has(name)) continue;
    fail(
      "unsupported",
      `the checkpoint has no ${name.replace(/\.(weight|bias)$/, "")}, which its head of classes looks through`,
      {
        hint: "a pooler of random numbers that are frozen would spoil every answer: take a checkpoint that has one",
      },
    );
  }
  const moves = movingIn(base, weights, settings, model.frozen);
  const trained = [...scope.parameters.values()].filter(({ name }) => moves(name));
  if (trained.length === 0)
    fail("unsupported", `there is nothing to learn: ${task} has no head, and the method is ${o.method}`);
  const inputs = graph({ loss }).inputs.map(({ name }) => name);
  const quietScope = createScope();
  const evaluation: Graph = head
    ? encoderGraph(model as ReaderArchitecture, head)
    : graph({ loss: write(quietScope, { quiet: true }) });
  const asked = evaluation.inputs.map(({ name }) => name);
  return {
    architecture: inside,
    settings,
    head,
    fillers: fillersOf(model, settings).whole,
    loss,
    labels,
    sets,
    encoded,
    collate: (examples, count) => wanted({ inputs }, collate(examples, count)),
    extra: (seed, step, micro): Record<string, NdArray> =>
      random ? { seed: { dtype: "uint32", shape: [], data: Uint32Array.of(siteSeed(seed, step, micro)) } } : {},
    trained,
    all,
    recompute: o.recompute ? isCheap : undefined,
    evaluation,
    read(examples) {
      const arrays = collate(examples, 1);
      return { feeds: wanted({ inputs: asked }, arrays), labels: arrays.labels! };
    },
  };
}

/** What was learnt, as it is now. */
export function adapterOf(
  { settings, head, trained }: Pick<TuneModel, "settings" | "head" | "trained">,
  values: ReadonlyMap<string, NdArray>,
  kept: ReadonlyMap<string, NdArray>,
  labels: readonly string[] | undefined,
): Adapter {
  const learnt = trained.map(({ name }): [string, NdArray] => [name, values.get(name)!]);
  return { settings, values: new Map([...learnt, ...kept]), head, labels };
}
