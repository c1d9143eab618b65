/** Summaries on the server: a file is uploaded, a summary begun, its events followed. */
import type { BookCard, BookEstimate, BookGiven, BookNode, BookSentence, BookText, Summarizer } from "./books.ts";
import { Problem, problemOf } from "./client.ts";
import { frames } from "./frames.ts";
import type { Caller } from "./request.ts";
import type { FileBody, PageBody } from "./wire.ts";

const summaries = "v1/summaries";

interface SummaryBody {
  readonly id: string;
  readonly status: BookCard["state"];
  readonly model: string;
  readonly filename: string;
  readonly title: string | null;
  readonly progress: { readonly done: number; readonly total: number; readonly eta_seconds: number | null };
  readonly sentences: number | null;
  readonly unsupported: number | null;
  readonly error: { readonly message: string } | null;
}

interface EstimateBody {
  readonly title: string | null;
  readonly calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly seconds: number | null;
  readonly heights: readonly { readonly nodes: number }[];
  readonly trimmed: BookEstimate["trimmed"];
}

type SummaryEvent =
  | { readonly type: "summary.planned" }
  | { readonly type: "summary.node"; readonly node: BookNode }
  | {
      readonly type: "summary.progress";
      readonly done: number;
      readonly total: number;
      readonly eta_seconds: number | null;
    }
  | { readonly type: "summary.status"; readonly status: BookCard["state"] };

const cannot = (cause: unknown) =>
  new Problem("This server does not summarise books.", {
    hint: "It is an older one, or was started without it. This browser can, by rule: choose it above.",
    cause,
  });

const cardOf = (body: SummaryBody): BookCard => ({
  ...{ id: body.id, name: body.filename, title: body.title, model: body.model, state: body.status },
  ...{ done: body.progress.done, total: body.progress.total, secondsLeft: body.progress.eta_seconds },
  ...{ sentences: body.sentences, unsupported: body.unsupported, problem: body.error?.message ?? null },
});

const bodyOf = ({ order }: BookGiven, file: string): object => {
  const { model, by, until, question, leafTokens, seed } = order;
  return { model, file_id: file, by, until, question, leaf_tokens: leafTokens, seed };
};

export function serverBooks(server: Caller): Summarizer {
  /** Files that were sent already, so that an estimate and its start send a book once. */
  const sent = new WeakMap<Blob, Promise<string>>();
  const send = (given: BookGiven): Promise<string> => {
    const known = sent.get(given.file);
    if (known) return known;
    const form = new FormData();
    form.set("purpose", "user_data");
    form.set("file", given.file, given.name);
    const sending = server.send<FileBody>("v1/files", form).then(({ id }) => id);
    sent.set(given.file, sending);
    sending.catch(() => sent.delete(given.file));
    return sending;
  };
  const at = (id: string, more = "") => `${summaries}/${encodeURIComponent(id)}${more}`;
  const nodeAt = (id: string, node: string, more = "") => at(id, `/nodes/${encodeURIComponent(node)}${more}`);
  const card = async (id: string) => cardOf(await server.get<SummaryBody>(at(id)));

  return {
    async able(signal) {
      try {
        await server.get(`${summaries}?limit=1`, signal);
      } catch (error) {
        throw [404, 405, 501].includes(problemOf(error).status ?? 0) ? cannot(error) : error;
      }
    },
    list: async () => ((await server.get<PageBody<SummaryBody>>(`${summaries}?limit=100`)).data ?? []).map(cardOf),
    card,
    async estimate(given, signal) {
      const body = bodyOf(given, await send(given));
      const told = await server.post<EstimateBody>(`${summaries}/estimate`, body, signal);
      return {
        ...{ title: told.title, calls: told.calls, seconds: told.seconds, trimmed: told.trimmed },
        ...{ inputTokens: told.input_tokens, outputTokens: told.output_tokens },
        heights: told.heights.map(({ nodes }) => nodes),
      };
    },
    begin: async (given) => cardOf(await server.post<SummaryBody>(summaries, bodyOf(given, await send(given)))),
    async watch(id, changed, signal) {
      // What stands is read by itself: events are of what comes.
      let nodes: BookNode[] = [];
      let told: Partial<BookCard> = {};
      let timer: ReturnType<typeof setTimeout> | undefined;
      const tell = () => {
        timer = undefined;
        changed(nodes, told);
        [nodes, told] = [[], {}];
      };
      const body = await server.streamed(at(id, "/events"), signal);
      for await (const data of frames(body)) {
        const event = JSON.parse(data) as SummaryEvent;
        if (event.type === "summary.node") nodes.push(event.node);
        else if (event.type === "summary.progress")
          told = { ...told, done: event.done, total: event.total, secondsLeft: event.eta_seconds };
        else if (event.type === "summary.planned")
          nodes.push(...(await server.get<{ nodes: BookNode[] }>(at(id, "/tree"))).nodes);
        timer ??= setTimeout(tell, 80);
      }
      clearTimeout(timer);
      tell();
      const [now, all] = [await card(id), await server.get<{ nodes: BookNode[] }>(at(id, "/tree"))];
      if (!signal.aborted) changed(all.nodes, now);
    },
    tree: async (id) => (await server.get<{ nodes: BookNode[] }>(at(id, "/tree"))).nodes,
    sentences: async (id, node) =>
      (await server.get<{ sentences: readonly BookSentence[] }>(nodeAt(id, node))).sentences,
    async text(id) {
      const { text, pages } = await server.get<{ text: string; pages: number[] | null }>(at(id, "/text"));
      return { text, ...(pages && { pages }) } satisfies BookText;
    },
    pause: (id) => server.post(at(id, "/pause"), {}),
    resume: (id) => server.post(at(id, "/resume"), {}),
    remove: (id) => server.remove(at(id)),
    edit: (id, node, text) => server.post(nodeAt(id, node), { text }),
    revert: (id, node) => server.post(nodeAt(id, node, "/revert"), {}),
    redo: (id, node) => server.post(nodeAt(id, node, "/redo"), {}),
    exported: async (id, format) => new Response(await server.streamed(at(id, `/export?format=${format}`))).blob(),
  };
}
