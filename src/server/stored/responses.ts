/** Answers of /v1/responses in the database: kept until they are deleted, and known to every server on it. */

import { deleteObject, getObject, putObject, replaceObject } from "../../state/objects.ts";
import type { State } from "../../state/schema/tables.ts";
import type { KeptResponse, Responses } from "../responses/store.ts";
import { orNothing } from "./errors.ts";

export const storedResponses = (state: State): Responses => ({
  put: (owner, kept) =>
    putObject(state, owner, "response", { id: kept.id, data: kept, previous: kept.previous ?? null }),
  replace: (owner, before, kept) => replaceObject(state, owner, "response", kept.id, [before, kept]),
  async get(owner, id) {
    const stored = await orNothing(getObject(state, owner, "response", id));
    return stored?.data as KeptResponse | undefined;
  },
  async delete(owner, id) {
    return (await orNothing(deleteObject(state, owner, "response", id).then(() => true))) === true;
  },
});
