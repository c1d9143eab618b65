/** A question answered from vector stores: passages found, an answer written, its sentences looked at. */
import type { Engine, EnginePrompt, GenerateAsk, ModelAbout } from "../../host/engine.ts";
import {
  type CitedAnswer,
  citeAnswer,
  extractAnswer,
  fittingMessages,
  senseOfWritten,
} from "../../retrieve/answers/answer.ts";
import { askingStops, type WriterKind } from "../../retrieve/answers/prompt.ts";
import type { Passage } from "../../retrieve/answers/support.ts";
import type { VectorStore } from "../../state/vectors/stores.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import { asking } from "../asking.ts";
import type { Asked } from "../context.ts";
import { refuse } from "../errors.ts";
import { settingsOf } from "../settings.ts";
import type { StreamEvent } from "../sse.ts";
import { rankerOf, type ScoredHit, searchStores } from "../vectors/search.ts";
import type { VectorStores } from "../vectors/stores-node.ts";
import type { Answer, AskEvent, AskRequest } from "./schema.ts";

const usualPassages = 4;
const usualTokens = 200;
/** Tokens of a prompt at most: more passages make small models worse, and every answer slower. */
const mostPrompt = 4096;
/** Of a model that does not say how much it reads. */
const usualRoom = 1024;

export interface AnsweringParts {
  readonly engine: Engine;
  readonly vectors: VectorStores;
}

const placeOf = ({
  document,
  start,
  end,
  page,
  heading,
}: Pick<ScoredHit, "document" | "start" | "end" | "page" | "heading">) => ({
  ...{ document, start, end },
  ...(page !== undefined && { page }),
  ...(heading !== undefined && { heading }),
});

const sourceOf = ({ store, file }: ScoredHit) => ({
  vector_store_id: store.id,
  file_id: file.file,
  filename: file.filename,
});

const shownPassages = (hits: readonly ScoredHit[]): Answer["passages"] =>
  hits.map((hit, i) => ({ number: i + 1, ...sourceOf(hit), score: hit.score, text: hit.text, ...placeOf(hit) }));

function answerOf(
  start: Pick<Answer, "id" | "object" | "created" | "model" | "question">,
  { text, found, sentences, citations }: CitedAnswer,
  hits: readonly ScoredHit[],
  usage: Answer["usage"],
): Answer {
  return {
    ...start,
    ...{ text, found, sentences: sentences.map((sentence) => ({ ...sentence })) },
    citations: citations.map(({ sentence, passage, start: from, end, quote, support }) => {
      const hit = hits[passage]!;
      return {
        sentence,
        passage: passage + 1,
        ...sourceOf(hit),
        quote,
        support,
        ...placeOf({ ...hit, start: from, end }),
      };
    }),
    passages: shownPassages(hits),
    usage,
  };
}

/** What the engine is asked to write, and the passages that it reads. */
async function writingAsk(
  engine: Engine,
  about: ModelAbout,
  body: AskRequest,
  hits: readonly ScoredHit[],
  owner: string,
): Promise<{ readonly ask: GenerateAsk; readonly passages: readonly Passage[] }> {
  const model = about.id;
  const writer: WriterKind = {
    kind: about.kind === "encoder-decoder" ? "encoder-decoder" : "decoder",
    chat: about.chat,
  };
  const maxNewTokens = body.max_tokens ?? usualTokens;
  const room = Math.min(about.longest ?? usualRoom, mostPrompt) - (writer.kind === "decoder" ? maxNewTokens : 0);
  const promptOf = (messages: readonly ChatMessage[]): EnginePrompt => ({ messages });
  const count = async (messages: readonly ChatMessage[]) =>
    (await engine.tokenize(model, promptOf(messages))).ids.length;
  const fitting = await fittingMessages(hits, { writer, question: body.question, room, count });
  if (!fitting) {
    return refuse(400, `the question leaves no room for a passage: the model reads ${Math.max(0, room)} tokens`, {
      code: "context_length_exceeded",
      param: "question",
    });
  }
  const stop = askingStops(writer);
  const { temperature, seed } = body;
  const settings = {
    maxNewTokens,
    ...settingsOf({ temperature: temperature ?? 0, seed }, about, 1),
    ...(stop.length > 0 && { stop }),
  };
  return { ask: { model, owner, prompt: promptOf(fitting.messages), settings }, passages: fitting.passages };
}

/**
 * The events of an answer, as they come; the last is the whole of it.
 * @param about the model that writes; undefined where the answer is a sentence of the documents
 */
export async function* answering(
  { engine, vectors }: AnsweringParts,
  stores: readonly VectorStore[],
  about: ModelAbout | undefined,
  body: AskRequest,
  asked: Asked,
): AsyncGenerator<AskEvent, undefined> {
  const { question, filters } = body;
  const ask = { queries: [question], k: body.max_num_results ?? usualPassages, filters, rankerParam: "ranker" };
  const hits = await searchStores({ engine, vectors }, stores, { ...ask, ranker: rankerOf(body.ranker) }, asked);
  yield { type: "answer.passages", passages: shownPassages(hits) };
  const start = {
    ...{ id: asked.id.replace(/^req_/, "ask-"), object: "answer" as const, created: Math.floor(Date.now() / 1000) },
    ...{ model: about?.id ?? null, question },
  };
  const thresholds = { support: body.support ?? undefined };
  let told: CitedAnswer;
  let [prompt, written] = [0, 0];
  if (hits.length === 0) told = citeAnswer(question, "", hits, thresholds);
  else if (!about) told = extractAnswer(question, hits);
  else {
    const { ask: writing, passages } = await writingAsk(engine, about, body, hits, asked.owner.owner);
    let text = "";
    for await (const { event } of asking(engine, [writing], asked)) {
      if (event.kind === "prompt") prompt = event.tokens;
      if (event.kind !== "piece") continue;
      written += event.tokens.length;
      if (event.text === "") continue;
      text += event.text;
      yield { type: "answer.delta", delta: event.text };
    }
    // What says the same in other words is found by the model of a store that has one.
    const store = stores.find(({ model }) => model !== null);
    const embed = async (texts: readonly string[]) => (await vectors.embed(store!, texts, asked.signal)) ?? [];
    const sense = store && (await senseOfWritten(question, text, passages, embed));
    told = citeAnswer(question, text, passages, { ...thresholds, sense });
  }
  const usage = { prompt_tokens: prompt, completion_tokens: written, total_tokens: prompt + written };
  yield { type: "answer.completed", answer: answerOf(start, told, hits, usage) };
}

/** The events as they are sent. */
export async function* sentEvents(events: AsyncIterable<AskEvent>): AsyncGenerator<StreamEvent, undefined> {
  for await (const event of events) yield { event: event.type, data: event };
}

/** The whole answer of events that nobody else reads. */
export async function wholeAnswer(events: AsyncIterable<AskEvent>): Promise<Answer> {
  let answer: Answer | undefined;
  for await (const event of events) if (event.type === "answer.completed") answer = event.answer;
  return answer ?? refuse(500, "the answer ended before it was whole", { code: "engine_failed" });
}
