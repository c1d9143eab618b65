/** A store by its name. */
import type { Backend } from "./backend.ts";
import { folderBackend } from "./folder-node.ts";

/** @param where a folder, or s3://BUCKET/PREFIX @throws wrong_use */
export async function openStore(where: string): Promise<Backend> {
  if (!/^s3:/.test(where)) return folderBackend(where);
  const { s3Backend } = await import("./s3-node.ts");
  return s3Backend(where.replace(/\/+$/, ""));
}
