/** The whole plan of a model: counted, weighed and timed. Plain data, the row that `zeroth plan --json` prints. */
import { fail } from "../errors.ts";
import { countByFormula } from "./formulas.ts";
import { type KnownModel, knownModels } from "./known.ts";
import {
  type Inference,
  inferenceMemory,
  type OptimizerName,
  type Training,
  type Tuning,
  trainingMemory,
  tuningMemory,
  type Work,
} from "./memory.ts";
import { ownPrecisions, type Precision, precisions, weightBytes } from "./precision.ts";
import { type Flops, flopsOf, type Machine, type Speed, speedOf } from "./roofline.ts";
import { fixedTokens, natureOf, type Shape } from "./shapes.ts";
import type { TensorGroup } from "./tensor-groups.ts";
import { type Counts, count, tensorsOf } from "./tensors.ts";

/** What is planned: a shape, or the tensors of a file whose family is not known, or a claim that cannot be checked. */
export interface Subject {
  readonly name: string;
  /** What config.json calls it, or the family. */
  readonly architecture: string;
  readonly shape?: Shape;
  /** Counted without a shape: in the files of a family that is not known, or of two towers from their network. */
  readonly tensors?: readonly TensorGroup[];
  readonly known?: KnownModel;
  /** The precision of the files that are there. */
  readonly stored?: Precision;
  /** What the files hold beside what was counted. */
  readonly files?: StoredCount;
  /** One of the weight files. */
  readonly weightFile?: string;
}

/** The sum over the tensors of the weight files, held against the count from the configuration. */
export interface StoredCount {
  readonly parameters: number;
  readonly equal: boolean;
  /** Names that were counted and are not there, and the other way round; at most eight of each. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

export interface PlanOptions {
  /** Tokens of each input. Default 512; an image has its own number. */
  readonly input?: number;
  /** Tokens of each output. Default 128. */
  readonly output?: number;
  /** Default 1. */
  readonly batch?: number;
  /** Default: as stored, else fp32. */
  readonly dtype?: Precision;
  /** Default adam; none leaves training and tuning away. */
  readonly optimizer?: OptimizerName | "none";
  /** Default lora, rank 8. */
  readonly tuning?: Partial<Tuning>;
  /** Tokens of a training set. */
  readonly tokens?: number;
  readonly machine?: Machine;
}

export type VerdictWord = "fits" | "fits_quantised" | "does_not_fit";

export interface Verdict {
  /** Whether it fits as asked, only in a smaller precision, or in none that this program runs. */
  readonly verdict: VerdictWord;
  readonly dtype: Precision;
  /** The largest precision in which it fits. */
  readonly largest?: Precision;
}

export interface Plan {
  readonly subject: Subject;
  readonly counts?: Counts;
  readonly work: Work;
  readonly dtype: Precision;
  readonly bytes?: Readonly<Record<Precision, number>>;
  readonly inference?: Readonly<Record<Precision, Inference>>;
  readonly training?: Training & { readonly optimizer_name: OptimizerName; readonly dtype: "fp32" | "bf16" };
  readonly tuning?: Training & Tuning & { readonly optimizer_name: OptimizerName; readonly dtype: Precision };
  readonly flops?: Flops;
  readonly machine?: Machine;
  readonly speeds?: Readonly<Record<Precision, Speed>>;
  readonly verdict?: Verdict;
  /** A training set of so many tokens: operations, and hours on the machine at least. */
  readonly trainingSet?: { readonly tokens: number; readonly flops: number; readonly hours?: number };
}

const eachPrecision = <T>(make: (precision: Precision) => T): Record<Precision, T> =>
  Object.fromEntries(precisions.map((precision) => [precision, make(precision)])) as Record<Precision, T>;

function verdictOf(inference: Readonly<Record<Precision, Inference>>, dtype: Precision, machine: Machine): Verdict {
  const fits = (precision: Precision) => inference[precision].total <= machine.memory;
  if (fits(dtype)) return { verdict: "fits", dtype, largest: dtype };
  const largest = ownPrecisions.find(
    (precision) => fits(precision) && inference[precision].weights < inference[dtype].weights,
  );
  return largest ? { verdict: "fits_quantised", dtype, largest } : { verdict: "does_not_fit", dtype };
}

/** The speed that a machine with more memory would have. */
const shortOfMemory = ({ output, input, first }: Speed): Speed => ({
  first,
  ...(output && { output: { ...output, bound: "memory" } }),
  ...(input && { input: { ...input, bound: "memory" } }),
});

/** Tokens in and out as the model takes them. */
function workOf(shape: Shape | undefined, { input, output, batch = 1 }: PlanOptions): Work {
  const writes = shape ? natureOf(shape).writes : true;
  const tokens = shape && fixedTokens(shape);
  if (tokens !== undefined) {
    if (input !== undefined) fail("wrong_use", `an image of this model is ${tokens} tokens, always`);
    return { batch, input: tokens, output: 0 };
  }
  if (!writes && output !== undefined) fail("wrong_use", "this model writes no tokens: it only reads");
  const work = { batch, input: input ?? 512, output: writes ? (output ?? 128) : 0 };
  const limit = shape && "positions" in shape ? shape.positions : undefined;
  if (limit === undefined || work.input + work.output <= limit) return work;
  if (input !== undefined && (input > limit || (writes && output !== undefined))) {
    fail("wrong_use", `${work.input + work.output} tokens, but the model has positions for ${limit}`);
  }
  // What was not asked for makes room; a whole context has one token to write at its end.
  if (!writes) return { ...work, input: limit };
  if (input === undefined) {
    const written = Math.min(work.output, output === undefined ? limit >> 1 : limit - 1);
    return { ...work, input: Math.max(1, limit - written), output: Math.max(1, written) };
  }
  return { ...work, input: Math.min(input, limit - 1), output: Math.max(1, limit - input) };
}

const whole = (name: string, value: number | undefined): void => {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
    fail("wrong_use", `${name} is ${value}: expected a whole number above zero`);
  }
};

/**
 * Plan a model.
 * @throws wrong_use for options that are no sizes or contradict each other
 */
export function planModel(subject: Subject, options: PlanOptions = {}): Plan {
  const { shape, stored } = subject;
  const { optimizer = "adam", tuning, tokens, machine, input, output, batch } = options;
  for (const [name, value] of Object.entries({ input, output, batch, tokens })) whole(name, value);
  const { method = "lora", rank = 8, virtualTokens = 20 } = tuning ?? {};
  whole("rank", rank);
  whole("virtual tokens", virtualTokens);
  if (optimizer === "none" && (tuning || tokens !== undefined)) {
    fail("wrong_use", "tuning and training sets need an optimiser, and none was asked for");
  }
  const dtype = options.dtype ?? stored ?? "fp32";
  const work = workOf(shape, options);
  const tensors = shape ? tensorsOf(shape) : subject.tensors;
  if (!tensors) return { subject, work, dtype, ...(machine && { machine }) };
  const inference = eachPrecision((precision) => inferenceMemory(shape, tensors, precision, work));
  const common = {
    subject,
    counts: count(tensors),
    work,
    dtype,
    bytes: eachPrecision((precision) => weightBytes(tensors, precision)),
    inference,
    ...(machine && { machine, verdict: verdictOf(inference, dtype, machine) }),
  };
  if (!shape) return common;
  const flops = flopsOf(shape, tensors, work);
  const trainedIn = options.dtype === "bf16" ? "bf16" : "fp32";
  return {
    ...common,
    ...(optimizer !== "none" && {
      training: {
        ...trainingMemory(shape, tensors, trainedIn, optimizer, work),
        optimizer_name: optimizer,
        dtype: trainedIn,
      },
      tuning: {
        ...tuningMemory(shape, tensors, dtype, optimizer, { method, rank, virtualTokens }, work, trainedIn === "bf16"),
        method,
        rank,
        virtualTokens,
        optimizer_name: optimizer,
        dtype,
      },
    }),
    flops,
    ...(machine && {
      speeds: eachPrecision((precision) => {
        const speed = speedOf(shape, tensors, precision, work, machine);
        return inference[precision].total <= machine.memory ? speed : shortOfMemory(speed);
      }),
    }),
    ...(tokens !== undefined && {
      trainingSet: {
        tokens,
        flops: flops.training * tokens,
        ...(machine?.flops && { hours: (flops.trainingThrough * tokens) / machine.flops / 3600 }),
      },
    }),
  };
}

/** One model of the comparison. Dense and sparse sizes stand apart: `dense` or `sparse` is there, never both. */
export interface Landmark {
  readonly name: string;
  readonly title: string;
  readonly dense?: number;
  readonly sparse?: number;
  /** Parameters a token passes; unknown for a claim. */
  readonly active?: number;
  readonly claimed: boolean;
  readonly published: string;
}

/** The model among the well-known ones, from the smallest on. A claim counts as what it claims, and says so. */
export function landmarks(subject?: Subject): Landmark[] {
  const shown = knownModels.filter(({ landmark, name }) => landmark && name !== subject?.known?.name);
  const rows = shown.map(({ name, title, shape, published, claimed }): Landmark => {
    if (!shape) return { name, title, published, claimed: true, ...(claimed !== undefined && { sparse: claimed }) };
    const { total, active } = countByFormula(shape);
    return {
      name,
      title,
      published,
      claimed: false,
      active,
      ...(active < total ? { sparse: total } : { dense: total }),
    };
  });
  return rows.sort((a, b) => sizeOf(a) - sizeOf(b));
}

/** The planned model as a row of the comparison; undefined where nothing could be counted. */
export function ownLandmark({ subject, counts }: Pick<Plan, "subject" | "counts">): Landmark | undefined {
  if (!counts) return undefined;
  const { total, active } = counts;
  return {
    name: subject.name,
    title: subject.known?.title ?? subject.name,
    published: subject.known?.published ?? "",
    claimed: false,
    active,
    ...(active < total ? { sparse: total } : { dense: total }),
  };
}

/** What a landmark is sorted and drawn by. */
export const sizeOf = ({ dense, sparse }: Pick<Landmark, "dense" | "sparse">): number => dense ?? sparse ?? 0;
