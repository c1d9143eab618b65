/** What a job tells while it works. The same events are lines of `--json`, messages to Dagster and parts of a manifest. */

export type Level = "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL";
export type Severity = "WARN" | "ERROR";

/** A statement about a result that holds or does not. It never makes a job fail: whoever asked decides what follows. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** WARN: worth a look. ERROR (default): the result is wrong. */
  readonly severity?: Severity;
  /** What was compared: "accuracy 0.52, chance 0.50". */
  readonly about?: string;
}

export type JobEvent =
  | {
      readonly event: "progress";
      readonly done: number;
      readonly total: number;
      /** What is counted: "passages". */
      readonly unit: string;
      /** A second. */
      readonly rate?: number;
      /** Seconds that are left. */
      readonly eta?: number;
    }
  | { readonly event: "metric"; readonly name: string; readonly value: number; readonly step?: number }
  | { readonly event: "artifact"; readonly path: string }
  | ({ readonly event: "check" } & Check)
  | { readonly event: "log"; readonly level: Level; readonly message: string }
  /** The result as a person would look at it: at most 20 lines of Markdown. */
  | { readonly event: "preview"; readonly markdown: string }
  /** The result as rows: the last ones sum up. */
  | { readonly event: "table"; readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[] };

export type Tell = (event: JobEvent) => void;

/** Progress with its speed and what is left, of work that goes on at an even pace. `known` of it was done before. */
export function progressFrom(
  tell: Tell,
  { unit, known = 0, now = () => performance.now() }: { unit: string; known?: number; now?: () => number },
): (done: number, total: number) => void {
  const began = now();
  return (done, total) => {
    const seconds = (now() - began) / 1000;
    const made = done - known;
    const rate = seconds > 0 && made > 0 ? made / seconds : undefined;
    tell({
      event: "progress",
      done,
      total,
      unit,
      ...(rate !== undefined && { rate, eta: (total - done) / rate }),
    });
  };
}
