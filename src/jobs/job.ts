/**
 * What a job is: work with a configuration, cut into partitions, each with a result of files that follows from the
 * configuration and the inputs alone. A job is one file of `list/` and one row of `registry.ts`.
 */
import type { z } from "zod";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { schemaIssue } from "../base/schema-issue.ts";
import { fail } from "../errors.ts";
import type { Severity, Tell } from "./events.ts";

/** What decides a result besides its configuration: by hash, so that a path or a name means nothing. */
export interface Inputs {
  readonly inputs: readonly { readonly name: string; readonly sha256: string }[];
  /** Hashes of the model's weights and settings, of its tokenizer, and of what was tuned into it. */
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly adapter?: string | undefined;
}

export interface JobContext<C, R> {
  readonly config: C;
  readonly partition: string;
  /** A folder for journals and checkpoints: an attempt that was interrupted finds here what it left. */
  readonly work: string;
  /** The folder of the result's files; empty at the start. */
  readonly out: string;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  /** What `open` gave; the same for all partitions of a process. */
  readonly opened: R;
}

/** No engine, nothing to open. */
export const nothing: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} };

export interface JobDefinition<S extends z.ZodObject, R extends AsyncDisposable> {
  readonly name: string;
  /** Raised when the same inputs give another result. */
  readonly version: number;
  readonly summary: string;
  /** Checks that every partition tells: Dagster must know their names before the first run. */
  readonly checks: Readonly<Record<string, Severity>>;
  /** Strict; built of `place`, `speed` and what zod has. Each key is an option of `zeroth run NAME`. */
  readonly config: S;
  /** Names of all partitions, in order. */
  partitions(config: z.output<S>): Promise<readonly string[]>;
  inputs(config: z.output<S>, partition: string, signal: AbortSignal): Promise<Inputs>;
  /** Asked once, when the first partition that has no result yet comes. */
  open(config: z.output<S>, signal: AbortSignal, tell: Tell): Promise<R>;
  run(context: JobContext<z.output<S>, R>): Promise<void>;
}

/** A job that is open: its model is loaded. */
export interface OpenedJob extends AsyncDisposable {
  run(context: Omit<JobContext<unknown, unknown>, "config" | "opened">): Promise<void>;
}

/** A job with its configuration. */
export interface BoundJob {
  readonly name: string;
  readonly version: number;
  /** What of the configuration is in a key. */
  readonly keyed: JsonObject;
  readonly seed: number | null;
  partitions(): Promise<readonly string[]>;
  inputs(partition: string, signal: AbortSignal): Promise<Inputs>;
  open(signal: AbortSignal, tell: Tell): Promise<OpenedJob>;
}

export interface Job
  extends Pick<JobDefinition<z.ZodObject, AsyncDisposable>, "name" | "version" | "summary" | "checks" | "config"> {
  /** @throws wrong_use naming the key that is wrong */
  bind(config: JsonObject): BoundJob;
}

/** A key whose value says where something is, or how fast it goes: it decides nothing, and is in no key. */
export const unkeyed = <T extends z.ZodType>(schema: T): T => schema.meta({ ...schema.meta(), unkeyed: true });

/** The configuration without what decides nothing and without what is as it would be by itself. */
function keyedOf(schema: z.ZodObject, config: JsonObject): JsonObject {
  const kept = Object.entries(config).filter(([name, value]) => {
    const shape = schema.shape[name] as z.ZodType | undefined;
    if (value === undefined || shape?.meta()?.unkeyed === true) return false;
    const usual = shape?.safeParse(undefined);
    return !(usual?.success && JSON.stringify(usual.data) === JSON.stringify(value));
  });
  return Object.fromEntries(kept);
}

/** "maxNewTokens" as it is typed: "--max-new-tokens". */
export const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function defineJob<S extends z.ZodObject, R extends AsyncDisposable>(definition: JobDefinition<S, R>): Job {
  const { name, version, config: schema } = definition;
  return {
    ...definition,
    bind(given) {
      const parsed = schema.safeParse(given);
      if (!parsed.success) {
        const { error } = parsed;
        const lacking = error.issues.find(
          (issue) =>
            issue.path.length === 1 && given[String(issue.path[0])] === undefined && issue.code !== "unrecognized_keys",
        );
        if (lacking) {
          fail("wrong_use", `the job ${name} needs ${flagOf(String(lacking.path[0]))}`, {
            hint: `zeroth run ${name} --help shows what it takes`,
          });
        }
        const { what, hint } = schemaIssue(error, schema, "the configuration");
        return fail("wrong_use", `job ${name}: ${what}`, { ...(hint !== undefined && { hint }) });
      }
      const config = parsed.data;
      const plain = config as JsonObject;
      return {
        name,
        version,
        keyed: keyedOf(schema, plain),
        seed: typeof plain.seed === "number" ? plain.seed : null,
        partitions: () => definition.partitions(config),
        inputs: (partition, signal) => definition.inputs(config, partition, signal),
        async open(signal, tell) {
          const opened = await definition.open(config, signal, tell);
          return {
            run: (context) => definition.run({ ...context, config, opened }),
            [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
          };
        },
      };
    },
  };
}

/** An option of the command line, made of a key of the configuration. */
export interface ConfigOption {
  readonly flags: string;
  readonly help: string;
  readonly as?: "number" | "integer" | "list";
  readonly values?: readonly string[];
}

/** The type below what may be left out. */
function bare(schema: z.core.$ZodType): z.core.$ZodTypes {
  const inner = schema as z.core.$ZodTypes;
  const { def } = inner._zod;
  return def.type === "optional" || def.type === "default" ? bare(def.innerType) : inner;
}

/** Every key as an option, in the schema's order. */
export function optionsOf(schema: z.ZodObject): ConfigOption[] {
  return Object.entries(schema.shape).map(([key, value]): ConfigOption => {
    const shape = value as z.ZodType;
    const help = shape.description ?? "";
    const { def } = bare(shape)._zod;
    const flag = flagOf(key);
    switch (def.type) {
      case "boolean":
        return shape.safeParse(undefined).data === true
          ? { flags: `--no-${flag.slice(2)}`, help }
          : { flags: flag, help };
      case "number":
        return { flags: `${flag} <n>`, help, as: def.checks?.some(isInteger) ? "integer" : "number" };
      case "enum":
        return { flags: `${flag} <name>`, help, values: Object.values(def.entries).map(String) };
      case "array":
        return { flags: `${flag} <a,b>`, help, as: "list" };
      default:
        return { flags: `${flag} <value>`, help };
    }
  });
}

const isInteger = (check: z.core.$ZodCheck<never>): boolean =>
  (check._zod.def as { readonly format?: string }).format === "safeint";

/** Numbers of a list that was typed: texts become what the schema's items are. */
export function typedConfig(schema: z.ZodObject, flags: JsonObject): JsonObject {
  const entries = Object.entries(flags).filter(([name, value]) => value !== undefined && name in schema.shape);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const { def } = bare(schema.shape[name] as z.ZodType)._zod;
      const numbers = def.type === "array" && bare(def.element)._zod.def.type === "number";
      return [name, numbers && Array.isArray(value) ? value.map(Number) : value];
    }),
  );
}

/** The configuration of a file, under what was typed. */
export const mergedConfig = (file: unknown, typed: JsonObject): JsonObject =>
  isJsonObject(file) ? { ...file, ...typed } : typed;
