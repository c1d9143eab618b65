/** The models of the server that this page came from, over its OpenAI routes and `/api`. */
import { grammarOf } from "./begun.ts";
import { type Ask, type Client, type ModelCard, problemOf, type Settings } from "./client.ts";
import { frames } from "./frames.ts";
import { openingJobs } from "./opening-jobs.ts";
import { caller, problemOfBody } from "./request.ts";
import { chatTold, completionTold } from "./told.ts";
import type { ChatChunk, CompletionChunk, ManagedModel, ModelsBody, ScoreBody, StatusBody } from "./wire.ts";

/** The page's settings in OpenAI's names, and the server's own beside them. */
export function wireSettings(settings: Settings): Record<string, unknown> {
  const { temperature = 0, topP, topK, minP, repetitionPenalty, maxTokens, seed, stop } = settings;
  const drawn = temperature > 0 ? { top_p: topP, top_k: topK, min_p: minP, seed } : {};
  const all = {
    temperature,
    ...drawn,
    repetition_penalty: repetitionPenalty,
    max_tokens: maxTokens ?? 256,
    stop: stop?.length ? stop : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const promptFields = ({ prompt }: Pick<Ask, "prompt">, name: "prompt" | "input" = "prompt") =>
  "messages" in prompt ? { messages: prompt.messages } : { [name]: prompt.text };

/** Most of the likeliest tokens that OpenAI's two routes tell. */
const mostTop = { completions: 5, chat: 20 };

function cardOf({ closes_after, live, progress, ...model }: ManagedModel): ModelCard {
  const known = { ...model, progress, memory: live?.bytes, closesAfter: closes_after };
  return Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== null && value !== undefined),
  ) as unknown as ModelCard;
}

/** Milliseconds between two looks at what the server does: soon while something is opening, else now and then. */
const pauses = { opening: 500, quiet: 4000 };

export function serverClient(root: string, key: () => string): Client {
  const server = caller(root, key);
  const watchers = new Set<() => void>();
  const opening = openingJobs();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = "";

  async function models(signal?: AbortSignal): Promise<readonly ModelCard[]> {
    const { models: found = [] } = await server.get<ModelsBody>("api/models", signal);
    const cards = found.map(cardOf);
    opening.note(cards);
    return cards;
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    let pause = pauses.quiet;
    if (!document.hidden) {
      let now = "";
      try {
        const cards = await models();
        if (cards.some(({ state }) => state === "opening")) pause = pauses.opening;
        now = JSON.stringify(cards);
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
        ...{ model, ...promptFields(ask), ...wireSettings(settings), ...likeliest },
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
    jobs: async () => opening.jobs(),
    async status() {
      const { device, threads, memory } = await server.get<StatusBody>("api/status");
      return {
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
