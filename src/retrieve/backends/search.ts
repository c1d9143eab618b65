/** A backend searched as an index is: by vectors, by words, by both, and ordered by a ranker. */
import { fail, ZerothError } from "../../errors.ts";
import type { Embedder } from "../embedder.ts";
import type { Hit } from "../lexical/bm25.ts";
import { fused, type Mode } from "../ranked.ts";
import type { Found, Searched, SearchOptions } from "../search-node.ts";
import type { Backend, BackendHit } from "./backend.ts";

/** What an index does and a database is not asked for. */
const refused = { filter: "--filter", weight: "--weight", k1: "--k1", b: "--b" } as const;

function modeOf({ modes }: Backend, asked: Mode | undefined, embedder: Embedder | undefined, where: string): Mode {
  const byWords = modes.includes("bm25");
  const mode = asked ?? (embedder ? (byWords ? "hybrid" : "dense") : "bm25");
  if (mode !== "dense" && !byWords)
    fail("unsupported", "Qdrant is asked by vectors alone", {
      where,
      hint: embedder ? "--mode dense" : "--mode dense, with --model",
    });
  if (mode !== "bm25" && !embedder)
    fail("wrong_use", `${mode} search needs the model of the vectors`, {
      where,
      hint: "--model names it, or --store an index of it",
    });
  return mode;
}

const keyOf = ({ document, chunk }: BackendHit): string => `${chunk} ${document}`;

/**
 * @param where the database, for messages
 * @throws bad_input where its vectors are another model's
 */
export async function searchedBackend(
  backend: Backend,
  embedder: Embedder | undefined,
  where: string,
): Promise<Searched> {
  const { model } = await backend.stats();
  if (embedder && model !== undefined && model !== embedder.settings.fingerprint) {
    const { name, fingerprint } = embedder.settings;
    fail(
      "bad_input",
      `its vectors are of another model (${model.slice(0, 8)}) than ${name} (${fingerprint.slice(0, 8)})`,
      {
        where,
        hint: "search with the model that the index was built with, or send the index again",
      },
    );
  }

  async function one(
    query: string,
    vector: Float32Array | undefined,
    mode: Mode,
    { k = 10, candidates, rerank, signal }: SearchOptions,
  ): Promise<Found[] | ZerothError> {
    const deep = Math.max(k, candidates ?? (rerank ? 50 : 100));
    const wide = mode === "hybrid" || rerank ? deep : k;
    const lists = [
      mode === "dense" ? [] : await backend.query({ text: query, k: wide }),
      vector ? await backend.query({ dense: vector, k: wide }) : [],
    ];
    // Hits have no numbers of their own: those of the chunks that were found are given here.
    const chunks = [...new Map(lists.flat().map((hit) => [keyOf(hit), hit])).values()];
    const places = new Map(chunks.map((hit, row) => [keyOf(hit), row]));
    const [words, dense] = lists.map((list) =>
      list.map((hit): Hit => ({ row: places.get(keyOf(hit))!, score: hit.score })),
    );
    const take = fused(mode, words!, dense!).slice(0, rerank ? deep : k);
    const found = take.map(({ row, score, scores }): Found => ({ ...chunks[row]!, score, scores }));
    if (!rerank) return found;
    const ranked = await rerank(
      query,
      found.map(({ text }) => text),
      { signal },
    );
    const failed = ranked.find((score) => score instanceof ZerothError);
    if (failed) return failed as ZerothError;
    return found
      .map((hit, i) => ({ ...hit, score: ranked[i] as number, scores: { ...hit.scores, rerank: ranked[i] as number } }))
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
  }

  return {
    async search(queries, options = {}) {
      for (const [key, flag] of Object.entries(refused)) {
        if (options[key as keyof typeof refused] !== undefined)
          fail("unsupported", `${flag} is for an index's own file`, {
            where,
            hint: "search the index with --store alone",
          });
      }
      const mode = modeOf(backend, options.mode, embedder, where);
      const asked = queries.map((query) =>
        query.trim() === ""
          ? new ZerothError("bad_input", "the question is empty", { hint: "ask with at least one word" })
          : query,
      );
      const good = asked.filter((query): query is string => typeof query === "string");
      const vectors = mode === "bm25" ? [] : await embedder!.queries(good, { signal: options.signal });
      const results: (Found[] | ZerothError)[] = [];
      let at = 0;
      for (const query of asked) {
        const vector = query instanceof ZerothError ? query : vectors[at++];
        results.push(
          query instanceof ZerothError
            ? query
            : vector instanceof ZerothError
              ? vector
              : await one(query, vector, mode, options),
        );
      }
      return results;
    },
    close: async () => backend[Symbol.asyncDispose](),
  };
}
