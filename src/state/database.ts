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
  /** `uploading` while its bytes come, `output` while a batch writes it: neither is seen by anybody. */
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
  answer: AnswerTable;
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
