/** Answers of /v1/responses in the database: kept until they are deleted, and known to every server on it. */
import { ZerothError } from "../../errors.ts";
import type { State } from "../../state/database.ts";
import { deleteObject, getObject, putObject } from "../../state/objects.ts";
import type { KeptResponse, Responses } from "../responses/store.ts";

/** What the work gives; undefined where it says that there is no such thing. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ZerothError && error.code === "not_found") return undefined;
    throw error;
  }
}

export const storedResponses = (state: State): Responses => ({
  put: (owner, kept) =>
    putObject(state, owner, "response", { id: kept.id, data: kept, previous: kept.previous ?? null }),
  async get(owner, id) {
    const stored = await orNothing(getObject(state, owner, "response", id));
    return stored?.data as KeptResponse | undefined;
  },
  async delete(owner, id) {
    return (await orNothing(deleteObject(state, owner, "response", id).then(() => true))) === true;
  },
});
