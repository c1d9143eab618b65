/** A model that gives vectors, opened in this worker; loaded when one is given, for words are searched without. */
import { compile, openEncoder, ZerothError } from "../../../src/browser.ts";
import type { CompileOver } from "../../../src/retrieve/dense/exact.ts";
import { type Embedder, embedderFrom } from "../../../src/retrieve/embedder.ts";
import { fingerprintInPage } from "../../../src/text/adapters/fingerprint-web.ts";
import type { GivenModel } from "./messages.ts";

export interface OpenedEmbedder extends AsyncDisposable {
  readonly embedder: Embedder;
  readonly compile: CompileOver;
}

/** The address that files from a person's disk have for the library; nothing is asked of it. */
const given = "https://files.invalid/";

function fetchOf(model: Extract<GivenModel, { files: unknown }>, base: string) {
  const files = new Map(model.files.map(({ name, file }) => [name, file]));
  return async (address: string): Promise<Response> => {
    const file = address === base ? model.files[0]?.file : files.get(address.slice(base.length));
    return file
      ? new Response(file, { headers: { "content-length": String(file.size) } })
      : new Response(null, { status: 404 });
  };
}

const isOneFile = ({ name, files }: Extract<GivenModel, { files: unknown }>): boolean =>
  files.length === 1 && /\.gguf$/i.test(name);

/**
 * @param onProgress told of the bytes that have come
 * @throws unsupported for a model that gives no vectors; not_found, corrupt_file for one that is not whole
 */
export async function openEmbedder(
  model: GivenModel,
  onProgress: (done: number, total: number | undefined) => void,
): Promise<OpenedEmbedder> {
  const base =
    "address" in model ? model.address : isOneFile(model) ? `${given}${encodeURIComponent(model.name)}` : given;
  const fetching = "files" in model ? { fetch: fetchOf(model, base) } : {};
  const opened = await openEncoder(base, { ...fetching, onProgress }).catch((error: unknown) => {
    if (!(error instanceof ZerothError)) throw error;
    // The address is a word between us and the library.
    const message = error.message.replaceAll(base, `${model.name}/`).replaceAll(`${model.name}//`, `${model.name}/`);
    throw new ZerothError(error.code, message, error.hint === undefined ? {} : { hint: error.hint });
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
