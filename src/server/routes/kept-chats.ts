/** Answers of /v1/chat/completions that were kept (`"store": true`): found, listed, labelled and forgotten. */
import { z } from "@hono/zod-openapi";
import { chatAnswer } from "../chat/schema.ts";
import { type KeptChat, listMatching } from "../chat/store.ts";
import { refuse } from "../errors.ts";
import { metadataField } from "../fields.ts";
import { listed, listOf, pageOf, pageQuery } from "../pages.ts";
import { type Routes, route } from "../route.ts";
import { ofState } from "../stored/errors.ts";

const path = "/v1/chat/completions/{id}";

const keptAnswer = chatAnswer.extend({ metadata: metadataField });

const shown = ({ answer, metadata }: KeptChat) => ({ ...answer, metadata });

/** Labels that are asked for: clients write them as `metadata[name]=value`. */
const labelsOf = (query: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(query).flatMap(([name, value]) => {
    const label = /^metadata\[(.{1,64})\]$/.exec(name)?.[1];
    return label === undefined ? [] : [[label, value] as const];
  });

export const keptChats: Routes = ({ chats }) => {
  const keptOf = async (owner: string, id: string): Promise<KeptChat> =>
    (await chats.get(owner, id)) ??
    refuse(404, `there is no chat completion "${id.slice(0, 80)}" that is kept`, { code: "not_found", param: "id" });
  return [
    route({
      method: "get",
      path: "/v1/chat/completions",
      summary: "Chat completions that are kept",
      query: z.object({ ...pageQuery, model: z.string().max(500).optional() }),
      answer: listOf(keptAnswer),
      async handle({ c, query: { limit = 20, order = "asc", after, model }, asked }) {
        const labels = labelsOf(c.req.query());
        const meant = ({ answer, metadata }: KeptChat): boolean =>
          (model === undefined || answer.model === model) &&
          labels.every(([name, value]) => Object.hasOwn(metadata, name) && metadata[name] === value);
        const { data, more } = await ofState(
          listMatching(chats, asked.owner.owner, { limit, order, after }, meant),
          "after",
        );
        return listed(
          data.map((chat) => ({ ...shown(chat), id: chat.id })),
          more,
        );
      },
    }),
    route({
      method: "get",
      path,
      summary: "A chat completion that is kept",
      answer: keptAnswer,
      handle: async ({ params: { id = "" }, asked }) => shown(await keptOf(asked.owner.owner, id)),
    }),
    route({
      method: "post",
      path,
      summary: "Give a kept chat completion other labels",
      body: z.object({ metadata: metadataField.nullable() }),
      answer: keptAnswer,
      async handle({ params: { id = "" }, body, asked }) {
        const chat = { ...(await keptOf(asked.owner.owner, id)), metadata: body.metadata ?? {} };
        await chats.put(asked.owner.owner, chat);
        return shown(chat);
      },
    }),
    route({
      method: "delete",
      path,
      summary: "Forget a chat completion",
      answer: z.object({ id: z.string(), object: z.literal("chat.completion.deleted"), deleted: z.literal(true) }),
      async handle({ params: { id = "" }, asked }) {
        await keptOf(asked.owner.owner, id);
        await chats.delete(asked.owner.owner, id);
        return { id, object: "chat.completion.deleted", deleted: true };
      },
    }),
    route({
      method: "get",
      path: `${path}/messages`,
      summary: "The conversation that a chat completion was asked with",
      query: z.object(pageQuery),
      answer: listOf(z.looseObject({ id: z.string(), role: z.string(), content: z.string().nullable() })),
      async handle({ params: { id = "" }, query: { limit = 20, order = "asc", after }, asked }) {
        const { messages } = await keptOf(asked.owner.owner, id);
        const all = messages.map(({ content = null, ...message }, i) => ({
          ...message,
          id: `${id}-${i}`,
          content: Array.isArray(content) ? null : content,
          ...(Array.isArray(content) && { content_parts: content }),
        }));
        if (order === "desc") all.reverse();
        return pageOf(all, limit, after);
      },
    }),
  ];
};
