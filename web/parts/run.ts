/** One answer while it comes: its tokens, how it ended, and how to stop it. */
import { batch, type Signal, signal } from "@preact/signals";
import { type Ask, type Client, type Problem, problemOf, type Token } from "../client/client.ts";
import { speed } from "../state/session.ts";

export interface Answer {
  readonly tokens: readonly Token[];
  readonly state: "running" | "done" | "stopped" | "failed";
  readonly finish?: "stop" | "length";
  readonly promptTokens?: number;
  readonly seconds: number;
  readonly notes?: readonly string[];
  readonly problem?: Problem;
}

export const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join("");

export interface Run {
  readonly answer: Signal<Answer>;
  readonly done: Promise<Answer>;
  stop(): void;
}

const stops = new Set<() => void>();

/** Stops whatever runs; says whether anything did. */
export function stopAll(): boolean {
  const any = stops.size > 0;
  for (const stop of stops) stop();
  return any;
}

/** While anything runs it can be stopped by Esc, too. */
export async function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  stops.add(stop);
  try {
    return await work(controller.signal);
  } finally {
    stops.delete(stop);
  }
}

export function run(client: Client, ask: Ask): Run {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const answer = signal<Answer>({ tokens: [], state: "running", seconds: 0 });

  async function work(): Promise<Answer> {
    stops.add(stop);
    const started = performance.now();
    let tokens: Token[] = [];
    let shown = 0;
    const seconds = () => (performance.now() - started) / 1000;
    const show = (more: Partial<Answer>) => {
      answer.value = { ...answer.value, ...more, tokens, seconds: seconds() };
    };
    try {
      for await (const told of client.answer(ask, controller.signal)) {
        if (told.kind === "token") {
          tokens = [...tokens, told.token];
          // At the pace of frames: a fast model makes several tokens in one.
          if (performance.now() - shown > 16) {
            shown = performance.now();
            show({});
          }
        } else {
          const { finish, promptTokens, notes, seconds: took } = told;
          batch(() => {
            show({
              state: "done",
              finish,
              ...(promptTokens !== undefined && { promptTokens }),
              ...(notes?.length && { notes }),
            });
            if (took !== undefined) answer.value = { ...answer.value, seconds: took };
            if (tokens.length > 0) speed.value = tokens.length / answer.value.seconds;
          });
        }
      }
      if (answer.value.state === "running") show({ state: "done" });
    } catch (error) {
      const problem = problemOf(error);
      const stopped = problem.stopped || controller.signal.aborted;
      show(stopped ? { state: "stopped" } : { state: "failed", problem });
    } finally {
      stops.delete(stop);
    }
    return answer.value;
  }

  return { answer, done: work(), stop };
}
