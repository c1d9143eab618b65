/** What an engine in a child process and its owner say to each other, checked where it arrives. */
import { z } from "zod";
import { type ErrorCode, errorCodes, fail, ZerothError } from "../errors.ts";
import type { LiveEvent } from "../text/live/request.ts";
import type { Engine, GenerateAsk, Prepared } from "./engine.ts";
import type { EngineOptions } from "./local-node.ts";

/** Methods that answer once; `generate` streams. */
export type Method = Exclude<keyof Engine, symbol | "generate">;

/** Arguments that travel: a signal is the message `cancel`. */
type Sent<A extends readonly unknown[]> = A extends readonly [...infer Rest, (AbortSignal | undefined)?] ? Rest : A;
export type Arguments<M extends Method> = Sent<Parameters<Engine[M]>>;
export type Value<M extends Method> = Awaited<ReturnType<Engine[M]>>;

export type ToEngine =
  /** The first message. */
  | { readonly kind: "start"; readonly options: EngineOptions }
  | { readonly kind: "call"; readonly id: number; readonly method: Method; readonly args: readonly unknown[] }
  | { readonly kind: "generate"; readonly id: number; readonly ask: GenerateAsk }
  /** So many more events of `generate` may be sent. */
  | { readonly kind: "more"; readonly id: number; readonly count: number }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "stop" };

export interface SentError {
  readonly code: ErrorCode;
  readonly what: string;
  readonly where?: string | undefined;
  readonly hint?: string | undefined;
}

export type FromEngine =
  | { readonly kind: "ready" }
  | { readonly kind: "value"; readonly id: number; readonly value: unknown }
  | { readonly kind: "event"; readonly id: number; readonly event: Prepared | LiveEvent }
  /** Of `generate`. */
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "error"; readonly id: number; readonly error: SentError };

/** Events of one answer that may be under way without having been read. */
export const eventsAhead = 256;

const id = z.number().int().nonnegative();
const tokens = z.array(z.number());
const name = z.string();
const prompt = z.union([
  z.looseObject({ text: z.string(), specialTokens: z.boolean().optional() }),
  z.looseObject({ ids: tokens }),
  z.looseObject({
    messages: z.array(z.looseObject({ role: z.string() })),
    tools: z.array(z.unknown()).optional(),
    template: z.string().optional(),
  }),
]);
const number = z.number().optional();
const whole = z.number().int().nonnegative().optional();

/** Ranges are checked by generation itself: here, that every setting is of its kind. */
const settings = z.looseObject({
  ...{ maxNewTokens: number, minNewTokens: number, maxLength: number, maxInput: number, seed: number },
  ...{ temperature: number, topK: number, topP: number, minP: number, typicalP: number },
  ...{ repetitionPenalty: number, noRepeatNgram: number, presencePenalty: number, frequencyPenalty: number },
  ...{ sample: z.boolean().optional(), ignoreEnds: z.boolean().optional() },
  badWords: z.array(tokens).optional(),
  grammar: z.string().optional(),
  stop: z.array(z.string()).optional(),
  logitBias: z.map(z.number(), z.number()).optional(),
});

const generate = z.looseObject({
  ...{ model: name, prompt, settings, answers: whole, logprobs: whole },
  promptLogprobs: z.boolean().optional(),
  owner: z.string().optional(),
});

const texts = z.array(z.union([z.string(), tokens]));
const image = z.instanceof(Uint8Array);

/** Arguments by method. */
const args: Readonly<Record<Method, z.ZodType>> = {
  list: z.tuple([]),
  about: z.tuple([name]),
  open: z.tuple([name]),
  close: z.tuple([name]),
  score: z.tuple([
    z.looseObject({
      ...{ model: name, owner: z.string().optional(), eos: z.boolean().optional() },
      rows: z.array(z.looseObject({ prompt, choices: texts })),
    }),
  ]),
  embed: z.tuple([
    z.looseObject({
      ...{ model: name, owner: z.string().optional(), dimensions: number, truncate: z.boolean().optional() },
      inputs: z.array(z.union([z.string(), tokens, z.looseObject({ image })])),
      prompt: z.string().optional(),
    }),
  ]),
  predict: z.tuple([
    z.looseObject({
      ...{ model: name, owner: z.string().optional(), truncate: z.boolean().optional(), where: z.boolean().optional() },
      inputs: z.array(
        z.union([
          z.looseObject({
            ...{ text: z.string(), pair: z.string().optional(), context: z.string().optional() },
            choices: z.array(z.string()).optional(),
          }),
          z.looseObject({ image, choices: z.array(z.string()).optional() }),
        ]),
      ),
    }),
  ]),
  adapters: z.tuple([]),
  addAdapter: z.tuple([name, name, name]),
  removeAdapter: z.tuple([name]),
  scanAdapters: z.tuple([]),
  tokenize: z.tuple([name, prompt]),
  detokenize: z.tuple([name, tokens]),
  tokens: z.tuple([name, tokens]),
  tokenizerInfo: z.tuple([name]),
  status: z.tuple([]),
};

const toEngine = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("start"), options: z.looseObject({}) }),
  z.object({ kind: z.literal("call"), id, method: z.enum(Object.keys(args)), args: z.array(z.unknown()) }),
  z.object({ kind: z.literal("generate"), id, ask: z.unknown() }),
  z.object({ kind: z.literal("more"), id, count: id }),
  z.object({ kind: z.literal("cancel"), id }),
  z.object({ kind: z.literal("stop") }),
]);

const sentError = z.object({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode]),
  what: z.string(),
  where: z.string().optional(),
  hint: z.string().optional(),
});

const fromEngine = z.array(
  z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("ready") }),
    z.object({ kind: z.literal("value"), id, value: z.unknown() }),
    z.object({ kind: z.literal("event"), id, event: z.looseObject({ kind: z.string() }) }),
    z.object({ kind: z.literal("end"), id }),
    z.object({ kind: z.literal("error"), id, error: sentError }),
  ]),
);

function checked<T>(schema: z.ZodType, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return value as T;
  const { path, message } = parsed.error.issues[0]!;
  return fail("bad_input", `${path.map(String).join(".") || "it"}: ${message}`, { where: what });
}

/** @throws bad_input */
export const needToEngine = (message: unknown): ToEngine => checked(toEngine, message, "a message to the engine");
export const needFromEngine = (messages: unknown): readonly FromEngine[] =>
  checked(fromEngine, messages, "a message of the engine");
export const needAsk = (ask: unknown): GenerateAsk => checked(generate, ask, "generate");
export const needArguments = (method: Method, given: readonly unknown[]): readonly unknown[] =>
  checked(args[method], given, method);

/** An error in parts that travel. */
export function sentErrorOf(error: unknown): SentError {
  if (!(error instanceof ZerothError)) {
    const what = error instanceof Error ? error.message : String(error);
    return { code: "internal", what };
  }
  const { code, message, where, hint } = error;
  const what = where !== undefined && message.startsWith(`${where}: `) ? message.slice(where.length + 2) : message;
  return { code, what, where, hint };
}

/** The same error again. */
export const errorOf = ({ code, what, where, hint }: SentError): ZerothError =>
  new ZerothError(code, what, { ...(where !== undefined && { where }), ...(hint !== undefined && { hint }) });
