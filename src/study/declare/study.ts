/**
 * What a study is: a grid of runs whose results are asked something. A declaration is this object: the default export of a
 * module, or the same without functions as JSON or YAML.
 */
import type { Analysis } from "../report/analysis.ts";

export type FactorValue = string | number | boolean | null;

/** What tells one run from another, by the names of the factors. */
export type Factors = Readonly<Record<string, FactorValue>>;

/** A condition on factors that were declared before: each has this value, or one of these. */
export type Only = Readonly<Record<string, FactorValue | readonly FactorValue[]>>;

/** Values of a factor: a list; a list that only some runs have; numbers from one to another, evenly or by equal ratios. */
export type Factor =
  | readonly FactorValue[]
  | { readonly values: readonly FactorValue[]; readonly only?: Only | undefined }
  | {
      readonly from: number;
      readonly to: number;
      readonly count: number;
      readonly scale?: "linear" | "log" | undefined;
      readonly only?: Only | undefined;
    };

/** A row of results: metrics as numbers, and what they are of (a task, a number of shots) by further columns. */
export type ResultRow = Readonly<Record<string, FactorValue>>;

export interface RunContext {
  readonly id: string;
  /** The run's factors, those of the runs that it needs among them. */
  readonly factors: Factors;
  /** For checkpoints: what an attempt left when it was stopped or killed is there for the next one. Taken away in the end. */
  readonly work: string;
  /** For files that are kept with the result, as weights that other runs need. Empty at the start. */
  readonly out: string;
  /** The run that this one needs, with its kept files and rows. */
  readonly parent: { readonly id: string; readonly out: string; readonly rows: readonly ResultRow[] } | undefined;
  /** Paths of the stage's `data`. */
  readonly data: readonly string[];
  /** Threads that a run may use, so that all workers together have as many as the machine. */
  readonly threads: number;
  /** Aborted when somebody asks to stop: save what there is and throw. */
  readonly signal: AbortSignal;
  progress(done: number, total: number): void;
}

/** One row, or several. */
export type RunResult = ResultRow | readonly ResultRow[];

export interface Stage {
  /** A stage before: this one runs once for each of its runs and each combination of its own factors. */
  readonly needs?: string | undefined;
  readonly factors: Readonly<Record<string, Factor>>;
  /** Which combinations are meant. Of modules; pure. */
  readonly where?: ((factors: Factors) => boolean) | undefined;
  /** So many combinations, drawn by a seed, instead of all. */
  readonly sample?: { readonly count: number; readonly seed?: number | undefined } | undefined;
  /** Values that a factor had before it was declared: runs with them keep the identity that they had. */
  readonly defaults?: Factors | undefined;
  /** Raised when the same factors give another result. */
  readonly version?: number | undefined;
  /** Files whose content decides results, by paths from the declaration. */
  readonly data?: readonly string[] | undefined;
  /** How dear a run is beside others of its stage. Of modules; pure. */
  readonly cost?: ((factors: Factors) => number) | undefined;
  /** Does a run. Of modules. */
  readonly run?: ((context: RunContext) => RunResult | Promise<RunResult>) | undefined;
  /**
   * Does a run in a process of its own: `{name}` in it is a factor, `{out}`, `{work}` and `{parent}` are folders. Its last
   * line on stdout is its row, or its rows as a list, in JSON.
   */
  readonly command?: readonly string[] | undefined;
}

/** One claim that was tested: what speaks for it or against it is a figure of these results. */
export interface Claim {
  readonly claim: string;
  readonly verdict: "seen" | "not seen" | "not testable here";
  readonly figure: string;
}

/** A row of results with the factors it came of, `stage`, `id`, and `run`: the first run that it follows from. */
export type StudyRow = ResultRow;

export interface StudySettings {
  readonly name: string;
  /** Raised to do everything anew. */
  readonly version?: number | undefined;
  /** Columns that are scores, and which way is better. */
  readonly metrics: Readonly<Record<string, "max" | "min">>;
  /** What the report asks of the results. */
  readonly analyses?: readonly Analysis[] | undefined;
  /** Factors by their stage that `--quick` puts in the place of others: a small study of the same form. */
  readonly quick?: Readonly<Record<string, Readonly<Record<string, Factor>>>> | undefined;
  /** What the results say of claims. Of modules; pure. */
  readonly claims?: ((rows: readonly StudyRow[]) => readonly Claim[]) | undefined;
}

/** A study of stages, each needing runs of one before. */
export interface Study extends StudySettings {
  readonly stages: Readonly<Record<string, Stage>>;
}

/** A study of one stage: its factors and run stand beside its name. */
export type PlainStudy = StudySettings & Stage;

/** Types for a declaration; it is checked when it is read. */
export const defineStudy = <const S extends Study | PlainStudy>(study: S): S => study;
