/** The models of the server that this page came from, over its OpenAI routes and `/api`. */
import { grammarOf } from "./begun.ts";
import { type Ask, type Client, type Job, type ModelCard, problemOf, type Settings } from "./client.ts";
import { frames } from "./frames.ts";
import { openingJobs } from "./opening-jobs.ts";
import { caller, problemOfBody } from "./request.ts";
import { serverTeacher } from "./server-teacher.ts";
import { chatTold, completionTold } from "./told.ts";
import type {
  ChatChunk,
  CompletionChunk,
  JobBody,
  ManagedModel,
  ModelsBody,
  PlanBody,
  ScoreBody,
  StatusBody,
} from "./wire.ts";

/** Tokens of the longest answer where neither the person nor the model says. */
export const usualLength = 256;

/**
 * The page's settings in OpenAI's names, and the server's own beside them; what is not set is the model's own.
 * @param own what the model's makers recommend, where that is known
 */
export function wireSettings(settings: Settings, own: Settings = {}): Record<string, unknown> {
  const { topP, topK, minP, repetitionPenalty, maxTokens = own.maxTokens, seed, stop } = settings;
  // A model that takes the likeliest token by itself goes on to do so, whatever else is set of drawing.
  const temperature = settings.temperature ?? (own.temperature ? undefined : 0);
  const drawn = temperature === 0 ? {} : { top_p: topP, top_k: topK, min_p: minP, seed };
  const all = {
    temperature,
    ...drawn,
    repetition_penalty: repetitionPenalty,
    max_tokens: maxTokens ?? usualLength,
    stop: stop?.length ? stop : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const promptFields = ({ prompt }: Pick<Ask, "prompt">, name: "prompt" | "input" = "prompt") =>
  "messages" in prompt ? { messages: prompt.messages } : { [name]: prompt.text };

/** Most of the likeliest tokens that OpenAI's two routes tell. */
const mostTop = { completions: 5, chat: 20 };

const present = <T extends object>(entries: T): T =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== null && value !== undefined)) as T;

function defaultsOf(defaults: ManagedModel["defaults"]): Settings | undefined {
  if (!defaults) return undefined;
  const { temperature, top_p, top_k, min_p, repetition_penalty, max_tokens } = defaults;
  const all = { topP: top_p, topK: top_k, minP: min_p, repetitionPenalty: repetition_penalty, maxTokens: max_tokens };
  return present({ temperature, ...all }) as Settings;
}

function jobOf({ id, kind, title, state, started, ended, progress, files, scan, error, ...more }: JobBody): Job {
  return present({
    ...{ id, state, started, ended, progress, files },
    title: kind === "download" ? `Downloading ${title}` : `Batch of ${title}`,
    model: kind === "download" ? title : undefined,
    stoppable: state === "running" || state === "waiting" ? true : undefined,
    secondsLeft: more.seconds_left,
    rate: more.rate,
    scan: scan && { verdict: scan.verdict, findings: scan.findings.map(({ file, why }) => `${file}: ${why}`) },
    problem: error?.message,
  }) as Job;
}

function cardOf({ closes_after, live, progress, defaults, ...model }: ManagedModel): ModelCard {
  const known = {
    ...{ ...model, progress, closesAfter: closes_after, defaults: defaultsOf(defaults) },
    // Weights, and the keys and values of what is being answered.
    memory: live ? (model.bytes ?? 0) + live.bytes : undefined,
  };
  return present(known) as unknown as ModelCard;
}

/** Milliseconds between two looks at what the server does: soon while something is under way, else now and then. */
const pauses = { busy: 500, quiet: 4000 };

export function serverClient(root: string, key: () => string): Client {
  const server = caller(root, key);
  const watchers = new Set<() => void>();
  const opening = openingJobs();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = "";
  /** What models' makers recommend. */
  const defaults = new Map<string, Settings | undefined>();
  const kinds = new Map<string, string | undefined>();
  /** Keys that do not manage the server; they are not tried again and again. */
  const guests = new Set<string>();

  /** Downloads and batches; nobody but who manages the server is told of them. */
  async function serverJobs(): Promise<readonly Job[]> {
    const mine = key();
    if (guests.has(mine)) return [];
    try {
      return ((await server.get<{ jobs?: readonly JobBody[] }>("api/jobs")).jobs ?? []).map(jobOf);
    } catch (error) {
      if (problemOf(error).code === "insufficient_permissions") guests.add(mine);
      return [];
    }
  }

  async function models(signal?: AbortSignal): Promise<readonly ModelCard[]> {
    const { models: found = [] } = await server.get<ModelsBody>("api/models", signal);
    const cards = found.map(cardOf);
    opening.note(cards);
    for (const card of cards) {
      defaults.set(card.id, card.defaults);
      kinds.set(card.id, card.kind);
    }
    return cards;
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    let pause = pauses.quiet;
    if (!document.hidden) {
      let now = "";
      try {
        const [cards, work] = await Promise.all([models(), serverJobs()]);
        const busy = cards.some(({ state }) => state === "opening") || work.some(({ state }) => state === "running");
        if (busy) pause = pauses.busy;
        now = JSON.stringify([cards, work]);
      } catch (error) {
        now = problemOf(error).message;
      }
      if (now !== last) for (const watcher of watchers) watcher();
      last = now;
    }
    clearTimeout(timer);
    if (watchers.size > 0) timer = setTimeout(look, pause);
  }

  return {
    where: "server",
    manages: { anyModel: true, close: true },
    models,
    async open(model, signal) {
      const done = server.post("api/models/open", { model }, signal);
      opening.begin(model);
      setTimeout(look, 100);
      try {
        await done;
      } catch (error) {
        opening.failed(model, problemOf(error));
        throw error;
      } finally {
        void look();
      }
    },
    async close(model) {
      await server.post("api/models/close", { model }).finally(look);
    },
    async *answer(ask, signal) {
      const { model, settings, begun = [], top = 0 } = ask;
      const chat = "messages" in ask.prompt;
      const likeliest = chat
        ? top > 0 && { logprobs: true, top_logprobs: Math.min(top, mostTop.chat) }
        : top > 0 && { logprobs: Math.min(top, mostTop.completions) };
      const body = {
        ...{ model, ...promptFields(ask), ...wireSettings(settings, defaults.get(model)), ...likeliest },
        ...(begun.length > 0 && { grammar: grammarOf(begun) }),
        stream: true,
        stream_options: { include_usage: true },
      };
      const path = chat ? "v1/chat/completions" : "v1/completions";
      const stream = await server.stream(path, body, signal).catch((error: unknown) => {
        // Some models answer without log-probabilities only: better an answer without a tint than none.
        const { logprobs, top_logprobs: _, ...without } = body as typeof body & Record<string, unknown>;
        if (logprobs === undefined || problemOf(error).code !== "unsupported") throw error;
        return server.stream(path, without, signal);
      });
      let finish: "stop" | "length" = "stop";
      let promptTokens: number | undefined;
      try {
        for await (const data of frames(stream)) {
          const chunk = JSON.parse(data) as ChatChunk & CompletionChunk;
          if (chunk.error) throw problemOfBody(chunk);
          promptTokens = chunk.usage?.prompt_tokens ?? promptTokens;
          if (chunk.choices?.[0]?.finish_reason === "length") finish = "length";
          for (const token of chat ? chatTold(chunk) : completionTold(chunk)) yield { kind: "token", token };
        }
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
      yield { kind: "end", finish, ...(promptTokens !== undefined && { promptTokens }) };
    },
    async score(ask, choices, signal) {
      const body = { model: ask.model, ...promptFields(ask, "input"), choices };
      const { data = [] } = await server.post<ScoreBody>("v1/score", body, signal);
      const scored = data[0]?.choices ?? [];
      return choices.map((text, i) => ({ text, sum: scored[i]?.sum ?? -Infinity, tokens: scored[i]?.tokens ?? 1 }));
    },
    async count(model, prompt, signal) {
      const body = { model, ...promptFields({ prompt }) };
      const { tokens = [] } = await server.post<{ tokens?: readonly number[] }>("tokenize", body, signal);
      return tokens.length;
    },
    teacher: serverTeacher(server, (model) => kinds.get(model)),
    async jobs() {
      const all = [...opening.jobs(), ...(await serverJobs())];
      return all.sort((a, b) => b.started - a.started);
    },
    async stop(job) {
      await server.post(`api/jobs/${encodeURIComponent(job)}/stop`, {}).finally(look);
    },
    downloads: {
      async plan(model, signal) {
        const { free, ...plan } = await server.get<PlanBody>(
          `api/models/plan?name=${encodeURIComponent(model)}`,
          signal,
        );
        return { ...plan, ...(free !== null && { free }) };
      },
      async begin(model) {
        await server.post("api/models/download", { model }).finally(look);
      },
    },
    async status() {
      const { device, threads, memory, downloads } = await server.get<StatusBody>("api/status");
      return {
        ...(downloads !== undefined && { downloads }),
        ...(device !== undefined && { device }),
        ...(threads !== undefined && { threads }),
        ...(memory !== undefined && { memory }),
      };
    },
    watch(watcher) {
      watchers.add(watcher);
      void look();
      return () => watchers.delete(watcher);
    },
  };
}
