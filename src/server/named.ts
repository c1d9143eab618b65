/** The model a request names. */
import { ZerothError } from "../errors.ts";
import type { Engine, ModelAbout } from "../host/engine.ts";
import { nearestNames } from "../hub/names.ts";
import type { Asked } from "./context.ts";
import { invalid, messageOf, refuse } from "./errors.ts";

/** Milliseconds in which a model that was just fine-tuned comes to be served, and between two looks. */
const soon = 10_000;
const lookAgain = 50;

const aboutNow = (engine: Engine, name: string, { signal }: Asked): Promise<ModelAbout> => engine.about(name, signal);

/** What is known of a model whose job has ended, here or on another server: its files may still be on their way. */
async function aboutSoon(engine: Engine, name: string, asked: Asked): Promise<ModelAbout> {
  for (const end = performance.now() + soon; ; ) {
    try {
      return await aboutNow(engine, name, asked);
    } catch (error) {
      const coming = error instanceof ZerothError && error.code === "not_found" && performance.now() < end;
      if (!coming || asked.signal.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgain));
  }
}

/**
 * What is known of it, noted for the log.
 * @throws ApiError 400 with `param: "model"` for what cannot be a name; not_found
 */
export async function namedModel(engine: Engine, name: string, asked: Asked): Promise<ModelAbout> {
  const tuned = name.includes(":") ? await asked.tuned() : undefined;
  if (tuned?.others.has(name)) return noModel(name, []);
  try {
    const about = await (tuned?.own.has(name) ? aboutSoon : aboutNow)(engine, name, asked);
    asked.model = about.id;
    return about;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "bad_input") invalid("model", messageOf(error), "invalid_value");
    throw error;
  }
}

/** As {@link namedModel}. @throws ApiError 400 for one that writes no text */
export async function namedWriter(engine: Engine, name: string, asked: Asked): Promise<ModelAbout> {
  const about = await namedModel(engine, name, asked);
  if (!about.can.includes("generate")) invalid("model", `'model': "${about.id}" writes no text`, "unsupported_value");
  return about;
}

/** As {@link namedModel}. @throws ApiError 400, for the field that names it, for one that gives no vectors of texts */
export async function namedReader(engine: Engine, name: string, asked: Asked, field: string): Promise<ModelAbout> {
  const about = await namedModel(engine, name, asked);
  if (!about.can.includes("embed") || about.kind === "image-encoder")
    invalid(field, `'${field}': "${about.id}" gives no vectors of texts`, "unsupported_value");
  return about;
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
  const [list, { others }] = await Promise.all([engine.list(), asked.tuned()]);
  return list.filter(({ id }) => !others.has(id));
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
