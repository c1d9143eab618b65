/** What the panel holds: where documents lie, which there are, what was asked of them and what was found. */
import { computed, signal } from "@preact/signals";
import type { CitedAnswer } from "../../../src/retrieve/answers/answer.ts";
import { type Client, Problem, problemOf } from "../../client/client.ts";
import {
  type DocumentCard,
  emptyLibrary,
  type Library,
  type Passage,
  type SearchMode,
  type SourceText,
} from "../../client/search.ts";
import { searchers } from "../../client/searchers.ts";
import { stopAll, stoppable } from "../../parts/run.ts";
import { trying } from "../../parts/trying.ts";
import { kept } from "../../state/kept.ts";
import { takeShared } from "../../state/route.ts";
import { client, noteJobs, root } from "../../state/session.ts";
import { serverKey } from "../../state/settings.ts";

export type Place = Client["where"];

export const trouble = signal<Problem | undefined>(undefined);
/** What was left out of a folder. */
export const notice = signal("");

const chosenPlace = signal<Place | undefined>(undefined);
export const place = computed<Place>(() => chosenPlace.value ?? client.value?.where ?? "browser");
/** Why the server keeps no documents, once it was asked. */
export const serverTrouble = signal<Problem | undefined>(undefined);
const searcherFor = searchers({ root, key: serverKey.read, noteJobs: (jobs) => noteJobs("search", jobs) });
export const searcher = computed(() => searcherFor(place.value));

export const library = signal<Library>(emptyLibrary);
/** Documents that are asked; none means all. */
export const chosen = signal<ReadonlySet<string>>(new Set());

export const query = signal("");
export const mode = kept<SearchMode>("search-mode", "hybrid");
/** Passages that are shown. */
export const mostShown = 10;

export const ready = computed(() => library.value.documents.filter(({ state }) => state === "ready"));

/** A place in a document's text, UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Results {
  readonly query: string;
  readonly mode: SearchMode;
  /** Ids of the documents that were asked; all where there are none. */
  readonly documents?: readonly string[];
  readonly passages: readonly Passage[];
  /** The sentence of each passage that fits the question best. */
  readonly best: readonly (Span | undefined)[];
  readonly answer: CitedAnswer;
  readonly seconds: number;
}

export const results = signal<Results | undefined>(undefined);
export const searching = signal(false);

export interface Reading {
  readonly passage: Passage;
  /** What is marked in it. */
  readonly mark: Span;
  readonly source?: SourceText;
}

export const reading = signal<Reading | undefined>(undefined);

const forgetShown = () => {
  results.value = undefined;
  reading.value = undefined;
  trouble.value = undefined;
};

export function choosePlace(to: Place): void {
  chosenPlace.value = to;
  library.value = emptyLibrary;
  chosen.value = new Set();
  forgetShown();
}

/** Follows what the place does with the documents, for as long as the panel is shown. */
export function follow(): () => void {
  return searcher.value.watch((now) => {
    library.value = now;
    const there = new Set(now.documents.map(({ id }) => id));
    if ([...chosen.value].some((id) => !there.has(id))) {
      chosen.value = new Set([...chosen.value].filter((id) => there.has(id)));
    }
  });
}

/** Asks the server whether it keeps documents; where it does not, this browser does. */
export async function askServer(): Promise<void> {
  if (client.value?.where !== "server" || serverTrouble.value) return;
  try {
    await searcherFor("server").able();
  } catch (error) {
    const problem = problemOf(error);
    // A key may be wanted: that is an answer, too.
    if (problem.status !== undefined) return;
    serverTrouble.value = problem;
    if (chosenPlace.value === undefined) choosePlace("browser");
  }
}

/** What a person asked for; what goes wrong with it is shown. */
function doing(work: () => Promise<unknown>): Promise<void> {
  notice.value = "";
  return trying(trouble, work);
}

export const add = (files: readonly File[]): Promise<void> =>
  doing(async () => {
    if (files.length === 0) return;
    const left = await searcher.value.add(files);
    if (left === files.length) {
      throw new Problem("There is no document among these files.", {
        hint: "Documents are .txt, .md, .html, .epub and .pdf.",
      });
    }
    if (left > 0) notice.value = `${left.toLocaleString("en")} files of other kinds are left out.`;
  });

export async function takeExample(): Promise<void> {
  const { example } = await import("./examples.ts");
  query.value = example.asks;
  await add(example.files.map(({ name, text }) => new File([text], name, { lastModified: 0 })));
}

export const remove = ({ id }: DocumentCard): Promise<void> =>
  doing(async () => {
    await searcher.value.remove(id);
    if (reading.value?.passage.document === id) reading.value = undefined;
    if (results.value?.passages.some(({ document }) => document === id)) results.value = undefined;
  });

export const forget = (): Promise<void> =>
  doing(async () => {
    forgetShown();
    chosen.value = new Set();
    await searcher.value.forget();
  });

export const giveModel = (files: readonly File[]) => doing(async () => searcher.value.models?.give(files));
export const modelAt = (path: string) => doing(async () => searcher.value.models?.at(path));
export const dropModel = () => doing(async () => searcher.value.models?.drop());

export const chooseCollection = (id: string) =>
  doing(async () => {
    forgetShown();
    await searcher.value.collections?.choose(id);
  });
export const makeCollection = (name: string) =>
  doing(async () => {
    forgetShown();
    await searcher.value.collections?.make(name);
  });

/** Without vectors words are all that can be searched. */
export const usedMode = computed<SearchMode>(() => (library.value.embedded > 0 ? mode.value : "bm25"));

export async function search(): Promise<void> {
  const asked = query.value.trim();
  await doing(async () => {
    if (asked === "") throw new Problem("There is no question yet.", { hint: "Type what you look for." });
    if (ready.value.length === 0) {
      throw new Problem("There are no documents yet.", { hint: "Drop some, or take the example." });
    }
    if (searching.value) stopAll();
    searching.value = true;
    try {
      await stoppable(async (stop) => {
        const begun = performance.now();
        const documents = chosen.value.size > 0 ? [...chosen.value] : undefined;
        const question = { query: asked, mode: usedMode.value, k: mostShown, ...(documents && { documents }) };
        const [passages, { answerOf, bestIn }] = await Promise.all([
          searcher.value.search(question, stop),
          import("./best.ts"),
        ]);
        if (stop.aborted) return;
        reading.value = undefined;
        results.value = {
          ...(documents && { documents }),
          ...{ query: asked, mode: question.mode, passages, seconds: (performance.now() - begun) / 1000 },
          best: passages.map((passage) => bestIn(asked, passage)),
          answer: answerOf(asked, passages),
        };
      });
    } finally {
      searching.value = false;
    }
  });
}

/** Opens the document at a passage, with this place in it marked. */
export const read = (passage: Passage, mark: Span = passage): Promise<void> =>
  doing(async () => {
    const before = reading.value?.passage;
    const same = before?.document === passage.document && before.part === passage.part;
    const known = same ? reading.value?.source : undefined;
    reading.value = { passage, mark, ...(known && { source: known }) };
    const source = known ?? (await searcher.value.text(passage));
    if (reading.value?.passage === passage) reading.value = { passage, mark, source };
  });

/** What a link held: a question and a way to search, and no documents. */
export function takeLink(): void {
  const { prompt, fields } = takeShared();
  if (prompt !== undefined) query.value = prompt;
  const wanted = fields?.mode;
  if (wanted === "hybrid" || wanted === "dense" || wanted === "bm25") mode.value = wanted;
}
