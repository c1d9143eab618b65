/** Whether the server lives, whether it can be asked, and what it has counted. */
import { z } from "@hono/zod-openapi";
import { ApiError } from "../errors.ts";
import { type Routes, route } from "../route.ts";

export const health: Routes = (server) => [
  route({
    method: "get",
    path: "/health",
    summary: "Whether the server lives; needs no key",
    answer: z.object({ status: z.literal("ok") }),
    open: true,
    handle: async () => ({ status: "ok" }),
  }),
  route({
    method: "get",
    path: "/ready",
    summary: "Whether requests are taken: 503 while the engine starts or the server is about to stop",
    answer: z.object({ status: z.literal("ready") }),
    async handle() {
      try {
        await server.engine.status();
      } catch (cause) {
        throw new ApiError(503, "the engine is not there yet", {
          code: "not_ready",
          headers: { "retry-after": "1" },
          cause,
        });
      }
      return { status: "ready" };
    },
  }),
  route({
    method: "get",
    path: "/metrics",
    summary: "Counters and gauges for Prometheus",
    content: "text/plain",
    async handle() {
      const { text, type } = await server.metrics.text();
      return new Response(text, { headers: { "content-type": type } });
    },
  }),
  route({
    method: "get",
    path: "/openapi.json",
    summary: "This description",
    answer: z.looseObject({ openapi: z.string() }),
    handle: async () => server.describe(),
  }),
];
