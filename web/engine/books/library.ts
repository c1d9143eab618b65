/** Books of this browser: summarised by rule, row by row into its database, so that a closed tab goes on where it was. */
import { sha256 } from "../../../src/base/sha256.ts";
import { fail, ZerothError } from "../../../src/errors.ts";
import { documentOf, isDocument } from "../../../src/media/documents/read.ts";
import { exported } from "../../../src/summarize/export/export.ts";
import { memoryStore } from "../../../src/summarize/run/memory.ts";
import { type Planned, planDocument } from "../../../src/summarize/run/plan.ts";
import type { RunStore } from "../../../src/summarize/run/record.ts";
import { begin, edit, type RunOptions, redo, resume, revert } from "../../../src/summarize/run/run.ts";
import { type ShownNode, shownNode, shownSources } from "../../../src/summarize/run/shown.ts";
import { stateOf, viewOf } from "../../../src/summarize/run/state.ts";
import { ruleNames, ruleWriter } from "../../../src/summarize/writers/rules.ts";
import type {
  BookCard,
  BookEstimate,
  BookFormat,
  BookGiven,
  BookNode,
  BookSentence,
  BookText,
} from "../../client/books.ts";
import type { BookShelf, KeptBook } from "./keep.ts";
import type { BooksReport } from "./messages.ts";

export interface BooksParts {
  readonly shelf: BookShelf;
  readonly told: (report: Extract<BooksReport, { kind: "grown" }>) => void;
  readonly now: () => number;
  readonly newId: () => string;
}

const nodeOf = ({ sentences: _, index: _index, by: _by, ...node }: ShownNode): BookNode => node;

const cardOf = ({ order: _, added: _added, file: _file, ...card }: KeptBook): BookCard => card;

function writerOf(model: string) {
  const rule = ruleNames.find((name) => name === model);
  return ruleWriter(rule ?? fail("unsupported", `"${model}" does not run here`, { hint: "extractive and lead do" }));
}

export function createBooks({ shelf, told, now, newId }: BooksParts) {
  const running = new Map<string, { readonly stop: AbortController; readonly ended: Promise<void> }>();
  const stores = new Map<string, Promise<RunStore>>();

  const bookOf = async (id: string): Promise<KeptBook> =>
    (await shelf.books()).find((book) => book.id === id) ?? fail("bad_input", "There is no such book any more");

  const storeOf = (id: string): Promise<RunStore> => {
    const known =
      stores.get(id) ??
      shelf.rows(id).then((rows) => memoryStore({ where: "the book", rows, write: (row) => shelf.add(id, row) }));
    stores.set(id, known);
    return known;
  };

  async function plan({ name, file, order }: BookGiven): Promise<{ planned: Planned; bytes: Uint8Array }> {
    if (!isDocument(name))
      fail("unsupported", `${name} is no book that is read here`, { hint: "text, Markdown, HTML, EPUB and PDF are" });
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { model, ...options } = order;
    const document = await documentOf(name, bytes, name);
    return { planned: planDocument(document, writerOf(model), { ...options, where: name }), bytes };
  }

  async function note(id: string, change: Partial<KeptBook>, nodes: readonly BookNode[] = []): Promise<void> {
    const book = { ...(await bookOf(id)), ...change };
    await shelf.put(book);
    told({ kind: "grown", book: id, nodes, card: cardOf(book) });
  }

  type Step = (store: RunStore, options: RunOptions) => Promise<unknown>;

  /** One piece of work on a book; how it ended is noted. */
  async function work(id: string, step: Step): Promise<void> {
    const stop = new AbortController();
    const { model } = await bookOf(id);
    const go = async () => {
      let nodes: BookNode[] = [];
      let last = 0;
      try {
        const store = await storeOf(id);
        await step(store, {
          writer: writerOf(model),
          signal: stop.signal,
          events: {
            shown: (node) => void nodes.push(nodeOf(node)),
            node({ done, total, etaSeconds }) {
              // At the pace of an eye.
              if (performance.now() - last < 80 && done < total) return;
              last = performance.now();
              told({ kind: "grown", book: id, nodes, card: { done, total, secondsLeft: etaSeconds } });
              nodes = [];
            },
          },
        });
        const state = stateOf(store);
        const view = viewOf(state);
        const shown = view.nodes.map((one) => nodeOf(shownNode(state, one, view.provenance)));
        const sentences = view.provenance.sentences(view.root.node.id);
        const unsupported = sentences.filter((_, i) => view.provenance.sources(view.root.node.id, i).length === 0);
        const [total, missing] = [view.nodes.length, view.missing.length];
        await note(
          id,
          {
            ...{ state: missing === 0 ? "completed" : "paused", done: total - missing, total, secondsLeft: null },
            ...{ sentences: sentences.length, unsupported: unsupported.length },
          },
          shown,
        );
      } catch (error) {
        if (!(await shelf.books()).some((book) => book.id === id)) return;
        if (stop.signal.aborted) await note(id, { state: "paused", secondsLeft: null });
        else await note(id, { state: "failed", problem: error instanceof Error ? error.message : String(error) });
      }
    };
    if (running.has(id)) fail("busy", "The book is being worked on");
    // Before it is answered: whoever looks at the book then waits for what comes of it.
    const begun = note(id, { state: "running", problem: null });
    const ended = begun.then(go, () => {}).finally(() => running.delete(id));
    running.set(id, { stop, ended });
    await begun;
  }

  /** A book that has not begun yet, or goes on. */
  const start: (book: KeptBook, planned?: Planned) => Step = (book, planned) => async (store, options) => {
    if (store.has()) return resume(store, options);
    const given = { name: book.name, file: book.file ?? new Blob(), order: book.order };
    const { planned: plan_, bytes } = planned
      ? { planned, bytes: new Uint8Array(await given.file.arrayBuffer()) }
      : await plan(given);
    const from = { name: book.name, path: book.name, sha256: sha256(bytes) };
    return begin(store, { ...options, planned: plan_, from, source: { model: book.model } });
  };

  const shownOf = async (id: string) => {
    const store = await storeOf(id);
    if (!store.has()) return { state: undefined, nodes: [] as ShownNode[] };
    const state = stateOf(store);
    const { nodes, provenance } = viewOf(state);
    return { state, nodes: nodes.map((one) => shownNode(state, one, provenance)) };
  };

  async function pause(id: string): Promise<void> {
    const one = running.get(id);
    one?.stop.abort();
    await one?.ended;
  }

  return {
    async list(): Promise<readonly BookCard[]> {
      const books = await shelf.books();
      // What another visit was working on when its tab was closed.
      return books.map((book) =>
        cardOf(book.state === "running" && !running.has(book.id) ? { ...book, state: "paused" } : book),
      );
    },
    card: async (id: string): Promise<BookCard> => cardOf(await bookOf(id)),
    async estimate(given: BookGiven): Promise<BookEstimate> {
      const { planned } = await plan(given);
      const { estimate, book } = planned;
      return {
        ...{ title: book.title ?? null, calls: estimate.calls, seconds: 0 },
        ...{ inputTokens: estimate.inputTokens, outputTokens: estimate.outputTokens },
        heights: estimate.heights.map(({ nodes }) => nodes),
        trimmed: book.trimmed.map(({ span, why }) => ({ ...span, why })),
      };
    },
    async begin(given: BookGiven): Promise<BookCard> {
      const { planned } = await plan(given);
      const book: KeptBook = {
        ...{ id: newId(), name: given.name, title: planned.book.title ?? null, model: given.order.model },
        ...{ state: "queued", done: 0, total: planned.tree.nodes.length, secondsLeft: null, sentences: null },
        ...{ unsupported: null, problem: null, order: given.order, added: now(), file: given.file },
      };
      await shelf.put(book);
      await work(book.id, start(book, planned));
      return cardOf(book);
    },
    async wait(id: string): Promise<void> {
      await running.get(id)?.ended;
    },
    tree: async (id: string): Promise<readonly BookNode[]> => (await shownOf(id)).nodes.map(nodeOf),
    async sentences(id: string, node: string): Promise<readonly BookSentence[]> {
      const nodes = new Map((await shownOf(id)).nodes.map((one) => [one.id, one]));
      const of = (other: string) => nodes.get(other);
      return (nodes.get(node)?.sentences ?? []).map(({ start: from, end, support, supported }, i) => ({
        ...{ start: from, end, support, supported, sources: shownSources(of, node, i) },
      }));
    },
    async text(id: string): Promise<BookText> {
      const { book } = (await storeOf(id)).read();
      return { text: book.text, ...(book.pages && { pages: book.pages }) };
    },
    pause,
    async resume(id: string): Promise<void> {
      await work(id, start(await bookOf(id)));
    },
    async remove(id: string): Promise<void> {
      await pause(id);
      await shelf.remove(id);
      stores.delete(id);
    },
    edit: (id: string, node: string, text: string) => work(id, (store, options) => edit(store, node, text, options)),
    revert: (id: string, node: string) => work(id, (store, options) => revert(store, node, options)),
    redo: (id: string, node: string) => work(id, (store, options) => redo(store, node, options)),
    async exported(id: string, format: BookFormat): Promise<Blob> {
      const { state } = await shownOf(id);
      if (!state) throw new ZerothError("bad_input", "The book is not read yet");
      return new Blob([exported(state, format) as BlobPart]);
    },
  };
}
