/** What a server and its process that summarises say to each other. Both are of one version and one machine. */
import type { EnginePrompt } from "../../host/engine.ts";
import type { ExportFormat } from "../../summarize/export/export.ts";
import type { Estimate } from "../../summarize/run/estimate.ts";
import type { RunRow } from "../../summarize/run/memory.ts";
import type { RunResult } from "../../summarize/run/run.ts";
import type { SummarizeOptions } from "../../summarize/run/settings.ts";
import type { ShownNode } from "../../summarize/run/shown.ts";
import type { RuleName } from "../../summarize/writers/rules.ts";
import type { LiveSettings } from "../../text/live/request.ts";

/** What writes: a rule, or a model of the server's engine. */
export type WriterSpec =
  | { readonly kind: "rule"; readonly rule: RuleName }
  | {
      readonly kind: "engine";
      readonly model: string;
      /** Where its tokenizer is. */
      readonly path: string;
      readonly about: {
        readonly kind: "decoder" | "encoder-decoder";
        readonly family: string;
        readonly chat: boolean;
        readonly longest?: number | undefined;
      };
      /** Tokens that its chat template puts around a message. */
      readonly around: number;
      readonly temperature?: number | undefined;
    };

export interface BookFile {
  /** On this machine. */
  readonly path: string;
  /** As its owner calls it. */
  readonly name: string;
}

export type SummaryTask =
  /** The tree and what it will take. */
  | { readonly stage: "plan"; readonly book: BookFile; readonly options: SummarizeOptions }
  /** Everything that is missing, or what a change asks for. */
  | {
      readonly stage: "write";
      readonly rows: readonly RunRow[];
      /** Of a run that has not begun. */
      readonly begin?: { readonly book: BookFile; readonly options: SummarizeOptions } | undefined;
      /** Nodes as they are shown now, JSON by their names. */
      readonly shown: ReadonlyMap<string, string>;
      readonly above?: { readonly node: string; readonly again: boolean } | undefined;
      readonly strict: boolean;
      readonly maxCalls?: number | undefined;
    }
  | { readonly stage: "export"; readonly rows: readonly RunRow[]; readonly format: ExportFormat };

export interface SummaryStart {
  readonly writer: WriterSpec;
  readonly task: SummaryTask;
}

export interface PlanTold {
  readonly title: string | null;
  readonly estimate: Estimate;
  readonly settings: object;
  readonly tokens: number;
  readonly trimmed: readonly { readonly start: number; readonly end: number; readonly why: string }[];
}

export interface Spent {
  readonly done: number;
  readonly total: number;
  readonly inTokens: number;
  readonly outTokens: number;
  readonly tokensPerSecond: number;
  readonly etaSeconds: number;
}

export interface ToldFailure {
  readonly code: string;
  readonly message: string;
}

/** What is kept together. */
export interface Kept {
  readonly rows: readonly RunRow[];
  readonly nodes: readonly ShownNode[];
  readonly plan?: PlanTold | undefined;
  readonly progress?: (Spent & { readonly node: string }) | undefined;
}

export type ToSummary =
  | { readonly kind: "start"; readonly start: SummaryStart }
  /** What was to be kept is. */
  | { readonly kind: "kept"; readonly id: number }
  | {
      readonly kind: "answered";
      readonly id: number;
      readonly answer:
        | { readonly text: string; readonly cut: boolean; readonly inTokens: number; readonly outTokens: number }
        | ToldFailure;
    };

export type FromSummary =
  | { readonly kind: "ready" }
  | {
      readonly kind: "ask";
      readonly id: number;
      readonly prompt: EnginePrompt;
      readonly settings: LiveSettings;
    }
  | ({ readonly kind: "keep"; readonly id: number } & Kept)
  | { readonly kind: "warned"; readonly text: string }
  | { readonly kind: "planned"; readonly plan: PlanTold }
  | { readonly kind: "exported"; readonly content: string | Uint8Array }
  | { readonly kind: "written"; readonly result: RunResult; readonly missing: number }
  | { readonly kind: "failed"; readonly failure: ToldFailure };
