/** Vectors searched in a process of their own: a server goes on answering meanwhile, and a crash there is no crash here. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ErrorCode, throwIfAborted, ZerothError } from "../../errors.ts";
import type { Hit } from "../lexical/bm25.ts";

export interface SearchQuestion {
  readonly id: number;
  readonly store: string;
  readonly generation: number;
  readonly revision: number;
  readonly bits: 32 | 8 | undefined;
  readonly many: number | undefined;
  readonly threads: number | undefined;
  readonly vectors: readonly Float32Array[];
  readonly k: number;
  /** 1 for each row that may be found. */
  readonly allowed: Uint8Array | undefined;
}

export interface SearchAnswer {
  readonly id: number;
  readonly hits?: Hit[][];
  /** Whether the index has changed meanwhile. */
  readonly stale?: true;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly where?: string | undefined;
    readonly hint?: string | undefined;
  };
}

export interface Apart {
  /** Hits by rows; undefined where the index is not of this generation and revision any more. */
  search(question: Omit<SearchQuestion, "id">, signal?: AbortSignal): Promise<Hit[][] | undefined>;
  close(): void;
}

const stopped = { code: "interrupted", message: "stopped on request" } as const;

// The sources themselves are only run by tests, which build first: a process cannot be started from TypeScript.
const script = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/retrieve/dense/search-process-node.js", import.meta.url)
  : new URL("./search-process-node.js", import.meta.url);

export function searchApart(notice: (text: string) => void = () => {}): Apart {
  let child: ChildProcess | undefined;
  let last = 0;
  const waiting = new Map<number, (answer: SearchAnswer) => void>();

  function hold(): void {
    const on = waiting.size > 0;
    for (const one of [child, child?.channel]) {
      if (on) one?.ref();
      else one?.unref();
    }
  }

  function started(): ChildProcess {
    if (child) return child;
    const own = fork(fileURLToPath(script), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const gone = () => {
      if (child !== own) return;
      child = undefined;
      const error = {
        code: "engine_failed",
        message: "the search stopped while it answered",
        hint: "ask again: it is started anew",
      } as const;
      for (const [id, tell] of [...waiting]) tell({ id, error });
    };
    own.on("error", gone).on("exit", gone);
    own.on("message", (told: SearchAnswer | { readonly notice: string }) => {
      if ("notice" in told) notice(told.notice);
      else waiting.get(told.id)?.(told);
    });
    child = own;
    return own;
  }

  return {
    async search(question, signal) {
      throwIfAborted(signal);
      const id = ++last;
      const answer = await new Promise<SearchAnswer>((resolve) => {
        const stop = () => tell({ id, error: stopped });
        const tell = (told: SearchAnswer) => {
          waiting.delete(id);
          signal?.removeEventListener("abort", stop);
          hold();
          resolve(told);
        };
        waiting.set(id, tell);
        signal?.addEventListener("abort", stop);
        const process = started();
        hold();
        process.send({ ...question, id }, (cause) => {
          if (cause)
            tell({ id, error: { code: "engine_failed", message: `the search cannot be asked: ${cause.message}` } });
        });
      });
      const { error, hits, stale } = answer;
      if (stale) return undefined;
      if (!error) return hits;
      const { code, message, where, hint } = error;
      throw new ZerothError(code, message, {
        ...(where !== undefined && { where }),
        ...(hint !== undefined && { hint }),
      });
    },
    close() {
      child?.kill("SIGKILL");
      child = undefined;
      for (const [id, tell] of [...waiting]) tell({ id, error: stopped });
    },
  };
}
