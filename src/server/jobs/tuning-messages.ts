/** What a server and its process that tunes say to each other. Both are of one version and one machine. */
import type { Evaluation } from "../../learn/fit/fit.ts";
import type { AskedTuning, ChosenTuning } from "./tuning-options.ts";

/** A file of rows on this machine, with its owner's name for it. */
export interface RowsFile {
  readonly path: string;
  readonly name: string;
}

/** What the process is started with. */
export interface TuningStart {
  /** Folder of the frozen model, and its name, which the adapter is to bear. */
  readonly model: { readonly path: string; readonly name: string };
  readonly training: RowsFile;
  readonly validation: RowsFile | undefined;
  readonly work:
    | {
        readonly stage: "files";
        readonly asked: AskedTuning;
        readonly seed: number;
        readonly threads: number | undefined;
      }
    | {
        readonly stage: "steps";
        readonly chosen: ChosenTuning;
        /** Folder of the run: empty, or with a checkpoint to go on from. */
        readonly run: string;
        /** Folder for copies of checkpoints, which whoever is told of one takes away. */
        readonly outbox: string;
      };
}

export type ToTuning = { readonly kind: "start"; readonly start: TuningStart } | { readonly kind: "stop" };

/** What the model says to a row of the file, and what the row has. */
export interface Sample {
  readonly input: string;
  readonly expected: string;
  readonly output: string;
}

export interface TuningFailure {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly row?: number;
}

export type FromTuning =
  | { readonly kind: "ready" }
  | { readonly kind: "accepted"; readonly chosen: ChosenTuning; readonly steps: number }
  | { readonly kind: "started"; readonly step: number; readonly steps: number }
  | {
      readonly kind: "step";
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly lr: number;
      readonly tokens: number;
      /** Seconds that a step takes now. */
      readonly seconds: number;
    }
  | { readonly kind: "evaluated"; readonly row: Evaluation; readonly best: boolean; readonly steps: number }
  | { readonly kind: "warned"; readonly text: string }
  | { readonly kind: "samples"; readonly step: number; readonly samples: readonly Sample[] }
  | {
      readonly kind: "saved";
      readonly step: number;
      /** A copy of what the run goes on from. */
      readonly run: string;
      /** The adapter as it was then; at the end of an epoch. */
      readonly adapter: string | undefined;
      readonly metrics: Readonly<Record<string, number>>;
    }
  /** All that was asked for is done: the run's folder holds the adapter in these files. */
  | {
      readonly kind: "done";
      readonly files: readonly string[];
      readonly steps: number;
      readonly tokens: number;
      readonly stopped: string;
      readonly best: Evaluation | undefined;
      readonly csv: string;
    }
  /** The job cannot go on, whoever tries. */
  | { readonly kind: "refused"; readonly failure: TuningFailure }
  /** It may go on another time. */
  | { readonly kind: "failed"; readonly message: string }
  /** It stopped as it was told; what was done is saved. */
  | { readonly kind: "stopped" };
