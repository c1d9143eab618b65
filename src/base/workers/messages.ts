/** What a process that does work, item by item, and whoever started it say to each other. */
import type { ErrorCode } from "../../errors.ts";

/** What is done is told by its name: a partition, a run. */
export type ToWorker<Start> =
  | { readonly kind: "start"; readonly start: Start }
  | { readonly kind: "run"; readonly item: string }
  | { readonly kind: "stop" };

/** An error with what decides about trying again. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly stack?: string | undefined;
  readonly exit: number;
}

export type FromWorker<Event, Done> =
  | { readonly kind: "ready" }
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "done"; readonly done: Done }
  | { readonly kind: "failed"; readonly failure: Failure };
