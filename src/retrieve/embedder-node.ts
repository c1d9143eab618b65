/** A model that gives vectors, as an index asks it: in its own tokens, with its prompts, and known by its content. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileSha256 } from "../base/files-node.ts";
import { fail, type ZerothError } from "../errors.ts";
import { companions } from "../folders/companions-node.ts";
import { promptOf } from "../text/embed.ts";
import type { EncodeJob } from "../text/heads/reader.ts";
import { attempt } from "../text/jobs.ts";
import type { OpenedEncoder } from "../text/open-node.ts";
import { isGguf, isQuantized, type Place, type PlainTensor, type StoredTensor } from "../weights/weights.ts";
import { type Metric, needVector } from "./dense/exact.ts";
import type { ModelSettings } from "./settings.ts";

export interface EmbedderOptions {
  /** Text before every document, and before every question; by default those that the folder has by these names. */
  readonly documentPrompt?: string | undefined;
  readonly queryPrompt?: string | undefined;
  /** The first numbers of a vector alone. */
  readonly dimensions?: number | undefined;
}

export interface Embedder {
  readonly settings: ModelSettings;
  /** Tokens of the longest chunk, with its prompt. */
  readonly longest: number;
  /** Where tokens of a text begin. */
  starts(text: string): number[];
  documents(texts: readonly string[], options?: EncodeJob): Promise<(Float32Array | ZerothError)[]>;
  /** @throws too_long; bad_input */
  queries(texts: readonly string[], options?: EncodeJob): Promise<(Float32Array | ZerothError)[]>;
}

const placesOf = (stored: StoredTensor): readonly Place[] => {
  if (isGguf(stored)) return [stored.place];
  if (isQuantized(stored)) return [stored.values, stored.scales];
  return [stored as PlainTensor];
};

/** What decides a model's vectors: files by their real paths. */
function filesOf({ folder, weights, encoder }: OpenedEncoder): string[] {
  const stored = [...weights.values(), ...encoder.embedding.weights.values()].flatMap(placesOf);
  const files = new Set(stored.flatMap((place) => ("file" in place ? [place.file] : [])));
  if (!folder.gguf) {
    for (const [, path] of companions(folder, ["tokenizer", "pooling"])) files.add(path);
    files.add(join(folder.path, "config.json"));
  }
  return [...files].sort();
}

/** Hashes of files by their places, sizes and times: a model of gigabytes is read once a process. */
const hashes = new Map<string, Promise<string>>();

function hashOf(path: string): Promise<string> {
  const { size, mtimeMs } = statSync(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const known = hashes.get(key) ?? fileSha256(path);
  hashes.set(key, known);
  return known;
}

/** The same for the same bytes, wherever they lie. */
export async function modelFingerprint(opened: OpenedEncoder): Promise<string> {
  const all = await Promise.all(filesOf(opened).map(hashOf));
  const { pooling, layers, longest, lowerCase, includePrompt } = opened.encoder.embedding;
  const told = JSON.stringify([pooling, layers, longest ?? null, lowerCase, includePrompt]);
  return createHash("sha256")
    .update([...all].sort().join())
    .update(told)
    .digest("hex")
    .slice(0, 32);
}

/**
 * @throws unsupported for a model whose vectors are compared in a way that is not searched; bad_input for dimensions it
 *   does not have
 */
export async function embedderOf(
  opened: OpenedEncoder,
  name: string,
  options: EmbedderOptions = {},
): Promise<Embedder> {
  const { encoder, tokenizer, model } = opened;
  const { embedding } = encoder;
  const metric: Metric =
    embedding.similarity === "manhattan"
      ? fail("unsupported", "its vectors are compared by Manhattan distance, which is not searched", { where: name })
      : embedding.similarity;
  const promptFor = (kind: "document" | "query", given: string | undefined): string => {
    if (given !== undefined) return given;
    const named = kind === "query" ? ["query"] : ["document", "passage", "corpus"];
    const known = named.find((one) => Object.hasOwn(embedding.prompts, one));
    return promptOf(embedding, known === undefined ? {} : { prompt: known });
  };
  const [documentPrompt, queryPrompt] = [
    promptFor("document", options.documentPrompt),
    promptFor("query", options.queryPrompt),
  ];
  const { dimensions } = options;
  const width = dimensions ?? embedding.width;
  const specials = tokenizer.encode("").ids.length;
  const prompt = documentPrompt === "" ? 0 : tokenizer.encode(documentPrompt, { addSpecialTokens: false }).ids.length;
  const longest = Math.min(embedding.longest ?? Infinity, model.longest ?? Infinity) - specials - prompt;
  const embed = async (texts: readonly string[], promptText: string, job: EncodeJob) => {
    const vectors = await encoder.embedAll(texts, { ...job, promptText, dimensions });
    return vectors.map((vector) =>
      vector instanceof Float32Array
        ? attempt(() => {
            needVector(vector, width, metric, name);
            return vector;
          })
        : vector,
    );
  };
  return {
    settings: {
      ...{ name, fingerprint: await modelFingerprint(opened), width, metric, documentPrompt, queryPrompt },
      ...(dimensions !== undefined && { dimensions }),
    },
    longest,
    starts: (text) =>
      tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).offsets.map(([start]) => start),
    documents: (texts, job = {}) => embed(texts, documentPrompt, job),
    queries: (texts, job = {}) => embed(texts, queryPrompt, job),
  };
}
