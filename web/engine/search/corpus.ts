/** What is searched: passages of all documents in rows, their words, and their vectors as far as there are any. */

import { type CompileOver, exactSearch, laidOut, type Metric, type Search } from "../../../src/retrieve/dense/exact.ts";
import { termsOf } from "../../../src/retrieve/lexical/analyse.ts";
import { bm25, type GrowingLexicon, growingLexicon, type Hit } from "../../../src/retrieve/lexical/bm25.ts";
import { fused, type Ranked } from "../../../src/retrieve/ranked.ts";
import type { SearchMode } from "../../client/search.ts";
import type { KeptDocument } from "./keep.ts";

/** Endings of English words are taken off; words of other languages stay as they are, for most of them. */
const stemming = "english";

/** Hits of each list that are fused. */
const wide = 100;

export interface Row {
  readonly document: KeptDocument;
  /** Number of the passage in its document. */
  readonly chunk: number;
}

export interface Space {
  readonly metric: Metric;
  readonly width: number;
  readonly compile: CompileOver;
}

export interface Corpus {
  readonly rows: readonly Row[];
  add(document: KeptDocument): void;
  /** The vectors of a document's first passages; more of them replace fewer. */
  vectors(document: string, values: Float32Array): void;
  /** @param vector of the question; undefined searches words alone */
  search(query: string, options: CorpusOptions): Promise<readonly (Row & Ranked)[]>;
  close(): Promise<void>;
}

export interface CorpusOptions {
  readonly mode: SearchMode;
  readonly k: number;
  readonly vector?: Float32Array | undefined;
  readonly space?: Space | undefined;
  readonly documents?: readonly string[] | undefined;
}

export function createCorpus(): Corpus {
  const rows: Row[] = [];
  const first = new Map<string, number>();
  const lexicon: GrowingLexicon = growingLexicon(stemming);
  const values = new Map<string, Float32Array>();
  let dense: { readonly search: Search; readonly rows: readonly number[] } | undefined;

  /** The matrix of all vectors that are there, made when it is asked for. */
  function matrix({ metric, width, compile }: Space) {
    if (dense) return dense;
    const there: number[] = [];
    const parts: Float32Array[] = [];
    for (const [document, own] of values) {
      const from = first.get(document);
      if (from === undefined) continue;
      for (let i = 0; i < own.length / width; i++) {
        there.push(from + i);
        parts.push(laidOut(own.slice(i * width, (i + 1) * width), metric));
      }
    }
    const whole = new Float32Array(there.length * width);
    for (const [i, part] of parts.entries()) whole.set(part, i * width);
    dense = { search: exactSearch({ width, values: whole }, { metric, compile }), rows: there };
    return dense;
  }

  const forgetMatrix = async () => {
    const { search } = dense ?? {};
    dense = undefined;
    await search?.close();
  };

  return {
    rows,
    add(document) {
      first.set(document.id, rows.length);
      document.chunks.forEach(({ start, end }, chunk) => {
        rows.push({ document, chunk });
        lexicon.add(document.document.text.slice(start, end));
      });
    },
    vectors(document, own) {
      values.set(document, own);
      void forgetMatrix();
    },
    async search(query, { mode, k, vector, space, documents }) {
      const chosen = documents && new Set(documents);
      const allowed = chosen && ((row: number) => chosen.has(rows[row]!.document.id));
      const words = mode === "dense" ? [] : bm25(lexicon, termsOf(query, stemming), Math.max(k, wide), {}, allowed);
      let near: Hit[] = [];
      if (mode !== "bm25" && vector && space) {
        const { search, rows: there } = matrix(space);
        const own = allowed && ((row: number) => allowed(there[row]!));
        if (there.length > 0) {
          const [hits = []] = await search.search([vector], Math.min(Math.max(k, wide), there.length), own);
          near = hits.map(({ row, score }) => ({ row: there[row]!, score }));
        }
      }
      return fused(mode, words, near)
        .slice(0, k)
        .map((hit) => ({ ...rows[hit.row]!, ...hit }));
    },
    close: forgetMatrix,
  };
}
