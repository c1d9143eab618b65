/** What the page asks of models, wherever they run. `browser.ts` and `server.ts` are the two ways to have it. */

import type { Teacher } from "./teach.ts";

export type Message = {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
};

/** A text as it is, or a conversation that the model's chat template writes. */
export type Prompt = { readonly text: string } | { readonly messages: readonly Message[] };

/** How an answer is drawn; what is absent is the model's own. */
export interface Settings {
  /** 0 takes the likeliest token every time. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

export interface Chance {
  /** Where the way to run tells it. */
  readonly id?: number;
  readonly text: string;
  /** Natural logarithm of its probability at temperature 1. */
  readonly logprob: number;
}

/** A token of an answer, with its probability and the likeliest tokens at its place where they were asked for. */
export interface Token {
  readonly id?: number;
  readonly text: string;
  readonly logprob?: number;
  readonly top?: readonly Chance[];
}

export interface Ask {
  readonly model: string;
  readonly prompt: Prompt;
  readonly settings: Settings;
  /** What the answer begins with, when it goes on from a token that a person chose. */
  readonly begun?: readonly Token[];
  /** The likeliest tokens that every token is told with. */
  readonly top?: number;
}

export type Told =
  | { readonly kind: "token"; readonly token: Token }
  | {
      readonly kind: "end";
      readonly finish: "stop" | "length";
      readonly promptTokens?: number;
      /** From when the model began with it; waiting for the model to open is no part. */
      readonly seconds?: number;
      readonly notes?: readonly string[];
    };

export interface ChoiceScore {
  readonly text: string;
  /** Sum of the log-probabilities of its tokens. */
  readonly sum: number;
  readonly tokens: number;
}

export interface ModelCard {
  readonly id: string;
  /** Whether it is another model with what it was taught in front of it. */
  readonly taught?: boolean;
  readonly family?: string;
  readonly kind?: string;
  readonly bytes?: number;
  readonly parameters?: number;
  /** Tokens of prompt and answer together. */
  readonly longest?: number;
  readonly can: readonly string[];
  readonly state: "closed" | "opening" | "ready" | "closing";
  readonly progress?: { readonly done: number; readonly total?: number };
  /** Bytes that it holds while open. */
  readonly memory?: number;
  /** How its makers recommend that answers are drawn, where that is known. */
  readonly defaults?: Settings;
  /** Milliseconds of idleness after which it closes. */
  readonly closesAfter?: number;
}

export interface Job {
  readonly id: string;
  readonly title: string;
  readonly state: "running" | "waiting" | "done" | "failed" | "stopped";
  /** The model that is downloaded. */
  readonly model?: string;
  readonly stoppable?: true;
  /** Of a download, each file by itself. */
  readonly files?: readonly { readonly file: string; readonly bytes: number; readonly done: number }[];
  readonly secondsLeft?: number;
  /** Bytes a second. */
  readonly rate?: number;
  /** What a look at every byte that came found. */
  readonly scan?: { readonly verdict: "safe" | "unsafe" | "unknown"; readonly findings: readonly string[] };
  readonly progress?: { readonly done: number; readonly total?: number; readonly unit: "bytes" | "rows" | "steps" };
  /** Unix milliseconds. */
  readonly started: number;
  readonly ended?: number;
  readonly problem?: string;
}

/** What a download would be. */
export interface DownloadPlan {
  readonly model: string;
  readonly bytes: number;
  /** Bytes that are not here yet. */
  readonly missing: number;
  /** Bytes of free disk, where the server knows. */
  readonly free?: number;
  readonly fits: boolean;
  /** What the files' names promise. */
  readonly outlook: "data" | "may_hold_code" | "code";
  readonly files: readonly {
    readonly file: string;
    readonly bytes: number;
    readonly here: boolean;
    readonly kind: string;
    readonly outlook: DownloadPlan["outlook"];
  }[];
}

/** Models that are not here yet. */
export interface Downloads {
  plan(model: string, signal?: AbortSignal): Promise<DownloadPlan>;
  /** Begins; how far it is stands among the jobs. */
  begin(model: string): Promise<void>;
}

export interface Status {
  /** Whether models can be downloaded. */
  readonly downloads?: boolean;
  readonly device?: string;
  readonly threads?: number;
  /** Bytes of the process, or of the engine's memory. */
  readonly memory?: number;
  readonly note?: string;
}

export interface Client {
  readonly where: "browser" | "server";
  /** What this way can do beside answering. */
  readonly manages: { readonly anyModel: boolean; readonly close: boolean };
  models(signal?: AbortSignal): Promise<readonly ModelCard[]>;
  /** Makes a model ready; one that is not here is downloaded where this way can. */
  open(model: string, signal?: AbortSignal): Promise<void>;
  close(model: string): Promise<void>;
  answer(ask: Ask, signal?: AbortSignal): AsyncIterable<Told>;
  score(ask: Ask, choices: readonly string[], signal?: AbortSignal): Promise<readonly ChoiceScore[]>;
  /** Tokens of a prompt as the model reads it. */
  count(model: string, prompt: Prompt, signal?: AbortSignal): Promise<number>;
  jobs(): Promise<readonly Job[]>;
  /** Stops a job that says it is stoppable. */
  stop?(job: string): Promise<void>;
  /** Absent where there is nothing to download from. */
  readonly downloads?: Downloads;
  readonly teacher: Teacher;
  status(): Promise<Status>;
  /** Called when models, jobs or status may have changed. */
  watch(changed: () => void): () => void;
}

interface ProblemParts {
  /** Of HTTP. */
  readonly status?: number;
  readonly hint?: string;
  readonly details?: string;
  readonly stopped?: boolean;
  readonly code?: string;
  readonly cause?: unknown;
}

/** What went wrong, for a person: what, what to do next, and the rest behind a fold. */
export class Problem extends Error {
  readonly hint: string | undefined;
  readonly details: string | undefined;
  /** Whether somebody stopped it, which is no failure. */
  readonly stopped: boolean;
  /** The library's or the server's code of it. */
  readonly code: string | undefined;
  readonly status: number | undefined;

  constructor(what: string, parts: ProblemParts = {}) {
    super(what, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "Problem";
    this.hint = parts.hint;
    this.details = parts.details;
    this.stopped = parts.stopped ?? false;
    this.code = parts.code;
    this.status = parts.status;
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === "AbortError") {
    return new Problem("Stopped.", { stopped: true, cause: error });
  }
  const details = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Problem("That did not work, and the page does not know why.", {
    hint: "Try it once more; if it stays, reload the page.",
    details,
    cause: error,
  });
}
