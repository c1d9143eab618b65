/** What a job's process and whoever started it say to each other. */
import type { JsonObject } from "../base/json.ts";
import type { ErrorCode } from "../errors.ts";
import type { JobEvent } from "./events.ts";

export interface WorkerStart {
  readonly job: string;
  readonly config: JsonObject;
  readonly store: string;
  readonly work: string;
  readonly asset: string;
}

export type ToWorker =
  | ({ readonly kind: "start" } & WorkerStart)
  | { readonly kind: "run"; readonly partition: string }
  | { readonly kind: "stop" };

/** An error with what decides about trying again. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly stack?: string | undefined;
  readonly exit: number;
}

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "event"; readonly event: JobEvent }
  | { readonly kind: "done"; readonly key: string; readonly cached: boolean }
  | { readonly kind: "failed"; readonly failure: Failure };
