/// <reference lib="esnext.disposable" preserve="true" />
/** The library in Node: open a model and ask it; build graphs, differentiate and train them. */

export type { RowData } from "./data/rows.ts";
export { Float, type Row, rowFromJson, rowFromObject, type Value } from "./data/values.ts";
export { type Digest, digestSchema } from "./digest/document.ts";
export { type HarvestOptions, harvestAtom, harvestOai } from "./digest/harvest-node.ts";
export { type IngestOptions, ingestFile } from "./digest/ingest-node.ts";
export { type MakeOptions, makeDigest } from "./digest/make-node.ts";
export { openStore as openPapers, type Store as Papers } from "./digest/store/store-node.ts";
export { type ErrorCode, errorCodes, ZerothError } from "./errors.ts";
export { openModelFolder, openTokenizer } from "./folders/open-node.ts";
export { writeModelFolder } from "./folders/write-node.ts";
export { float32, int64, type NdArray, ndarray, zeros } from "./graph/array.ts";
export { type GradientOptions, gradients } from "./graph/differentiate.ts";
export { dump, type Graph, graph } from "./graph/graph.ts";
export * as ops from "./graph/operators.ts";
export { constant, full, input, parameter, type Tensor } from "./graph/tensor.ts";
export { type ChildEngineOptions, childEngine } from "./host/child-node.ts";
export type {
  AdapterAbout,
  AdapterChanges,
  EmbedAsk,
  EmbedTold,
  Engine,
  EnginePrompt,
  EngineStatus,
  GenerateAsk,
  ModelAbout,
  ModelState,
  PredictAsk,
  PredictInput,
  Predictions,
  PredictTold,
  Prepared,
  ScoreAsk,
  ScoreTold,
} from "./host/engine.ts";
export { type EngineOptions, localEngine } from "./host/local-node.ts";
export { type CachedRepo, listCached } from "./hub/download/cached-node.ts";
export { type EnsureOptions, ensureModel } from "./hub/download/ensure-node.ts";
export { type PullEvents, type Pulled, type PullOptions, pull } from "./hub/download/pull-node.ts";
export { findModel } from "./hub/find-node.ts";
export { openVisionModel, type VisionModel, type VisionOptions } from "./images/open-node.ts";
export type { Evaluation } from "./learn/fit/fit.ts";
export { givenGradients } from "./learn/given.ts";
export { adafactor, adamw, type Optimizer, sgd } from "./learn/optimizers.ts";
export { averagedWeights, type StateVariable } from "./learn/state.ts";
export { createTrainer, type StepReport, type Trainer, type TrainerOptions } from "./learn/trainer.ts";
export { type AdapterBank, banked, bankShape, createBank } from "./models/adapters/bank.ts";
export { type RowAdapter, rowAdapter } from "./models/adapters/rows.ts";
export { readModel } from "./models/families.ts";
export { decoderLoss } from "./models/kinds/decoder-loss.ts";
export { createMemory, type Memory } from "./models/kinds/decoding/memory.ts";
export { encoderDecoderLoss } from "./models/kinds/encoder-decoder-loss.ts";
export { encoderLoss } from "./models/kinds/encoder-loss.ts";
export { type ImageExample, imageEncoderLoss } from "./models/kinds/image-encoder-loss.ts";
export { type PairExample, twoTowersLoss } from "./models/kinds/two-towers-loss.ts";
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
export { parseMachine } from "./plan/machine.ts";
export { type OpenSubjectOptions, openSubject } from "./plan/open-node.ts";
export { type Plan, type PlanOptions, planModel, type Subject } from "./plan/plan.ts";
export type { Machine } from "./plan/roofline.ts";
export { type Agreement, agreementOf, type Share } from "./prefer/data/agreement.ts";
export { type Comparison, type Pair, pairsOf } from "./prefer/data/comparison.ts";
export { type FormatName, parseComparisons, writeComparisons } from "./prefer/data/formats.ts";
export { type Split, splitByBook } from "./prefer/data/split.ts";
export { type DpoFiles, type DpoResult, type DpoRun, trainDpo } from "./prefer/dpo/train-node.ts";
export { parseDpoOptions, parseRewardOptions } from "./prefer/options.ts";
export { openReward, type RewardModel } from "./prefer/reward/score-node.ts";
export { type RewardFiles, type RewardResult, type RewardRun, trainReward } from "./prefer/reward/train-node.ts";
export { type Drawn, everyPair, type Mixture, type MixtureTask } from "./prompts/mixture.ts";
export { type MixtureOptions, type OpenMixture, openMixture } from "./prompts/open-mixture-node.ts";
export { type Applied, applyTemplate, type Template, type TemplateFile, taskName } from "./prompts/template.ts";
export type { ReadTemplates, Rendered, Wording } from "./prompts/wording.ts";
export { parseTemplates, writeTemplates } from "./prompts/yaml.ts";
export {
  type Citation,
  type CitedAnswer,
  citeAnswer,
  extractAnswer,
  fittingMessages,
  senseOfWritten,
} from "./retrieve/answers/answer.ts";
export { askingMessages, type WriterKind } from "./retrieve/answers/prompt.ts";
export type { Embed, Sense } from "./retrieve/answers/sense.ts";
export type { Passage } from "./retrieve/answers/support.ts";
export type { Backend, BackendHit, BackendQuery } from "./retrieve/backends/backend.ts";
export { openPostgres } from "./retrieve/backends/postgres-node.ts";
export { openQdrant } from "./retrieve/backends/qdrant-node.ts";
export { searchedBackend } from "./retrieve/backends/search.ts";
export { type BuildEvents, type BuildOptions, type Built, buildIndex } from "./retrieve/build-node.ts";
export type { CompileOver } from "./retrieve/dense/exact.ts";
export { twoEncoders } from "./retrieve/embedder.ts";
export { type Embedder, type EmbedderOptions, embedderOf } from "./retrieve/embedder-node.ts";
export { type Beir, openBeir } from "./retrieve/evaluation/beir-node.ts";
export { compare, type Difference } from "./retrieve/evaluation/compare.ts";
export { type Judgements, parseMetric, perQuestion, type Run } from "./retrieve/evaluation/metrics.ts";
export { parseRun, runText } from "./retrieve/evaluation/trec.ts";
export { compactIndex, verifyIndex } from "./retrieve/keep-node.ts";
export { bm25, type Hit, lexiconOf } from "./retrieve/lexical/bm25.ts";
export { type CrossEncoder, crossEncoder, type RankerParts } from "./retrieve/rerank.ts";
export { type Found, type Index, openIndex, type Ranker, type SearchOptions } from "./retrieve/search-node.ts";
export { parseRetrieverConfig, type RetrieverConfig } from "./retrieve/training/config.ts";
export { type Stage, type StageResult, trainStage } from "./retrieve/training/run-node.ts";
export { type ExportedChunk, exportIndex } from "./retrieve/transfer/export-node.ts";
export { importIndex } from "./retrieve/transfer/import-node.ts";
export { type CompileOptions, compile } from "./runtime/compile-node.ts";
export { type EngineHost, type HostKind, type HostOptions, openHost } from "./runtime/host-node.ts";
export { type Limits, measureLimits } from "./runtime/limits-node.ts";
export type { Device, Program, RunOptions } from "./runtime/program.ts";
export { loadStudy } from "./study/declare/load-node.ts";
export { type PlannedRun, planStudy } from "./study/declare/plan-node.ts";
export {
  type Claim,
  defineStudy,
  type Factors as StudyFactors,
  type PlainStudy,
  type ResultRow,
  type RunContext as StudyRunContext,
  type RunResult as StudyRunResult,
  type Stage as StudyStage,
  type Study,
} from "./study/declare/study.ts";
export { type Advice, advise } from "./study/grid/advise.ts";
export { type Grid, gridOf, type Result } from "./study/grid/cells.ts";
export { isotonicGrid } from "./study/grid/isotonic.ts";
export { labelsFor, type Worth, worth } from "./study/grid/worth.ts";
export { clusterBootstrap, type Interval } from "./study/law/bootstrap.ts";
export { type Fit, fitLaw, type Law, predicted } from "./study/law/fit.ts";
export { hullAt, type Point, splitHull, upperHull } from "./study/law/hull.ts";
export {
  type HeldOut,
  heldOut,
  type Measured,
  type TransferLimits,
  transferLimits,
  worthUpTo,
} from "./study/law/limits.ts";
export type { Analysis } from "./study/report/analysis.ts";
export { writeReport } from "./study/report/report-node.ts";
export { type RunStudyOptions, runStudy, type StudyOutcome } from "./study/run/run-node.ts";
export { type Merged, mergeStudies } from "./study/store/merge-node.ts";
export { type RunRecord, readRecords, studyFolder, studyRows } from "./study/store/records-node.ts";
export { askStudy } from "./study/store/sql-node.ts";
export { type Book, type BookOptions, bookOf, placeInSource } from "./summarize/book/book.ts";
export { type Decomposed, type Decomposition, decompose } from "./summarize/book/decompose.ts";
export type { Span as TextSpan } from "./summarize/book/spans.ts";
export { faultsOfTree, type Tree, type TreeNode } from "./summarize/book/tree.ts";
export { bestWriter } from "./summarize/choose/best-writer.ts";
export { type Choice, choicesOf } from "./summarize/choose/choices.ts";
export { type ExportFormat, exported } from "./summarize/export/export.ts";
export type { Planned } from "./summarize/run/plan.ts";
export { planBook } from "./summarize/run/plan-node.ts";
export type { Budget, EditOptions, ResumeOptions, RunEvents, RunResult } from "./summarize/run/run.ts";
export {
  editNode,
  redoNode,
  resumeRun,
  revertNode,
  type StartOptions,
  startRun,
} from "./summarize/run/run-node.ts";
export type { SummarizeOptions } from "./summarize/run/settings.ts";
export { type RunState, type RunView, viewOf } from "./summarize/run/state.ts";
export { readState } from "./summarize/run/state-node.ts";
export { type Verified, verifyRun } from "./summarize/run/verify-node.ts";
export type { Provenance, SentenceLinks, Source } from "./summarize/trace/provenance.ts";
export { type EndpointOptions, endpointWriter } from "./summarize/writers/endpoint-node.ts";
export { type LocalOptions, localWriter } from "./summarize/writers/local-node.ts";
export { ruleWriter } from "./summarize/writers/rules.ts";
export type { Writer } from "./summarize/writers/writer.ts";
export type { AdapterFiles } from "./text/adapters/files.ts";
export { readAdapted, readAdapterFiles } from "./text/adapters/files-node.ts";
export { type Best, bestOf, type Scorer } from "./text/best-of.ts";
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
export { type Copied, copiedShares, fragmentTokens } from "./text/metrics/fragments.ts";
export { type RougeKind, type RougeScore, rouge, rougeBest } from "./text/metrics/rouge.ts";
export type { Scored, TextModel } from "./text/model.ts";
export {
  type OpenedEncoder,
  type OpenedImageEncoder,
  type OpenedLanguageModel,
  type OpenedModel,
  type OpenedTwoTowers,
  type OpenOptions,
  openEncoder,
  openLanguageModel,
  openModel,
  openTextModel,
} from "./text/open-node.ts";
export type { Generated, GenerateOptions } from "./text/options.ts";
export type { Processor, Said } from "./text/processor.ts";
export { createTokenizer, type Tokenizer } from "./tokenizers/tokenizer.ts";
export { trainBpe } from "./tokenizers/training/bpe.ts";
export { trainUnigram } from "./tokenizers/training/unigram.ts";
export { parseTrainingConfig, type TrainingConfig } from "./train/config.ts";
export { type Trained, type TrainOptions, train } from "./train/train-node.ts";
export { convertAdapter, inspectAdapter, mergeAdapter } from "./tune/adapters-node.ts";
export { type Tuned, type TuneFolderRun, tune } from "./tune/folder-node.ts";
export type { TuneFiles } from "./tune/open-node.ts";
export { parseTuneOptions, type TuneInput, type TuneOptions } from "./tune/options.ts";
export { search } from "./tune/search-node.ts";
export type { TuneEvents, TuneRun } from "./tune/tune.ts";
export type { LabelledPictures } from "./vision/data/labelled.ts";
export { openLabelled } from "./vision/data/open-node.ts";
export { parseVisionConfig, type VisionConfig, type VisionInput } from "./vision/finetune/config.ts";
export { type FineTuned, finetune, type VisionEvents, type VisionRun } from "./vision/finetune/run-node.ts";
export { openSafetensors, readStored, readTensor, writeSafetensors } from "./weights/safetensors-node.ts";
export type { StoredTensor, Weights } from "./weights/weights.ts";
export { type EvaluateOptions, evaluate } from "./zeroshot/evaluate-node.ts";
export type { Normalization } from "./zeroshot/ranking.ts";
export { type ReportParts, reportHtml } from "./zeroshot/report.ts";
export type { SuperGlueResult } from "./zeroshot/superglue.ts";
export { evaluateSuperGlue, type SuperGlueOptions } from "./zeroshot/superglue-node.ts";
export type { TaskResult } from "./zeroshot/tasks.ts";
