/** What the page and the worker that runs the model say to each other; `id` names the request. */
import type { Ask, ChoiceScore, Prompt, Told } from "../client/client.ts";
import type { AdapterFile, Lesson, LessonTold } from "../client/teach.ts";

export type Order =
  | { readonly kind: "open"; readonly base: string }
  | { readonly kind: "close" }
  | { readonly kind: "answer"; readonly id: number; readonly ask: Ask }
  | { readonly kind: "score"; readonly id: number; readonly ask: Ask; readonly choices: readonly string[] }
  | { readonly kind: "count"; readonly id: number; readonly prompt: Prompt }
  | { readonly kind: "teach"; readonly id: number; readonly lesson: Lesson }
  | { readonly kind: "lesson"; readonly id: number; readonly now: "pause" | "go-on" | "finish" }
  /** Files of adapters that `model` names of asks mean from now on; none forgets one. */
  | { readonly kind: "adapter"; readonly model: string; readonly files?: readonly AdapterFile[] }
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
  | { readonly kind: "lesson-told"; readonly id: number; readonly told: readonly LessonTold[] }
  | { readonly kind: "taught"; readonly id: number; readonly files: readonly AdapterFile[] }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure };
