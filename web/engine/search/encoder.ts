/** A model that gives vectors, opened in this worker; loaded when one is given, for words are searched without. */
import { compile, openEncoder } from "../../../src/browser.ts";
import type { CompileOver } from "../../../src/retrieve/dense/exact.ts";
import { type Embedder, embedderFrom } from "../../../src/retrieve/embedder.ts";
import { fingerprintInPage } from "../../../src/text/adapters/fingerprint-web.ts";
import { addressOf, type GivenModel, withoutAddress } from "../given.ts";

export interface OpenedEmbedder extends AsyncDisposable {
  readonly embedder: Embedder;
  readonly compile: CompileOver;
}

/**
 * @param onProgress told of the bytes that have come
 * @throws unsupported for a model that gives no vectors; not_found, corrupt_file for one that is not whole
 */
export async function openEmbedder(
  model: GivenModel,
  onProgress: (done: number, total: number | undefined) => void,
): Promise<OpenedEmbedder> {
  const { base, fetching } = addressOf(model);
  const opened = await openEncoder(base, { ...fetching, onProgress }).catch((error: unknown) => {
    throw withoutAddress(error, base, model);
  });
  const { encoder, tokenizer } = opened;
  const { pooling, layers, longest, lowerCase, includePrompt } = encoder.embedding;
  const weights = await fingerprintInPage(opened);
  const fingerprint = JSON.stringify([
    weights ?? model.name,
    ...[pooling, layers, longest ?? null, lowerCase, includePrompt],
  ]);
  try {
    const parts = { name: model.name, encoder, tokenizer, longest: opened.model.longest, fingerprint };
    return {
      embedder: embedderFrom(parts),
      compile: (graph, weights) => compile(graph, { weights }),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}
