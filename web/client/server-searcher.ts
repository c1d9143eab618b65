/** Searching on the server: its vector stores, with OpenAI's names, and its own route that answers from them. */
import { Problem, problemOf } from "./client.ts";
import { frames } from "./frames.ts";
import { type Caller, problemOfBody } from "./request.ts";
import { type DocumentCard, emptyLibrary, type Library, type Passage, type Searcher } from "./search.ts";
import type {
  AnswerBody,
  AskEventBody,
  ContentBody,
  FileBody,
  FoundBody,
  PageBody,
  PlaceBody,
  StoreBody,
  StoreFileBody,
} from "./wire.ts";

const stores = "v1/vector_stores";

const cannotSearch = (cause: unknown) =>
  new Problem("This server does not keep documents.", {
    hint: "It is an older one, or was started without it. This browser can: choose it above.",
    cause,
  });

const isMissing = (error: unknown) => [404, 405, 501].includes(problemOf(error).status ?? 0);

/** The attribute by which a question can be narrowed to documents. */
const attribute = "document";

/** What is told of the server, and of no file. */
const wholeStore = "failed";

/** Most that a search gives, and most documents that are listed of a store. */
const most = { results: 50, documents: 2000 } as const;
/** Milliseconds between two looks while the server reads documents. */
const pause = 700;

const nameOf = ({ attributes, id }: StoreFileBody, names: ReadonlyMap<string, string>): string =>
  typeof attributes?.[attribute] === "string" ? (attributes[attribute] as string) : (names.get(id) ?? id);

function cardOf(file: StoreFileBody, names: ReadonlyMap<string, string>): DocumentCard {
  const { id, status, last_error: error } = file;
  const card = { id, name: nameOf(file, names) };
  if (status === "in_progress") return { ...card, state: "reading" };
  if (status === "completed") return { ...card, state: "ready" };
  return { ...card, state: "failed", problem: error?.message ?? (status === "cancelled" ? "stopped" : "not read") };
}

/** @param name of the file as it came */
const placeOf = (name: string, { file_id, document, start = 0, end = 0, page, heading }: PlaceBody) => ({
  ...{ document: file_id, name, title: name, start, end },
  ...(document !== undefined && { part: document }),
  ...(page !== undefined && { page }),
  ...(heading !== undefined && { heading }),
});

const passageOf = (name: string, { score, content, ...place }: FoundBody): Passage => ({
  ...placeOf(name, place),
  ...{ score, scores: {}, text: content.map(({ text }) => text).join("\n") },
});

export function serverSearcher(server: Caller): Searcher {
  let library: Library = emptyLibrary;
  let chosen: string | undefined;
  let uploads: File[] = [];
  let failed: readonly DocumentCard[] = [];
  let stop = new AbortController();
  let uploading: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const names = new Map<string, string>();
  const watchers = new Set<(library: Library) => void>();

  const at = (store = chosen ?? ""): string => `${stores}/${encodeURIComponent(store)}`;

  /** A file by the name that it came with, where the store tells. */
  const fileName = ({ file_id, filename }: PlaceBody): string =>
    library.documents.find(({ id }) => id === file_id)?.name ?? filename;

  function narrowed(documents: readonly string[] | undefined) {
    if (!documents) return {};
    const names = library.documents.filter(({ id }) => documents.includes(id)).map(({ name }) => name);
    return { filters: { type: "in", key: attribute, value: names } };
  }

  async function filesOf(store: string): Promise<readonly StoreFileBody[]> {
    const all: StoreFileBody[] = [];
    for (let after = ""; all.length < most.documents; ) {
      const {
        data = [],
        has_more,
        last_id,
      } = await server.get<PageBody<StoreFileBody>>(
        `${stores}/${encodeURIComponent(store)}/files?limit=100&order=asc${after}`,
      );
      all.push(...data);
      const last = last_id ?? data.at(-1)?.id;
      if (!has_more || !last) break;
      after = `&after=${encodeURIComponent(last)}`;
    }
    return all;
  }

  async function nameFiles(files: readonly StoreFileBody[]): Promise<void> {
    const unnamed = files.filter(({ id, attributes }) => !names.has(id) && typeof attributes?.[attribute] !== "string");
    await Promise.all(
      unnamed.slice(0, 100).map(async ({ id }) => {
        const { filename } = await server.get<{ filename?: string }>(`v1/files/${encodeURIComponent(id)}`);
        names.set(id, filename ?? id);
      }),
    ).catch(() => {});
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    const before = chosen;
    try {
      const { data: all = [] } = await server.get<PageBody<StoreBody>>(`${stores}?limit=100`);
      // A store that was made meanwhile is not in the list yet.
      if (chosen === before && !all.some(({ id }) => id === chosen)) chosen = all[0]?.id;
      const files = chosen === undefined ? [] : await filesOf(chosen);
      await nameFiles(files);
      const documents = files.map((file) => cardOf(file, names));
      const open = documents.filter(({ state }) => state === "reading").length + uploads.length;
      const model = all.find(({ id }) => id === chosen)?.embedding_model;
      library = {
        documents: [
          ...documents,
          ...uploads.map(({ name }, i) => ({ id: `upload-${i}`, name, state: "waiting" as const })),
          ...failed,
        ],
        ...{ passages: 0, embedded: 0, stopped: uploads.length > 0 && !uploading },
        ...(model && { model: { name: model, state: "ready" as const } }),
        collections: [...all]
          .sort((a, b) => Number(b.id === chosen) - Number(a.id === chosen))
          .map(({ id, name }) => ({ id, name: name || id })),
        ...(open > 0 && {
          work: {
            phase: "reading" as const,
            done: documents.length - open + uploads.length,
            total: documents.length + uploads.length,
          },
        }),
      };
      for (const watcher of watchers) watcher(library);
      if (open > 0 && watchers.size > 0) timer = setTimeout(() => void look(), pause);
    } catch {
      // The next thing that is asked for says what is wrong; what was refused is told all the same.
      library = { ...library, documents: [...library.documents.filter(({ state }) => state !== "failed"), ...failed] };
      for (const watcher of watchers) watcher(library);
    }
  }

  const refused = (id: string, name: string, error: unknown): void => {
    const { message, hint } = problemOf(error);
    const problem = [message, hint].filter(Boolean).join(" ");
    failed = [...failed.filter((one) => one.id !== id), { id, name, state: "failed", problem }];
  };

  async function upload(): Promise<void> {
    const { signal } = stop;
    const store = chosen ?? (await server.post<StoreBody>(stores, { name: "Documents" })).id;
    chosen = store;
    while (uploads.length > 0 && !signal.aborted) {
      const [file] = uploads;
      const name = file!.webkitRelativePath || file!.name;
      const form = new FormData();
      form.set("purpose", "user_data");
      form.set("file", file!, file!.name);
      try {
        const { id } = await server.send<FileBody>("v1/files", form, signal);
        names.set(id, name);
        await server.post(`${at(store)}/files`, { file_id: id, attributes: { [attribute]: name.slice(0, 512) } });
      } catch (error) {
        if (signal.aborted) break;
        refused(`failed-${name}`, name, error);
      }
      uploads = uploads.slice(1);
      await look();
    }
  }

  function begin(): void {
    stop = new AbortController();
    failed = failed.filter(({ id }) => id !== wholeStore);
    uploading ??= upload()
      .catch((error: unknown) => refused(wholeStore, "The server", error))
      .finally(() => {
        uploading = undefined;
        void look();
      });
  }

  return {
    async able(signal) {
      try {
        await server.get(`${stores}?limit=1`, signal);
      } catch (error) {
        throw isMissing(error) ? cannotSearch(error) : error;
      }
    },
    modes: [],
    watch(watcher) {
      watchers.add(watcher);
      watcher(library);
      void look();
      return () => watchers.delete(watcher);
    },
    async add(files) {
      uploads = [...uploads, ...files];
      begin();
      void look();
      return 0;
    },
    async remove(document) {
      if (failed.some(({ id }) => id === document)) failed = failed.filter(({ id }) => id !== document);
      else if (document.startsWith("upload-")) uploads = uploads.filter((_, i) => `upload-${i}` !== document);
      else await server.remove(`${at()}/files/${encodeURIComponent(document)}`);
      await look();
    },
    stop() {
      stop.abort();
      void look();
    },
    goOn: begin,
    async forget() {
      stop.abort();
      [uploads, failed] = [[], []];
      if (chosen !== undefined) await server.remove(at());
      chosen = undefined;
      await look();
    },
    async search({ query, k, documents }, signal) {
      if (chosen === undefined) return [];
      const body = { query, max_num_results: Math.min(k, most.results), ...narrowed(documents) };
      const { data = [] } = await server.post<PageBody<FoundBody>>(`${at()}/search`, body, signal);
      return data.map((hit) => passageOf(fileName(hit), hit));
    },
    async text({ document, part }) {
      const { data = [] } = await server.get<ContentBody>(`${at()}/files/${encodeURIComponent(document)}/content`);
      const found = data.find((one) => one.document === part) ?? data[0];
      if (!found) throw new Problem("The server does not have this document any more.");
      return { text: found.text };
    },
    collections: {
      async choose(id) {
        chosen = id;
        failed = [];
        await look();
      },
      async make(name) {
        chosen = (await server.post<StoreBody>(stores, { name })).id;
        failed = [];
        await look();
      },
    },
    async answer({ query, documents }, model, told, signal) {
      const about = { question: query, vector_store_ids: [chosen ?? ""], model, stream: true };
      const body = { ...about, ...narrowed(documents) };
      const stream = await server.stream("v1/ask", body, signal);
      let answer: AnswerBody | undefined;
      for await (const data of frames(stream)) {
        const event = JSON.parse(data) as AskEventBody;
        if (event.error) throw problemOfBody(event);
        if (event.type === "answer.delta") told.text(event.delta);
        else if (event.type === "answer.completed") {
          answer = event.answer;
          // Nothing follows it.
          break;
        }
      }
      if (!answer) throw new Problem("The server ended before it had answered.", { hint: "Ask it again." });
      const { text, found, sentences, citations } = answer;
      return {
        ...{ text, found, sentences },
        citations: citations.map(({ sentence, quote, ...place }) => {
          const passage: Passage = { ...placeOf(fileName(place), place), score: 0, scores: {}, text: quote };
          return { sentence, quote, passage, start: passage.start, end: passage.end };
        }),
      };
    },
  };
}
