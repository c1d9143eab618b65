/** What the panel holds: where books are summarised, which there are, the one that is open, and the place that is shown. */
import { computed, signal } from "@preact/signals";
import type {
  BookCard,
  BookEstimate,
  BookGiven,
  BookNode,
  BookOrder,
  BookSentence,
  BookText,
  Summarizer,
} from "../../client/books.ts";
import { browserBooks } from "../../client/browser-books.ts";
import { type Client, Problem, problemOf } from "../../client/client.ts";
import { caller } from "../../client/request.ts";
import { serverBooks } from "../../client/server-books.ts";
import { trying } from "../../parts/trying.ts";
import { client, models, noteJobs, root } from "../../state/session.ts";
import { serverKey } from "../../state/settings.ts";

export type Place = Client["where"];

export const trouble = signal<Problem | undefined>(undefined);

const chosenPlace = signal<Place | undefined>(undefined);
export const place = computed<Place>(() => chosenPlace.value ?? client.value?.where ?? "browser");
/** Why the server summarises nothing, once it was asked. */
export const serverTrouble = signal<Problem | undefined>(undefined);

const made = new Map<Place, Summarizer>();
function summarizerOf(where: Place): Summarizer {
  const known = made.get(where) ?? (where === "server" ? serverBooks(caller(root, serverKey.read)) : browserBooks());
  made.set(where, known);
  return known;
}
export const summarizer = computed(() => summarizerOf(place.value));

export const rules = ["extractive", "lead"] as const;
/** Who can write here: rules, and on a server its models. */
export const writers = computed<readonly string[]>(() => [
  ...(place.value === "server" ? models.value.filter(({ can }) => can.includes("generate")).map(({ id }) => id) : []),
  ...rules,
]);

export const books = signal<readonly BookCard[]>([]);

/** A book that was chosen and has not begun. */
export const given = signal<BookGiven | undefined>(undefined);
export const estimate = signal<BookEstimate | undefined>(undefined);
export const estimating = signal(false);

export const open = signal<BookCard | undefined>(undefined);
export const nodes = signal<ReadonlyMap<string, BookNode>>(new Map());
export const rootNode = computed(() => [...nodes.value.values()].find(({ parent }) => parent === null));
export const selected = signal<string | undefined>(undefined);
export const node = computed(() => nodes.value.get(selected.value ?? rootNode.value?.id ?? ""));
export const sentences = signal<readonly BookSentence[]>([]);
export const text = signal<BookText | undefined>(undefined);

/** The sentence whose places are shown, and which of them. */
export interface Marking {
  readonly sentence: number;
  readonly source: number;
}
export const marking = signal<Marking | undefined>(undefined);
export const marked = computed(() => {
  const now = marking.value;
  return now && sentences.value[now.sentence]?.sources[now.source];
});

/** What a person asked for; what goes wrong with it is shown. */
export const doing = (work: () => Promise<unknown>): Promise<void> => trying(trouble, work);

export const list = (): Promise<void> =>
  doing(async () => {
    const from = summarizer.value;
    const found = await from.list();
    if (summarizer.value === from) books.value = found;
  });

let watching: AbortController | undefined;

export function close(): void {
  watching?.abort();
  open.value = undefined;
  nodes.value = new Map();
  selected.value = undefined;
  sentences.value = [];
  text.value = undefined;
  marking.value = undefined;
}

export function choosePlace(to: Place): void {
  chosenPlace.value = to;
  given.value = undefined;
  estimate.value = undefined;
  books.value = [];
  trouble.value = undefined;
  close();
  void list();
}

/** Asks the server whether it summarises; where it does not, this browser does. */
export async function askServer(): Promise<void> {
  if (client.value?.where !== "server" || serverTrouble.value) return list();
  try {
    await summarizerOf("server").able();
  } catch (error) {
    const problem = problemOf(error);
    // A key may be wanted: that is an answer, too.
    if (problem.status !== undefined) return;
    serverTrouble.value = problem;
    if (chosenPlace.value === undefined) return choosePlace("browser");
  }
  return list();
}

let asking: AbortController | undefined;

/** What a book will take, counted anew whenever something else is asked for. */
export async function take(next: BookGiven): Promise<void> {
  asking?.abort();
  asking = new AbortController();
  const { signal: over } = asking;
  close();
  given.value = next;
  estimate.value = undefined;
  estimating.value = true;
  await doing(async () => {
    const told = await summarizer.value.estimate(next, over);
    if (!over.aborted) estimate.value = told;
  });
  if (!over.aborted) estimating.value = false;
}

export async function choose(files: readonly File[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  if (files.length > 1) {
    trouble.value = new Problem("One book at a time.", {
      hint: "Drop a single file: text, Markdown, HTML, EPUB, PDF.",
    });
    return;
  }
  await take({ name: file.name, file, order: given.value?.order ?? { model: writers.value[0]! } });
}

export const changeOrder = (change: Partial<Record<keyof BookOrder, unknown>>): void => {
  const now = given.value;
  if (!now) return;
  const order = Object.fromEntries(
    Object.entries({ ...now.order, ...change }).filter(([, value]) => value !== undefined && value !== ""),
  ) as unknown as BookOrder;
  void take({ ...now, order });
};

const isActive = ({ state }: Pick<BookCard, "state">): boolean => state === "queued" || state === "running";

/** The job as the panel Jobs shows it. */
function noteJob(card: BookCard): void {
  const states = { queued: "waiting", running: "running", completed: "done", failed: "failed" } as const;
  const state = states[card.state as keyof typeof states] ?? "stopped";
  const { id, done, total, secondsLeft } = card;
  noteJobs("books", [
    {
      ...{ id: `book-${id}`, title: `Summary of ${card.title ?? card.name}`, state, started: Date.now() },
      ...(total > 0 && { progress: { done, total, unit: "steps" as const } }),
      ...(secondsLeft !== null && { secondsLeft }),
    },
  ]);
}

function grow(id: string, news: readonly BookNode[], card: Partial<BookCard>): void {
  books.value = books.value.map((one) => (one.id === id ? { ...one, ...card } : one));
  if (open.value?.id !== id) return;
  open.value = { ...open.value, ...card };
  noteJob(open.value);
  if (news.length > 0) {
    const next = new Map(nodes.value);
    for (const one of news) next.set(one.id, one);
    nodes.value = next;
  }
}

/** Shows a book, and follows it for as long as it is worked on. */
export const openBook = (card: BookCard): Promise<void> =>
  doing(async () => {
    close();
    given.value = undefined;
    watching = new AbortController();
    const { signal: over } = watching;
    open.value = card;
    const from = summarizer.value;
    const all = await from.tree(card.id);
    if (over.aborted) return;
    grow(card.id, all, {});
    await followed(card.id, over);
  });

async function followed(id: string, over: AbortSignal): Promise<void> {
  const from = summarizer.value;
  if (open.value && isActive(open.value)) {
    await from.watch(id, (news, card) => !over.aborted && grow(id, news, card), over);
  }
  if (!over.aborted && nodes.value.size > 0) text.value ??= await from.text(id);
}

/** A change of a book, and what comes of it. */
async function changing(work: (from: Summarizer, id: string) => Promise<void>): Promise<void> {
  const now = open.value;
  if (!now) return;
  await doing(async () => {
    await work(summarizer.value, now.id);
    grow(now.id, [], await summarizer.value.card(now.id));
    watching?.abort();
    watching = new AbortController();
    await followed(now.id, watching.signal);
    await showSentences();
  });
}

export const pause = (): Promise<void> => changing((from, id) => from.pause(id));
export const resume = (): Promise<void> => changing((from, id) => from.resume(id));
export const edit = (id: string, to: string): Promise<void> => changing((from, book) => from.edit(book, id, to));
export const revert = (id: string): Promise<void> => changing((from, book) => from.revert(book, id));
export const redo = (id: string): Promise<void> => changing((from, book) => from.redo(book, id));

export const begin = (): Promise<void> =>
  doing(async () => {
    const now = given.value;
    if (!now) return;
    const card = await summarizer.value.begin(now);
    books.value = [card, ...books.value];
    await openBook(card);
  });

export const remove = ({ id }: BookCard): Promise<void> =>
  doing(async () => {
    if (open.value?.id === id) close();
    await summarizer.value.remove(id);
    books.value = books.value.filter((one) => one.id !== id);
  });

/** What the sentences of the node that is shown rest on. */
export async function showSentences(): Promise<void> {
  const [book, shown] = [open.value, node.value];
  marking.value = undefined;
  sentences.value = [];
  if (!book || !shown || shown.text === null) return;
  await doing(async () => {
    const found = await summarizer.value.sentences(book.id, shown.id);
    if (open.value?.id === book.id && node.value?.id === shown.id) sentences.value = found;
  });
}

/** Shows where a sentence comes from; again, the next of its places. */
export function mark(sentence: number): void {
  const count = sentences.value[sentence]?.sources.length ?? 0;
  const before = marking.value?.sentence === sentence ? marking.value.source : -1;
  marking.value = count === 0 ? undefined : { sentence, source: (before + 1) % count };
}
