/** A question answered from passages, each sentence of the answer with the sentence that it rests on. */
import type { ChatMessage } from "../../text/chat/messages.ts";
import { askingMessages, bareAnswer, isRefusal, type WriterKind } from "./prompt.ts";
import { type Embed, type Sense, senseOf } from "./sense.ts";
import { sentencesOf } from "./sentences.ts";
import { evidenceOf, nearestTo, type Passage, type Source, supportOf } from "./support.ts";

/** What is said where the documents do not answer. */
export const notFound = "This is not in the documents.";

/**
 * The least support of a sentence that counts as supported, and the least share of the question's words that must stand
 * in what it rests on, or beside it. docs/ask-documents.md has what was measured.
 */
const usualSupport = 0.6;
const usualNear = 0.5;
/** The same of a sentence that is the answer by itself. */
const usualFit = 0.55;

export interface Citation {
  /** Number of the answer's sentence, from 1. */
  readonly sentence: number;
  /** Number of the passage, from 0. */
  readonly passage: number;
  /** Place of the quote in the document's stored text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly quote: string;
  readonly support: number;
}

export interface AnswerSentence {
  readonly text: string;
  /** Place in the answer. */
  readonly start: number;
  readonly end: number;
  readonly supported: boolean;
  readonly support: number;
}

export interface CitedAnswer {
  readonly text: string;
  readonly found: boolean;
  readonly sentences: readonly AnswerSentence[];
  readonly citations: readonly Citation[];
  /** Where nothing was found: what the model had written all the same. */
  readonly said?: string;
}

export interface Thresholds {
  readonly support?: number | undefined;
  readonly near?: number | undefined;
  /** Vectors of what was written, of {@link senseOfWritten}: without, words alone decide. */
  readonly sense?: Sense | undefined;
}

const nothing = (said?: string): CitedAnswer => ({
  ...{ text: notFound, found: false, sentences: [], citations: [] },
  ...(said !== undefined && said !== "" && { said }),
});

function citationOf(passages: readonly Passage[], source: Source, sentence: number, support: number): Citation {
  const { start } = passages[source.passage]!;
  return {
    ...{ sentence, passage: source.passage, support },
    ...{ start: start + source.start, end: start + source.end, quote: source.text },
  };
}

/** Vectors of an answer that was written and of the passages, for {@link citeAnswer}. */
export const senseOfWritten = (
  question: string,
  written: string,
  passages: readonly Passage[],
  embed: Embed,
  signal?: AbortSignal,
): Promise<Sense | undefined> => senseOf(question, bareAnswer(written), passages, embed, signal);

/** An answer that was written, looked at: what of it the passages say, and where. */
export function citeAnswer(
  question: string,
  written: string,
  passages: readonly Passage[],
  { support: least = usualSupport, near = usualNear, sense }: Thresholds = {},
): CitedAnswer {
  const text = bareAnswer(written);
  if (isRefusal(text)) return nothing(written.trim());
  const judged = supportOf(question, text, evidenceOf(passages), sense);
  const sentences = judged.map(
    ({ sentence, support }): AnswerSentence => ({ ...sentence, support, supported: support >= least }),
  );
  // What an answer rests on must be about the question: a sentence that merely has the same word is not.
  if (!judged.some((one) => one.support >= least && one.near >= near)) return nothing(text);
  const citations = judged.flatMap(({ source, support }, i) =>
    source && support >= least ? [citationOf(passages, source, i + 1, support)] : [],
  );
  return { text, found: true, sentences, citations };
}

/** The answer without a model that writes: the sentence that fits the question best. */
export function extractAnswer(
  question: string,
  passages: readonly Passage[],
  { near = usualFit }: Thresholds = {},
): CitedAnswer {
  const best = nearestTo(question, evidenceOf(passages));
  if (!best || best.share < near) return nothing();
  const { source, share } = best;
  const text = source.text.replace(/\s+/g, " ");
  return {
    ...{ text, found: true },
    sentences: [{ text, start: 0, end: text.length, supported: true, support: share }],
    citations: [citationOf(passages, source, 1, share)],
  };
}

export interface RoomOptions {
  readonly writer: WriterKind;
  readonly question: string;
  /** Tokens that the conversation may have; undefined for no limit. */
  readonly room: number;
  /** Tokens of a conversation. */
  readonly count: (messages: readonly ChatMessage[]) => number | Promise<number>;
}

/**
 * The conversation with as many of the passages, best first, as there is room for; at least the first sentences of the
 * first.
 * @returns how many passages are in it whole, or undefined where not even a sentence fits
 */
export async function fittingMessages(
  passages: readonly Passage[],
  { writer, question, room, count }: RoomOptions,
): Promise<{ readonly messages: ChatMessage[]; readonly passages: readonly Passage[] } | undefined> {
  const texts = passages.map(({ text }) => text);
  for (let taken = texts.length; taken > 0; taken--) {
    const messages = askingMessages(writer, question, texts.slice(0, taken));
    if ((await count(messages)) <= room) return { messages, passages: passages.slice(0, taken) };
  }
  const [first] = passages;
  if (!first) return undefined;
  for (const { end } of sentencesOf(first.text).reverse()) {
    const text = first.text.slice(0, end);
    const messages = askingMessages(writer, question, [text]);
    if ((await count(messages)) <= room) return { messages, passages: [{ ...first, text, end: first.start + end }] };
  }
  return undefined;
}
