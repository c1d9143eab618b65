/// <reference lib="esnext.disposable" preserve="true" />
/** The library for the browser: the same models, graphs and trainer, compiled to WebAssembly or WebGPU. */

export { type ErrorCode, errorCodes, ZerothError } from "./errors.ts";
export { type FetchedFolder, fetchModelFolder } from "./folders/fetch-web.ts";
export { float32, int64, type NdArray, ndarray, zeros } from "./graph/array.ts";
export { type GradientOptions, gradients } from "./graph/differentiate.ts";
export type { Dim, Shape } from "./graph/dims.ts";
export type { DType } from "./graph/dtype.ts";
export { dump, type Graph, graph } from "./graph/graph.ts";
export * as ops from "./graph/operators.ts";
export { constant, full, input, parameter, type Tensor } from "./graph/tensor.ts";
export type { Evaluation } from "./learn/fit/fit.ts";
export { givenGradients } from "./learn/given.ts";
export { adafactor, adamw, type Optimizer, sgd } from "./learn/optimizers.ts";
export { averagedWeights, type StateVariable } from "./learn/state.ts";
export { createTrainer, type StepReport, type Trainer, type TrainerOptions } from "./learn/trainer.ts";
export { readModel } from "./models/families.ts";
export { decoderModel } from "./models/kinds/decoder.ts";
export { decoderLoss } from "./models/kinds/decoder-loss.ts";
export { createMemory, type Memory } from "./models/kinds/decoding/memory.ts";
export { encoderModel } from "./models/kinds/encoder.ts";
export { encoderDecoderModel } from "./models/kinds/encoder-decoder.ts";
export { encoderDecoderLoss } from "./models/kinds/encoder-decoder-loss.ts";
export { encoderLoss } from "./models/kinds/encoder-loss.ts";
export { imageEncoderModel } from "./models/kinds/image-encoder.ts";
export { imageEncoderLoss } from "./models/kinds/image-encoder-loss.ts";
export { twoTowersModel } from "./models/kinds/two-towers.ts";
export { twoTowersLoss } from "./models/kinds/two-towers-loss.ts";
export { activations } from "./nn/activations.ts";
export { attend, type Dropout } from "./nn/attend.ts";
export { initialValue } from "./nn/initial.ts";
export { linear } from "./nn/linear.ts";
export { layerNorm, rmsNorm } from "./nn/norms.ts";
export { sinusoids } from "./nn/positions.ts";
export {
  createScope,
  gainOf,
  type Initial,
  identityInit,
  kaimingNormal,
  kaimingUniform,
  normal,
  onesInit,
  orthogonal,
  type ParameterSpec,
  type Scope,
  truncatedNormal,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from "./nn/scope.ts";
export { compile, type WebCompileOptions } from "./runtime/compile-web.ts";
export type { Device, Program, RunOptions } from "./runtime/program.ts";
export { type WebThreads, webThreads } from "./runtime/threads-web.ts";
export { type AdapterContents, type AdapterFiles, readAdapterContents } from "./text/adapters/files.ts";
export { type Chat, type ChatAnswer, type ChatOptions, type ChatSource, createChat } from "./text/chat/chat.ts";
export type { ChatMessage } from "./text/chat/messages.ts";
export { type ChatSession, createSession } from "./text/chat/session.ts";
export { type EmbeddingConfig, type Similarity, similarities, type VectorOptions } from "./text/embedding/embed.ts";
export type { EmbedJob, EncodingModel } from "./text/embedding/encoding-model.ts";
export type { AnswerOptions, FoundAnswer, Question } from "./text/heads/answer.ts";
export type { Choosing, Chosen } from "./text/heads/choose.ts";
export type { Classified } from "./text/heads/classify.ts";
export type { Filled, FilledWord, FillOptions } from "./text/heads/fill.ts";
export { type Span, spansOf } from "./text/heads/spans.ts";
export type { Tagged, TaggedWord, Words } from "./text/heads/tag.ts";
export { type LiveOptions, type LiveParts, liveModel, type OpenedForLive, openLive } from "./text/live/live.ts";
export type {
  LiveEvent,
  LiveModel,
  LiveRequest,
  LiveSettings,
  LiveStatus,
  TokenChance,
  TokenShown,
  TokenTold,
} from "./text/live/request.ts";
export { tokensShown } from "./text/live/shown.ts";
export type { TextModel } from "./text/model.ts";
export {
  type OpenedWebEncoder,
  type OpenedWebModel,
  type OpenedWebTextModel,
  openEncoder,
  openModel,
  openTextModel,
  type WebOpenOptions,
} from "./text/open-web.ts";
export type { Generated, GenerateOptions } from "./text/options.ts";
export type { Processor, Said } from "./text/processor.ts";
export type { Sample } from "./tune/live.ts";
export { parseTuneOptions, type TuneInput, type TuneOptions } from "./tune/options.ts";
export type { TuneRow } from "./tune/rows.ts";
export type { TuneEvents, TuneResult, TuneRun } from "./tune/tune.ts";
export { tune, type WebTuned, type WebTuneFiles, type WebTuneRun } from "./tune/tune-web.ts";
export { safetensorsInMemory } from "./weights/safetensors-memory.ts";
export type { StoredTensor, Weights } from "./weights/weights.ts";
