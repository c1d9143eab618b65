/** `/v1/summaries`: whole books as trees of summaries, every sentence with its source. */
import { z } from "@hono/zod-openapi";
import type { State } from "../../state/schema/tables.ts";
import {
  cancelSummary,
  changeNode,
  createSummary,
  deleteSummary,
  getSummary,
  listSummaries,
  measuredSummaries,
  pauseSummary,
  resumeSummary,
  type SummaryJob,
  summaryEvents,
  summaryRow,
  summaryRows,
} from "../../state/summaries.ts";
import { editedLine, type RunFile } from "../../summarize/run/record.ts";
import type { ShownNode } from "../../summarize/run/shown.ts";
import type { Asked, ServerContext } from "../context.ts";
import { invalid, refuse } from "../errors.ts";
import { namedWriter } from "../named.ts";
import { listed, listOf, pageQuery } from "../pages.ts";
import { type Routes, route } from "../route.ts";
import { type StreamEvent, streamed } from "../sse.ts";
import { ofState } from "../stored/errors.ts";
import {
  againBody,
  type BookBody,
  bookBody,
  deletedSummary,
  editBody,
  estimateSchema,
  exportFormats,
  nodeSchema,
  optionsOf,
  summarySchema,
  textSchema,
  traceQuery,
  traceSchema,
  treeSchema,
} from "../summaries/schema.ts";
import {
  secondsPerToken,
  shownEstimate,
  shownNodeWith,
  shownSummary,
  shownTrace,
  shownTree,
} from "../summaries/shown.ts";
import { type AskedSummary, isRule, needBook } from "../summaries/summaries-node.ts";

const usualName = "book.txt";
/** Summaries of one owner that may wait or be worked on. */
const usualWaiting = 100;

const mediaTypes = {
  md: "text/markdown; charset=utf-8",
  html: "text/html; charset=utf-8",
  epub: "application/epub+zip",
  json: "application/json",
} as const;

/** Milliseconds between two looks for events of a summary that is worked on elsewhere. */
const lookAgain = 300;

/** What is told of a summary from a place on, until it rests. */
async function* follow(
  state: State,
  owner: string,
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  for (let last = after; !signal.aborted; ) {
    // Before its events: what was told until it ended is told here as well.
    const { status } = await getSummary(state, owner, id);
    const rows = await summaryEvents(state, id, last, 200);
    for (const { seq, data } of rows) {
      const event = JSON.parse(data) as { readonly type: string };
      yield { id: String(seq), event: event.type, data: event };
    }
    last = rows.at(-1)?.seq ?? last;
    if (rows.length > 0) continue;
    if (status !== "queued" && status !== "running") break;
    await new Promise<void>((resolve) => setTimeout(resolve, lookAgain));
  }
  yield { data: "[DONE]" };
}

const eventsQuery = z.object({ after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional() });

/** What an owner does with a summary. */
const changes = [
  { verb: "cancel", change: cancelSummary, summary: "End a summary for good; what is done can be read" },
  { verb: "pause", change: pauseSummary, summary: "Hold a summary; what is done is kept" },
  { verb: "resume", change: resumeSummary, summary: "Let a summary go on with exactly the calls that are missing" },
] as const;

export const summaries: Routes = ({ state, engine, summaries, keepAlive, patience }: ServerContext) => {
  if (state === undefined || summaries === undefined) return [];

  /** A book as it is asked for: there, the owner's own, with a model that writes. */
  async function wanted(body: BookBody, asked: Asked) {
    const { file_id = null, text = null, filename, temperature, max_calls } = body;
    if ((file_id === null) === (text === null))
      invalid("file_id", "'file_id' or 'text' is needed, and not both", "missing_required_parameter");
    if (filename && text === null) invalid("filename", "'filename' belongs to 'text'; a file has its own");
    const name =
      file_id === null
        ? (filename ?? usualName)
        : await ofState(needBook(state!, asked.owner.owner, file_id), "file_id");
    const model = isRule(body.model) ? body.model : (await namedWriter(engine, body.model, asked)).id;
    const order: AskedSummary = {
      options: optionsOf(body),
      ...(typeof temperature === "number" && { temperature }),
      ...(typeof max_calls === "number" && { maxCalls: max_calls }),
    };
    return { owner: asked.owner.owner, filename: name, file: file_id, text, model, order };
  }

  const jobOf = (asked: Asked, id: string): Promise<SummaryJob> =>
    ofState(getSummary(state, asked.owner.owner, id), "id");

  const nodesOf = async (id: string): Promise<Map<string, ShownNode>> => {
    const nodes = (await summaryRows(state, id, ["node"])).map(({ data }) => JSON.parse(data) as ShownNode);
    return new Map(nodes.map((node) => [node.id, node]));
  };
  const needNode = (nodes: ReadonlyMap<string, ShownNode>, id: string): ShownNode => {
    const root = [...nodes.values()].at(-1);
    return (
      nodes.get(id) ??
      refuse(
        404,
        root ? `there is no node "${id.slice(0, 40)}"; ${root.id} is the root` : "the tree does not stand yet",
        { code: "not_found", param: "node" },
      )
    );
  };
  async function textOf(id: string) {
    const row = await summaryRow(state!, id, "run", "");
    if (!row) return refuse(409, "the book is not read yet", { code: "not_ready", param: "id" });
    return JSON.parse(row.data) as {
      readonly run: RunFile;
      readonly places: Pick<z.infer<typeof textSchema>, "headings"> & { readonly pages?: number[] };
      readonly text: string;
    };
  }

  const post = "post" as const;
  const change = (asked: Asked, id: string, node: string, again: boolean, strict: boolean, line?: object) =>
    ofState(changeNode(state, asked.owner.owner, id, { node, again, strict }, line), "id");

  return [
    route({
      method: post,
      path: "/v1/summaries",
      summary: "Begin to summarise a book: a tree of summaries, every sentence with its source",
      body: bookBody,
      answer: summarySchema,
      keeps: true,
      async handle({ body, asked }) {
        const { owner, order, ...book } = await wanted(body, asked);
        const most = summaries.options.waiting ?? usualWaiting;
        const about = { ...book, asked: order, metadata: body.metadata ?? null };
        return shownSummary(await createSummary(state, owner, about, most));
      },
    }),
    route({
      method: post,
      path: "/v1/summaries/estimate",
      summary: "What summarising a book will take; nothing is asked of a model",
      body: bookBody,
      answer: estimateSchema,
      asksModel: true,
      async handle({ body, asked, signal }) {
        const { order, ...book } = await wanted(body, asked);
        const plan = await summaries.plan(book, order, signal);
        const measured = isRule(book.model) ? [] : await measuredSummaries(state, book.model);
        return shownEstimate(book.model, plan, isRule(book.model) ? 0 : secondsPerToken(measured));
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries",
      summary: "Summaries of this key, the newest first",
      query: z.object(pageQuery),
      answer: listOf(summarySchema),
      async handle({ query: { limit = 20, ...page }, asked }) {
        const { data, more } = await ofState(listSummaries(state, asked.owner.owner, { limit, ...page }), "after");
        return listed(data.map(shownSummary), more);
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}",
      summary: "One summary and how far it is",
      answer: summarySchema,
      handle: async ({ params: { id = "" }, asked }) => shownSummary(await jobOf(asked, id)),
    }),
    route({
      method: "delete",
      path: "/v1/summaries/{id}",
      summary: "Delete a summary with all that came of it; its file stays",
      answer: deletedSummary,
      async handle({ params: { id = "" }, asked }) {
        await ofState(deleteSummary(state, asked.owner.owner, id), "id");
        return { id, object: "summary.deleted", deleted: true };
      },
    }),
    ...changes.map(({ verb, change: to, summary }) =>
      route({
        ...{ method: post, path: `/v1/summaries/{id}/${verb}`, summary, answer: summarySchema },
        handle: async ({ params: { id = "" }, asked }) =>
          shownSummary(await ofState(to(state, asked.owner.owner, id), "id")),
      }),
    ),
    route({
      method: "get",
      path: "/v1/summaries/{id}/events",
      summary: "What happens to a summary, from the first on or behind `Last-Event-ID`, until it rests",
      query: eventsQuery,
      streams: true,
      async handle({ c, params: { id = "" }, query: { after }, asked }) {
        await jobOf(asked, id);
        const header = c.req.header("last-event-id");
        if (header !== undefined && !/^\d{1,15}$/.test(header))
          invalid("Last-Event-ID", "'Last-Event-ID' is a number that an event had");
        const from = header === undefined ? (after ?? 0) : Number(header);
        return streamed(asked, { keepAlive, patience }, follow(state, asked.owner.owner, id, from, asked.signal));
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}/tree",
      summary: "The tree of a summary: every node with its place in the book, and its text where it has one",
      answer: treeSchema,
      async handle({ params: { id = "" }, asked }) {
        await jobOf(asked, id);
        return shownTree([...(await nodesOf(id)).values()]);
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}/text",
      summary: "The text of the book, which all places are of",
      answer: textSchema,
      async handle({ params: { id = "" }, asked }) {
        await jobOf(asked, id);
        const { run, places, text } = await textOf(id);
        return {
          ...{ object: "summary.text", title: run.title ?? null, text, headings: places.headings },
          ...{ pages: places.pages ?? null, body: run.body },
          trimmed: run.trimmed.map(({ span, why }) => ({ ...span, why })),
        };
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}/nodes/{node}",
      summary: "One node: its text, and each sentence with the places of the book that it comes from",
      answer: nodeSchema,
      async handle({ params: { id = "", node = "" }, asked }) {
        await jobOf(asked, id);
        const nodes = await nodesOf(id);
        return shownNodeWith((one) => nodes.get(one), needNode(nodes, node));
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}/trace",
      summary: "Sentences of a node, the root's by default, with the words of the book that they come from",
      query: traceQuery,
      answer: traceSchema,
      async handle({ params: { id = "" }, query: { node, sentence }, asked }) {
        await jobOf(asked, id);
        const nodes = await nodesOf(id);
        const one = needNode(nodes, node ?? [...nodes.keys()].at(-1) ?? "");
        if (sentence !== undefined && sentence > one.sentences.length)
          invalid("sentence", `'sentence': the node has ${one.sentences.length}, counted from 1`);
        return shownTrace((other) => nodes.get(other), one, (await textOf(id)).text, sentence);
      },
    }),
    route({
      method: post,
      path: "/v1/summaries/{id}/nodes/{node}",
      summary: "Put a person's text in the place of a node's; the nodes above it are made again",
      body: editBody,
      answer: summarySchema,
      async handle({ params: { id = "", node = "" }, body: { text, strict }, asked }) {
        await jobOf(asked, id);
        needNode(await nodesOf(id), node);
        return shownSummary(await change(asked, id, node, false, strict ?? false, editedLine(node, text)));
      },
    }),
    route({
      method: post,
      path: "/v1/summaries/{id}/nodes/{node}/revert",
      summary: "Give up a person's text of a node for the model's; the nodes above are made again",
      body: againBody,
      answer: summarySchema,
      async handle({ params: { id = "", node = "" }, body: { strict }, asked }) {
        await jobOf(asked, id);
        if (needNode(await nodesOf(id), node).by !== "human")
          invalid("node", "'node': its text is the model's", "invalid_value");
        const line = { node, state: "reverted" };
        return shownSummary(await change(asked, id, node, false, strict ?? false, line));
      },
    }),
    route({
      method: post,
      path: "/v1/summaries/{id}/nodes/{node}/redo",
      summary: "Ask for a node anew, and for those above it",
      body: againBody,
      answer: summarySchema,
      async handle({ params: { id = "", node = "" }, body: { strict }, asked }) {
        await jobOf(asked, id);
        needNode(await nodesOf(id), node);
        return shownSummary(await change(asked, id, node, true, strict ?? false));
      },
    }),
    route({
      method: "get",
      path: "/v1/summaries/{id}/export",
      summary: "A summary as Markdown with footnotes, a page, an EPUB, or JSON with every link",
      query: z.object({ format: z.enum(exportFormats).optional() }),
      content: "application/octet-stream",
      async handle({ params: { id = "" }, query: { format = "md" }, asked, signal }) {
        const job = await jobOf(asked, id);
        await textOf(id);
        const content = await summaries.exported(job, format, signal);
        const headers = {
          "content-type": mediaTypes[format],
          "content-disposition": `attachment; filename="summary.${format}"`,
        };
        return new Response(content as BodyInit, { headers });
      },
    }),
  ];
};
