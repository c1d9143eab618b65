/** From a store to a month's scored papers: texts as vectors, signals, clusters, the choice. */
import { createHash } from "node:crypto";
import { fail, throwIfAborted } from "../../errors.ts";
import { lastDay } from "../count/count.ts";
import { nextMonth } from "../count/count-node.ts";
import type { Group } from "../count/groups.ts";
import { within } from "../count/groups.ts";
import { dayOf, monthOf, type Paper } from "../papers/paper.ts";
import { toText } from "../papers/text.ts";
import type { Store } from "../store/store-node.ts";
import { clustersOf } from "./clusters.ts";
import { type Candidate, ownValues, type Selection, type SelectOptions, select } from "./select.ts";
import { type Dated, signalsOf } from "./signals.ts";
import { dot, type Sparse, tfidf } from "./tfidf.ts";
import { functionWords } from "./words.ts";

/** Texts as vectors of a model, in their order. */
export interface TextEmbedder {
  /** Known by its content: vectors are kept by it. */
  readonly fingerprint: string;
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>;
}

export interface ChooseOptions extends SelectOptions {
  readonly month: string;
  readonly group: Group;
  /** Months after the month whose papers tell of it. */
  readonly delay: number;
  /** Months of candidates, the month itself the last. */
  readonly months?: number | undefined;
  /** Ids or words of what a reader likes. */
  readonly interest?: readonly string[] | undefined;
  readonly embedder?: TextEmbedder | undefined;
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((text: string) => void) | undefined;
}

export interface Chosen extends Selection {
  readonly candidates: number;
  readonly clusters: readonly { readonly label: string; readonly papers: number }[];
  /** The last day of which the signals knew. */
  readonly known: string;
  readonly notes: readonly string[];
}

/** Papers whose vectors are held at once: a sample of the earlier ones stands for all where there are more. */
const mostHeld = 60_000;
const monthsBefore = 24;
const batch = 64;

const dayNumber = (iso: string): number => Math.floor(Date.parse(iso) / 86_400_000);
export const textOf = ({ title, abstract }: Pick<Paper, "title" | "abstract">): string =>
  `${toText(title)} ${toText(abstract)}`;

/** Vectors of a model as sparse ones that lack nothing; each text is computed once and kept. */
async function embedded(
  store: Store,
  texts: readonly string[],
  embedder: TextEmbedder,
  options: ChooseOptions,
): Promise<Sparse[]> {
  const { signal, progress } = options;
  const { fingerprint } = embedder;
  const keys = texts.map((text) => createHash("sha256").update(text).digest("hex").slice(0, 32));
  const kept = (key: string): Float32Array | undefined => {
    const [row] = store.sql.all("select vector from vector where model = ? and text = ?", fingerprint, key);
    if (row === undefined) return undefined;
    const bytes = Uint8Array.from(row.vector as Uint8Array);
    return new Float32Array(bytes.buffer, 0, bytes.length / 4);
  };
  const vectors = keys.map(kept);
  const open = vectors.flatMap((vector, i) => (vector === undefined ? [i] : []));
  for (let from = 0; from < open.length; from += batch) {
    throwIfAborted(signal);
    const places = open.slice(from, from + batch);
    const made = await embedder.embed(
      places.map((i) => texts[i]!),
      signal,
    );
    store.sql.transaction(() => {
      for (const [at, i] of places.entries()) {
        const vector = Float32Array.from(made[at]!);
        vectors[i] = vector;
        store.sql.run(
          "insert or replace into vector values(?, ?, ?)",
          fingerprint,
          keys[i]!,
          new Uint8Array(vector.buffer),
        );
      }
    });
    progress?.(`${from + places.length} of ${open.length} texts read by the model`);
  }
  return vectors.map((vector) => {
    const length = Math.hypot(...vector!) || 1;
    return {
      terms: Uint32Array.from(vector!, (_, i) => i),
      values: Float64Array.from(vector!, (x) => x / length),
    };
  });
}

/** A sample of so many, the same every time. */
const everyNth = <T>(items: readonly T[], most: number): T[] =>
  items.length <= most
    ? items.slice()
    : items.filter((_, i) => Math.floor((i * most) / items.length) !== Math.floor(((i - 1) * most) / items.length));

/**
 * Choose a month's papers.
 * @throws not_found where the store has none of that month in the group
 */
export async function choose(store: Store, options: ChooseOptions): Promise<Chosen> {
  const { month, group, delay, months = 1, interest = [], embedder, seed = 0, signal, progress } = options;
  const categories = store.categories().filter((category) => within(group, category));
  const [first, last] = [nextMonth(month, 1 - months), nextMonth(month, delay)];
  const pool = store.papers(nextMonth(first, -monthsBefore), last, categories);
  const isCandidate = (paper: Paper): boolean => monthOf(paper) >= first && monthOf(paper) <= month;
  const own = pool.filter(isCandidate);
  if (own.length === 0) {
    fail("not_found", `no ${group.name} paper of ${month} is in the store`, {
      where: store.path,
      hint: "zeroth digest count --by month says which months it has",
    });
  }
  const others = pool.filter((paper) => !isCandidate(paper));
  const sample = everyNth(others, mostHeld);
  const papers = [...own, ...sample].sort((a, b) =>
    a.submitted < b.submitted ? -1 : a.submitted > b.submitted ? 1 : a.id < b.id ? -1 : 1,
  );
  throwIfAborted(signal);
  progress?.(`${papers.length.toLocaleString("en")} papers`);
  const saved = interest.map((one) => {
    const paper = store.paper(one);
    return paper ? textOf(paper) : one;
  });
  const texts = papers.map(textOf);
  const words = tfidf([...texts, ...saved], { minDf: papers.length < 50 ? 1 : 3, without: functionWords });
  const vectors = embedder ? await embedded(store, [...texts, ...saved], embedder, options) : words.rows;
  const rows = vectors.slice(0, papers.length);
  const likes = vectors.slice(papers.length);
  const width = Math.max(1, words.terms.length, ...rows.map(({ terms }) => (terms.at(-1) ?? 0) + 1));
  const dated: Dated = { days: papers.map((paper) => dayNumber(paper.submitted)), rows, width };
  const targets = papers.flatMap((paper, i) => (isCandidate(paper) ? [i] : []));
  // Of later days nothing is looked at, whatever the store knows: so the same month stays the same digest.
  const known = [store.meta("seen_to") ?? dayOf(papers.at(-1)!), lastDay(last)].sort()[0]!;
  const signals = signalsOf(dated, targets, { known: dayNumber(known) });
  throwIfAborted(signal);
  const chosenRows = targets.map((i) => rows[i]!);
  const clusters = clustersOf(
    chosenRows,
    width,
    { rows: targets.map((i) => words.rows[i]!), terms: words.terms },
    seed,
  );
  const candidates = targets.map((i, at): Candidate => {
    const { momentum, resonance } = signals[at]!;
    const row = rows[i]!;
    const liked = likes.length > 0 ? { interest: Math.max(...likes.map((like) => dot(row, like))) } : {};
    const paper = papers[i]!;
    return { paper, row, cluster: clusters.of[at]!, values: { ...ownValues(paper), momentum, resonance, ...liked } };
  });
  const selection = select(candidates, options);
  const sizes = clusters.labels.map((label, c) => ({ label, papers: clusters.of.filter((one) => one === c).length }));
  const notes = [
    ...(sample.length < others.length
      ? [
          `Signals are computed over a sample of ${sample.length.toLocaleString("en")} of ${others.length.toLocaleString("en")} earlier and later papers.`,
        ]
      : []),
    ...(embedder ? ["Texts are compared by an encoder, of each its beginning as far as that reads."] : []),
  ];
  return { ...selection, candidates: own.length, clusters: sizes, known, notes };
}
