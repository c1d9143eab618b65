/** Answers of /v1/chat/completions in the database: kept until they are deleted, and known to every server on it. */

import { deleteObject, getObject, listObjects, putObject } from "../../state/objects.ts";
import type { State } from "../../state/schema/tables.ts";
import type { Chats, KeptChat } from "../chat/store.ts";
import { orNothing } from "./errors.ts";

const kind = "chat.completion";

export const storedChats = (state: State): Chats => ({
  put: (owner, chat) => putObject(state, owner, kind, { id: chat.id, data: chat }),
  async get(owner, id) {
    return (await orNothing(getObject(state, owner, kind, id)))?.data as KeptChat | undefined;
  },
  async delete(owner, id) {
    return (await orNothing(deleteObject(state, owner, kind, id).then(() => true))) === true;
  },
  async list(owner, page) {
    const { data, more } = await listObjects(state, owner, kind, page);
    return { data: data.map((one) => one.data as KeptChat), more };
  },
});
