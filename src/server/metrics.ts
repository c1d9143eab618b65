/** What is counted, for Prometheus: a registry a server, so that two in one process count apart. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Engine } from "../host/engine.ts";

/** What is counted of a request. */
interface Answered {
  readonly route: string;
  /** `performance.now()` when it came. */
  readonly started: number;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly answerTokens?: number;
}

export interface Metrics {
  /** A request has been answered. */
  answered(asked: Answered, method: string, status: number): void;
  /** A request has come. */
  came(): void;
  /** The text that Prometheus reads, and its type. */
  text(): Promise<{ readonly text: string; readonly type: string }>;
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createMetrics(engine: Engine): Metrics {
  const registers = [new Registry()];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const requests = new Counter({
    name: "zeroth_requests_total",
    help: "Requests answered",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const duration = new Histogram({
    name: "zeroth_request_seconds",
    help: "Time from a request to the last byte of its answer",
    labelNames: ["route"],
    buckets: seconds,
    registers,
  });
  const tokens = new Counter({
    name: "zeroth_tokens_total",
    help: "Tokens read (prompt) and written (answer)",
    labelNames: ["model", "kind"],
    registers,
  });
  const running = gauge("zeroth_requests_running", "Requests that are being answered");
  const memory = gauge("zeroth_engine_memory_bytes", "Memory of the engine's process");
  const restarts = gauge("zeroth_engine_restarts", "Times the engine had to be started again");
  const open = gauge("zeroth_model_open", "1 for a model that is open", ["model"]);
  const rows = gauge("zeroth_model_rows", "Answers that are being written", ["model"]);
  const waiting = gauge("zeroth_model_waiting", "Requests that wait for room", ["model"]);
  const cache = gauge("zeroth_model_cache_bytes", "Keys and values held", ["model"]);
  return {
    came: () => running.inc(),
    answered({ route, started, model, promptTokens = 0, answerTokens = 0 }, method, status) {
      running.dec();
      requests.inc({ method, route, status: String(status) });
      duration.observe({ route }, (performance.now() - started) / 1000);
      if (model === undefined) return;
      tokens.inc({ model, kind: "prompt" }, promptTokens);
      tokens.inc({ model, kind: "answer" }, answerTokens);
    },
    async text() {
      const status = await engine.status();
      memory.set(status.memory);
      restarts.set(status.restarts);
      for (const each of [open, rows, waiting, cache]) each.reset();
      for (const { id: model, state, live } of status.models) {
        open.set({ model }, state === "ready" ? 1 : 0);
        if (!live) continue;
        rows.set({ model }, live.rows);
        waiting.set({ model }, live.waiting);
        cache.set({ model }, live.bytes);
      }
      const [registry] = registers;
      return { text: await registry!.metrics(), type: registry!.contentType };
    },
  };
}
