/** The library for Node: everything a program needs to run, score with, train and write models. */
export { type ErrorCode, errorCodes, ZerothError } from "./errors.ts";
export { float32, int64, type NdArray, ndarray, zeros } from "./graph/array.ts";
export { type GradientOptions, gradients } from "./graph/differentiate.ts";
export type { Dim, Shape } from "./graph/dims.ts";
export type { DType } from "./graph/dtype.ts";
export { dump, type Graph, graph } from "./graph/graph.ts";
export * as ops from "./graph/operators.ts";
export { constant, full, input, parameter, type Tensor } from "./graph/tensor.ts";
export {
  openSafetensors,
  readTensor,
  type SafetensorsFile,
  writeCheckpoint,
  writeSafetensors,
} from "./hub/safetensors-node.ts";
export type { StoredTensor, Weights } from "./hub/weights.ts";
export { initialValue } from "./nn/initial.ts";
export { activations, attend, type Dropout, linear, rmsNorm } from "./nn/layers.ts";
export { createScope, type Initial, normal, noughts, ones, type ParameterSpec, type Scope } from "./nn/scope.ts";
export { type CompileOptions, compile } from "./runtime/compile-node.ts";
export type { Device, Program, RunOptions } from "./runtime/program.ts";
export { type OpenedModel, type OpenOptions, openModel, openTextModel } from "./text/open-node.ts";
export { type TrainEvents, type TrainOptions, train } from "./text/train-node.ts";
export { parseTrainingConfig, type TrainingConfig } from "./train/config.ts";
export { adafactor, adamw, type Optimizer, sgd } from "./train/optimizers.ts";
export { type Random, randomAt } from "./train/rng.ts";
export { type BpeOptions, trainBpe } from "./train/tokenizer/bpe.ts";
export { createTrainer, type Trainer, type TrainerOptions } from "./train/trainer.ts";
