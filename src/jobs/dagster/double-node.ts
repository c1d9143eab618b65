/**
 * Dagster's side of Pipes without Dagster: a process is started as Dagster starts it, and what it says is read by the
 * same rules, down to the keys that may not lack and those that may not be there.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { z } from "zod";
import { type Metadata, metadataSchema } from "../pipes/metadata.ts";
import { contextVariable, messagesVariable } from "../pipes/params-node.ts";

/** A value as Dagster writes it. */
export const encodeParam = (value: unknown): string =>
  deflateSync(Buffer.from(JSON.stringify(value))).toString("base64");

interface Exception {
  readonly message: string;
  readonly stack: readonly string[];
  readonly name: string | null;
  readonly cause: Exception | null;
  readonly context: Exception | null;
}

/** All five keys are read, whatever they hold. */
const exception: z.ZodType<Exception> = z.object({
  message: z.string(),
  stack: z.array(z.string()),
  name: z.string().nullable(),
  get cause() {
    return z.nullable(exception);
  },
  get context() {
    return z.nullable(exception);
  },
});

/** Parameters become arguments by name: one too many is an error like one that lacks. */
const parameters = {
  opened: z.object({ extras: z.record(z.string(), z.unknown()) }),
  log: z.strictObject({ message: z.string(), level: z.enum(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]) }),
  report_asset_materialization: z.strictObject({
    asset_key: z.string(),
    data_version: z.string().nullable(),
    metadata: metadataSchema.nullable(),
  }),
  report_asset_check: z.strictObject({
    asset_key: z.string(),
    check_name: z.string(),
    passed: z.boolean(),
    severity: z.enum(["WARN", "ERROR"]),
    metadata: metadataSchema.nullable(),
  }),
  report_custom_message: z.strictObject({ payload: z.unknown() }),
  log_external_stream: z.strictObject({
    stream: z.enum(["stdout", "stderr"]),
    text: z.string(),
    extras: z.record(z.string(), z.unknown()),
  }),
  closed: z.object({ exception: exception.optional() }),
} as const;

const envelope = z.strictObject({
  __dagster_pipes_version: z.literal("0.1"),
  method: z.enum(Object.keys(parameters) as (keyof typeof parameters)[]),
  params: z.record(z.string(), z.unknown()),
});

export interface Received {
  /** Names of the messages, in their order. */
  readonly methods: readonly string[];
  readonly logs: readonly { readonly level: string; readonly message: string }[];
  readonly materializations: readonly {
    readonly asset: string;
    readonly dataVersion: string | null;
    readonly metadata: Metadata | null;
  }[];
  readonly checks: readonly {
    readonly asset: string;
    readonly name: string;
    readonly passed: boolean;
    readonly severity: string;
    readonly metadata: Metadata | null;
  }[];
  readonly custom: readonly unknown[];
  readonly exception: Exception | undefined;
  /** What Dagster would have refused: its reader ends at the first one. */
  readonly problems: readonly string[];
}

export interface Scope {
  readonly assets: readonly string[];
  /** Checks that are declared. */
  readonly checks: readonly string[];
}

/** Messages as Dagster reads them. */
export function readMessages(text: string, { assets, checks: declared }: Scope): Received {
  const methods: string[] = [];
  const logs: Received["logs"][number][] = [];
  const materializations: Received["materializations"][number][] = [];
  const checks: Received["checks"][number][] = [];
  const custom: unknown[] = [];
  const problems: string[] = [];
  let closed: z.output<typeof parameters.closed> | undefined;
  for (const line of text.split("\n").filter((one) => one !== "")) {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      problems.push(`not JSON: ${line.slice(0, 80)}`);
      continue;
    }
    const message = envelope.safeParse(json);
    const params = message.success ? parameters[message.data.method].safeParse(message.data.params) : undefined;
    if (!message.success || !params?.success) {
      const issue = (message.success ? params?.error : message.error)?.issues[0];
      problems.push(`${issue?.path.join(".")}: ${issue?.message}: ${line.slice(0, 120)}`);
      continue;
    }
    const { method } = message.data;
    // Python tells 1 from 1.0, and a float that is written as an integer is refused.
    const [round] = /"type":"(?:float|timestamp)","raw_value":-?\d+(?=[,}])/.exec(line) ?? [];
    if (round !== undefined) problems.push(`${round}: is not a float: ${line.slice(0, 120)}`);
    if (closed !== undefined) problems.push(`${method} after closed`);
    if ((methods.length === 0) !== (method === "opened")) problems.push(`${method} is message ${methods.length + 1}`);
    methods.push(method);
    const need = (asset: string) => {
      if (!assets.includes(asset)) problems.push(`${asset} is not an asset of the run`);
    };
    if (method === "log") logs.push(params.data as Received["logs"][number]);
    else if (method === "report_custom_message") custom.push((params.data as { payload: unknown }).payload);
    else if (method === "closed") closed = params.data as z.output<typeof parameters.closed>;
    else if (method === "report_asset_materialization") {
      const {
        asset_key: asset,
        data_version: dataVersion,
        metadata,
      } = params.data as z.output<typeof parameters.report_asset_materialization>;
      need(asset);
      if (materializations.some((one) => one.asset === asset)) problems.push(`${asset} is materialised twice`);
      materializations.push({ asset, dataVersion, metadata });
    } else if (method === "report_asset_check") {
      const {
        asset_key: asset,
        check_name: name,
        passed,
        severity,
        metadata,
      } = params.data as z.output<typeof parameters.report_asset_check>;
      need(asset);
      if (!declared.includes(name)) problems.push(`the check ${name} is not declared`);
      checks.push({ asset, name, passed, severity, metadata });
    }
  }
  return { methods, logs, materializations, checks, custom, exception: closed?.exception, problems };
}

export interface Launch extends Scope {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly extras: Readonly<Record<string, unknown>>;
  readonly partition?: string | undefined;
  readonly retry?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What the process says goes to a file, as by Dagster's client of subprocesses. */
export async function launch(o: Launch): Promise<Received & { readonly exit: number | null; readonly stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-pipes-"));
  const [context, messages] = [join(folder, "context"), join(folder, "messages")];
  writeFileSync(messages, "");
  writeFileSync(
    context,
    JSON.stringify({
      asset_keys: o.assets,
      code_version_by_asset_key: Object.fromEntries(o.assets.map((asset) => [asset, null])),
      provenance_by_asset_key: Object.fromEntries(o.assets.map((asset) => [asset, null])),
      partition_key: o.partition ?? null,
      partition_key_range: o.partition === undefined ? null : { start: o.partition, end: o.partition },
      partition_time_window: null,
      run_id: "00000000-0000-4000-8000-000000000000",
      job_name: "zeroth_check",
      retry_number: o.retry ?? 0,
      extras: o.extras,
    }),
  );
  try {
    const [program, ...args] = o.command;
    const child = spawn(program!, args, {
      cwd: o.cwd,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...(o.env ?? process.env),
        [contextVariable]: encodeParam({ path: context }),
        [messagesVariable]: encodeParam({ path: messages }),
      },
    });
    let stderr = "";
    child.stderr.on("data", (piece: Buffer) => {
      stderr += piece.toString();
    });
    const exit = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { ...readMessages(readFileSync(messages, "utf8"), o), exit, stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
