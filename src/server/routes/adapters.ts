/** Adapters that are served as models, `base:adapter`. */
import { z } from "@hono/zod-openapi";
import type { AdapterAbout } from "../../host/engine.ts";
import { type Routes, route } from "../route.ts";

const adapter = z.object({
  id: z.string(),
  base: z.string(),
  name: z.string(),
  method: z.enum(["prefix", "prompt", "lora", "head", "full"]),
  /** `sequence`, `tokens`, `span`, `choice`; null for one that writes text. */
  head: z.string().nullable(),
  labels: z.array(z.string()).nullable(),
  bytes: z.number(),
  created: z.int(),
  /** Whether its numbers are in memory. */
  held: z.boolean(),
  warnings: z.array(z.string()),
});

const shown = ({ head, labels, warnings, ...rest }: AdapterAbout): z.infer<typeof adapter> => ({
  ...rest,
  head: head ?? null,
  labels: labels ? [...labels] : null,
  warnings: [...warnings],
});

export const adapters: Routes = ({ engine }) => [
  route({
    method: "get",
    path: "/api/adapters",
    summary: "Adapters that are served",
    answer: z.object({ adapters: z.array(adapter) }),
    handle: async () => ({ adapters: (await engine.adapters()).map(shown) }),
  }),
  route({
    method: "post",
    path: "/api/adapters/scan",
    summary: "Look at the folder of adapters again: new ones are served, those that are gone are not",
    answer: z.object({
      added: z.array(z.string()),
      removed: z.array(z.string()),
      /** Folders whose adapter is not served, and why. */
      refused: z.array(z.object({ folder: z.string(), why: z.string() })),
    }),
    admin: true,
    handle: () => engine.scanAdapters(),
  }),
  route({
    method: "post",
    path: "/api/adapters/remove",
    summary: "Serve an adapter no more: what runs with it ends as it would have, and its folder stays",
    body: z.object({ model: z.string().min(1).max(500) }),
    answer: z.object({ removed: z.string() }),
    admin: true,
    async handle({ body, asked }) {
      asked.model = body.model;
      return { removed: await engine.removeAdapter(body.model) };
    },
  }),
];
