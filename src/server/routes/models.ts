/** `/v1/models`: what can be asked. */
import { z } from "@hono/zod-openapi";
import type { ModelAbout } from "../../host/engine.ts";
import { deleteAdapter } from "../../state/tunings/adapters.ts";
import { refuse } from "../errors.ts";
import { modelHere, modelsHere } from "../named.ts";
import { type Routes, route } from "../route.ts";
import { orNothing } from "../stored/errors.ts";

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  /** The model it was made of. */
  root: z.string(),
  parent: z.string().nullable(),
});

/** Part before the slash of a hub name; the embedded model is the program's. */
const ownerOf = (id: string): string =>
  id.includes("/") && !id.startsWith("/") ? id.slice(0, id.indexOf("/")) : "zeroth";

/** Of an adapter both are the model that it is put into, as vLLM has it. */
const shown = ({ id, created, parent }: ModelAbout): z.infer<typeof modelSchema> => ({
  id,
  object: "model",
  created,
  owned_by: ownerOf(id),
  root: parent ?? id,
  parent: parent ?? null,
});

export const models: Routes = ({ engine, state }) => [
  route({
    method: "get",
    path: "/v1/models",
    summary: "Models on this machine",
    answer: z.object({ object: z.literal("list"), data: z.array(modelSchema) }),
    handle: async ({ asked }) => ({ object: "list", data: (await modelsHere(engine, asked)).map(shown) }),
  }),
  route({
    method: "get",
    path: "/v1/models/{id+}",
    summary: "One model of this machine; its name may hold a slash, or %2F for it",
    answer: modelSchema,
    handle: async ({ params: { id = "" }, asked }) => shown(await modelHere(engine, id, asked)),
  }),
  route({
    method: "delete",
    path: "/v1/models/{id+}",
    summary:
      "Delete a model that was fine-tuned here, of this key; serve another adapter no more, which keeps its folder",
    answer: z.object({ id: z.string(), object: z.literal("model"), deleted: z.boolean() }),
    async handle({ params: { id = "" }, asked }) {
      const deleted = state && (await orNothing(deleteAdapter(state, asked.owner.owner, id).then(() => true)));
      if (deleted) return { id, object: "model", deleted };
      const { parent } = await modelHere(engine, id, asked);
      if (parent !== undefined) {
        if (!asked.owner.admin) {
          refuse(403, "this key may not manage the server", { code: "insufficient_permissions" });
        }
        return { id: await engine.removeAdapter(id), object: "model", deleted: true };
      }
      return refuse(403, `"${id.slice(0, 120)}" was not made here and is not deleted here`, { code: "not_deletable" });
    },
  }),
];
