/** Managing models: what the page shows and does. */
import { z } from "@hono/zod-openapi";
import type { ModelAbout, ModelState } from "../../host/engine.ts";
import { type Routes, route } from "../route.ts";

const live = z.object({
  rows: z.int(),
  waiting: z.int(),
  bytes: z.number(),
  promptTokens: z.number(),
  answerTokens: z.number(),
  steps: z.number(),
});

const drawing = z.object({
  /** 0 takes the likeliest token every time. */
  temperature: z.number(),
  top_p: z.number().nullable(),
  top_k: z.number().nullable(),
  min_p: z.number().nullable(),
  repetition_penalty: z.number().nullable(),
  max_tokens: z.number().nullable(),
});

function drawingOf(defaults: ModelAbout["defaults"]): z.infer<typeof drawing> | null {
  if (defaults === undefined) return null;
  const { sample = false, temperature = 1, topP, topK, minP, repetitionPenalty, maxNewTokens } = defaults;
  return {
    temperature: sample ? temperature : 0,
    ...{ top_p: topP ?? null, top_k: topK ?? null, min_p: minP ?? null },
    ...{ repetition_penalty: repetitionPenalty ?? null, max_tokens: maxNewTokens ?? null },
  };
}

const managed = z.object({
  id: z.string(),
  /** Of an adapter: the model that it is put into. */
  parent: z.string().nullable(),
  kind: z.string().nullable(),
  family: z.string().nullable(),
  bytes: z.number().nullable(),
  parameters: z.number().nullable(),
  longest: z.int().nullable(),
  chat: z.boolean(),
  tools: z.boolean(),
  can: z.array(z.string()),
  state: z.enum(["closed", "opening", "ready", "closing"]),
  /** Of opening: bytes of all. */
  progress: z.object({ done: z.number(), total: z.number() }).nullable(),
  /** Milliseconds without use after which it is closed; null for one that stays. */
  closes_after: z.number().nullable(),
  /** How its makers recommend that answers are drawn; null for a model that does not write. */
  defaults: drawing.nullable(),
  live: live.nullable(),
});

function shown(id: string, about: ModelAbout | undefined, state: ModelState | undefined): z.infer<typeof managed> {
  return {
    id,
    parent: about?.parent ?? null,
    kind: about?.kind ?? null,
    family: about?.family ?? null,
    bytes: about?.bytes ?? null,
    parameters: about?.parameters ?? null,
    longest: about?.longest ?? null,
    chat: about?.chat ?? false,
    tools: about?.tools ?? false,
    can: [...(about?.can ?? [])],
    state: state?.state ?? "closed",
    progress: state?.progress ?? null,
    closes_after: state?.closesAfter ?? null,
    defaults: drawingOf(about?.defaults),
    live: state?.live ?? null,
  };
}

const named = z.object({ model: z.string().min(1).max(500) });
const one = z.object({ model: managed });

export const manage: Routes = ({ engine, hub }) => {
  /** An adapter is as open as its model is, where its numbers are in memory. */
  const states = async () => {
    const [{ models }, adapters] = [await engine.status(), await engine.adapters()];
    const open = new Map(models.map((model) => [model.id, model]));
    for (const { id, base, held } of adapters) {
      const state = held ? open.get(base) : undefined;
      if (state) {
        const { live: _, ...rest } = state;
        open.set(id, { ...rest, id });
      }
    }
    return { open, models };
  };
  const stateOf = async (id: string) => (await states()).open.get(id);
  return [
    route({
      method: "get",
      path: "/api/models",
      summary: "Models on this machine, and those that are open",
      answer: z.object({ models: z.array(managed) }),
      async handle() {
        const [list, { models, open }] = [await engine.list(), await states()];
        const known = new Set(list.map(({ id }) => id));
        // What is being downloaded is not on this machine yet.
        const coming = models.filter(({ id }) => !known.has(id)).map((state) => shown(state.id, undefined, state));
        return { models: [...list.map((about) => shown(about.id, about, open.get(about.id))), ...coming] };
      },
    }),
    route({
      method: "post",
      path: "/api/models/open",
      summary: "Open a model, after downloading it where need be",
      body: named,
      answer: one,
      admin: true,
      async handle({ body, asked }) {
        asked.model = body.model;
        const about = await engine.open(body.model, asked.signal);
        return { model: shown(about.id, about, await stateOf(about.id)) };
      },
    }),
    route({
      method: "post",
      path: "/api/models/close",
      summary: "Close a model: its memory is free",
      body: named,
      answer: one,
      admin: true,
      async handle({ body, signal }) {
        const about = await engine.about(body.model, signal);
        await engine.close(about.id);
        return { model: shown(about.id, about, await stateOf(about.id)) };
      },
    }),
    route({
      method: "get",
      path: "/api/status",
      summary: "The engine: device, threads, memory",
      answer: z.object({
        device: z.string(),
        threads: z.int(),
        memory: z.number(),
        restarts: z.int(),
        /** Whether models can be downloaded. */
        downloads: z.boolean(),
        models: z.array(z.object({ id: z.string(), state: z.string(), live: live.nullable() })),
      }),
      async handle() {
        const { device, threads, memory, restarts, models } = await engine.status();
        const open = models.map(({ id, state, live }) => ({ id, state, live: live ?? null }));
        return { device, threads, memory, restarts, downloads: hub !== undefined, models: open };
      },
    }),
  ];
};
