/** The model a request names. */
import { ZerothError } from "../errors.ts";
import type { Engine, ModelAbout } from "../host/engine.ts";
import type { Asked } from "./context.ts";
import { invalid, messageOf } from "./errors.ts";

/**
 * What is known of it, noted for the log.
 * @throws ApiError 400 with `param: "model"` for what cannot be a name; not_found
 */
export async function namedModel(engine: Engine, name: string, asked: Asked): Promise<ModelAbout> {
  try {
    const about = await engine.about(name, asked.signal);
    asked.model = about.id;
    return about;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "bad_input") invalid("model", messageOf(error), "invalid_value");
    throw error;
  }
}
