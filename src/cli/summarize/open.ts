/** Opening what writes: a model, an endpoint, or a rule. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "../../errors.ts";
import { rewardOf } from "../../prefer/reward/score-node.ts";
import { bestWriter } from "../../summarize/choose/best-writer.ts";
import type { WriterSource } from "../../summarize/run/record.ts";
import type { ContextMode, SummarizeOptions } from "../../summarize/run/settings.ts";
import { endpointWriter } from "../../summarize/writers/endpoint-node.ts";
import { localWriter } from "../../summarize/writers/local-node.ts";
import { promptStyles } from "../../summarize/writers/prompts.ts";
import { ruleNames, ruleWriter } from "../../summarize/writers/rules.ts";
import { closing, type Writer } from "../../summarize/writers/writer.ts";
import { divergenceOf } from "../../text/best-of.ts";
import { type EngineFlags, openForCommand, openReaderForCommand, withAdapter } from "../engine.ts";
import type { Output } from "../output.ts";

export type SummarizeFlags = EngineFlags & {
  readonly [name in
    | "reward"
    | "references"
    | "questions"
    | "reader"
    | "judge"
    | "worker"
    | "out"
    | "endpoint"
    | "apiKeyEnv"
    | "by"
    | "until"
    | "question"
    | "node"
    | "text"
    | "output"]?: string | undefined;
} & {
  readonly [name in
    | "rpm"
    | "tpm"
    | "budgetUsd"
    | "maxCalls"
    | "bestOf"
    | "concurrency"
    | "window"
    | "leafTokens"
    | "temperature"]?: number | undefined;
} & { readonly [name in "seed" | "jitter" | "sentence" | "depth" | "sectionings"]?: number | undefined } & {
  readonly [name in "list" | "estimate" | "keepAll" | "force" | "later" | "strict"]?: boolean | undefined;
} & {
  readonly price?: readonly string[] | undefined;
  readonly limits?: readonly string[] | undefined;
  readonly context?: ContextMode | undefined;
  readonly contextTruncation?: "oldest" | "block" | undefined;
  readonly prompt?: (typeof promptStyles)[number] | undefined;
  readonly format?: "md" | "html" | "epub" | "json" | undefined;
};

export interface Call {
  readonly flags: SummarizeFlags;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** What the flags ask of the tree. @throws wrong_use naming the option */
export function optionsOf(flags: SummarizeFlags): SummarizeOptions {
  const { leafTokens, limits, context, contextTruncation, by, until, question, seed, jitter, keepAll } = flags;
  const levels = /^heading:(\d+)$/.exec(by ?? "")?.[1];
  if (by !== undefined && by !== "chapter" && levels === undefined) {
    fail("wrong_use", `--by ${by.slice(0, 40)} is not known`, { hint: "--by chapter, or --by heading:2" });
  }
  const numbers = limits?.map(Number);
  if (numbers && (numbers.length !== 3 || !numbers.every((limit) => Number.isInteger(limit) && limit > 0))) {
    fail("wrong_use", "--limits takes three whole numbers", { hint: "for example --limits 128,192,384" });
  }
  const given = {
    ...{ leafTokens, context, contextTruncation, until, question, seed, jitter, keepAll },
    by: levels === undefined ? by && ("chapter" as const) : Number(levels),
    limits: numbers as [number, number, number] | undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const isRule = (name: string): name is (typeof ruleNames)[number] =>
  ruleNames.some((rule) => rule === name) && !existsSync(name);

/** How a writer that draws several answers is opened again. */
type DrawingSource = WriterSource & { readonly bestOf?: number | undefined; readonly reward?: string | undefined };

/** As people's choices were made in the paper: answers are drawn as the model gives them. */
const usualTemperature = 1;

/** How a writer is opened again, by the flags. */
export function sourceOf(flags: SummarizeFlags): DrawingSource {
  const { endpoint, window, prompt: style, dtype, bestOf, reward } = flags;
  const temperature = flags.temperature ?? (bestOf === undefined ? undefined : usualTemperature);
  const { name, adapter } = withAdapter(flags);
  if (endpoint !== undefined && flags.model === undefined) {
    fail("wrong_use", "--model is needed: the name of the endpoint's model", { hint: "--endpoint URL --model NAME" });
  }
  const here = endpoint === undefined && existsSync(name) ? resolve(name) : name;
  return {
    ...{ model: here, endpoint, window, style, temperature, dtype, adapter: adapter && resolve(adapter), bestOf },
    reward: reward !== undefined && existsSync(reward) ? resolve(reward) : reward,
  };
}

function dtypeOf(name: string | undefined): Pick<SummarizeFlags, "dtype"> {
  const dtype = (["fp32", "bf16", "int8", "int4"] as const).find((one) => one === name);
  return dtype ? { dtype } : {};
}

/** What a run was made with, where nothing else is asked for. */
export const flagsOf = (before: DrawingSource, flags: SummarizeFlags): SummarizeFlags => ({
  ...flags,
  bestOf: flags.bestOf ?? before.bestOf,
  reward: flags.reward ?? before.reward,
  model: flags.model ?? before.model,
  endpoint: flags.endpoint ?? before.endpoint,
  window: flags.window ?? before.window,
  prompt: flags.prompt ?? promptStyles.find((style) => style === before.style),
  temperature: flags.temperature ?? before.temperature,
  adapter: flags.adapter ?? before.adapter,
  ...dtypeOf(flags.dtype ?? before.dtype),
});

/** Every number is checked here: a writer takes what it is given. */
function checkNumbers(flags: SummarizeFlags): void {
  const least = { rpm: 1, tpm: 1, concurrency: 1, window: 32, maxCalls: 1 } as const;
  for (const [name, from] of Object.entries(least)) {
    const value = flags[name as keyof typeof least];
    if (value !== undefined && (value < from || value > 1e9))
      fail("wrong_use", `--${name} ${value}: expected a whole number from ${from}`);
  }
  if ((flags.concurrency ?? 1) > 256) fail("wrong_use", "--concurrency takes 256 at most");
  const { temperature = 0 } = flags;
  if (!(temperature >= 0 && temperature <= 2))
    fail("wrong_use", `--temperature ${temperature}: expected a number from 0 to 2`);
}

/** Every flag about several answers, checked. */
function checkDraws({ bestOf, reward, temperature, model }: SummarizeFlags): void {
  if (bestOf === undefined) {
    if (reward !== undefined) fail("wrong_use", "--reward chooses among several answers", { hint: "--best-of 4" });
    return;
  }
  if (bestOf < 1 || bestOf > 64) fail("wrong_use", `--best-of ${bestOf}: expected a whole number from 1 to 64`);
  if (temperature === 0) fail("wrong_use", "--temperature 0 draws the same answer every time: best of one");
  if (model !== undefined && isRule(model)) fail("wrong_use", `--best-of: ${model} has one answer to everything`);
}

/** @throws what opening a model throws; wrong_use for flags that do not go together */
export async function openWriter(flags: SummarizeFlags, output: Output, signal: AbortSignal): Promise<Writer> {
  checkDraws(flags);
  const { bestOf: n, reward: name } = flags;
  if (n === undefined) return openPlain(flags, output, signal);
  const writer = await openPlain({ ...flags, temperature: flags.temperature ?? usualTemperature }, output, signal);
  try {
    if (name === undefined) return bestWriter(writer, { n });
    const { device, threads } = flags;
    const engine = { ...(device && { device }), ...(threads !== undefined && { threads }) };
    const opened = await openReaderForCommand({ ...engine, model: name }, output, signal);
    const reward = await rewardOf(opened, name);
    output.say(`best of ${n} by ${name}: ${divergenceOf(n).toFixed(2)} nats from the model's own answers at most`);
    return closing(bestWriter(writer, { n, scorer: reward }), reward);
  } catch (error) {
    await writer[Symbol.asyncDispose]();
    throw error;
  }
}

async function openPlain(flags: SummarizeFlags, output: Output, signal: AbortSignal): Promise<Writer> {
  checkNumbers(flags);
  const { endpoint, model: name = "zeroth-nano", concurrency, window, temperature, rpm, tpm } = flags;
  if (endpoint !== undefined) {
    const variable = flags.apiKeyEnv ?? "OPENAI_API_KEY";
    const key = process.env[variable];
    if (flags.apiKeyEnv !== undefined && !key) fail("wrong_use", `the variable ${variable} is not set`);
    const proxies = {
      ...(process.env.HTTP_PROXY && { http: process.env.HTTP_PROXY }),
      ...(process.env.HTTPS_PROXY && { https: process.env.HTTPS_PROXY }),
      ...(process.env.NO_PROXY && { none: process.env.NO_PROXY }),
    };
    return endpointWriter({ url: endpoint, model: name, key, concurrency, window, temperature, rpm, tpm, proxies });
  }
  if (isRule(name)) return ruleWriter(name);
  const opened = await openForCommand(flags, output, signal);
  const options = { name: opened.name, concurrency, window, style: flags.prompt, temperature };
  return closing(localWriter(opened, options), opened);
}
