/** A lesson run by the library in this worker: rows to an adapter's files. */
import { parseTuneOptions, type TuneInput, tune, type WebTuneRun } from "../../src/browser.ts";
import type { AdapterFile, Lesson, LessonTold } from "../client/teach.ts";

export interface Reins {
  pause(): void;
  goOn(): void;
  finish(): void;
  drop(): void;
  /** Waits while it is paused. */
  readonly before: () => Promise<void>;
  readonly enough: AbortSignal;
  readonly signal: AbortSignal;
}

export function reinsOf(): Reins {
  const [enough, dropped] = [new AbortController(), new AbortController()];
  let waiting: Promise<void> | undefined;
  let wake = () => {};
  const goOn = () => {
    wake();
    waiting = undefined;
  };
  return {
    pause() {
      waiting ??= new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    goOn,
    finish() {
      enough.abort();
      goOn();
    },
    drop() {
      dropped.abort();
      goOn();
    },
    before: async () => waiting,
    enough: enough.signal,
    signal: dropped.signal,
  };
}

/** What suits a model of a few million parameters: measured on zeroth-nano with sixty rows of three classes. */
const usual: Readonly<Record<Lesson["method"], Partial<TuneInput>>> = {
  "p-tuning-v2": { lr: 2e-1, length: 8, sites: ["encoder"], init: "normal(0.5)" },
  prompt: { lr: 3e-1, length: 16 },
  lora: { lr: 1e-2 },
} as const;

/** Rows that are shown with what the model says to them. */
const shownRows = 4;

/** The options of a lesson; every row is held out or learnt from in the order that the seed says. */
export function optionsOf({ method, epochs, held, seed, classes, rate, length, rows }: Lesson): TuneInput {
  const chosen = usual[method];
  const learnt = Math.max(1, Math.round(rows.length * (1 - held)));
  return {
    ...{ method, ...chosen, epochs, seed, split: held, batch: Math.max(2, Math.min(16, Math.round(learnt / 6))) },
    ...(rate !== undefined && { lr: rate }),
    ...(length !== undefined && "length" in chosen && { length }),
    ...(classes && { metric: "accuracy" as const }),
    tooLong: "cut",
  };
}

export async function runLesson(
  base: string,
  lesson: Lesson,
  {
    fetch,
    reins,
    tell,
  }: { readonly fetch: NonNullable<WebTuneRun["fetch"]>; readonly reins: Reins; tell(told: LessonTold): void },
): Promise<readonly AdapterFile[]> {
  const { before, enough, signal } = reins;
  const rows = lesson.rows.map(({ text, label }) => ({ prompt: text, target: label }));
  const { files } = await tune({ model: base, rows }, parseTuneOptions(optionsOf(lesson)), {
    ...{ fetch, before, enough, signal, baseName: lesson.model, samples: shownRows },
    events: {
      started({ steps, rows, held, trained, parameters }) {
        tell({ kind: "started", steps, rows, held });
        tell({ kind: "counted", trained, parameters });
      },
      step: ({ step, steps, loss }) => tell({ kind: "step", step, steps, loss }),
      evaluated({ step, metric, value, best, samples }) {
        tell({ kind: "judged", step, metric, value, best });
        tell({ kind: "shown", step, samples });
      },
      warned: (text) => tell({ kind: "warned", text }),
    },
  });
  return [...files].map(([name, bytes]) => ({ name, bytes }));
}
