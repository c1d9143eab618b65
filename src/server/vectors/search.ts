/** Searching a store for a request: attributes narrowed, hits ordered, scores from 0 to 1. */
import type { Engine } from "../../host/engine.ts";
import type { VectorStore } from "../../state/vectors/stores.ts";
import type { Asked } from "../context.ts";
import { namedModel } from "../named.ts";
import { type Fits, readFilters } from "./filters.ts";
import { rankOf } from "./rank.ts";
import { attributesOf } from "./shown.ts";
import type { StoreHit, VectorStores } from "./stores-node.ts";

export interface SearchAsk {
  readonly queries: readonly string[];
  readonly k: number;
  /** As it was sent. */
  readonly filters: unknown;
  /** A cross-encoder's name. */
  readonly ranker: string | undefined;
  /** The field that named it. */
  readonly rankerParam: string;
}

export interface ScoredHit extends StoreHit {
  readonly store: VectorStore;
}

/** Names that mean the order that searches have anyway. */
const own = new Set(["auto", "default-2024-11-15", "none"]);

export const rankerOf = (name: string | null | undefined): string | undefined =>
  name === null || name === undefined || name === "" || own.has(name) ? undefined : name;

/** The highest sum of 1 / (60 + rank) over so many lists is 1. */
const ofRanks = (score: number, lists: number): number => (score * 61) / lists;

/**
 * Hits of several questions in several stores, best first, each passage once. Scores are from 0 to 1: a ranker's, or
 * how far up the lists of words and of vectors a passage stands, 1 where it is first in all of them.
 */
export async function searchStores(
  { engine, vectors }: { readonly engine: Engine; readonly vectors: VectorStores },
  stores: readonly VectorStore[],
  { queries, k, filters, ranker, rankerParam }: SearchAsk,
  asked: Asked,
): Promise<ScoredHit[]> {
  const fits: Fits = filters === null || filters === undefined ? () => true : readFilters(filters);
  const { signal } = asked;
  if (ranker !== undefined) await namedModel(engine, ranker, asked);
  const rank =
    ranker === undefined
      ? undefined
      : async (query: string, texts: readonly string[]) => {
          const ask = { model: ranker, owner: asked.owner.owner, query, texts };
          return (await rankOf(engine, ask, signal, rankerParam)).scores;
        };
  const found = new Map<string, ScoredHit>();
  for (const store of stores) {
    const allowed = (row: Parameters<typeof attributesOf>[0]) => fits(attributesOf(row) ?? {});
    const lists = await vectors.search(store, queries, { k, allowed, rank, signal });
    for (const hits of lists) {
      hits.forEach((hit, place) => {
        const score = ranker !== undefined ? hit.score : scoreOf(hit, place, store);
        const key = `${store.id} ${hit.document} ${hit.chunk}`;
        const known = found.get(key);
        if (!known || known.score < score) found.set(key, { ...hit, score, store });
      });
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score).slice(0, k);
}

/** With vectors a hit's score is a sum over two lists; by words alone its rank decides. */
function scoreOf(hit: StoreHit, rank: number, { model }: VectorStore): number {
  return model === null ? ofRanks(1 / (61 + rank), 1) : Math.min(1, ofRanks(hit.score, 2));
}
