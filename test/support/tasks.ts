/** Work done alike in Node, in the browser and on every host, so that they can be compared. */
import {
  adamw,
  canonicalWeights,
  createScope,
  createTrainer,
  float32,
  int64,
  type NdArray,
  type StoredTensor,
  type TrainerOptions,
  t5ConfigFor,
  t5Loss,
  t5Model,
  type Weights,
} from "../../src/browser.ts";

type Compile = TrainerOptions["compile"];
/** Compiles over given weights; `trained` parameters are inputs. */
export type CompileOver = (weights: Weights, trained: boolean) => Compile;

/** Greedy tokens of each prompt, all decoded together. */
export async function greedy(
  json: unknown,
  stored: Weights,
  prompts: readonly (readonly number[])[],
  count: number,
  compile: CompileOver,
): Promise<number[][]> {
  const weights = canonicalWeights(stored);
  const model = t5Model(t5ConfigFor(json, weights), compile(weights, false));
  try {
    const memory = await model.encode(prompts);
    const decoding = model.decoding(memory, 1, count);
    const rows = prompts.map((): number[] => []);
    let feed: readonly number[] = prompts.map(() => model.start);
    for (let i = 0; i < count; i++) {
      feed = (await decoding.step(feed)).best;
      feed.forEach((token, row) => {
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
  const loss = t5Loss(scope, t5ConfigFor(json, weights));
  const values = new Map(
    [...weights].map(([name, stored]): [string, NdArray] => [name, float32(stored.shape, floats(stored))]),
  );
  const matrix = (rows: number[][], between: number[] = []) =>
    int64([rows.length, ...between, rows[0]!.length], rows.flat());
  const feeds = {
    ids: matrix(rows.input_ids),
    mask: matrix(rows.attention_mask),
    tokens: matrix(rows.decoder_input_ids, [1]),
    labels: matrix(rows.labels, [1]),
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
