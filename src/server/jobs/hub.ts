/** What a server asks of the hub that models are downloaded from. */

export interface PlannedFile {
  readonly file: string;
  readonly bytes: number;
  readonly here: boolean;
  /** What its name promises: safetensors, torch, json, … */
  readonly kind: string;
  readonly outlook: Outlook;
}

/** Whether files are kinds of data, may hold code, or are code. */
export type Outlook = "data" | "may_hold_code" | "code";

export interface DownloadPlan {
  /** As it is asked for. */
  readonly id: string;
  readonly repo: string;
  readonly commit: string;
  readonly files: readonly PlannedFile[];
  readonly bytes: number;
  /** Bytes that are not on this machine yet. */
  readonly missing: number;
  /** Bytes that the disk can still take. */
  readonly free: number | undefined;
  /** The worst of the files' own. */
  readonly outlook: Outlook;
}

export interface FileState {
  readonly file: string;
  readonly bytes: number;
  readonly done: number;
}

export interface DownloadState {
  readonly done: number;
  readonly total: number;
  /** Bytes a second. */
  readonly rate: number;
  readonly secondsLeft: number | undefined;
  readonly files: readonly FileState[];
}

/** What a look at every byte found. */
export interface Scanned {
  readonly verdict: "safe" | "unsafe" | "unknown";
  /** Files that are not safe, and why. */
  readonly findings: readonly { readonly file: string; readonly verdict: string; readonly why: string }[];
}

export interface Hub {
  /** What a download would be. @throws bad_input for what is no name; not_found; as the hub's errors are */
  plan(name: string, signal: AbortSignal): Promise<DownloadPlan>;
  /** Download, then scan. What came before an error or a stop is kept for the next time. */
  download(name: string, tell: (state: DownloadState) => void, signal: AbortSignal): Promise<Scanned>;
}
