/** The model a request names. */
import { ZerothError } from "../errors.ts";
import type { Engine, ModelAbout } from "../host/engine.ts";
import { nearestNames } from "../hub/names.ts";
import type { Asked } from "./context.ts";
import { invalid, messageOf, refuse } from "./errors.ts";

/**
 * What is known of it, noted for the log.
 * @throws ApiError 400 with `param: "model"` for what cannot be a name; not_found
 */
export async function namedModel(engine: Engine, name: string, asked: Asked): Promise<ModelAbout> {
  if (name.includes(":") && (await asked.hidden()).has(name)) return noModel(name, []);
  try {
    const about = await engine.about(name, asked.signal);
    asked.model = about.id;
    return about;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "bad_input") invalid("model", messageOf(error), "invalid_value");
    throw error;
  }
}

function noModel(id: string, known: readonly string[]): never {
  const near = nearestNames(id, [...known]);
  const hint = near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : "";
  return refuse(404, `no model "${id.slice(0, 120)}" on this machine${hint}`, {
    code: "model_not_found",
    param: "model",
  });
}

/** Models of this machine, without what others have made here. */
export async function modelsHere(engine: Engine, asked: Asked): Promise<readonly ModelAbout[]> {
  const [list, hidden] = await Promise.all([engine.list(), asked.hidden()]);
  return list.filter(({ id }) => !hidden.has(id));
}

/** A model of the list, and no other: who asks what a model is does not mean it to be downloaded. */
export async function modelHere(engine: Engine, id: string, asked: Asked): Promise<ModelAbout> {
  const list = await modelsHere(engine, asked);
  return (
    list.find((one) => one.id === id) ??
    noModel(
      id,
      list.map((one) => one.id),
    )
  );
}
