/**
 * The server's database, the same on SQLite and PostgreSQL: its tables as types, and the few words of SQL in which the
 * two differ. Times are seconds since 1970 by the database's own clock, so that servers whose clocks differ agree on
 * whose lease has ended.
 */
import type { Generated, Kysely, RawBuilder } from "kysely";

/** A key as it is stored: of its secret, only the hash. */
export interface KeyTable {
  id: string;
  name: string;
  /** The part of the key by which its row is found. */
  prefix: string;
  /** SHA-256 of the whole key, in hexadecimal digits. */
  hash: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
  requests_per_minute: number | null;
  tokens_per_day: number | null;
  seq: Generated<number>;
}

/** What a key may still use now: a bucket that fills at a steady rate. */
export interface AllowanceTable {
  owner: string;
  kind: string;
  remaining: number;
  at: number;
}

export interface FileTable {
  id: string;
  owner: string;
  filename: string;
  purpose: string;
  bytes: number;
  sha256: string | null;
  created_at: number;
  expires_at: number | null;
  /**
   * `uploading` while its bytes come, `output` while a batch writes it or where it is the server's own, as an adapter's
   * folder is: neither is seen by anybody.
   */
  state: "uploading" | "output" | "processed";
  seq: Generated<number>;
}

export interface ChunkTable {
  file: string;
  /** Order of the pieces; in a batch's output, the number of the input line. */
  at: number;
  content: Uint8Array;
}

export type BatchStatus =
  | "validating"
  | "failed"
  | "in_progress"
  | "finalizing"
  | "completed"
  | "expired"
  | "cancelling"
  | "cancelled";

export interface BatchTable {
  id: string;
  owner: string;
  endpoint: string;
  input_file: string;
  completion_window: string;
  /** JSON. */
  metadata: string | null;
  status: BatchStatus;
  created_at: number;
  in_progress_at: number | null;
  finalizing_at: number | null;
  completed_at: number | null;
  failed_at: number | null;
  expired_at: number | null;
  cancelling_at: number | null;
  cancelled_at: number | null;
  expires_at: number;
  total: number;
  completed: number;
  failed: number;
  /** JSON: what was wrong with the input file. */
  errors: string | null;
  output_file: string;
  error_file: string;
  /** The process that works on it. */
  worker: string | null;
  /** Goes up whenever somebody takes the batch, so that a process that lost it is known by its old number. */
  fence: number;
  lease_until: number;
  /** How often it was taken since it last got on. */
  attempts: number;
  seq: Generated<number>;
}

export type TuningStatus = "validating_files" | "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

/** A job of fine-tuning. */
export interface TuningTable {
  id: string;
  owner: string;
  /** The frozen model's name. */
  model: string;
  /** What the adapter will be called, behind the model's name and a colon. */
  name: string;
  training_file: string;
  validation_file: string | null;
  /** JSON: what was asked for, as it was. */
  asked: string;
  /** JSON: the options of every step, once the rows are looked at. */
  chosen: string | null;
  /** JSON. */
  metadata: string | null;
  seed: number;
  status: TuningStatus;
  created_at: number;
  finished_at: number | null;
  estimated_finish: number | null;
  step: number;
  steps: number;
  trained_tokens: number | null;
  /** JSON: why it failed. */
  error: string | null;
  result_file: string | null;
  /** The file that holds the run's folder as it was at its last checkpoint. */
  run_file: string | null;
  /** The process that works on it. */
  worker: string | null;
  /** Goes up whenever somebody takes the job, so that a process that lost it is known by its old number. */
  fence: number;
  lease_until: number;
  /** How often it was taken since it last got on. */
  attempts: number;
  seq: Generated<number>;
}

/** What a job of fine-tuning tells its owner. */
export interface TuningEventTable {
  id: string;
  job: string;
  /** Of what may be told twice, as a step that is done again after a kill: the second time is not noted. */
  once: string | null;
  created_at: number;
  level: "info" | "warn" | "error";
  type: "message" | "metrics";
  message: string;
  /** JSON. */
  data: string | null;
  seq: Generated<number>;
}

/** An adapter that a job has made: its result, or what it had learnt at a checkpoint. */
export interface AdapterTable {
  id: string;
  owner: string;
  /** The frozen model's name. */
  model: string;
  name: string;
  job: string;
  /** Of a checkpoint. */
  step: number | null;
  /** JSON: of a checkpoint, what was measured there. */
  metrics: string | null;
  /** The file that holds its folder. */
  file: string;
  created_at: number;
  seq: Generated<number>;
}

/** Files that are searched together. What they are searched by is an index file of each server, made anew where it lacks. */
export interface VectorStoreTable {
  id: string;
  owner: string;
  name: string | null;
  description: string | null;
  /** JSON. */
  metadata: string | null;
  /** The model whose vectors are searched; none where words alone are. */
  model: string | null;
  /** Days without use after which it is not there any more. */
  expires_days: number | null;
  last_active_at: number;
  created_at: number;
  seq: Generated<number>;
}

export type VectorFileStatus = "in_progress" | "completed" | "failed" | "cancelled";

/** A file in a store, and the work of putting it into the index. */
export interface VectorFileTable {
  /** The store's id, a slash, the file's id. */
  id: string;
  store: string;
  file: string;
  owner: string;
  /** The batch that it came in. */
  batch: string | null;
  status: VectorFileStatus;
  /** JSON. */
  attributes: string | null;
  /** Tokens of a chunk, and those that neighbours share. */
  chunk: number;
  overlap: number;
  /** Of texts and vectors. */
  usage_bytes: number;
  /** JSON: why it failed. */
  error: string | null;
  created_at: number;
  /** The process that works on it. */
  worker: string | null;
  /** Goes up whenever somebody takes the work, so that a process that lost it is known by its old number. */
  fence: number;
  lease_until: number;
  /** How often it was taken since it last got on. */
  attempts: number;
  seq: Generated<number>;
}

/** Files that were put into a store together. */
export interface VectorBatchTable {
  id: string;
  store: string;
  owner: string;
  created_at: number;
  cancelled_at: number | null;
  seq: Generated<number>;
}

export type SummaryStatus = "queued" | "running" | "paused" | "completed" | "failed" | "cancelled";

/** A book that is summarised. What comes of it are its rows. */
export interface SummaryTable {
  id: string;
  owner: string;
  /** As its sender calls the book; its end says what it is. */
  filename: string;
  /** The file that the book is in, until its text is read; none where the text was sent with the request. */
  file: string | null;
  /** The text that was sent, until the tree stands. */
  text: string | null;
  /** "lead" and "extractive" are rules and no models. */
  model: string;
  /** JSON: what was asked for. */
  asked: string;
  /** JSON. */
  metadata: string | null;
  status: SummaryStatus;
  created_at: number;
  finished_at: number | null;
  title: string | null;
  /** JSON: what it will take, once the tree stands. */
  estimate: string | null;
  /** JSON: calls, tokens and seconds so far. */
  progress: string | null;
  /** JSON: the summary and how many of its sentences have a source. */
  result: string | null;
  /** JSON: the node whose ancestors alone are made again. */
  change: string | null;
  /** JSON: why it failed, or why it stopped. */
  error: string | null;
  /** The process that works on it. */
  worker: string | null;
  /** Goes up whenever somebody takes the job, so that a process that lost it is known by its old number. */
  fence: number;
  lease_until: number;
  /** How often it was taken since it last got on. */
  attempts: number;
  seq: Generated<number>;
}

/**
 * What a summary is made of: the book and its tree (`run`), answers by their keys (`object`), the journal (`line`), nodes
 * as they are shown (`node`), and what was told (`event`).
 */
export interface SummaryRowTable {
  summary: string;
  kind: "run" | "object" | "line" | "node" | "event";
  name: string;
  /** JSON. */
  data: string;
  seq: Generated<number>;
}

export type DigestStatus = "in_progress" | "completed" | "failed" | "cancelled";

/** A month's digest of papers, and the work of making it. */
export interface DigestTable {
  id: string;
  owner: string;
  /** The store of papers on the server's disk; none where the papers are those of a file. */
  store: string | null;
  /** A file of papers' metadata of the same owner. */
  file: string | null;
  /** As the group is asked for, and as the digest calls it. */
  asked_group: string;
  group_name: string;
  month: string;
  /** JSON: how it is made. */
  asked: string;
  status: DigestStatus;
  /** What the work is at, in words. */
  progress: string | null;
  /** JSON: why it failed. */
  error: string | null;
  /** JSON: as it was made, without edits. One that is made again stays until the new one is there. */
  document: string | null;
  /** JSON: what a person changed of it. */
  edits: string | null;
  created_at: number;
  made_at: number | null;
  /** The process that works on it. */
  worker: string | null;
  /** Goes up whenever somebody takes the work, so that a process that lost it is known by its old number. */
  fence: number;
  lease_until: number;
  /** How often it was taken since it was asked for. */
  attempts: number;
  seq: Generated<number>;
}

/** Whatever a route stores as JSON under an id: responses, chat completions. */
export interface ObjectTable {
  id: string;
  owner: string;
  kind: string;
  /** The object that this one continues. */
  previous: string | null;
  created_at: number;
  /** JSON. */
  data: string;
  seq: Generated<number>;
}

/** An answer under a key of its sender's choice. */
export interface AnswerTable {
  owner: string;
  key: string;
  /** SHA-256 of the request, in hexadecimal digits. */
  print: string;
  /** The request that is answered, or was. */
  holder: string;
  /** `unkept` where the request alone is known: its answer was a stream, or too long. */
  state: "running" | "answered" | "unkept";
  status: number | null;
  /** JSON. */
  headers: string | null;
  text: string | null;
  created_at: number;
  lease_until: number;
}

export interface Tables {
  api_key: KeyTable;
  allowance: AllowanceTable;
  file: FileTable;
  chunk: ChunkTable;
  batch: BatchTable;
  object: ObjectTable;
  tuning: TuningTable;
  tuning_event: TuningEventTable;
  adapter: AdapterTable;
  vector_store: VectorStoreTable;
  vector_file: VectorFileTable;
  vector_batch: VectorBatchTable;
  summary: SummaryTable;
  summary_row: SummaryRowTable;
  answer: AnswerTable;
  digest: DigestTable;
  migration: { id: number; name: string; applied_at: number };
}

/** Calls sleepers of this process, and of others where the database can, when there is work. */
export interface WakeUp {
  /** Say that there is work. Never fails: who misses it looks again by itself after a while. */
  call(): Promise<void>;
  /** Be called; gives the function that ends it. */
  listen(called: () => void): () => void;
}

export interface State {
  readonly kind: "sqlite" | "postgres";
  readonly db: Kysely<Tables>;
  /** Seconds since 1970 by the database's clock. */
  readonly now: RawBuilder<number>;
  /** The smaller of two numbers, as a function's name. */
  readonly least: RawBuilder<unknown>;
  readonly wake: WakeUp;
  close(): Promise<void>;
}
