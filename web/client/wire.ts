/** What the server's routes send, in as much as the page reads it. OpenAI's names where it has them. */
import type { DownloadPlan } from "./client.ts";

export interface ErrorBody {
  readonly error?: { readonly message?: string; readonly code?: string | null; readonly hint?: string } | string;
}

export interface ChatChance {
  readonly token: string;
  readonly logprob: number;
}

export interface ChatChunk extends ErrorBody {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
    readonly logprobs?: {
      readonly content?: readonly (ChatChance & { readonly top_logprobs?: readonly ChatChance[] })[] | null;
    } | null;
  }[];
  readonly usage?: { readonly prompt_tokens?: number } | null;
}

export interface CompletionChunk extends ErrorBody {
  readonly choices?: readonly {
    readonly text?: string;
    readonly finish_reason?: string | null;
    readonly logprobs?: {
      readonly tokens?: readonly string[];
      readonly token_logprobs?: readonly (number | null)[];
      readonly top_logprobs?: readonly (Readonly<Record<string, number>> | null)[] | null;
    } | null;
  }[];
  readonly usage?: { readonly prompt_tokens?: number } | null;
}

export interface ScoreBody {
  readonly data?: readonly {
    readonly choices: readonly { readonly sum: number; readonly tokens: number }[];
  }[];
}

export interface ManagedModel {
  readonly id: string;
  readonly family: string | null;
  readonly kind: string | null;
  readonly bytes: number | null;
  readonly parameters: number | null;
  readonly longest: number | null;
  readonly can: readonly string[];
  readonly state: "closed" | "opening" | "ready" | "closing";
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly closes_after: number | null;
  /** Absent of older servers. */
  readonly defaults?: {
    readonly temperature: number;
    readonly top_p: number | null;
    readonly top_k: number | null;
    readonly min_p: number | null;
    readonly repetition_penalty: number | null;
    readonly max_tokens: number | null;
  } | null;
  /** While it is open; bytes of keys and values held. */
  readonly live: { readonly bytes: number; readonly rows: number; readonly waiting: number } | null;
}

export interface ModelsBody {
  readonly models?: readonly ManagedModel[];
}

/** Free disk is null where the server does not know it. */
export type PlanBody = Omit<DownloadPlan, "free"> & { readonly free: number | null };

export interface JobBody {
  readonly id: string;
  readonly kind: "download" | "batch";
  readonly title: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "stopped";
  readonly started: number;
  readonly ended: number | null;
  readonly progress: { readonly done: number; readonly total: number; readonly unit: "bytes" | "rows" } | null;
  readonly seconds_left: number | null;
  readonly rate: number | null;
  readonly files: readonly { readonly file: string; readonly bytes: number; readonly done: number }[];
  readonly scan: {
    readonly verdict: "safe" | "unsafe" | "unknown";
    readonly findings: readonly { readonly file: string; readonly why: string }[];
  } | null;
  readonly error: { readonly message: string; readonly code: string | null } | null;
}

export interface StatusBody {
  readonly downloads?: boolean;
  readonly device?: string;
  readonly threads?: number;
  readonly memory?: number;
}

export interface FileBody {
  readonly id: string;
}

export interface TuningBody {
  readonly id: string;
  readonly status: string;
  readonly fine_tuned_model: string | null;
  readonly error: { readonly message: string; readonly code?: string; readonly row?: number } | null;
  readonly tuning?: { readonly trained_parameters?: number; readonly parameters?: number };
}

export interface TuningEventBody {
  readonly type?: "message" | "metrics";
  readonly level?: "info" | "warn" | "error";
  readonly message?: string;
  readonly data?: {
    readonly step?: number;
    readonly total_steps?: number;
    readonly train_loss?: number;
    readonly best?: boolean;
    readonly samples?: readonly { readonly input: string; readonly expected: string; readonly output: string }[];
  };
}

export interface CheckpointsBody {
  readonly data?: readonly { readonly fine_tuned_model_checkpoint: string }[];
}

export interface StoreBody {
  readonly id: string;
  readonly name: string | null;
  readonly embedding_model?: string | null;
}

export interface StoreFileBody {
  readonly id: string;
  readonly status: "in_progress" | "completed" | "failed" | "cancelled";
  readonly last_error: { readonly message: string } | null;
  readonly attributes?: Readonly<Record<string, unknown>> | null;
}

export interface PageBody<T> {
  readonly data?: readonly T[];
  readonly has_more?: boolean;
  readonly last_id?: string | null;
}

/** Where a passage stands is told by servers of ours. */
export interface PlaceBody {
  readonly file_id: string;
  readonly filename: string;
  readonly document?: string;
  readonly start?: number;
  readonly end?: number;
  readonly page?: number;
  readonly heading?: string;
}

export interface FoundBody extends PlaceBody {
  readonly score: number;
  readonly content: readonly { readonly text: string }[];
}

export interface ContentBody {
  readonly data?: readonly { readonly text: string; readonly document?: string }[];
}

export interface AnswerBody {
  readonly text: string;
  readonly found: boolean;
  readonly sentences: readonly {
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly supported: boolean;
  }[];
  readonly citations: readonly ({ readonly sentence: number; readonly quote: string } & PlaceBody)[];
}

export type AskEventBody = ErrorBody &
  (
    | { readonly type?: "answer.passages" }
    | { readonly type: "answer.delta"; readonly delta: string }
    | { readonly type: "answer.completed"; readonly answer: AnswerBody }
  );
