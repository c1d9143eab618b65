/** What the page and the worker that runs the model say to each other; `id` names the request. */
import type { Ask, ChoiceScore, Prompt, Told } from "../client/client.ts";

export type Order =
  | { readonly kind: "open"; readonly base: string }
  | { readonly kind: "close" }
  | { readonly kind: "answer"; readonly id: number; readonly ask: Ask }
  | { readonly kind: "score"; readonly id: number; readonly ask: Ask; readonly choices: readonly string[] }
  | { readonly kind: "count"; readonly id: number; readonly prompt: Prompt }
  | { readonly kind: "stop"; readonly id: number };

/** What is known of the open model. */
export interface Opened {
  readonly kind: string;
  readonly family: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly longest?: number;
  readonly threads: number;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type Report =
  | { readonly kind: "loading"; readonly done: number; readonly total?: number }
  | { readonly kind: "opened"; readonly about: Opened }
  | { readonly kind: "closed" }
  | { readonly kind: "not-opened"; readonly failure: Failure }
  | { readonly kind: "told"; readonly id: number; readonly told: readonly Told[] }
  | { readonly kind: "scored"; readonly id: number; readonly scores: readonly ChoiceScore[] }
  | { readonly kind: "counted"; readonly id: number; readonly tokens: number }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
