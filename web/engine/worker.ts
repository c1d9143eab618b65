/** The model, off the page's thread: typing is never blocked. */
import { createChat, openTextModel, webThreads, ZerothError } from "../../src/browser.ts";
import { joinQuantized } from "../../src/weights/quantize.ts";
import type { ChoiceScore, Told } from "../client/client.ts";
import { answer, promptOf, type Running } from "./answer.ts";
import type { Failure, Order, Report } from "./messages.ts";
import { onlyOwnScripts } from "./own-scripts.ts";

onlyOwnScripts();

const report = (message: Report) => postMessage(message);
const stops = new Map<number, AbortController>();
let running: Running | undefined;

function failureOf(error: unknown): Failure {
  if (error instanceof ZerothError) {
    return { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) };
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** Files that a model folder may lack are not asked for: a browser logs every answer 404 as an error. */
async function fetchKnown(address: string, init: RequestInit): Promise<Response> {
  const name = address.slice(address.lastIndexOf("/") + 1);
  return MODEL_FILES.includes(name) ? fetch(address, init) : new Response(null, { status: 404 });
}

async function open(base: string): Promise<void> {
  let shown = 0;
  let bytes = 0;
  const opened = await openTextModel(base, {
    fetch: fetchKnown,
    onProgress(done, total) {
      bytes = done;
      if (performance.now() - shown < 100) return;
      shown = performance.now();
      report({ kind: "loading", done, ...(total !== undefined && { total }) });
    },
  });
  // The first run opens the sessions: done here, so that the first answer comes at once.
  await opened.text.generate(".", { maxNewTokens: 1, lookup: false });
  running = { opened, chat: createChat(opened) };
  const { config, kind, model } = opened;
  let parameters = 0;
  for (const { shape } of joinQuantized(opened.weights, base).values()) parameters += shape.reduce((a, b) => a * b, 1);
  report({
    kind: "opened",
    about: {
      kind,
      family: String(config.model_type),
      parameters,
      bytes,
      ...(model.longest !== undefined && { longest: model.longest }),
      threads: webThreads().threads,
    },
  });
}

async function score(order: Extract<Order, { kind: "score" }>, signal: AbortSignal): Promise<readonly ChoiceScore[]> {
  const { opened } = running!;
  const { prompt } = order.ask;
  const ids = promptOf(running!, prompt).ids;
  const { scores, lengths } = await opened.text.score(ids, order.choices, { signal });
  return order.choices.map((text, i) => ({ text, sum: scores[i]!, tokens: lengths[i]! }));
}

/** Tokens that come within one frame travel together. */
function batched(id: number) {
  let waiting: Told[] = [];
  let sent = 0;
  return {
    add(told: Told): void {
      waiting.push(told);
      if (performance.now() - sent > 16) this.send();
    },
    send(): void {
      if (waiting.length > 0) report({ kind: "told", id, told: waiting });
      waiting = [];
      sent = performance.now();
    },
  };
}

async function work(order: Extract<Order, { kind: "answer" | "score" | "count" }>): Promise<void> {
  const { id } = order;
  if (!running) throw new ZerothError("busy", "the model is not open yet");
  if (order.kind === "count") {
    report({ kind: "counted", id, tokens: promptOf(running, order.prompt).ids.length });
    return;
  }
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    if (order.kind === "score") report({ kind: "scored", id, scores: await score(order, stop.signal) });
    else {
      const out = batched(id);
      try {
        await answer(running, order.ask, stop.signal, (told) => out.add(told));
      } finally {
        out.send();
      }
    }
  } finally {
    stops.delete(id);
  }
}

async function close(): Promise<void> {
  for (const stop of stops.values()) stop.abort();
  await running?.opened[Symbol.asyncDispose]();
  running = undefined;
  report({ kind: "closed" });
}

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  switch (data.kind) {
    case "open":
      open(data.base).catch((error: unknown) => report({ kind: "not-opened", failure: failureOf(error) }));
      return;
    case "close":
      void close();
      return;
    case "stop":
      stops.get(data.id)?.abort();
      return;
    default:
      work(data).catch((error: unknown) => report({ kind: "failed", id: data.id, failure: failureOf(error) }));
  }
});
