/** What the server's routes send, in as much as the page reads it. OpenAI's names where it has them. */

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
  /** While it is open; bytes of keys and values held. */
  readonly live: { readonly bytes: number; readonly rows: number; readonly waiting: number } | null;
}

export interface ModelsBody {
  readonly models?: readonly ManagedModel[];
}

export interface StatusBody {
  readonly device?: string;
  readonly threads?: number;
  readonly memory?: number;
}
