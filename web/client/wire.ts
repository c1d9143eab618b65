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
    readonly choices: readonly { readonly text?: string; readonly sum: number; readonly tokens: number }[];
  }[];
}

export interface ModelsBody {
  readonly data?: readonly {
    readonly id: string;
    readonly family?: string;
    readonly kind?: string;
    readonly bytes?: number;
    readonly parameters?: number;
    readonly longest?: number;
    readonly can?: readonly string[];
    readonly state?: "closed" | "opening" | "ready" | "closing";
    readonly progress?: { readonly done: number; readonly total?: number };
    readonly memory?: number;
    readonly closesAfter?: number;
  }[];
}

export interface StatusBody {
  readonly device?: string;
  readonly threads?: number;
  readonly memory?: number;
  readonly models?: readonly {
    readonly id: string;
    readonly state: "opening" | "ready" | "closing";
    readonly progress?: { readonly done: number; readonly total?: number };
    readonly live?: { readonly bytes?: number };
    readonly closesAfter?: number;
  }[];
}
