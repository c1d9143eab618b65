/** `/v1/models`: what can be asked. */
import { z } from "@hono/zod-openapi";
import type { Engine, ModelAbout } from "../../host/engine.ts";
import { nearestNames } from "../../hub/names.ts";
import { refuse } from "../errors.ts";
import { type Routes, route } from "../route.ts";

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

/** A model of the list, and no other: who asks what a model is does not mean it to be downloaded. */
async function here(engine: Engine, id: string): Promise<ModelAbout> {
  const list = await engine.list();
  const found = list.find((one) => one.id === id);
  if (found) return found;
  const near = nearestNames(
    id,
    list.map((one) => one.id),
  );
  const hint = near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : "";
  return refuse(404, `no model "${id.slice(0, 120)}" on this machine${hint}`, {
    code: "model_not_found",
    param: "model",
  });
}

export const models: Routes = ({ engine }) => [
  route({
    method: "get",
    path: "/v1/models",
    summary: "Models on this machine",
    answer: z.object({ object: z.literal("list"), data: z.array(modelSchema) }),
    handle: async () => ({ object: "list", data: (await engine.list()).map(shown) }),
  }),
  route({
    method: "get",
    path: "/v1/models/{id+}",
    summary: "One model of this machine; its name may hold a slash, or %2F for it",
    answer: modelSchema,
    handle: async ({ params: { id = "" } }) => shown(await here(engine, id)),
  }),
  route({
    method: "delete",
    path: "/v1/models/{id+}",
    summary: "Serve an adapter no more; its folder stays. Models themselves are not deleted here",
    answer: z.object({ id: z.string(), object: z.literal("model"), deleted: z.boolean() }),
    admin: true,
    async handle({ params: { id = "" } }) {
      const { parent } = await here(engine, id);
      if (parent !== undefined) return { id: await engine.removeAdapter(id), object: "model", deleted: true };
      return refuse(403, `"${id.slice(0, 120)}" was not made here and is not deleted here`, { code: "not_deletable" });
    },
  }),
];
