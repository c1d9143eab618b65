/** An endpoint that speaks OpenAI's interface as a writer of summaries. */
import { z } from "zod";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import { proxiedFetch } from "../../hub/download/fetch-node.ts";
import { type Clock, perMinute, realClock, waitBefore } from "./pace.ts";
import { type Asked, promptOf, promptVersion } from "./prompts.ts";
import { approximateStarts, approximateTokens } from "./rules.ts";
import type { Answer, Writer } from "./writer.ts";

export interface EndpointOptions {
  /** "https://host/v1". */
  readonly url: string;
  /** As the endpoint knows it. */
  readonly model: string;
  /** Sent as a bearer token, and written nowhere. */
  readonly key?: string | undefined;
  readonly concurrency?: number | undefined;
  /** Tokens of prompt and answer; 4096 by default. */
  readonly window?: number | undefined;
  readonly temperature?: number | undefined;
  /** Requests and tokens of a minute. */
  readonly rpm?: number | undefined;
  readonly tpm?: number | undefined;
  readonly proxies?: { readonly http?: string; readonly https?: string; readonly none?: string };
  readonly clock?: Clock;
}

const usualWindow = 4096;
const mostAttempts = 6;
/** Milliseconds without an answer. */
const longest = 10 * 60_000;
/** Our count is a rule of thumb: so much more is taken for granted. */
const safety = 1.15;

const reply = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).partial().nullish(),
});

/** The address of conversations below what was given. */
export function completionsUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    return fail("wrong_use", "--endpoint is no address", { hint: "it looks like http://127.0.0.1:8080/v1" });
  }
  if (url.username || url.password) {
    fail("wrong_use", "an address with a password in it", {
      hint: "a key belongs into the environment: --api-key-env NAME",
    });
  }
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = /\/chat\/completions$/.test(path) ? path : `${path === "" ? "/v1" : path}/chat/completions`;
  return url.href;
}

const tooLong =
  /context.{0,20}(?:length|window|size)|maximum.{0,20}(?:context|tokens|length)|too (?:many tokens|long)|context_length_exceeded|exceed.{0,40}(?:context|token)/i;

/** What an endpoint said of an error, shortened, without anything that looks like a key. */
function saidBy(body: string): string {
  let text = body;
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } | string };
    const message = typeof error === "string" ? error : error?.message;
    if (typeof message === "string") text = message;
  } catch {
    // A page or plain words.
  }
  return text
    .replace(/\s+/g, " ")
    .replace(/\b(?:sk|key|Bearer)[-_ ]?[\w-]{8,}/g, "…")
    .trim()
    .slice(0, 300);
}

/** An error that another attempt may mend. */
class Passing extends Error {
  readonly retryAfter: string | null;
  constructor(message: string, retryAfter: string | null = null) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

async function refused(response: Response, where: string): Promise<never> {
  const body = await response.text().catch(() => "");
  const said = saidBy(body);
  const { status } = response;
  if (status === 401 || status === 403) {
    fail("bad_input", `the endpoint refuses the key (${status})${said ? `: ${said}` : ""}`, {
      where,
      hint: "the key is read from OPENAI_API_KEY, or from what --api-key-env names",
    });
  }
  if (status === 404)
    fail("not_found", `the endpoint knows no such model or address${said ? `: ${said}` : ""}`, { where });
  if ((status === 400 || status === 413 || status === 422) && tooLong.test(body))
    fail("too_long", `the endpoint: ${said}`, { where });
  if (status === 429 || status >= 500 || status === 408)
    throw new Passing(`${status}${said ? `: ${said}` : ""}`, response.headers.get("retry-after"));
  return fail("bad_input", `the endpoint answers ${status}${said ? `: ${said}` : ""}`, { where });
}

export function endpointWriter(options: EndpointOptions): Writer {
  const { model, key, concurrency = 4, window = usualWindow, temperature = 0, rpm, tpm, proxies = {} } = options;
  const { clock = realClock } = options;
  const url = completionsUrl(options.url);
  const where = new URL(url).origin;
  const [requests, tokens] = [perMinute(rpm, clock), perMinute(tpm, clock)];
  const count = (text: string) => Math.ceil(approximateTokens(text) * safety);
  const promptTokens = (asked: Asked) => count(promptOf(asked, "chat").text) + 16;
  let fetching: ReturnType<typeof proxiedFetch> | undefined;

  async function once(asked: Asked, limit: number, seed: number, heat: number, signal: AbortSignal): Promise<Answer> {
    await requests(1, signal);
    await tokens(promptTokens(asked) + limit, signal);
    fetching ??= proxiedFetch({ proxies });
    const body = {
      model,
      // The book is never in a system message.
      messages: [{ role: "user", content: promptOf(asked, "chat").text }],
      ...{ max_tokens: limit, temperature: heat, seed },
    };
    let response: Response;
    let text: string;
    try {
      response = await (await fetching)(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(longest)]),
        redirect: "manual",
      });
      if (!response.ok) await refused(response, where);
      text = await response.text();
    } catch (cause) {
      throwIfAborted(signal);
      if (cause instanceof ZerothError || cause instanceof Passing) throw cause;
      const { code } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
      if (code === "ENOTFOUND" || code === "ECONNREFUSED") {
        fail("not_found", `nothing answers there (${code})`, {
          where,
          hint: "check the address, and that the server runs",
          cause,
        });
      }
      throw new Passing((cause as Error).message);
    }
    const read = reply.safeParse(parsed(text));
    if (!read.success) throw new Passing("the answer is not what OpenAI's interface gives");
    const { choices, usage } = read.data;
    const { message, finish_reason: finish } = choices[0]!;
    const content = (message.content ?? "").replace(/^\s*<think>[\s\S]*?<\/think>/, "");
    const known = usage?.prompt_tokens !== undefined && usage.completion_tokens !== undefined;
    return {
      text: content,
      cut: finish === "length",
      inTokens: usage?.prompt_tokens ?? promptTokens(asked),
      outTokens: usage?.completion_tokens ?? count(content),
      ...(!known && { estimated: true }),
    };
  }

  return {
    identity: { kind: "endpoint", endpoint: where, model, prompts: promptVersion, temperature },
    ...{ name: `${model} at ${where}`, style: "chat", window, encoderDecoder: false, concurrency, count, promptTokens },
    starts: approximateStarts,
    async write(asked, { limit, seed, attempt, signal }) {
      // The same request again would be answered alike: later attempts are drawn more freely.
      const heat = attempt === 0 ? temperature : Math.min(1, Math.max(temperature, 0.3 + 0.3 * attempt));
      for (let tried = 0; ; tried++) {
        try {
          return await once(asked, limit, seed % 2 ** 31, heat, signal);
        } catch (error) {
          if (!(error instanceof Passing)) throw error;
          if (tried + 1 >= mostAttempts) {
            return fail("busy", `the endpoint did not answer ${mostAttempts} times: ${error.message}`, {
              where,
              hint: "zeroth summarize resume goes on later with what is missing",
              cause: error,
            });
          }
          const wait = waitBefore(tried, error.retryAfter, Date.now(), Math.random);
          await clock.sleep(wait, signal).catch(() => throwIfAborted(signal));
        }
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
