/** `/v1/vector_stores`: files that are searched together, as OpenAI's clients ask for them. */
import { z } from "@hono/zod-openapi";
import { getFile } from "../../state/files-node.ts";
import {
  attachFiles,
  cancelVectorBatch,
  changeVectorFile,
  detachFile,
  getVectorBatch,
  getVectorFile,
  listVectorFiles,
  type NewVectorFile,
  type VectorBatch,
  type VectorFile,
} from "../../state/vectors/files.ts";
import {
  changeStore,
  createStore,
  deleteStore,
  getStore,
  listStores,
  overStores,
  totalsOf,
  useStore,
  type VectorStore,
} from "../../state/vectors/stores.ts";
import type { Asked, ServerContext } from "../context.ts";
import { invalid } from "../errors.ts";
import { namedReader } from "../named.ts";
import { listed, listOf, pageQuery } from "../pages.ts";
import { type Routes, route } from "../route.ts";
import { ofState } from "../stored/errors.ts";
import {
  type Attributes,
  batchSchema,
  type Chunking,
  changedFile,
  changedStore,
  contentSchema,
  deletedSchema,
  fileSchema,
  fileStatuses,
  newBatch,
  newFile,
  newStore,
  searchBody,
  searchSchema,
  storeSchema,
} from "../vectors/schema.ts";
import { rankerOf, searchStores } from "../vectors/search.ts";
import { attributesOf, shownBatch, shownFile, shownStore } from "../vectors/shown.ts";

const listQuery = z.object({ ...pageQuery, before: z.string().max(200).optional() });
const filesQuery = listQuery.extend({ filter: z.enum(fileStatuses).optional() });

/** Milliseconds after which a client that waits for a file is to look again. */
const lookAgain = { "openai-poll-after-ms": "250" };

interface Wanted {
  readonly file_id: string;
  readonly attributes?: Attributes | null | undefined;
  readonly chunking_strategy?: Chunking | null | undefined;
}

export const vectorStores: Routes = ({ state, vectors, engine }: ServerContext) => {
  if (state === undefined || vectors === undefined) return [];

  const told = async (store: VectorStore): Promise<z.infer<typeof storeSchema>> => {
    const [totals, over] = await Promise.all([totalsOf(state, "store", [store.id]), overStores(state, [store.id])]);
    return shownStore(store, totals(store.id), over.has(store.id));
  };
  const toldBatch = async (batch: VectorBatch): Promise<z.infer<typeof batchSchema>> =>
    shownBatch(batch, (await totalsOf(state, "batch", [batch.id]))(batch.id));

  /** Files as they go into a store: there, the owner's own, and with chunks that the store's model reads. */
  async function wanted(
    asked: Asked,
    model: string | null,
    files: readonly (Wanted & { readonly param: string })[],
  ): Promise<NewVectorFile[]> {
    const made = new Map<string, NewVectorFile>();
    for (const { file_id, attributes = null, chunking_strategy: how, param } of files) {
      await ofState(getFile(state!, asked.owner.owner, file_id), param);
      const sizes = await vectors!.sizes(
        model,
        how?.type === "static"
          ? { chunk: how.static.max_chunk_size_tokens, overlap: how.static.chunk_overlap_tokens }
          : undefined,
      );
      made.set(file_id, { file: file_id, attributes, ...sizes });
    }
    return [...made.values()];
  }

  const answered = (value: { readonly status: string }) =>
    new Response(JSON.stringify(value), {
      headers: { "content-type": "application/json", ...(value.status === "in_progress" && lookAgain) },
    });

  const storeOf = (asked: Asked, id: string) => ofState(getStore(state, asked.owner.owner, id), "vector_store_id");
  const used = (asked: Asked, id: string) => ofState(useStore(state, asked.owner.owner, id), "vector_store_id");

  return [
    route({
      method: "post",
      path: "/v1/vector_stores",
      summary: "Make a vector store, perhaps of files",
      body: newStore,
      answer: storeSchema,
      keeps: true,
      async handle({ body, asked }) {
        const { name, description, metadata, expires_after, file_ids, chunking_strategy, embedding_model } = body;
        if (embedding_model) await namedReader(engine, embedding_model, asked, "embedding_model");
        const model = embedding_model === "" ? null : (embedding_model ?? (await vectors.usualModel()));
        const given = (file_ids ?? []).map((file_id, i) => ({ file_id, chunking_strategy, param: `file_ids[${i}]` }));
        const files = await wanted(asked, model, given);
        const about = { name, description, metadata, days: expires_after?.days, model };
        const store = await createStore(state, asked.owner.owner, about);
        if (files.length > 0) await attachFiles(state, asked.owner.owner, store.id, files);
        return told(store);
      },
    }),
    route({
      method: "get",
      path: "/v1/vector_stores",
      summary: "Vector stores of this key",
      query: listQuery,
      answer: listOf(storeSchema),
      async handle({ query: { limit = 20, ...page }, asked }) {
        const { data, more } = await ofState(listStores(state, asked.owner.owner, { limit, ...page }), "after");
        const ids = data.map(({ id }) => id);
        const [totals, over] = await Promise.all([totalsOf(state, "store", ids), overStores(state, ids)]);
        return listed(
          data.map((store) => shownStore(store, totals(store.id), over.has(store.id))),
          more,
        );
      },
    }),
    route({
      method: "get",
      path: "/v1/vector_stores/{id}",
      summary: "One vector store, and how far its files are",
      answer: storeSchema,
      handle: async ({ params: { id = "" }, asked }) => answered(await told(await storeOf(asked, id))),
    }),
    route({
      method: "post",
      path: "/v1/vector_stores/{id}",
      summary: "Change a vector store's name, metadata or end",
      body: changedStore,
      answer: storeSchema,
      async handle({ params: { id = "" }, body: { name, metadata, expires_after }, asked }) {
        const days = expires_after === undefined ? undefined : (expires_after?.days ?? null);
        const change = changeStore(state, asked.owner.owner, id, { name, metadata, days });
        return told(await ofState(change, "vector_store_id"));
      },
    }),
    route({
      method: "delete",
      path: "/v1/vector_stores/{id}",
      summary: "Delete a vector store; its files stay",
      answer: deletedSchema("vector_store.deleted"),
      async handle({ params: { id = "" }, asked }) {
        await ofState(deleteStore(state, asked.owner.owner, id), "vector_store_id");
        await vectors.drop(id);
        return { id, object: "vector_store.deleted", deleted: true };
      },
    }),
    route({
      method: "post",
      path: "/v1/vector_stores/{id}/search",
      summary: "Passages of a vector store for a question",
      body: searchBody,
      refusals: { rewrite_query: { why: "questions are searched as they are asked", neutral: [false] } },
      answer: searchSchema,
      asksModel: true,
      async handle({ params: { id = "" }, body, asked }) {
        const { query, max_num_results, filters, ranking_options } = body;
        const store = await used(asked, id);
        const queries = typeof query === "string" ? [query] : query;
        const ask = {
          ...{ queries, k: max_num_results ?? 10, filters, rankerParam: "ranking_options.ranker" },
          ranker: rankerOf(ranking_options?.ranker),
        };
        const hits = await searchStores({ engine, vectors }, [store], ask, asked);
        const least = ranking_options?.score_threshold ?? 0;
        return {
          object: "vector_store.search_results.page",
          search_query: queries,
          data: hits
            .filter(({ score }) => score >= least)
            .map(({ file, score, text, document, start, end, page, heading }) => ({
              ...{ file_id: file.file, filename: file.filename, score, attributes: attributesOf(file) },
              content: [{ type: "text", text }],
              ...{
                document,
                start,
                end,
                ...(page !== undefined && { page }),
                ...(heading !== undefined && { heading }),
              },
            })),
          has_more: false,
          next_page: null,
        };
      },
    }),
    ...fileRoutes(),
    ...batchRoutes(),
  ];

  function fileRoutes() {
    const page = async (
      asked: Asked,
      store: string,
      { limit = 20, filter, ...query }: z.infer<typeof filesQuery>,
      batch?: string,
    ) => {
      const rows = listVectorFiles(state!, asked.owner.owner, store, { limit, status: filter, batch, ...query });
      const { data, more } = await ofState(rows, "after");
      return listed(data.map(shownFile), more);
    };
    const rowOf = (asked: Asked, store: string, file: string): Promise<VectorFile> =>
      ofState(getVectorFile(state!, asked.owner.owner, store, file), "file_id");
    return [
      route({
        method: "post",
        path: "/v1/vector_stores/{id}/files",
        summary: "Put a file into a vector store",
        body: newFile,
        answer: fileSchema,
        async handle({ params: { id = "" }, body, asked }) {
          const store = await used(asked, id);
          const files = await wanted(asked, store.model, [{ ...body, param: "file_id" }]);
          const { rows } = await attachFiles(state!, asked.owner.owner, id, files);
          return answered(shownFile(rows[0]!));
        },
      }),
      route({
        method: "get",
        path: "/v1/vector_stores/{id}/files",
        summary: "Files of a vector store",
        query: filesQuery,
        answer: listOf(fileSchema),
        async handle({ params: { id = "" }, query, asked }) {
          await storeOf(asked, id);
          return page(asked, id, query);
        },
      }),
      route({
        method: "get",
        path: "/v1/vector_stores/{id}/files/{file}",
        summary: "One file of a vector store, and whether it can be searched",
        answer: fileSchema,
        handle: async ({ params: { id = "", file = "" }, asked }) => answered(shownFile(await rowOf(asked, id, file))),
      }),
      route({
        method: "post",
        path: "/v1/vector_stores/{id}/files/{file}",
        summary: "Change a file's attributes",
        body: changedFile,
        answer: fileSchema,
        async handle({ params: { id = "", file = "" }, body: { attributes }, asked }) {
          return shownFile(await ofState(changeVectorFile(state!, asked.owner.owner, id, file, attributes), "file_id"));
        },
      }),
      route({
        method: "delete",
        path: "/v1/vector_stores/{id}/files/{file}",
        summary: "Take a file out of a vector store; the file stays",
        answer: deletedSchema("vector_store.file.deleted"),
        async handle({ params: { id = "", file = "" }, asked }) {
          await ofState(detachFile(state!, asked.owner.owner, id, file), "file_id");
          return { id: file, object: "vector_store.file.deleted", deleted: true };
        },
      }),
      route({
        method: "get",
        path: "/v1/vector_stores/{id}/files/{file}/content",
        summary: "The text of a file as it is searched, which places of hits are of",
        answer: contentSchema,
        async handle({ params: { id = "", file = "" }, asked, signal }) {
          const row = await rowOf(asked, id, file);
          if (row.status !== "completed")
            invalid("file_id", `'file_id': the file is ${row.status}, its text is not there`, "invalid_value");
          const texts = await vectors!.texts(await used(asked, id), row, signal);
          return {
            object: "vector_store.file_content.page",
            data: texts.map((one) => ({ type: "text", ...one })),
            ...{ has_more: false, next_page: null },
          };
        },
      }),
      route({
        method: "get",
        path: "/v1/vector_stores/{id}/file_batches/{batch}/files",
        summary: "Files of a batch",
        query: filesQuery,
        answer: listOf(fileSchema),
        async handle({ params: { id = "", batch = "" }, query, asked }) {
          await ofState(getVectorBatch(state!, asked.owner.owner, id, batch), "batch_id");
          return page(asked, id, query, batch);
        },
      }),
    ];
  }

  function batchRoutes() {
    return [
      route({
        method: "post",
        path: "/v1/vector_stores/{id}/file_batches",
        summary: "Put many files into a vector store",
        body: newBatch,
        answer: batchSchema,
        async handle({ params: { id = "" }, body: { file_ids, files, attributes, chunking_strategy }, asked }) {
          if ((file_ids ?? undefined) === undefined ? !files : files)
            invalid("file_ids", "'file_ids' or 'files' are needed, and not both", "missing_required_parameter");
          if (files && (attributes || chunking_strategy))
            invalid("attributes", "'files' have attributes and chunking strategies of their own", "invalid_value");
          const store = await used(asked, id);
          const given =
            files?.map((one, i) => ({ ...one, param: `files[${i}].file_id` })) ??
            (file_ids ?? []).map((file_id, i) => ({
              ...{ file_id, attributes, chunking_strategy, param: `file_ids[${i}]` },
            }));
          if (given.length === 0) invalid("file_ids", "'file_ids' is empty", "invalid_value");
          const all = await wanted(asked, store.model, given);
          const { batch } = await attachFiles(state!, asked.owner.owner, id, all, true);
          return answered(await toldBatch(batch!));
        },
      }),
      route({
        method: "get",
        path: "/v1/vector_stores/{id}/file_batches/{batch}",
        summary: "One batch of files, and how far it is",
        answer: batchSchema,
        handle: async ({ params: { id = "", batch = "" }, asked }) =>
          answered(await toldBatch(await ofState(getVectorBatch(state!, asked.owner.owner, id, batch), "batch_id"))),
      }),
      route({
        method: "post",
        path: "/v1/vector_stores/{id}/file_batches/{batch}/cancel",
        summary: "End a batch of files early; files that are done stay",
        answer: batchSchema,
        handle: async ({ params: { id = "", batch = "" }, asked }) =>
          toldBatch(await ofState(cancelVectorBatch(state!, asked.owner.owner, id, batch), "batch_id")),
      }),
    ];
  }
};
