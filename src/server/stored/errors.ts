/** What the database refuses, as the routes of files and batches answer it. */
import { ZerothError } from "../../errors.ts";
import { messageOf, refuse } from "../errors.ts";

/**
 * What the work gives.
 * @param param the field that names the thing, unless it is a page's `after`
 */
export async function ofState<T>(work: Promise<T>, param: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    const named = error.where === "after" ? "after" : param;
    if (error.code === "not_found") return refuse(404, messageOf(error), { code: "not_found", param: named });
    if (error.code === "too_long") return refuse(413, messageOf(error), { code: "file_too_large", param: named });
    throw error;
  }
}
