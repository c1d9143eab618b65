/** `/v1/digests`: newsletters of papers, made from a store of the server's or a file of metadata, read, changed, followed. */
import { z } from "@hono/zod-openapi";
import { groupOf } from "../../digest/count/groups.ts";
import type { Digest } from "../../digest/document.ts";
import { eml } from "../../digest/render/email.ts";
import { atom, jsonFeed, rss } from "../../digest/render/feeds.ts";
import { html } from "../../digest/render/html.ts";
import { markdown, plainText } from "../../digest/render/markdown.ts";
import { pngOf } from "../../digest/render/png-node.ts";
import { ZerothError } from "../../errors.ts";
import {
  cancelDigest,
  createDigest,
  deleteDigest,
  editDigest,
  getDigest,
  listDigests,
  remakeDigest,
} from "../../state/digests.ts";
import { getFile } from "../../state/files-node.ts";
import type { ServerContext } from "../context.ts";
import {
  deletedDigest,
  digestSchemaOf,
  editsBody,
  type NewDigestBody,
  newDigest,
  sourcesSchema,
  storeSchema,
} from "../digests/schema.ts";
import { changedEdits, editedOf, madeOf, shownDigest, sourcesOf } from "../digests/shown.ts";
import { invalid, messageOf } from "../errors.ts";
import { namedReader, namedWriter } from "../named.ts";
import { listed, listOf, pageQuery } from "../pages.ts";
import { type Route, type Routes, route } from "../route.ts";
import { ofState } from "../stored/errors.ts";

const listQuery = z.object({ ...pageQuery, group: z.string().max(300).optional() });
const sourcesQuery = z.object({
  paper: z.string().min(1).max(60),
  sentence: z.coerce.number().int().min(0).max(20).optional(),
});
const documentQuery = z.object({
  edits: z.enum(["true", "false"]).optional().describe("false for the digest as it was made"),
});
const mailQuery = z.object({
  from: z.string().max(300).optional(),
  to: z.string().max(300).optional(),
  unsubscribe: z.string().max(500).optional(),
});
const feedQuery = z.object({
  group: z.string().min(1).max(300).describe("as in the list of digests: cs.CL, AI/ML"),
  site: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional()
    .describe("where the digests are published as MONTH.html; by default they are read here"),
});

/** Digests of a feed. */
const mostOfFeed = 100;

/** A page of ours: its own styles and nothing else, no scripts, and no part in this server's address. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

const texts: Readonly<
  Record<"html" | "markdown" | "text", { readonly type: string; readonly write: (digest: Digest) => string }>
> = {
  html: { type: "text/html", write: html },
  markdown: { type: "text/markdown", write: markdown },
  text: { type: "text/plain", write: plainText },
};

const feeds = {
  rss: { type: "application/rss+xml", write: rss },
  atom: { type: "application/atom+xml", write: atom },
  json: { type: "application/feed+json", write: jsonFeed },
} as const;

const answer = (text: string, type: string, more: Readonly<Record<string, string>> = {}): Response =>
  new Response(text, { headers: { "content-type": `${type}; charset=utf-8`, ...more } });

/** The group that is meant. @throws ApiError 400 */
function groupAsked(text: string) {
  try {
    return groupOf(text);
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    return invalid("group", messageOf(error));
  }
}

export const digests: Routes = (server) => {
  const { state, engine, digests: options } = server;
  if (state === undefined || options === undefined) return [];
  const { stores } = options;

  /** Where the papers are. @throws ApiError 400, 404 */
  async function papersOf({ store, file_id: file }: NewDigestBody, owner: string) {
    if (file && store) invalid("file_id", "papers come from 'store' or from 'file_id', not from both");
    if (file) return { store: null, file: (await ofState(getFile(state!, owner, file), "file_id")).id };
    const names = stores.names();
    if (!store && names.length !== 1) {
      const known =
        names.length === 0 ? "this server has no store" : `this server has ${names.slice(0, 20).join(", ")}`;
      invalid("store", `'store' or 'file_id' says where the papers are; ${known}`, "missing_required_parameter");
    }
    const name = store ?? names[0]!;
    await ofState((async () => stores.pathOf(name))(), "store");
    return { store: name, file: null };
  }

  const read = (owner: string, id: string) => ofState(getDigest(state, owner, id), "digest_id");

  const forms = Object.entries(texts).map(
    ([form, { type, write }]): Route =>
      route({
        method: "get",
        path: `/v1/digests/{id}/${form}`,
        summary: `A digest as ${form}`,
        content: type,
        handle: async ({ params, asked }) =>
          answer(write(editedOf(await read(asked.owner.owner, params.id!))), type, {
            "content-security-policy": pagePolicy,
          }),
      }),
  );

  const feedRoutes = Object.entries(feeds).map(
    ([form, { type, write }]): Route =>
      route({
        method: "get",
        path: `/v1/digests/feeds/${form}`,
        summary: `A group's digests as a feed (${form})`,
        query: feedQuery,
        content: type,
        async handle({ c, query, asked }) {
          const { data } = await listDigests(state, asked.owner.owner, {
            ...{ group: query.group, made: true, limit: mostOfFeed },
          });
          // Of a month that was made more than once the newest.
          const months = new Map<string, { readonly id: string; readonly digest: Digest }>();
          for (const row of data) {
            if (!months.has(row.month)) months.set(row.month, { id: row.id, digest: editedOf(row) });
          }
          const here = new URL(c.req.url);
          const own = {
            site: `${here.origin}/v1/digests`,
            self: here.href,
            addressOf: ({ month }: Digest) => `${here.origin}/v1/digests/${months.get(month)!.id}/html`,
          };
          const all = [...months.values()].map(({ digest }) => digest);
          const title = `Best in ${query.group}`;
          return answer(write(all, { title, ...(query.site ? { site: query.site } : own) }), type);
        },
      }),
  );

  return [
    route({
      method: "get",
      path: "/v1/digests/stores",
      summary: "The server's stores of papers: months and categories",
      answer: listOf(storeSchema),
      handle: async () =>
        listed(
          stores.list().map((store) => ({ ...store, object: "digest.store" })),
          false,
        ),
    }),
    ...feedRoutes,
    route({
      method: "post",
      path: "/v1/digests",
      summary: "Make a month's digest of a group of categories",
      body: newDigest,
      answer: digestSchemaOf,
      keeps: true,
      async handle({ body, asked }) {
        const { owner } = asked.owner;
        const { store: _, file_id, group, month, ...how } = body;
        const { name } = groupAsked(group ?? "ai-ml");
        if (how.model) await namedWriter(engine, how.model, asked);
        if (how.encoder) await namedReader(engine, how.encoder, asked, "encoder");
        const papers = await papersOf(body, owner);
        const row = await createDigest(state, owner, {
          ...{ ...papers, asked_group: group ?? "ai-ml", group_name: name, month, asked: JSON.stringify(how) },
        });
        return shownDigest(row);
      },
    }),
    route({
      method: "get",
      path: "/v1/digests",
      summary: "Digests, the newest first",
      query: listQuery,
      answer: listOf(digestSchemaOf),
      async handle({ query, asked }) {
        const { limit = 20, ...page } = query;
        const { data, more } = await ofState(listDigests(state, asked.owner.owner, { limit, ...page }), "after");
        return listed(data.map(shownDigest), more);
      },
    }),
    route({
      method: "get",
      path: "/v1/digests/{id}",
      summary: "A digest: how far it is, and what was changed of it",
      answer: digestSchemaOf,
      handle: async ({ params, asked }) => shownDigest(await read(asked.owner.owner, params.id!)),
    }),
    route({
      method: "get",
      path: "/v1/digests/{id}/document",
      summary: "A digest's document: all that its forms are made of",
      query: documentQuery,
      answer: z.looseObject({ format: z.literal("zeroth-digest-1") }),
      async handle({ params, query, asked }) {
        const row = await read(asked.owner.owner, params.id!);
        return query.edits === "false" ? madeOf(row) : editedOf(row);
      },
    }),
    ...forms,
    route({
      method: "get",
      path: "/v1/digests/{id}/mail",
      summary: "A digest as a mail, with a plain text form and the chart as a picture",
      query: mailQuery,
      content: "message/rfc822",
      async handle({ params, query, asked }) {
        const digest = editedOf(await read(asked.owner.owner, params.id!));
        const { from = "digest@localhost", to = "undisclosed-recipients:;", unsubscribe } = query;
        const png = await pngOf(digest.chart);
        return answer(eml(digest, { from, to, unsubscribe, png }), "message/rfc822", {
          "content-disposition": `attachment; filename="${digest.month}.eml"`,
        });
      },
    }),
    route({
      method: "get",
      path: "/v1/digests/{id}/sources",
      summary: "Where a sentence comes from: 0 is the sentence on why, then its insights",
      query: sourcesQuery,
      answer: sourcesSchema,
      handle: async ({ params, query, asked }) =>
        sourcesOf(await read(asked.owner.owner, params.id!), query.paper, query.sentence ?? 0),
    }),
    route({
      method: "post",
      path: "/v1/digests/{id}/edits",
      summary: "Change a digest: order, papers left out or exchanged, sentences",
      body: editsBody,
      answer: digestSchemaOf,
      async handle({ params, body, asked }) {
        const { owner } = asked.owner;
        const edits = changedEdits(await read(owner, params.id!), body);
        return shownDigest(await editDigest(state, owner, params.id!, JSON.stringify(edits)));
      },
    }),
    ...verbs(server, {
      remake: ["Make a digest anew; edits stay", remakeDigest],
      cancel: ["Stop making it", cancelDigest],
    }),
    route({
      method: "delete",
      path: "/v1/digests/{id}",
      summary: "Delete a digest",
      answer: deletedDigest,
      async handle({ params, asked }) {
        await ofState(deleteDigest(state, asked.owner.owner, params.id!), "digest_id");
        return { id: params.id!, object: "digest.deleted", deleted: true };
      },
    }),
  ];
};

function verbs(
  { state }: ServerContext,
  table: Readonly<Record<string, readonly [summary: string, work: typeof remakeDigest]>>,
): Route[] {
  return Object.entries(table).map(([verb, [summary, work]]) =>
    route({
      method: "post",
      path: `/v1/digests/{id}/${verb}`,
      summary,
      answer: digestSchemaOf,
      handle: async ({ params, asked }) =>
        shownDigest(await ofState(work(state!, asked.owner.owner, params.id!), "digest_id")),
    }),
  );
}
