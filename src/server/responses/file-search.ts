/**
 * The tool `file_search` of /v1/responses: what a person says last is looked for in vector stores, its passages are put
 * before the model, and what of the answer rests on one names its file. The model is not asked whether to search.
 */
import { citeAnswer, fittingMessages, senseOfWritten } from "../../retrieve/answers/answer.ts";
import { askingStops, type WriterKind } from "../../retrieve/answers/prompt.ts";
import type { Passage } from "../../retrieve/answers/support.ts";
import { useStore } from "../../state/vectors/stores.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import type { Message } from "../chat/schema.ts";
import type { Asked, ServerContext } from "../context.ts";
import { invalid, refuse } from "../errors.ts";
import { namedModel } from "../named.ts";
import { ofState } from "../stored/errors.ts";
import { rankerOf, type ScoredHit, searchStores } from "../vectors/search.ts";
import { attributesOf } from "../vectors/shown.ts";
import type { FileSearchTool } from "./schema.ts";

export interface FileCitation {
  readonly type: "file_citation";
  readonly file_id: string;
  readonly filename: string;
  /** The place of the file in the list of the files that were found. */
  readonly index: number;
}

export interface FoundResult {
  readonly file_id: string;
  readonly filename: string;
  readonly score: number;
  readonly text: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>> | null;
}

/** A search that was done for an answer. */
export interface FileSearched {
  readonly queries: readonly string[];
  readonly results: readonly FoundResult[];
  /** The files that an answer's sentences rest on, in their order, each once. */
  cite(text: string): Promise<FileCitation[]>;
  /** The conversation with the passages in it. */
  readonly messages: readonly Message[];
  readonly stop: readonly string[];
}

const usualPassages = 8;
/** Tokens of a prompt at most, and of an answer where nobody says: as /v1/ask has them. */
const mostPrompt = 4096;
const usualRoom = 1024;
const usualTokens = 200;

/** Texts of a message; what is no text is refused where the conversation is read. */
const plain = ({ content }: Message): string =>
  typeof content === "string"
    ? content
    : (content ?? []).map((part) => ("text" in part && typeof part.text === "string" ? part.text : "")).join("");

/** The conversation with what the last message was replaced by: rules join those that are there already. */
function withPassages(before: readonly Message[], asking: readonly ChatMessage[]): Message[] {
  const rules = asking.filter(({ role }) => role === "system").map(({ content }) => String(content));
  const question: Message = { role: "user", content: String(asking.at(-1)!.content) };
  if (rules.length === 0) return [...before, question];
  const [first, ...rest] = before;
  const has = first?.role === "system" || first?.role === "developer";
  const all = [...(has ? [plain(first)] : []), ...rules].join("\n\n");
  return [{ role: "system", content: all }, ...(has ? rest : before), question];
}

export async function fileSearch(
  { state, vectors, engine }: Pick<ServerContext, "state" | "vectors" | "engine">,
  { tool, param }: { readonly tool: FileSearchTool; readonly param: string },
  body: { readonly model: string; readonly max_output_tokens?: number | null | undefined },
  messages: readonly Message[],
  asked: Asked,
): Promise<FileSearched> {
  if (state === undefined || vectors === undefined)
    return invalid(`${param}.type`, `'${param}.type': this server has no vector stores`, "unsupported_value");
  const last = messages.at(-1);
  const question = last?.role === "user" ? plain(last).trim() : "";
  if (question === "")
    return invalid("input", "'input': file_search looks for what the last message of the user says", "invalid_value");
  const stores = [];
  for (const [i, id] of [...new Set(tool.vector_store_ids)].entries())
    stores.push(await ofState(useStore(state, asked.owner.owner, id), `${param}.vector_store_ids[${i}]`));
  const { filters, ranking_options: ranking, max_num_results: most } = tool;
  const ask = {
    ...{ queries: [question], k: most ?? usualPassages, filters, ranker: rankerOf(ranking?.ranker) },
    rankerParam: `${param}.ranking_options.ranker`,
  };
  const least = ranking?.score_threshold ?? 0;
  const hits = (await searchStores({ engine, vectors }, stores, ask, asked)).filter(({ score }) => score >= least);
  const about = await namedModel(engine, body.model, asked);
  const writer: WriterKind = {
    kind: about.kind === "encoder-decoder" ? "encoder-decoder" : "decoder",
    chat: about.chat,
  };
  const before = messages.slice(0, -1);
  const room =
    Math.min(about.longest ?? usualRoom, mostPrompt) -
    (writer.kind === "decoder" ? (body.max_output_tokens ?? usualTokens) : 0);
  const count = async (asking: readonly ChatMessage[]) =>
    (await engine.tokenize(about.id, { messages: withPassages(before, asking) as ChatMessage[] })).ids.length;
  const fitting = hits.length === 0 ? undefined : await fittingMessages(hits, { writer, question, room, count });
  if (hits.length > 0 && !fitting) {
    return refuse(400, `the conversation leaves no room for a passage: the model reads ${Math.max(0, room)} tokens`, {
      code: "context_length_exceeded",
      param: "input",
    });
  }
  const passages: readonly Passage[] = fitting?.passages ?? [];
  const files = [...new Set(hits.map(({ file }) => file.file))];
  const store = stores.find(({ model }) => model !== null);
  const embed = async (texts: readonly string[]) => (await vectors.embed(store!, texts, asked.signal)) ?? [];
  return {
    queries: [question],
    results: hits.map(({ file, score, text }) => ({
      ...{ file_id: file.file, filename: file.filename, score, text },
      attributes: attributesOf(file),
    })),
    messages: fitting ? withPassages(before, fitting.messages) : messages,
    stop: fitting ? askingStops(writer) : [],
    async cite(text) {
      if (passages.length === 0 || text.trim() === "") return [];
      const sense = store && (await senseOfWritten(question, text, passages, embed));
      const { citations } = citeAnswer(question, text, passages, { sense });
      const cited = new Map(citations.map(({ passage }) => [hits[passage]!.file.file, hits[passage]!]));
      return [...cited.values()].map(
        ({ file }: ScoredHit): FileCitation => ({
          ...{ type: "file_citation", file_id: file.file, filename: file.filename },
          index: files.indexOf(file.file),
        }),
      );
    },
  };
}
