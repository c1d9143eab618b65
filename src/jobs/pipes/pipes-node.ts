/**
 * A client of Dagster Pipes, protocol 0.1: a process that Dagster started reads what it is to do and tells what came of
 * it. Started by anybody else, every member does nothing. Everything is checked before it is written: a message that the
 * other side cannot read would end its reader, and all that comes later would be lost.
 */
import { fail, ZerothError } from "../../errors.ts";
import type { Level, Severity } from "../events.ts";
import { type Channel, openChannel } from "./channels-node.ts";
import { loadContext } from "./context-node.ts";
import { messageJson } from "./json.ts";
import { type Metadata, type MetadataValue, metadataSchema } from "./metadata.ts";
import { bootstrapOf } from "./params-node.ts";
import { redacted } from "./redact.ts";

const version = "0.1";

export interface PipesResult {
  /** Left out where one asset is in scope. */
  readonly asset?: string | undefined;
  readonly metadata?: Metadata | undefined;
}

export interface PipesCheck extends PipesResult {
  readonly name: string;
  readonly passed: boolean;
  /** ERROR by default. */
  readonly severity?: Severity | undefined;
}

export interface Pipes {
  /** Whether Dagster started this process. */
  readonly active: boolean;
  readonly assetKeys: readonly string[];
  /** Of `extras.partitions`: what a definition asked for. A name, or a name a dimension. */
  readonly partitions: readonly string[];
  readonly partitionKey: string | undefined;
  readonly jobName: string | undefined;
  readonly runId: string;
  readonly retry: number;
  readonly extras: Readonly<Record<string, unknown>>;
  /** Data versions of the inputs of the last materialisation; undefined where there was none. */
  previousInputs(asset?: string): Readonly<Record<string, string>> | undefined;
  log(level: Level, message: string): void;
  materialize(result: PipesResult & { readonly dataVersion?: string | undefined }): void;
  check(check: PipesCheck): void;
  custom(payload: unknown): void;
  /** Text that goes to the run's own output. */
  external(stream: "stdout" | "stderr", text: string): void;
  /** The last word, written before this returns: for a process that is about to end. */
  closeNow(error?: unknown): void;
  close(error?: unknown): Promise<void>;
}

export interface PipesException {
  readonly message: string;
  readonly stack: readonly string[];
  readonly name: string | null;
  readonly cause: PipesException | null;
  readonly context: null;
}

/** An error in the five keys that are read; all of them are needed. */
export function exceptionOf(error: unknown, depth = 0): PipesException {
  if (!(error instanceof Error)) {
    return { message: redacted(String(error)), stack: [], name: null, cause: null, context: null };
  }
  return {
    message: redacted(error.message),
    stack: (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)),
    name: error instanceof ZerothError ? error.code : (error.constructor?.name ?? error.name),
    cause: error.cause === undefined || depth > 8 ? null : exceptionOf(error.cause, depth + 1),
    context: null,
  };
}

const none: Pipes = {
  ...{ active: false, assetKeys: [], partitions: [], partitionKey: undefined, jobName: undefined },
  ...{ runId: "", retry: 0, extras: {} },
  previousInputs: () => undefined,
  log: () => {},
  materialize: () => {},
  check: () => {},
  custom: () => {},
  external: () => {},
  closeNow: () => {},
  close: async () => {},
};

/** A partition of several dimensions is one name: their values in the order of the dimensions' names. */
function partitionName(one: unknown): string {
  if (typeof one === "string") return one;
  if (typeof one === "object" && one !== null && !Array.isArray(one)) {
    return Object.entries(one)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, value]) => String(value))
      .join("|");
  }
  return fail("wrong_use", `extras.partitions holds ${JSON.stringify(one)}: expected names`);
}

/** Metadata that is longer than a way allows: the longest values become their beginnings. */
function shortened(metadata: Metadata, room: number): Metadata {
  const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const kept = Object.entries(metadata).map(([name, value]): [string, MetadataValue] => {
    if (size(value) <= 512) return [name, value];
    const whole = typeof value.raw_value === "string" ? value.raw_value : JSON.stringify(value.raw_value);
    return [name, { type: "text", raw_value: `${whole.slice(0, 160)}… (longer; the whole is in the store)` }];
  });
  while (kept.length > 0 && size(Object.fromEntries(kept)) > room) kept.pop();
  return Object.fromEntries(kept);
}

export interface PipesOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly argv?: readonly string[];
  /** Told once where messages cannot be written any more; the work goes on. */
  readonly onLost?: (error: unknown) => void;
  /** Milliseconds between pieces of a bucket or folder. */
  readonly every?: number;
}

/**
 * Read what Dagster set, and say hello.
 * @throws wrong_use for values that cannot be read; storage_failed where Dagster's process is gone
 */
export async function openPipes({
  env = process.env,
  argv = process.argv.slice(2),
  onLost,
  every,
}: PipesOptions = {}): Promise<Pipes> {
  const bootstrap = bootstrapOf(env, argv);
  if (bootstrap === undefined) return none;
  const context = await loadContext(bootstrap.context);
  const channel: Channel = await openChannel(bootstrap.messages, every);
  const assetKeys = context.asset_keys ?? [];
  const extras = context.extras ?? {};
  const given = extras.partitions;
  const materialised = new Set<string>();
  let [closed, lost] = [false, false];

  const lose = (error: unknown) => {
    if (!lost) onLost?.(error);
    lost = true;
  };
  function send(method: string, params: object): void {
    if (closed) fail("wrong_use", `${method}: the session with Dagster is closed`);
    try {
      channel.write(messageJson({ __dagster_pipes_version: version, method, params }));
    } catch (error) {
      // The result counts more than the message about it.
      lose(error);
    }
  }
  function assetOf(asset: string | undefined, what: string): string {
    const known = assetKeys.length > 0 ? `in scope: ${assetKeys.join(", ")}` : "no asset is in scope";
    if (asset === undefined) {
      return assetKeys.length === 1 ? assetKeys[0]! : fail("wrong_use", `${what}: which asset? ${known}`);
    }
    return assetKeys.includes(asset)
      ? asset
      : fail("wrong_use", `${what}: ${asset} is not an asset of this run; ${known}`);
  }
  function metadataOf(metadata: Metadata | undefined, what: string): Metadata | null {
    if (metadata === undefined) return null;
    const parsed = metadataSchema.safeParse(metadata);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      fail("wrong_use", `${what}: metadata ${issue.path.join(".")}: ${issue.message}`);
    }
    // 1 kB for what stands around it.
    const room = channel.longest - 1024;
    return Buffer.byteLength(JSON.stringify(metadata)) <= room ? metadata : shortened(metadata, room);
  }
  const closing = (error: unknown) => {
    if (closed) return;
    send("closed", error === undefined ? {} : { exception: exceptionOf(error) });
    closed = true;
  };

  const pipes: Pipes = {
    active: true,
    assetKeys,
    partitions: Array.isArray(given)
      ? given.map(partitionName)
      : context.partition_key === null || context.partition_key === undefined
        ? []
        : [context.partition_key],
    partitionKey: context.partition_key ?? undefined,
    jobName: context.job_name ?? undefined,
    runId: context.run_id,
    retry: context.retry_number,
    extras,
    previousInputs: (asset) =>
      context.provenance_by_asset_key?.[assetOf(asset, "previousInputs")]?.input_data_versions ?? undefined,
    log(level, message) {
      const text = redacted(message);
      const room = channel.longest - 1024;
      send("log", {
        message: text.length > room / 4 && Buffer.byteLength(text) > room ? `${text.slice(0, room / 4)}…` : text,
        level,
      });
    },
    materialize({ asset, dataVersion, metadata }) {
      const asset_key = assetOf(asset, "materialize");
      if (materialised.has(asset_key)) fail("wrong_use", `${asset_key} is materialised already: once a run`);
      const params = { asset_key, data_version: dataVersion ?? null, metadata: metadataOf(metadata, "materialize") };
      send("report_asset_materialization", params);
      materialised.add(asset_key);
    },
    check({ asset, name, passed, severity = "ERROR", metadata }) {
      if (name === "") fail("wrong_use", "a check needs a name");
      const asset_key = assetOf(asset, `check ${name}`);
      send("report_asset_check", {
        ...{ asset_key, check_name: name, passed, severity },
        metadata: metadataOf(metadata, `check ${name}`),
      });
    },
    custom: (payload) => send("report_custom_message", { payload: payload ?? null }),
    external: (stream, text) => send("log_external_stream", { stream, text, extras: {} }),
    closeNow(error) {
      closing(error);
      try {
        channel.flush();
      } catch (cause) {
        lose(cause);
      }
    },
    async close(error) {
      closing(error);
      await channel.close().catch(lose);
    },
  };
  send("opened", { extras: {} });
  if (bootstrap.messages.include_stdio_in_messages === true && channel.stream === undefined) {
    forwardOutput((stream, text) => {
      if (!closed) pipes.external(stream, text);
    });
  }
  return pipes;
}

/** What this process prints goes to Dagster, too. */
function forwardOutput(tell: (stream: "stdout" | "stderr", text: string) => void): void {
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      tell(name, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
      return write(chunk, ...rest);
    }) as typeof stream.write;
  }
}
