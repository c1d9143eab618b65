/** Chunks in Qdrant, through its own client: a collection of one vector a point, the rest as payload. */
import { createHash } from "node:crypto";
import { fail, throwIfAborted, ZerothError } from "../../errors.ts";
import type { ExportedChunk } from "../transfer/export-node.ts";
import { type Backend, type BackendHit, groupsOf, together } from "./backend.ts";

const distances = { cosine: "Cosine", dot: "Dot", euclidean: "Euclid" } as const;

/** A point's number: the same for the same chunk of the same document. */
function idOf({ document, chunk }: ExportedChunk): string {
  const hex = createHash("sha256").update(`${document}\0${chunk}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

function payloadOf(one: ExportedChunk): object {
  const { document, chunk, text, start, end, title, page, heading, fields, hash, index } = one;
  return {
    ...{ document, chunk, text, start, end, title, hash, model: index.model!.fingerprint },
    ...(page !== undefined && { page }),
    ...(heading && { heading: heading.join(" > ") }),
    ...(fields && { fields }),
  };
}

/**
 * @param url of the server, as `http://localhost:6333`
 * @throws storage_failed where it does not answer or refuses
 */
export async function openQdrant(
  url: string,
  collection: string,
  { key }: { readonly key?: string | undefined } = {},
): Promise<Backend> {
  const { QdrantClient } = await import("@qdrant/js-client-rest");
  const client = new QdrantClient({ url, ...(key !== undefined && { apiKey: key }), checkCompatibility: false });
  const attempt = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof ZerothError) throw cause;
      const { message, status } = cause as { message: string; status?: number };
      const hint = status === undefined ? "is Qdrant running there?" : "see what the server says; a key may be needed";
      return fail("storage_failed", `Qdrant does not do it: ${message}`, { where: url, hint, cause });
    }
  };

  async function needCollection({ index, embedding }: ExportedChunk): Promise<void> {
    const { model } = index;
    if (!model || !embedding) fail("bad_input", "has no vectors, which Qdrant searches by", { where: collection });
    const { exists } = await attempt(client.collectionExists(collection));
    if (!exists) {
      const vectors = { size: model.width, distance: distances[model.metric] };
      await attempt(client.createCollection(collection, { vectors }));
      await attempt(
        client.createPayloadIndex(collection, { field_name: "document", field_schema: "keyword", wait: true }),
      );
      return;
    }
    const { config } = await attempt(client.getCollection(collection));
    const { size, distance } = config.params.vectors as { size?: unknown; distance?: unknown };
    if (size !== model.width || distance !== distances[model.metric]) {
      fail(
        "bad_input",
        `holds vectors of ${size} numbers (${distance}), these have ${model.width} (${distances[model.metric]})`,
        {
          where: `${url}, collection ${collection}`,
          hint: "name another collection",
        },
      );
    }
  }

  const onlyDocuments = (documents: readonly string[]) => ({
    must: [{ key: "document", match: { any: [...documents] } }],
  });

  return {
    async upsert(chunks, signal) {
      let count = 0;
      for (const group of groupsOf(chunks, together)) {
        throwIfAborted(signal);
        if (count === 0) await needCollection(group[0]!);
        const points = group.map((chunk) => ({
          id: idOf(chunk),
          vector: [
            ...(chunk.embedding ??
              fail("bad_input", "has no vector", { where: `${chunk.document}, chunk ${chunk.chunk}` })),
          ],
          payload: payloadOf(chunk) as Record<string, unknown>,
        }));
        await attempt(client.upsert(collection, { wait: true, points }));
        count += group.length;
      }
      return count;
    },
    async delete(documents) {
      if (documents.length > 0)
        await attempt(client.delete(collection, { wait: true, filter: onlyDocuments(documents) }));
    },
    async query({ dense, k, document }) {
      if (!dense) return fail("unsupported", "Qdrant is asked by vectors alone", { where: url, hint: "give `dense`" });
      const { points } = await attempt(
        client.query(collection, {
          ...{ query: [...dense], limit: k, with_payload: true },
          ...(document !== undefined && { filter: onlyDocuments([document]) }),
        }),
      );
      return points.map(({ score, payload }): BackendHit => {
        const { model: _, fields: __, ...hit } = payload as unknown as BackendHit & { model: string; fields?: object };
        return { ...hit, score };
      });
    },
    async stats() {
      const chunks = (await attempt(client.count(collection, { exact: true }))).count;
      const { points } = await attempt(client.scroll(collection, { limit: 1, with_payload: ["model"] }));
      const model = points[0]?.payload?.model;
      return { chunks, ...(typeof model === "string" && { model }) };
    },
    modes: ["dense"],
    async [Symbol.asyncDispose]() {},
  };
}
