/** Models of vector stores: their tokens and settings are read here, their vectors are the engine's to compute. */
import type { Engine } from "../../host/engine.ts";
import { type Embedder, embedderOf } from "../../retrieve/embedder-node.ts";
import { openEncoder } from "../../text/open-node.ts";

/** A model as an index asks it, in somebody's name. */
export type EmbedderFor = (owner: string) => Embedder;

export interface Embedders {
  /** @throws not_found for a model that is not on this machine; unsupported for one that gives no vectors */
  of(model: string): Promise<EmbedderFor>;
  close(): Promise<void>;
}

interface Started {
  readonly made: EmbedderFor;
  close(): Promise<void>;
}

/** Texts whose vectors are computed by one request to the engine: others have their turn between two. */
const together = 32;

/** @param pathOf where a model lies. @throws not_found */
export function openEmbedders(engine: Engine, pathOf: (model: string) => string): Embedders {
  const open = new Map<string, Promise<Started>>();

  async function start(model: string): Promise<Started> {
    const opened = await openEncoder(pathOf(model), { threads: 1 });
    const embedder = await embedderOf(opened, model).catch(async (error: unknown) => {
      await opened[Symbol.asyncDispose]();
      throw error;
    });
    const { documentPrompt, queryPrompt, dimensions } = embedder.settings;
    const made: EmbedderFor = (owner) => {
      const embed = async (inputs: readonly string[], prompt: string, signal: AbortSignal | undefined) => {
        const vectors: Float32Array[] = [];
        for (let at = 0; at < inputs.length; at += together) {
          const ask = { model, owner, prompt, inputs: inputs.slice(at, at + together) };
          const told = await engine.embed({ ...ask, ...(dimensions !== undefined && { dimensions }) }, signal);
          vectors.push(...told.vectors);
        }
        return vectors;
      };
      return {
        ...embedder,
        documents: (texts, job = {}) => embed(texts, documentPrompt, job.signal),
        queries: (texts, job = {}) => embed(texts, queryPrompt, job.signal),
      };
    };
    return { made, close: async () => opened[Symbol.asyncDispose]() };
  }

  return {
    async of(model) {
      const known = open.get(model) ?? start(model);
      open.set(model, known);
      try {
        return (await known).made;
      } catch (error) {
        // It may be there the next time.
        if (open.get(model) === known) open.delete(model);
        throw error;
      }
    },
    async close() {
      for (const one of open.values()) await (await one.catch(() => undefined))?.close();
      open.clear();
    },
  };
}
