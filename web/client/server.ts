/** The models of the server that this page came from, over its OpenAI routes and `/api`. */
import { type Ask, type Client, type Job, type ModelCard, problemOf, type Settings, type Told } from "./client.ts";
import { frames } from "./frames.ts";
import { caller, problemOfBody } from "./request.ts";
import { chatTold, completionTold } from "./told.ts";
import type { ChatChunk, CompletionChunk, ModelsBody, ScoreBody, StatusBody } from "./wire.ts";

/** The page's settings in OpenAI's names, and the server's own beside them. */
export function wireSettings(settings: Settings): Record<string, unknown> {
  const { temperature, topP, topK, minP, repetitionPenalty, maxTokens, seed, stop } = settings;
  const all = {
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    repetition_penalty: repetitionPenalty,
    max_tokens: maxTokens ?? 256,
    seed,
    stop: stop?.length ? stop : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const promptFields = ({ prompt }: Pick<Ask, "prompt">) =>
  "messages" in prompt ? { messages: prompt.messages } : { prompt: prompt.text };

/** Most of the likeliest tokens that OpenAI's two routes tell. */
const mostTop = { completions: 5, chat: 20 };

export function serverClient(root: string, key: () => string): Client {
  const server = caller(root, key);
  const watchers = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let last = "";
  let jobs: readonly Job[] = [];

  const status = () => server.get<StatusBody>("api/status");

  /** Openings and downloads, from what the server says of its models; those that have ended stay for this visit. */
  function noteJobs({ models = [] }: StatusBody): void {
    const opening = models.filter(({ state }) => state === "opening");
    const known = new Map(jobs.map((job) => [job.id, job]));
    for (const { id, progress } of opening) {
      const running = known.get(id);
      known.set(id, {
        id,
        title: `Opening ${id}`,
        state: "running",
        started: running?.state === "running" ? running.started : Date.now(),
        ...(progress && { progress: { ...progress, unit: "bytes" } }),
      });
    }
    for (const job of known.values()) {
      if (job.state !== "running" || opening.some(({ id }) => id === job.id)) continue;
      const ready = models.some(({ id }) => id === job.id);
      known.set(job.id, { ...job, state: ready ? "done" : "failed", ended: Date.now() });
    }
    jobs = [...known.values()];
  }

  async function look(): Promise<void> {
    if (document.hidden) return;
    let now = "";
    try {
      const body = await status();
      noteJobs(body);
      now = JSON.stringify(body);
    } catch (error) {
      now = problemOf(error).message;
    }
    if (now === last) return;
    last = now;
    for (const watcher of watchers) watcher();
  }

  const changed = () => void look();

  return {
    where: "server",
    manages: { anyModel: true, close: true },
    async models(signal) {
      const { data = [] } = await server.get<ModelsBody>("api/models", signal);
      return data.map((model): ModelCard => ({ ...model, can: model.can ?? [], state: model.state ?? "closed" }));
    },
    async open(model, signal) {
      const done = server.post("api/models/open", { model }, signal);
      setTimeout(changed, 100);
      await done.finally(changed);
    },
    async close(model) {
      await server.post("api/models/close", { model }).finally(changed);
    },
    async *answer(ask, signal) {
      const { model, prompt, settings, begun = [], top = 0 } = ask;
      const chat = "messages" in prompt;
      const start = begun.map(({ text }) => text).join("");
      const begins = begun.length > 0 ? { answer_prefix: start } : {};
      const likeliest = chat
        ? top > 0 && { logprobs: true, top_logprobs: Math.min(top, mostTop.chat) }
        : top > 0 && { logprobs: Math.min(top, mostTop.completions) };
      const body = {
        ...{ model, ...promptFields(ask), ...wireSettings(settings), ...begins, ...likeliest },
        stream: true,
        stream_options: { include_usage: true },
      };
      for (const token of begun) yield { kind: "token", token };
      const stream = await server.stream(chat ? "v1/chat/completions" : "v1/completions", body, signal);
      let finish: "stop" | "length" = "stop";
      let promptTokens: number | undefined;
      try {
        for await (const data of frames(stream)) {
          const chunk = JSON.parse(data) as ChatChunk & CompletionChunk;
          if (chunk.error) throw problemOfBody(chunk);
          if (chunk.usage?.prompt_tokens !== undefined) promptTokens = chunk.usage.prompt_tokens;
          const [choice] = chunk.choices ?? [];
          if (choice?.finish_reason === "length") finish = "length";
          for (const token of chat ? chatTold(chunk) : completionTold(chunk)) yield { kind: "token", token };
        }
      } catch (error) {
        if (signal?.aborted) signal.throwIfAborted();
        throw error;
      }
      const end: Told = { kind: "end", finish, ...(promptTokens !== undefined && { promptTokens }) };
      yield end;
    },
    async score(ask, choices, signal) {
      const body = { model: ask.model, ...promptFields(ask), choices };
      const { data = [] } = await server.post<ScoreBody>("v1/score", body, signal);
      const scored = data[0]?.choices ?? [];
      return choices.map((text, i) => ({ text, sum: scored[i]?.sum ?? -Infinity, tokens: scored[i]?.tokens ?? 1 }));
    },
    async count(model, prompt, signal) {
      const body = { model, ...promptFields({ prompt }) };
      const { tokens = [] } = await server.post<{ tokens?: readonly number[] }>("tokenize", body, signal);
      return tokens.length;
    },
    jobs: async () => jobs,
    async status() {
      const { device, threads, memory } = await status();
      return {
        ...(device !== undefined && { device }),
        ...(threads !== undefined && { threads }),
        ...(memory !== undefined && { memory }),
      };
    },
    watch(watcher) {
      watchers.add(watcher);
      timer ??= setInterval(look, 2000);
      return () => {
        watchers.delete(watcher);
        if (watchers.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}
