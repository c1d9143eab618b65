/** A file read and cut into chunks, as an index takes it. */
import { prepare } from "../../retrieve/build-node.ts";
import type { Embedder } from "../../retrieve/embedder-node.ts";
import type { IndexSettings } from "../../retrieve/settings.ts";
import { documentsOf } from "../../retrieve/sources-node.ts";
import type { NewDocument } from "../../retrieve/store/generations-node.ts";

export type PreparedDocument = NewDocument;

export interface PrepareOptions {
  readonly how: Pick<IndexSettings, "chunk" | "overlap" | "stemming">;
  readonly filename: string;
  readonly embedder: Pick<Embedder, "starts" | "longest"> | undefined;
}

/** @throws as reading the document does, with the file's name as the place */
export async function prepareFile(
  path: string,
  name: string,
  { how, filename, embedder }: PrepareOptions,
): Promise<PreparedDocument[]> {
  const documents: PreparedDocument[] = [];
  for await (const { document, ...source } of documentsOf({ path, name })) {
    const titled = { ...document, title: document.title ?? filename };
    documents.push(prepare({ ...source, document: titled }, how, embedder));
    // A file of many rows: others have their turn meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return documents;
}
