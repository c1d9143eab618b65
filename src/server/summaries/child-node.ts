/** A process that summarises, from its server's side: started for one task, its questions answered by the engine. */
import { setTimeout as sleep } from "node:timers/promises";
import { ZerothError } from "../../errors.ts";
import type { Engine } from "../../host/engine.ts";
import { messageOf } from "../errors.ts";
import { startChild } from "../jobs/child-node.ts";
import type { FromSummary, Kept, SummaryStart, ToldFailure, ToSummary } from "./messages.ts";

type Ended = Extract<FromSummary, { kind: "planned" | "exported" | "written" | "failed" }>;

export interface SummaryChildOptions {
  readonly engine: Engine;
  /** Whose turn its calls are. */
  readonly owner: string;
  readonly model: string;
  /** The process is killed when it fires. */
  readonly signal: AbortSignal;
  /** Keeps what came; false where it is not ours any more, and the process ends. */
  readonly keep?: (kept: Kept) => Promise<boolean>;
  readonly warned?: (text: string) => void;
  readonly script?: URL | undefined;
}

/** The script beside this file, which is where a bundler puts it as well. */
const usualScript = (): URL => new URL("./summary-process-node.js", import.meta.url);

/** What a later attempt mends: no room, an engine that starts anew. */
const passing = new Set(["busy", "engine_failed", "interrupted"]);
const mostTries = 60;
/** Milliseconds between two tries. */
const again = 1000;

async function answerOf(
  { engine, owner, model }: SummaryChildOptions,
  { prompt, settings }: Extract<FromSummary, { kind: "ask" }>,
  signal: AbortSignal,
): Promise<Extract<ToSummary, { kind: "answered" }>["answer"]> {
  for (let tried = 1; ; tried++) {
    let text = "";
    let [inTokens, outTokens, cut] = [0, 0, false];
    try {
      for await (const event of engine.generate({ model, owner, prompt, settings }, AbortSignal.any([signal]))) {
        if (event.kind === "prompt") inTokens = event.tokens;
        else if (event.kind === "piece") {
          text += event.text;
          outTokens += event.tokens.length;
        } else if (event.kind === "end") cut = event.finish === "length";
      }
      return { text, cut, inTokens, outTokens };
    } catch (error) {
      const known = error instanceof ZerothError ? error : undefined;
      if (signal.aborted || !known || !passing.has(known.code) || tried >= mostTries) {
        const failure: ToldFailure = known
          ? { code: known.code, message: messageOf(known) }
          : { code: "engine_failed", message: "the model gave no answer" };
        return failure;
      }
      await sleep(again, undefined, { signal }).catch(() => undefined);
    }
  }
}

/**
 * Run a task to its end.
 * @returns how it ended; undefined where it was killed, or lost
 * @throws engine_failed where the process ended by itself without a word
 */
export async function runSummaryProcess(start: SummaryStart, options: SummaryChildOptions): Promise<Ended | undefined> {
  const { signal, keep, warned, script = usualScript() } = options;
  const stop = new AbortController();
  let ended: Ended | undefined;
  let problem: { readonly error: unknown } | undefined;
  const end = () => {
    stop.abort();
    child.kill();
  };
  // One after another: what was told first is kept first.
  let kept = Promise.resolve();
  const child = startChild<ToSummary, FromSummary>(script, { kind: "start", start }, (said) => {
    switch (said.kind) {
      case "ask":
        answerOf(options, said, stop.signal).then(
          (answer) => child.post({ kind: "answered", id: said.id, answer }),
          end,
        );
        return;
      case "keep":
        kept = kept.then(async () => {
          if (stop.signal.aborted) return;
          try {
            if ((await keep?.(said)) === false) end();
            else child.post({ kind: "kept", id: said.id });
          } catch (error) {
            problem ??= { error };
            end();
          }
        });
        return;
      case "warned":
        return warned?.(said.text);
      default:
        ended = said;
    }
  });
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const why = await child.ended;
  await kept;
  signal.removeEventListener("abort", end);
  const killed = stop.signal.aborted;
  stop.abort();
  if (problem) throw problem.error;
  if (ended || killed) return ended;
  throw new ZerothError("engine_failed", `the process that summarises ended: ${why ?? "it said nothing"}`);
}
