/** One open model, asked as an engine asks: prompts of every form in, events, scores and vectors out. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { cannot } from "../models/families.ts";
import { createChat, withoutEnds } from "../text/chat/chat.ts";
import { plainStops } from "../text/chat/plain-form.ts";
import { type LiveOptions, liveModel, usualRows } from "../text/live/live.ts";
import type { LiveEvent, LiveModel, LiveStatus, TokenShown } from "../text/live/request.ts";
import { tokensShown } from "../text/live/shown.ts";
import { type TextModel, textModel } from "../text/model.ts";
import {
  type OpenedEncoder,
  type OpenedLanguageModel,
  type OpenOptions,
  openEncoder,
  openLanguageModel,
} from "../text/open-node.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type {
  EmbedAsk,
  EmbedTold,
  EnginePrompt,
  GenerateAsk,
  ModelAbout,
  Prepared,
  ScoreAsk,
  ScoreTold,
} from "./engine.ts";
import { settingsWith } from "./settings.ts";
import { breathe } from "./waiting.ts";

export interface Written {
  readonly ids: readonly number[];
  readonly text: string;
  readonly warnings: readonly string[];
}

/** What is asked of a model that is open; what it cannot do is refused by name. */
export interface OpenedHere extends AsyncDisposable {
  prompt(prompt: EnginePrompt): Promise<Written>;
  generate(ask: GenerateAsk, signal: AbortSignal): AsyncGenerator<Prepared | LiveEvent>;
  score(ask: ScoreAsk, signal: AbortSignal): Promise<ScoreTold[]>;
  embed(ask: EmbedAsk, signal: AbortSignal): Promise<EmbedTold>;
  readonly tokenizer: Tokenizer;
  shown(id: number): TokenShown;
  /** The chat template for ordinary talk. */
  readonly template: string | undefined;
  status(): LiveStatus | undefined;
}

/** Rows of scores, and texts of vectors, that are computed between two steps of the answers under way. */
const rowsBetween = 16;

const pieces = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

/** The error of a row of several, with its number. */
function failedRow(error: ZerothError, row: number, rows: number): ZerothError {
  if (rows === 1) return error;
  return new ZerothError(error.code, error.message, {
    where: `row ${row + 1}`,
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}

function needIds(ids: readonly number[], vocabulary: number): readonly number[] {
  for (const id of ids) {
    if (Number.isInteger(id) && id >= 0 && id < vocabulary) continue;
    fail("bad_input", `token ${id} is outside the vocabulary of ${vocabulary}`);
  }
  return ids;
}

/** The parts of a model that writes. */
interface Writer {
  readonly live: LiveModel;
  /** Answers that it makes at once. */
  readonly rows: number;
  readonly prompt: (prompt: EnginePrompt) => Written;
  readonly opened: OpenedLanguageModel;
  readonly text: TextModel;
  readonly ends: readonly number[];
  /** Whether conversations are written in the plain form, whose next turn is a stop text. */
  readonly plain: boolean;
}

function writerOf(opened: OpenedLanguageModel, options: LiveOptions): Writer {
  const { tokenizer, generation } = opened;
  const chat = createChat(opened);
  const { ends } = chat;
  // A model that was taught to end a turn ends it in every answer.
  const model = { ...opened.model, ends };
  const codec = withoutEnds(tokenizer, ends);
  const vocabulary = model.inputVocabulary ?? model.vocabulary;
  const prompt = (asked: EnginePrompt): Written => {
    if ("messages" in asked) {
      const { messages, tools, template } = asked;
      return chat.prompt(messages, { ...(tools && { tools }), ...(template !== undefined && { template }) });
    }
    const made =
      "ids" in asked
        ? { ids: needIds(asked.ids, vocabulary), text: tokenizer.decode(asked.ids, { skipSpecialTokens: false }) }
        : {
            ids: tokenizer.encode(asked.text, { addSpecialTokens: asked.specialTokens ?? true }).ids,
            text: asked.text,
          };
    return { ...made, warnings: [] };
  };
  return {
    live: liveModel(
      {
        architecture: { ...opened.architecture, ends },
        compile: opened.compile,
        // The text of an answer does not show its end; a token that is told alone is shown whatever it is.
        tokenizer: { ...codec, decode: tokenizer.decode },
        rules: generation.rules,
      },
      options,
    ),
    rows: options?.rows ?? usualRows,
    prompt,
    opened,
    text: textModel({ model, tokenizer: codec, rules: generation.rules }),
    ends,
    plain: chat.templates.length === 0 && opened.kind === "decoder",
  };
}

async function* generate(writer: Writer, ask: GenerateAsk, signal: AbortSignal): AsyncGenerator<Prepared | LiveEvent> {
  const { opened, live, plain } = writer;
  const { model: _, prompt: asked, settings, ...request } = ask;
  const { ids, text, warnings } = writer.prompt(asked);
  if (ids.length === 0) fail("bad_input", "the prompt is empty");
  // An encoder's text does not count among the answer's tokens: there is its start token alone.
  const room = { prompt: opened.kind === "decoder" ? ids.length : 1, longest: opened.model.longest };
  const taken = settingsWith(settings, opened.generation.defaults, room);
  const stops = "messages" in asked && plain ? { stop: [...(taken.stop ?? []), ...plainStops] } : {};
  yield { kind: "prepared", text, ids, warnings };
  // More answers than the batch has rows are made one part after another; the prompt is told once.
  const { answers = 1 } = request;
  for (let firstAnswer = 0; firstAnswer < answers; firstAnswer += writer.rows) {
    const part = { firstAnswer, answers: Math.min(writer.rows, answers - firstAnswer) };
    const asked = { ...request, ...part, prompt: ids, settings: { ...taken, ...stops } };
    for await (const event of live.ask(asked, signal)) if (event.kind !== "prompt" || firstAnswer === 0) yield event;
  }
}

async function score(
  { live, prompt, opened, text, ends }: Writer,
  shown: (id: number) => TokenShown,
  { rows, eos = true }: ScoreAsk,
  signal: AbortSignal,
): Promise<ScoreTold[]> {
  const [end] = opened.model.ends;
  const idsOf = (choice: string | readonly number[]): readonly number[] => {
    const ids =
      typeof choice === "string"
        ? opened.tokenizer.encode(choice, { addSpecialTokens: false, written: true }).ids
        : needIds(choice, opened.model.vocabulary);
    return eos && end !== undefined && !ends.includes(ids.at(-1) ?? -1) ? [...ids, end] : ids;
  };
  const prepared: { readonly prompt: readonly number[]; readonly choices: (readonly number[])[] }[] = [];
  for (const [i, row] of rows.entries()) {
    try {
      prepared.push({ prompt: prompt(row.prompt).ids, choices: row.choices.map(idsOf) });
    } catch (error) {
      throw error instanceof ZerothError ? failedRow(error, i, rows.length) : error;
    }
    // Many rows are much text: answers under way and signals have their turn meanwhile.
    if (i % rowsBetween === rowsBetween - 1) await breathe();
    throwIfAborted(signal);
  }
  const told: ScoreTold[] = [];
  for (const some of pieces(prepared, rowsBetween)) {
    const scored = await live.between(() => text.scoreAll(some, { eos: false, signal }), signal);
    for (const [i, one] of scored.entries()) {
      if (one instanceof ZerothError) throw failedRow(one, told.length, rows.length);
      const { prompt: ids, choices } = some[i]!;
      const chances = choices.map((choice, c) =>
        choice.map((id, t) => ({ ...shown(id), logprob: one.logprobs[c]![t]! })),
      );
      told.push({ promptTokens: ids.length, choices: chances, best: one.best });
    }
  }
  return told;
}

async function embed(
  { encoder, tokenizer }: OpenedEncoder,
  turn: <T>(work: () => Promise<T>) => Promise<T>,
  { inputs, dimensions }: EmbedAsk,
  signal: AbortSignal,
): Promise<EmbedTold> {
  const vectors: Float32Array[] = [];
  let tokens = 0;
  for (const some of pieces(inputs, rowsBetween)) {
    throwIfAborted(signal);
    const made = await turn(() => encoder.embedAll(some, { signal, ...(dimensions !== undefined && { dimensions }) }));
    for (const one of made) {
      if (one instanceof ZerothError) throw failedRow(one, vectors.length, inputs.length);
      vectors.push(one);
    }
    tokens += some.reduce((n, text) => n + (typeof text === "string" ? tokenizer.encode(text).ids : text).length, 0);
  }
  return { vectors, tokens };
}

/** One after another. */
function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

/**
 * Open a model for all that it can do. A decoder that is also asked for vectors is opened a second time then, over the
 * same mapped weights.
 * @throws as opening does; unsupported for what neither writes nor reads texts
 */
export async function openHere(
  about: ModelAbout,
  path: string,
  { live = {}, ...options }: OpenOptions & { readonly live?: LiveOptions },
): Promise<OpenedHere> {
  const { id, can, kind, family } = about;
  if (can.length === 0) cannot({ type: family, kind }, "be asked for texts, scores or vectors", id);
  const writes = can.includes("generate");
  const opened = writes ? await openLanguageModel(path, options) : await openEncoder(path, options);
  const { tokenizer } = opened;
  const shown = tokensShown(tokenizer);
  const writer = opened.kind === "encoder" ? undefined : writerOf(opened, live);
  let reader: Promise<OpenedEncoder> | undefined = opened.kind === "encoder" ? Promise.resolve(opened) : undefined;
  const inTurn = turns();
  const needWriter = (what: string): Writer => writer ?? cannot({ type: family, kind }, what, id);
  return {
    tokenizer,
    shown,
    template: opened.kind === "encoder" ? opened.folder.chatTemplate : opened.chatTemplates().get("default"),
    async prompt(asked) {
      if (writer) return writer.prompt(asked);
      if ("messages" in asked) cannot({ type: family, kind }, "be talked with", id);
      if ("ids" in asked) return { ids: asked.ids, text: tokenizer.decode(asked.ids), warnings: [] };
      const { ids } = tokenizer.encode(asked.text, { addSpecialTokens: asked.specialTokens ?? true });
      return { ids, text: asked.text, warnings: [] };
    },
    generate: (ask, signal) => generate(needWriter("generate text"), ask, signal),
    score: async (ask, signal) => score(needWriter("score answers"), shown, ask, signal),
    async embed(ask, signal) {
      if (!can.includes("embed")) cannot({ type: family, kind }, "give vectors of texts", id);
      reader ??= openEncoder(path, options);
      const open = await reader.catch((error) => {
        reader = undefined;
        throw error;
      });
      // Of a decoder both share the processor: vectors come between steps of answers.
      const turn = writer ? <T>(work: () => Promise<T>) => writer.live.between(work, signal) : inTurn;
      return embed(open, turn, ask, signal);
    },
    status: () => writer?.live.status(),
    async [Symbol.asyncDispose]() {
      await writer?.live[Symbol.asyncDispose]();
      await inTurn(async () => {});
      const open = await reader?.catch(() => undefined);
      if (open && open !== opened) await open[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}
