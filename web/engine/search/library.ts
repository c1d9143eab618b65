/** The documents of this browser: read, cut and embedded one step after another, so that it can be stopped between any two. */
import { type ErrorCode, ZerothError } from "../../../src/errors.ts";
import type { DocumentText } from "../../../src/media/documents/document.ts";
import { documentOf, isDocument, readerOf } from "../../../src/media/documents/read.ts";
import { fittingChunks, usualChunk, usualOverlap, wordStarts } from "../../../src/retrieve/chunks.ts";
import type { Library, Passage, Question, SourceText, Work } from "../../client/search.ts";
import type { GivenFile, GivenModel } from "../given.ts";
import { type Corpus, type CorpusOptions, createCorpus } from "./corpus.ts";
import type { OpenedEmbedder } from "./encoder.ts";
import type { KeptDocument, KeptVectors, Shelf } from "./keep.ts";
import { type Begun, type Failed, type Given, sentence, shown, type Waiting } from "./shown.ts";

export interface LibraryParts {
  readonly shelf: Shelf;
  /** Loads what opens models; not before one is given. */
  openModel(model: GivenModel, onProgress: (done: number, total: number | undefined) => void): Promise<OpenedEmbedder>;
  /** Told of every change. */
  changed(library: Library): void;
  /** Told when what is kept has changed, for other tabs. */
  kept?(): void;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Names that nobody's notes have. */
const hidden = /(?:^|\/)(?:\.|node_modules\/)/;

/** Passages of one step: a question waits for so many at most. */
const together = 4;
const byWords = "words";
/** Milliseconds between two writes of vectors. */
const saveEvery = 3000;

/** What is wrong with this file alone; anything else ends the work. */
const ofFile: readonly ErrorCode[] = ["corrupt_file", "unsupported", "bad_input", "too_long", "storage_failed"];

export function createLibrary({ shelf, openModel, changed, kept: keptAnew = () => {}, now, newId }: LibraryParts) {
  let documents = new Map<string, KeptDocument>();
  /** Vectors of documents' first passages. */
  const vectors = new Map<string, Float32Array<ArrayBuffer>>();
  let waiting: Waiting[] = [];
  let failed: Failed[] = [];
  let reading: Waiting | undefined;
  let given: Given | undefined;
  let stopped = false;
  let working: Promise<void> | undefined;
  let work: Begun | undefined;
  let corpus: Corpus | undefined;
  /** One more with every model that is given or taken: what an old one still gives is thrown away. */
  let turn = 0;
  let unsaved: KeptVectors | undefined;
  let saved = 0;

  let last: Promise<unknown> = Promise.resolve();
  /** One after another: what the engine is asked, and the end of what it is asked with. */
  function alone<T>(step: () => Promise<T>): Promise<T> {
    const next = last.then(step);
    last = next.catch(() => {});
    return next;
  }

  const spaceOf = () => given?.opened?.embedder.settings;
  const cutBy = () => spaceOf()?.fingerprint ?? byWords;
  const embeddedOf = (id: string) => (vectors.get(id)?.length ?? 0) / (spaceOf()?.width ?? Infinity);
  const passages = () => [...documents.values()].reduce((sum, { chunks }) => sum + chunks.length, 0);
  const embedded = () => [...documents.keys()].reduce((sum, id) => sum + embeddedOf(id), 0);
  const isLeft = () =>
    waiting.length > 0 ||
    (given !== undefined && given.problem === undefined && (given.opened === undefined || embedded() < passages()));

  const tell = () =>
    changed(
      shown({
        ...{ documents, waiting, failed, reading, given, work },
        ...{ passages: passages(), embedded: embedded(), stopped: stopped && isLeft() },
      }),
    );

  /** How far a phase is, with the time that is left at the pace of this run of it. */
  function progress(phase: Work["phase"], done: number, total: number | undefined): void {
    if (work?.phase !== phase) work = { phase, done, begun: now(), from: done };
    const { begun, from } = work;
    const passed = (now() - begun) / 1000;
    const secondsLeft =
      total !== undefined && done > from && passed > 1 ? (passed * (total - done)) / (done - from) : undefined;
    work = {
      ...{ phase, done, begun, from },
      ...(total !== undefined && { total }),
      ...(secondsLeft !== undefined && { secondsLeft }),
    };
    tell();
  }

  function cut(document: DocumentText) {
    const embedder = given?.opened?.embedder;
    const longest = embedder?.longest;
    const size = Math.min(usualChunk, longest ?? usualChunk);
    const overlap = Math.min(usualOverlap, Math.floor(size / 8));
    return fittingChunks(document, { size, overlap, starts: embedder?.starts ?? wordStarts, longest });
  }

  function corpusNow(): Corpus {
    if (corpus) return corpus;
    corpus = createCorpus();
    for (const document of documents.values()) corpus.add(document);
    for (const [id, values] of vectors) corpus.vectors(id, values);
    return corpus;
  }
  const corpusAnew = () => {
    const old = corpus;
    corpus = undefined;
    if (old) void alone(() => old.close());
  };

  async function keep(document: KeptDocument): Promise<void> {
    const replaced = documents.has(document.id);
    await shelf.put("documents", document);
    documents.set(document.id, document);
    if (replaced) corpusAnew();
    else corpus?.add(document);
  }

  /** A document of that name whose file is as it was. */
  const isKnown = ({ name, file }: Waiting): boolean =>
    [...documents.values()].some(
      (one) => one.name === name && one.size === file.size && one.modified === file.lastModified,
    );

  async function readNext(): Promise<void> {
    reading = waiting.shift()!;
    const { id, name, file } = reading;
    tell();
    try {
      if (isKnown(reading)) return;
      const { most } = readerOf(name);
      if (file.size > most)
        throw new ZerothError("corrupt_file", `${name}: more than ${most >> 20} MB, which is not read`);
      const document = await documentOf(name, new Uint8Array(await file.arrayBuffer()), name);
      if (document.text.trim() === "") throw new ZerothError("corrupt_file", `${name}: holds no text`);
      const before = [...documents.values()].find((one) => one.name === name);
      const chunks = cut(document);
      if (before) await remove(before.id);
      await keep({
        ...{ id: before?.id ?? id, name, size: file.size, modified: file.lastModified, added: now() },
        ...{ document, chunks, cutBy: cutBy() },
      });
    } catch (error) {
      const known = error instanceof ZerothError && ofFile.includes(error.code);
      // No room for this one is none for those that follow.
      if (error instanceof ZerothError && error.code === "storage_failed") stopped = true;
      if (!known && !(error instanceof DOMException)) throw error;
      failed = [...failed.filter((one) => one.name !== name), { id, name, problem: sentence(error, name) }];
    } finally {
      reading = undefined;
    }
  }

  async function open(): Promise<void> {
    const mine = turn;
    const { model } = given!;
    try {
      const opened = await openModel(model, (done, total) => mine === turn && progress("opening", done, total));
      if (mine !== turn) {
        await opened[Symbol.asyncDispose]();
        return;
      }
      given = { model, opened };
    } catch (error) {
      if (mine === turn) given = { model, problem: sentence(error) };
      return;
    }
    const { fingerprint } = spaceOf()!;
    // Passages are measured in the model's own tokens: what was cut by words, or by another model, is cut anew.
    for (const kept of [...documents.values()]) {
      if (kept.cutBy === fingerprint) continue;
      vectors.delete(kept.id);
      await keep({ ...kept, chunks: cut(kept.document), cutBy: fingerprint });
    }
    corpusAnew();
  }

  /** By vectors too: the question's is computed first. */
  async function nearest(query: string, wanted: CorpusOptions, { embedder, compile }: OpenedEmbedder) {
    const [vector] = await embedder.queries([query]);
    if (vector instanceof ZerothError) throw vector;
    const { metric, width } = embedder.settings;
    return corpusNow().search(query, { ...wanted, vector, space: { metric, width, compile } });
  }

  /** The next passages of the first document that lacks vectors. */
  async function embedNext(): Promise<void> {
    const mine = turn;
    const { embedder } = given!.opened!;
    const { width, fingerprint } = embedder.settings;
    const next = [...documents.values()].find(({ id, chunks }) => embeddedOf(id) < chunks.length)!;
    const from = embeddedOf(next.id);
    const some = next.chunks.slice(from, from + together);
    const found = await embedder.documents(some.map(({ start, end }) => next.document.text.slice(start, end)));
    if (mine !== turn || documents.get(next.id) !== next) return;
    const bad = found.find((one): one is ZerothError => one instanceof ZerothError);
    if (bad) throw new ZerothError(bad.code, `${next.name}: ${bad.message}`, { ...(bad.hint && { hint: bad.hint }) });
    const before = vectors.get(next.id);
    const values = new Float32Array((from + found.length) * width);
    if (before) values.set(before);
    for (const [i, vector] of (found as Float32Array[]).entries()) values.set(vector, (from + i) * width);
    vectors.set(next.id, values);
    corpus?.vectors(next.id, values);
    // A matrix is written whole: not after every step, but so that a closed tab loses seconds at most.
    unsaved = { id: next.id, model: fingerprint, values };
    if (from + found.length === next.chunks.length || now() - saved > saveEvery) await save();
  }

  async function save(): Promise<void> {
    const entry = unsaved;
    unsaved = undefined;
    saved = now();
    if (entry && vectors.get(entry.id) === entry.values) await shelf.put("vectors", entry);
  }

  /** Whatever is left to be done, step by step: documents first, for words are searched without vectors. */
  async function run(): Promise<void> {
    let read = 0;
    while (!stopped) {
      if (waiting.length > 0) {
        progress("reading", read, read + waiting.length);
        await readNext();
        read++;
      } else if (given && !given.opened && given.problem === undefined) {
        progress("opening", 0, undefined);
        await open();
      } else if (given?.opened && embedded() < passages()) {
        progress("embedding", embedded(), passages());
        await alone(embedNext);
      } else break;
      // Questions come in between.
      await new Promise((resolve) => setTimeout(resolve));
    }
    await save();
    keptAnew();
  }

  function start(): void {
    working ??= run()
      .catch((error: unknown) => {
        stopped = true;
        if (given) given = { ...given, problem: sentence(error) };
        else failed = [...failed, { id: newId(), name: "This browser", problem: sentence(error) }];
      })
      .finally(() => {
        working = undefined;
        work = undefined;
        tell();
        if (!stopped && isLeft()) start();
      });
  }

  async function remove(id: string): Promise<void> {
    waiting = waiting.filter((one) => one.id !== id);
    failed = failed.filter((one) => one.id !== id);
    if (documents.delete(id)) {
      vectors.delete(id);
      corpusAnew();
      await shelf.remove("documents", id);
    }
  }

  async function dropModel(): Promise<void> {
    turn++;
    const { opened } = given ?? {};
    given = undefined;
    vectors.clear();
    corpusAnew();
    if (opened) await alone(async () => opened[Symbol.asyncDispose]());
  }

  async function readKept(): Promise<void> {
    const [all, matrices, [model]] = await Promise.all([
      shelf.all("documents"),
      shelf.all("vectors"),
      shelf.all("model"),
    ]);
    documents = new Map([...all].sort((a, b) => a.added - b.added).map((one) => [one.id, one]));
    const cuts = new Map(all.map(({ id, cutBy }) => [id, cutBy]));
    if (given?.model.name !== model?.given.name) {
      await dropModel();
      if (model) given = { model: model.given };
    }
    vectors.clear();
    for (const { id, model, values } of matrices) if (cuts.get(id) === model) vectors.set(id, values);
    corpusAnew();
  }

  /** What was kept at an earlier visit. */
  const kept = readKept().then(() => {
    tell();
    if (isLeft()) start();
  });

  return {
    kept,
    async add(given: readonly GivenFile[]): Promise<number> {
      await kept;
      // A folder holds much that is no document; a file that was chosen by itself is told about.
      const files = given.filter(({ name }) => !name.includes("/") || (isDocument(name) && !hidden.test(name)));
      const names = new Set(files.map(({ name }) => name));
      failed = failed.filter(({ name }) => !names.has(name));
      waiting = [
        ...waiting.filter(({ name }) => !names.has(name)),
        ...files.map(({ name, file }) => ({ id: newId(), name, file })),
      ];
      stopped = false;
      start();
      tell();
      return given.length - files.length;
    },
    async remove(id: string): Promise<void> {
      await kept;
      await remove(id);
      keptAnew();
      tell();
    },
    /** Another tab has changed what is kept. What is left to do is left to it, unless somebody asks this one to go on. */
    async reread(): Promise<void> {
      await kept;
      if (working) return;
      await readKept();
      stopped = isLeft();
      tell();
    },
    async model(model: GivenModel | undefined): Promise<void> {
      await kept;
      await dropModel();
      if (model) {
        await shelf.put("model", { id: "model", given: model });
        given = { model };
        stopped = false;
        start();
      } else await shelf.remove("model", "model");
      keptAnew();
      tell();
    },
    async forget(): Promise<void> {
      await kept;
      stopped = true;
      await working;
      await dropModel();
      [waiting, failed] = [[], []];
      documents.clear();
      await shelf.clear();
      stopped = false;
      keptAnew();
      tell();
    },
    stop(): void {
      stopped = true;
      tell();
    },
    async goOn(): Promise<void> {
      await kept;
      stopped = false;
      if (given?.problem !== undefined) given = { model: given.model, ...(given.opened && { opened: given.opened }) };
      start();
      tell();
    },
    async search({ query, mode, k, documents: chosen }: Question): Promise<readonly Passage[]> {
      await kept;
      if (query.trim() === "") throw new ZerothError("bad_input", "the question is empty");
      const opened = mode === "bm25" ? undefined : given?.opened;
      if (mode === "dense" && !opened) {
        throw new ZerothError("wrong_use", "searching by meaning needs a model that gives vectors, which is not open");
      }
      const wanted = { mode: opened ? mode : "bm25", k, documents: chosen } as const;
      const found = opened
        ? await alone(() => nearest(query, wanted, opened))
        : await corpusNow().search(query, wanted);
      return found.map(({ document: { id, name, document, chunks }, chunk, score, scores }): Passage => {
        const { start, end, heading, page } = chunks[chunk]!;
        return {
          ...{ document: id, name, title: document.title ?? name, score, scores, start, end },
          text: document.text.slice(start, end),
          ...(page !== undefined && { page }),
          ...(heading.length > 0 && { heading: heading.join(" > ") }),
        };
      });
    },
    async text(id: string): Promise<SourceText> {
      await kept;
      const found = documents.get(id);
      if (!found) throw new ZerothError("not_found", "this document is not here any more");
      const { text, pages } = found.document;
      return { text, ...(pages && { pages }) };
    },
  };
}
