/** `index`: documents made searchable in one file; one partition. */
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fail } from "../../errors.ts";
import { buildIndex } from "../../retrieve/build-node.ts";
import { embedderOf } from "../../retrieve/embedder-node.ts";
import { stemmings } from "../../retrieve/lexical/analyse.ts";
import { openEncoder } from "../../text/open-node.ts";
import { progressFrom } from "../events.ts";
import { hashInput, hashModel, withoutAdapter } from "../inputs-node.ts";
import { defineJob, unkeyed } from "../job.ts";
import { modelKeys, openOptions } from "./model-keys.ts";
import { whole } from "./training-node.ts";

export default defineJob({
  name: "index",
  version: 1,
  summary: "Documents made searchable in one file",
  checks: { all_read: "WARN", not_empty: "ERROR" },
  config: z.strictObject({
    ...modelKeys,
    model: modelKeys.model.optional().describe("model that gives vectors; without one words alone are searched"),
    paths: unkeyed(z.array(z.string()).min(1).describe("files and folders")),
    chunk: z.number().int().positive().optional().describe("most tokens of a chunk (256, or what the model reads)"),
    overlap: z.number().int().nonnegative().optional().describe("tokens that neighbouring chunks share, at most"),
    stem: z.enum(stemmings).optional().describe("endings are taken off words: english"),
    documentPrompt: z.string().optional().describe("put before every chunk"),
    queryPrompt: z.string().optional().describe("put before every question"),
  }),
  partitions: async () => [whole],
  async inputs({ paths, model }, _, signal) {
    const inputs = [];
    for (const [i, path] of paths.entries()) inputs.push({ name: `documents ${i}`, sha256: await hashInput(path) });
    return { inputs, ...(model !== undefined && (await hashModel(model, signal))) };
  },
  async open(settings, signal) {
    const { model, documentPrompt, queryPrompt } = settings;
    if (model === undefined) return { embedder: undefined, [Symbol.asyncDispose]: async () => {} };
    const { base, adapter } = withoutAdapter(model);
    const opened = await openEncoder(base, { ...openOptions(settings, adapter), download: { signal } });
    return {
      embedder: await embedderOf(opened, model, { documentPrompt, queryPrompt }),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
  async run({ config: { paths, chunk, overlap, stem }, work, out, signal, tell, opened: { embedder } }) {
    const store = join(work, "documents.index");
    const follow = progressFrom(tell, { unit: "files" });
    const built = await buildIndex({
      ...{ store, paths, mode: "build", embedder, chunk, overlap, stemming: stem, signal },
      events: {
        failed: (document, error) => tell({ event: "log", level: "WARNING", message: `${document}: ${error.message}` }),
        progress: (done, total) => follow(done, total),
      },
    });
    copyFileSync(store, join(out, "documents.index"));
    if (statSync(store).size === 0) fail("storage_failed", "the index is empty", { where: store });
    const { documents, chunks, failed } = built;
    const about = `${documents} documents, ${chunks} chunks, ${failed} could not be read`;
    tell({ event: "metric", name: "documents", value: documents });
    tell({ event: "metric", name: "chunks", value: chunks });
    tell({ event: "check", name: "all_read", passed: failed === 0, severity: "WARN", about });
    tell({ event: "check", name: "not_empty", passed: chunks > 0, about });
    tell({ event: "preview", markdown: about });
  },
});
