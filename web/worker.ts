/** The model, off the page's thread: a run keeps its thread until it is done. */
import { type OpenedWebTextModel, openTextModel, webThreads, ZerothError } from "../src/browser.ts";
import type { Ask, Tell } from "./messages.ts";

const tell = (message: Tell) => postMessage(message);
let model: OpenedWebTextModel | undefined;
let stopping: AbortController | undefined;

/** Share of each choice, from the sums of its tokens' log-probabilities. */
function shares(scores: readonly number[]): number[] {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

async function open(base: string): Promise<void> {
  let shown = 0;
  model = await openTextModel(base, {
    onProgress(received, total) {
      if (performance.now() - shown < 100) return;
      shown = performance.now();
      tell({ kind: "loading", received, total });
    },
  });
  // The first run opens the sessions: done here, so that the first answer comes at once.
  await model.text.generate(".", { maxNewTokens: 1 });
  const { threads, limited } = webThreads();
  tell({ kind: "ready", device: "wasm", threads, limited });
}

async function work(ask: Extract<Ask, { kind: "answer" | "weigh" }>): Promise<void> {
  const { text } = model!;
  stopping = new AbortController();
  const { signal } = stopping;
  const start = performance.now();
  let tokens = 0;
  let stopped = false;
  try {
    if (ask.kind === "weigh") {
      const { scores, lengths } = await text.score(ask.prompt, ask.choices, { signal });
      tokens = lengths.reduce((a, b) => a + b, 0);
      tell({ kind: "weights", probabilities: shares(scores) });
    } else {
      const stream = text.stream(ask.prompt, { signal });
      let next = await stream.next();
      for (; !next.done; next = await stream.next()) tell({ kind: "piece", text: next.value });
      tokens = next.value.tokens.length;
    }
  } catch (error) {
    if (!(error instanceof ZerothError && error.code === "interrupted")) throw error;
    stopped = true;
  }
  tell({ kind: "done", tokens, seconds: (performance.now() - start) / 1000, stopped });
}

addEventListener("message", ({ data }: MessageEvent<Ask>) => {
  if (data.kind === "stop") {
    stopping?.abort();
    return;
  }
  (data.kind === "open" ? open(data.base) : work(data)).catch((error: unknown) => {
    const hint = error instanceof ZerothError ? error.hint : undefined;
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error), hint });
  });
});
