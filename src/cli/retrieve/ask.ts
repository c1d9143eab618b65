/** What `zeroth ask` does: passages found, an answer written, its sentences looked at. */
import { textOf } from "../../data/cli-rows-node.ts";
import { ZerothError } from "../../errors.ts";
import {
  type CitedAnswer,
  citeAnswer,
  extractAnswer,
  fittingMessages,
  senseOfWritten,
} from "../../retrieve/answers/answer.ts";
import { askingStops, type WriterKind } from "../../retrieve/answers/prompt.ts";
import type { Found } from "../../retrieve/search-node.ts";
import { type Chat, createChat } from "../../text/chat/chat.ts";
import type { Flags } from "../command.ts";
import { type Opened, openForCommand } from "../engine.ts";
import { jobsOf } from "../jobs.ts";
import type { Output } from "../output.ts";
import { modelOf, openRowJob } from "../rows/run.ts";
import { answerText, citationsText } from "./answer-text.ts";
import type { askOptions } from "./ask-options.ts";
import { openRanker } from "./open.ts";
import { openSearched } from "./searched.ts";

export type AskFlags = Flags<typeof askOptions>;

interface Call {
  readonly flags: AskFlags;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Passages of an answer, and tokens of one, where nobody says. */
const usualPassages = 4;
const usualTokens = 200;
/** Tokens of a prompt at most: more passages make small models worse, and every answer slower. */
const mostPrompt = 4096;
/** Of a model that does not say what it was trained on. */
const usualRoom = 1024;

interface Writer {
  readonly kind: WriterKind;
  readonly chat: Chat;
  readonly opened: Opened;
  readonly room: number;
}

/** The model that writes; undefined where none does. */
async function openWriter({ flags, output, signal }: Call): Promise<Writer | undefined> {
  if (flags.model === undefined || flags.extract) {
    if (flags.model === undefined && !flags.extract)
      output.say("no --model that writes: the answer is the sentence of the documents that fits best");
    return undefined;
  }
  try {
    const opened = await openForCommand(flags, output, signal);
    const chat = createChat(opened);
    const kind = { kind: opened.kind, chat: chat.templates.length > 0 };
    const longest = Math.min(chat.longest ?? opened.trainedLength ?? usualRoom, mostPrompt);
    const room = longest - (opened.kind === "decoder" ? (flags.maxNewTokens ?? usualTokens) : 0);
    return { kind, chat, opened, room };
  } catch (error) {
    if (!(error instanceof ZerothError) || error.code !== "unsupported") throw error;
    output.say(`${flags.model} writes no answers (${error.message}): the answer is the sentence that fits best`);
    return undefined;
  }
}

/** A row of the table of results. */
const rowOf = (answer: CitedAnswer, passages: readonly Found[]): object => {
  const { text, found, sentences, said } = answer;
  const citations = answer.citations.map(({ sentence, passage, start, end, quote, support }) => {
    const { document, page, heading, title } = passages[passage]!;
    return {
      ...{ sentence, document, start, end, quote, support },
      ...(page !== undefined && { page }),
      ...(heading !== undefined && { heading }),
      title,
    };
  });
  return { text, citations, found, sentences, ...(said !== undefined && { said }) };
};

export async function ask(questions: readonly string[], call: Call): Promise<number> {
  const { flags, output, signal } = call;
  const given = questions.map((question) => ({ question }));
  const job = await openRowJob("ask", { flags, given, output, signal });
  if (job === undefined) return 0;
  // The index's model and the ranker are others than the one that answers.
  const { model: _answering, indexModel, ...others } = flags;
  await using searched = await openSearched(
    { ...others, ...(indexModel !== undefined && { model: indexModel }) },
    output,
    signal,
  );
  const { index, name } = searched;
  await using ranker = flags.rerank === undefined ? undefined : await openRanker(flags.rerank, others, output, signal);
  const writer = await openWriter(call);
  await using _ = writer?.opened;
  const thresholds = { support: flags.support };
  const { mode, filter, k = usualPassages } = flags;
  const search = { mode, filter, k, rerank: ranker?.ranker.score, signal };

  /** @param piece told of what is written, while it is */
  async function answer(question: string, passages: readonly Found[], piece?: (text: string) => void) {
    if (passages.length === 0) return citeAnswer(question, "", passages, thresholds);
    if (!writer) return extractAnswer(question, passages);
    const { chat, kind, room } = writer;
    const count = (messages: Parameters<Chat["prompt"]>[0]) => chat.prompt(messages).ids.length;
    const fitting = await fittingMessages(passages, { writer: kind, question, room, count });
    if (!fitting) {
      throw new ZerothError("too_long", "the question leaves no room for a passage", {
        hint: `the model reads ${room} tokens`,
      });
    }
    const stop = askingStops(kind);
    const options = {
      ...{ sample: false, maxNewTokens: flags.maxNewTokens ?? usualTokens, signal },
      ...(stop.length > 0 && { stop }),
    };
    const stream = chat.stream(fitting.messages, options);
    let step = await stream.next();
    for (; !step.done; step = await stream.next()) piece?.(step.value);
    const { content } = step.value.message;
    const embedder = searched.model?.embedder;
    const sense =
      embedder &&
      (await senseOfWritten(
        question,
        content,
        fitting.passages,
        (texts) => embedder.documents(texts, { signal }),
        signal,
      ));
    return citeAnswer(question, content, fitting.passages, { ...thresholds, sense });
  }

  return await job.run({
    model: writer ? modelOf(writer.opened) : { name, path: name, files: [], bytes: 0 },
    things: "questions",
    async batch(inputs, { onDone }) {
      const jobs = jobsOf(inputs, (row) => textOf(row, "question"));
      const good = jobs.filter((one): one is string => typeof one === "string");
      const found = await index.search(good, search);
      const results = [];
      for (const one of jobs) {
        const passages = one instanceof ZerothError ? one : found.shift()!;
        if (one instanceof ZerothError || passages instanceof ZerothError) {
          results.push(passages as ZerothError);
          onDone(results.length);
          continue;
        }
        const alone = !job.json && good.length === 1;
        let written = "";
        const piece = (text: string) => {
          written += text;
          output.answer(text);
        };
        const told = await answer(one, passages, alone ? piece : undefined).catch((error: unknown) => {
          if (error instanceof ZerothError && error.code !== "interrupted" && !alone) return error;
          throw error;
        });
        onDone(results.length + 1);
        if (told instanceof ZerothError) {
          results.push(told);
          continue;
        }
        const show = () => {
          const title = good.length > 1 ? `${output.bold(one)}\n` : "";
          const above = written === "" ? `${title}${answerText(told, output)}` : "\n";
          output.text(`${above}${citationsText(told, passages, written, output)}`);
        };
        results.push({ row: rowOf(told, passages), show });
      }
      return results;
    },
  });
}
