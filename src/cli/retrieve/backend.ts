/** Databases that chunks are sent to and searched in, by their addresses. */
import { fail } from "../../errors.ts";
import type { Backend } from "../../retrieve/backends/backend.ts";

export const usualTable = "zeroth_chunks";

/** @throws wrong_use for another address; storage_failed */
export async function openBackend(url: string, table: string): Promise<Backend> {
  if (/^postgres(ql)?:/.test(url))
    return (await import("../../retrieve/backends/postgres-node.ts")).openPostgres(url, table);
  if (!/^https?:/.test(url))
    fail("wrong_use", "is no address of Qdrant or PostgreSQL", { where: url, hint: "http://… or postgres://…" });
  const { openQdrant } = await import("../../retrieve/backends/qdrant-node.ts");
  return openQdrant(url, table, { key: process.env.QDRANT_API_KEY });
}
