/** What a server is made of, and what every request carries. */
import type { Context } from "hono";
import type { Engine } from "../host/engine.ts";
import type { State } from "../state/schema/tables.ts";
import type { AdapterNames } from "../state/tunings/adapters.ts";
import type { Chats } from "./chat/store.ts";
import type { DigestOptions } from "./digests/work-node.ts";
import type { KeptAnswers } from "./guards/idempotency.ts";
import type { Downloads } from "./jobs/downloads.ts";
import type { Hub } from "./jobs/hub.ts";
import type { TuningOptions } from "./jobs/tuning-worker-node.ts";
import type { Metrics } from "./metrics.ts";
import type { Responses } from "./responses/store.ts";
import type { Summaries } from "./summaries/summaries-node.ts";
import type { VectorStores } from "./vectors/stores-node.ts";

/** Whose a key is. */
export interface KeyOwner {
  /** Requests, files and answers of one owner are hidden from others; turns go round between owners. */
  readonly owner: string;
  /** May manage models and keys. */
  readonly admin: boolean;
}

/** Who may ask: keys are found in constant time, or not at all. */
export interface Keys {
  find(key: string): Promise<KeyOwner | undefined>;
  /** Whether a key is asked for; without, always. Once it is, it stays so. */
  needed?(): Promise<boolean>;
}

/** A line of the log: one a request. */
export interface LogLine {
  readonly time: string;
  readonly id: string;
  readonly method: string;
  /** The route, not the address: ids and queries stay out of the log. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly owner?: string;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly answerTokens?: number;
  /** The whole of an error, with what its client was not told. */
  readonly error?: string;
}

/** Greatest sizes of requests. */
export interface Limits {
  /** Bytes of a JSON body. */
  readonly body: number;
  /** Characters of a single text of it. */
  readonly text: number;
  /** Tokens that one request may have made: prompts × answers of each × longest answer. */
  readonly work: number;
  /** Prompts or inputs of one request. */
  readonly inputs: number;
  /** Requests that models answer or that wait for one; the next is refused as busy. */
  readonly requests: number;
  /** Bytes of a file. */
  readonly file: number;
}

export const defaultLimits: Limits = {
  ...{ body: 32 << 20, text: 4 << 20, work: 1 << 18, inputs: 2048, requests: 512 },
  file: 200 << 20,
};

export interface ServerOptions {
  readonly engine: Engine;
  /** Without, everybody who reaches the server may ask. */
  readonly keys?: Keys;
  /** Model that `/tokenize` and its like mean where they name none; the first of the engine's list by default. */
  readonly model?: string;
  /** Host names the server is asked by, beside this machine's own; "any" where keys guard a public address. */
  readonly hosts?: readonly string[] | "any";
  /** Pages of other addresses that may ask: their origins, or "*" for every one but `null`. */
  readonly cors?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** The database of files, batches, and kept answers; without, there are no routes for the first two. */
  readonly state?: State;
  /** Answers of /v1/responses that are kept; in the database by default, without one in memory. */
  readonly responses?: Responses;
  /** Chat completions that are kept; in the database by default, without one in memory. */
  readonly chats?: Chats;
  /** How models are fine-tuned; without, or without a database, none are. */
  readonly tuning?: TuningOptions;
  /** Vector stores; without, or without a database, there are none. Who opened them closes them. */
  readonly vectors?: VectorStores;
  /** How books are summarised; without, or without a database, none are. */
  readonly summaries?: Summaries;
  /** How digests of papers are made; without, or without a database, none are. */
  readonly digests?: DigestOptions;
  /** Where models are downloaded from; without, none are. */
  readonly hub?: Hub;
  readonly log?: (line: LogLine) => void;
  /** Files of the page by their path ("/index.html"); without, there is no page. */
  readonly page?: (path: string) => Promise<Response | undefined>;
  /** Milliseconds after which a stream that has nothing to tell says so. */
  readonly keepAlive?: number;
  /** Milliseconds in which a stream's errors are still answered with their status, before its head is sent. */
  readonly patience?: number;
}

/** What the routes are given. */
export interface ServerContext
  extends Omit<ServerOptions, "limits" | "responses" | "chats" | "keepAlive" | "patience"> {
  readonly limits: Limits;
  readonly responses: Responses;
  readonly chats: Chats;
  readonly keepAlive: number;
  readonly patience: number;
  readonly metrics: Metrics;
  readonly kept: KeptAnswers;
  /** There where there is a hub. */
  readonly downloads?: Downloads;
  /** Whether the server is about to stop: nothing new is begun. */
  readonly draining: () => boolean;
  /** The OpenAPI document of its routes. */
  readonly describe: () => object;
}

/** A request on its way. */
export interface Asked {
  readonly id: string;
  readonly started: number;
  /** Fires when the client is gone, or when the server stops waiting for its answer. */
  readonly signal: AbortSignal;
  owner: KeyOwner;
  route: string;
  model?: string;
  promptTokens?: number;
  answerTokens?: number;
  error?: string;
  /** Names of fine-tuned models; those of others are not there for this request. */
  tuned(): Promise<AdapterNames>;
  /** Go on when the client is gone; whoever calls this ends the request. */
  detach(): void;
  /** Fire the signal: nobody reads the answer. */
  stop(): void;
  /** Called once, when the last byte is written: by a stream itself, else by the server. */
  end(status: number): void;
  /** Take one of the places that there are for requests to models, until the end; whether there was one. */
  admit(): boolean;
  /** Set by a stream that calls `end` by itself. */
  streams: boolean;
}

/** Who asks where there are no keys. */
export const everybody: KeyOwner = { owner: "everybody", admin: true };

export type Variables = { Variables: { asked: Asked } };
export type Ctx = Context<Variables>;
