/** The model, off the page's thread: typing is never blocked. */
import { type AdapterContents, createChat, openTextModel, webThreads, ZerothError } from "../../src/browser.ts";
import { joinQuantized } from "../../src/weights/quantize.ts";
import type { ChoiceScore, Told } from "../client/client.ts";
import type { LessonTold } from "../client/teach.ts";
import { answer, promptOf, type Running } from "./answer.ts";
import { failureOf } from "./failure.ts";
import type { Reins } from "./lesson.ts";
import type { Order, Report } from "./messages.ts";
import { onlyOwnScripts } from "./own-scripts.ts";

onlyOwnScripts();

const report = (message: Report) => postMessage(message);
const stops = new Map<number, AbortController>();
let running: Running | undefined;
let address = "";
/** Files of adapters by the names that asks call them by, and those that are open. */
const adapters = new Map<string, AdapterContents>();
const tuned = new Map<string, Promise<Running>>();
const lessons = new Map<number, Reins>();

/** Files that a model folder may lack are not asked for: a browser logs every answer 404 as an error. */
async function fetchKnown(address: string, init: RequestInit): Promise<Response> {
  const name = address.slice(address.lastIndexOf("/") + 1);
  return MODEL_FILES.includes(name) ? fetch(address, init) : new Response(null, { status: 404 });
}

/** The model that an ask names: the open one, or an adapter over it. */
async function meant(model: string): Promise<Running> {
  if (!running) throw new ZerothError("busy", "the model is not open yet");
  const adapter = adapters.get(model);
  if (!adapter) return running;
  let found = tuned.get(model);
  if (!found) {
    found = openTextModel(address, { fetch: fetchKnown, adapter }).then((opened) => ({
      opened,
      chat: createChat(opened),
    }));
    tuned.set(model, found);
    found.catch(() => tuned.delete(model));
  }
  return found;
}

async function forget(model: string): Promise<void> {
  const found = tuned.get(model);
  tuned.delete(model);
  adapters.delete(model);
  await (await found?.catch(() => undefined))?.opened[Symbol.asyncDispose]();
}

/** Loaded when somebody teaches: whoever asks alone needs none of it. */
async function teach(order: Extract<Order, { kind: "teach" }>): Promise<void> {
  const { id, lesson } = order;
  if (!running) throw new ZerothError("busy", "the model is not open yet");
  const { runLesson, reinsOf } = await import("./lesson.ts");
  const reins = reinsOf();
  lessons.set(id, reins);
  const out = batched<LessonTold>((told) => report({ kind: "lesson-told", id, told }));
  try {
    const files = await runLesson(address, lesson, { fetch: fetchKnown, reins, tell: (told) => out.add(told) });
    out.send();
    report({ kind: "taught", id, files });
  } finally {
    out.send();
    lessons.delete(id);
  }
}

async function open(base: string): Promise<void> {
  address = base;
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
  const { prompt, model } = order.ask;
  const found = await meant(model);
  const { opened } = found;
  const ids = promptOf(found, prompt).ids;
  const { scores, lengths } = await opened.text.score(ids, order.choices, { signal });
  return order.choices.map((text, i) => ({ text, sum: scores[i]!, tokens: lengths[i]! }));
}

/** What comes within one frame travels together. */
function batched<T>(send: (waiting: readonly T[]) => void) {
  let waiting: T[] = [];
  let sent = 0;
  return {
    add(told: T): void {
      waiting.push(told);
      if (performance.now() - sent > 16) this.send();
    },
    send(): void {
      if (waiting.length > 0) send(waiting);
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
      const out = batched<Told>((told) => report({ kind: "told", id, told }));
      try {
        await answer(await meant(order.ask.model), order.ask, stop.signal, (told) => out.add(told));
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
  for (const reins of lessons.values()) reins.drop();
  for (const model of [...tuned.keys()]) await forget(model);
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
    case "adapter":
      void forget(data.model);
      if (data.files) adapters.set(data.model, new Map(data.files.map(({ name, bytes }) => [name, bytes])));
      return;
    case "teach":
      teach(data).catch((error: unknown) => report({ kind: "failed", id: data.id, failure: failureOf(error) }));
      return;
    case "lesson":
      lessons.get(data.id)?.[({ pause: "pause", "go-on": "goOn", finish: "finish" } as const)[data.now]]();
      return;
    case "stop":
      stops.get(data.id)?.abort();
      lessons.get(data.id)?.drop();
      return;
    default:
      work(data).catch((error: unknown) => report({ kind: "failed", id: data.id, failure: failureOf(error) }));
  }
});
