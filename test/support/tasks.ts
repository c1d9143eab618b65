/** Work done alike in Node, in the browser and on every host, so that they can be compared. */
import {
  adamw,
  createScope,
  createTrainer,
  decoderModel,
  encoderDecoderLoss,
  encoderDecoderModel,
  encoderModel,
  float32,
  int64,
  type NdArray,
  readModel,
  type StoredTensor,
  type TrainerOptions,
  type Weights,
} from "../../src/browser.ts";

type Compile = TrainerOptions["compile"];
/** Compiles over given weights; `trained` parameters are inputs. */
export type CompileOver = (weights: Weights, trained: boolean) => Compile;

const read = (json: unknown, stored: Weights) =>
  readModel(json as Parameters<typeof readModel>[0], stored, "the test's folder");

type Architecture = ReturnType<typeof read>["architecture"];

function ofKind<K extends Architecture["kind"]>(architecture: Architecture, kind: K) {
  if (architecture.kind !== kind) throw new Error(`${architecture.kind} is no ${kind}`);
  return architecture as Extract<Architecture, { readonly kind: K }>;
}

/** What an encoder's head gives for rows of ids, all together. */
export async function scores(
  json: unknown,
  stored: Weights,
  rows: readonly (readonly number[])[],
  compile: CompileOver,
): Promise<number[]> {
  const { architecture, weights } = read(json, stored);
  const model = encoderModel(ofKind(architecture, "encoder"), compile(weights, false));
  try {
    return Array.from((await model.answer!(rows.map((ids) => ({ ids })))).scores.data as Float32Array);
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

/** Greedy tokens of each prompt, all decoded together. */
export async function greedy(
  json: unknown,
  stored: Weights,
  prompts: readonly (readonly number[])[],
  count: number,
  compile: CompileOver,
): Promise<number[][]> {
  const { architecture, weights } = read(json, stored);
  const over = compile(weights, false);
  const model =
    architecture.kind === "decoder"
      ? decoderModel(architecture, over)
      : encoderDecoderModel(ofKind(architecture, "encoder-decoder"), over);
  try {
    const decoding = (await model.read(prompts)).begin(1, count);
    const rows = prompts.map((): number[] => []);
    let feed: readonly number[] | undefined;
    for (let i = 0; i < count; i++) {
      const { best } = await decoding.step(feed);
      feed = best;
      best.forEach((token, row) => {
        rows[row]!.push(token);
      });
    }
    return rows;
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

export interface Rows {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][];
  readonly decoder_input_ids: number[][];
}

export interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
  readonly values: Readonly<Record<string, number[]>>;
}

const floats = (stored: StoredTensor): Float32Array => {
  if (!("data" in stored)) throw new Error("the tensor is in a file");
  return new Float32Array(stored.data.slice().buffer);
};

/** Loss and weights after steps of AdamW over one batch; weights must be in memory, float32. */
export async function trainingSteps(
  json: unknown,
  weights: Weights,
  rows: Rows,
  steps: number,
  compile: CompileOver,
): Promise<StepResult> {
  const scope = createScope();
  const loss = encoderDecoderLoss(ofKind(read(json, weights).architecture, "encoder-decoder")).graph(scope);
  const values = new Map(
    [...weights].map(([name, stored]): [string, NdArray] => [name, float32(stored.shape, floats(stored))]),
  );
  const matrix = (rows: number[][]) => int64([rows.length, rows[0]!.length], rows.flat());
  const feeds = {
    ids: matrix(rows.input_ids),
    mask: matrix(rows.attention_mask),
    tokens: matrix(rows.decoder_input_ids),
    labels: matrix(rows.labels),
    scale: float32([], [1 / rows.labels.flat().filter((label) => label !== -100).length]),
  };
  const trainer = await createTrainer({
    loss,
    parameters: [...scope.parameters.values()],
    values,
    optimizer: adamw(),
    clip: 1,
    compile: compile(weights, true),
  });
  try {
    let report = { loss: 0, gradNorm: 0 };
    for (let step = 0; step < steps; step++) report = await trainer.step([feeds], 1e-2);
    const after = [...values].map(([name, { data }]) => [name, Array.from(data as Float32Array)]);
    return { ...report, values: Object.fromEntries(after) };
  } finally {
    await trainer[Symbol.asyncDispose]();
  }
}
