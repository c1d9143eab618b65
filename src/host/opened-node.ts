/** One open model, asked as an engine asks: prompts of every form in, events, scores and vectors out. */
import { fail, throwIfAborted, ZerothError } from "../errors.ts";
import { cannot } from "../models/families.ts";
import { createChat, withoutEnds } from "../text/chat/chat.ts";
import { plainStops } from "../text/chat/plain-form.ts";
import type { EncodingModel } from "../text/embedding/encoding-model.ts";
import { fittingPair } from "../text/heads/fit.ts";
import { type LiveOptions, liveModel, usualRows } from "../text/live/live.ts";
import type { LiveEvent, LiveModel, TokenShown } from "../text/live/request.ts";
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
import { adaptedReaders, adaptedWriters, type LoadedAdapter, loadedAdapters } from "./adapters/loaded-node.ts";
import type {
  EmbedAsk,
  EmbedTold,
  EnginePrompt,
  GenerateAsk,
  ModelAbout,
  PictureInput,
  PredictAsk,
  Predictions,
  PredictTold,
  Prepared,
  ScoreAsk,
  ScoreTold,
  TextInput,
} from "./engine.ts";
import type { OpenedHere, Written } from "./opened.ts";
import { predictAll } from "./predict.ts";
import { failedRow, pieces, rowsBetween } from "./rows.ts";
import { openSeeing } from "./seeing-node.ts";
import { settingsWith } from "./settings.ts";
import { breathe, type Turn, turns } from "./waiting.ts";

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
  /** What scores, with an adapter or without. */
  readonly text: (adapter: LoadedAdapter | undefined) => Promise<TextModel> | TextModel;
  readonly close: () => Promise<void>;
  readonly ends: readonly number[];
  /** Whether conversations are written in the plain form, whose next turn is a stop text. */
  readonly plain: boolean;
}

function writerOf(opened: OpenedLanguageModel, options: LiveOptions): Writer {
  const { tokenizer, generation } = opened;
  const chat = createChat(opened);
  const { ends } = chat;
  // A model that was taught to end a turn ends it in every answer.
  const ending = <M extends object>(model: M) => ({ ...model, ends });
  const codec = withoutEnds(tokenizer, ends);
  const vocabulary = opened.model.inputVocabulary ?? opened.model.vocabulary;
  const { rules } = generation;
  const plain = textModel({ model: ending(opened.model), tokenizer: codec, rules });
  const adapted = adaptedWriters(opened);
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
        rules,
      },
      options,
    ),
    rows: options?.rows ?? usualRows,
    prompt,
    opened,
    text: async (adapter) =>
      adapter ? textModel({ model: ending((await adapted.of(adapter)).model), tokenizer: codec, rules }) : plain,
    close: () => adapted[Symbol.asyncDispose](),
    ends,
    plain: chat.templates.length === 0 && opened.kind === "decoder",
  };
}

/** An adapter with a head tells classes: what it would write is not what it was made for. */
function needText(adapter: LoadedAdapter | undefined): void {
  if (adapter?.head === undefined) return;
  const what = adapter.head === "span" ? "answers in a passage" : "classes";
  fail("unsupported", `the adapter tells ${what}, and writes no text`, {
    where: adapter.id,
    hint: "POST /v1/score tells what its head says",
  });
}

async function* generate(
  writer: Writer,
  ask: GenerateAsk,
  signal: AbortSignal,
  adapter: LoadedAdapter | undefined,
): AsyncGenerator<Prepared | LiveEvent> {
  needText(adapter);
  const { opened, live, plain } = writer;
  const { model: _, prompt: asked, settings, ...request } = ask;
  const { ids, text, warnings } = writer.prompt(asked);
  if (ids.length === 0) fail("bad_input", "the prompt is empty");
  // An encoder's text does not count among the answer's tokens: there is its start token alone.
  const places = adapter ? (opened.kind === "decoder" ? adapter.row.places : adapter.row.counted) : 0;
  const room = {
    prompt: opened.kind === "decoder" ? ids.length : 1,
    longest: opened.model.longest === undefined ? undefined : opened.model.longest - places,
  };
  const taken = settingsWith(settings, opened.generation.defaults, room);
  const stops = "messages" in asked && plain ? { stop: [...(taken.stop ?? []), ...plainStops] } : {};
  yield { kind: "prepared", text, ids, warnings };
  // More answers than the batch has rows are made one part after another; the prompt is told once.
  const { answers = 1 } = request;
  for (let firstAnswer = 0; firstAnswer < answers; firstAnswer += writer.rows) {
    const part = { firstAnswer, answers: Math.min(writer.rows, answers - firstAnswer) };
    const asked = {
      ...{ ...request, ...part, prompt: ids, settings: { ...taken, ...stops } },
      ...(adapter && { adapter: adapter.row }),
    };
    for await (const event of live.ask(asked, signal)) if (event.kind !== "prompt" || firstAnswer === 0) yield event;
  }
}

async function score(
  { live, prompt, opened, text, ends }: Writer,
  shown: (id: number) => TokenShown,
  { rows, eos = true }: ScoreAsk,
  signal: AbortSignal,
  adapter: LoadedAdapter | undefined,
): Promise<ScoreTold[]> {
  needText(adapter);
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
    const scored = await live.between(async () => {
      const model = await text(adapter);
      return model.scoreAll(some, { eos: false, signal });
    }, signal);
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

/** @throws bad_input for pictures among them */
const textsOf = <T extends object | string>(inputs: readonly (T | PictureInput)[], model: string): readonly T[] =>
  inputs.map((input) =>
    typeof input === "object" && "image" in input
      ? fail("bad_input", "pictures: the model reads texts", { where: model })
      : input,
  );

async function embed(
  encoder: () => Promise<EncodingModel>,
  tokenizer: Tokenizer,
  turn: Turn,
  { model, inputs: given, dimensions, prompt, truncate }: EmbedAsk,
  signal: AbortSignal,
): Promise<EmbedTold> {
  const inputs = textsOf<string | readonly number[]>(given, model);
  const vectors: Float32Array[] = [];
  let tokens = 0;
  for (const some of pieces(inputs, rowsBetween)) {
    throwIfAborted(signal);
    const how = {
      ...(dimensions !== undefined && { dimensions }),
      ...(prompt !== undefined && { promptText: prompt }),
    };
    const made = await turn(async () => (await encoder()).embedAll(some, { signal, truncate, ...how }));
    for (const one of made) {
      if (one instanceof ZerothError) throw failedRow(one, vectors.length, inputs.length);
      vectors.push(one);
    }
    tokens += some.reduce((n, text) => n + (typeof text === "string" ? tokenizer.encode(text).ids : text).length, 0);
  }
  return { vectors, tokens };
}

async function predict(
  encoder: () => Promise<EncodingModel>,
  { tokenizer, model: { longest = Number.POSITIVE_INFINITY } }: OpenedEncoder,
  turn: Turn,
  { model, inputs: asked, truncate = false }: PredictAsk,
  signal: AbortSignal,
): Promise<Predictions> {
  const inputs = textsOf<TextInput>(asked, model);
  const all: PredictTold[] = [];
  let [tokens, truncated] = [0, 0];
  for (const given of pieces(inputs, rowsBetween)) {
    throwIfAborted(signal);
    const some = given.map((input) => {
      if (!truncate || input.pair === undefined) return input;
      const pair = fittingPair(tokenizer, longest, input.text, input.pair, model);
      if (pair.length < input.pair.length) truncated++;
      return { ...input, pair };
    });
    for (const one of await turn(async () => predictAll(await encoder(), some, signal))) {
      if (one instanceof ZerothError) throw failedRow(one, all.length, inputs.length);
      all.push(one);
    }
    for (const { text, pair, context } of some) {
      const second = pair ?? context;
      tokens += tokenizer.encode(text, second === undefined ? {} : { pair: second }).ids.length;
    }
  }
  return { told: all, tokens, truncated };
}

export interface HereOptions {
  readonly live?: LiveOptions;
  /** Bytes of the adapters that are kept; 1 GiB by default. */
  readonly adapterBytes?: number;
}

/**
 * Open a model for all that it can do. A decoder that is also asked for vectors is opened a second time then, over the
 * same mapped weights.
 * @throws as opening does; unsupported for what neither writes nor reads texts
 */
export async function openHere(
  about: ModelAbout,
  path: string,
  { live = {}, adapterBytes = 2 ** 30, ...options }: OpenOptions & HereOptions,
): Promise<OpenedHere> {
  const { id, can, kind, family } = about;
  if (can.length === 0) cannot({ type: family, kind }, "be asked for texts, scores or vectors", id);
  if (kind === "image-encoder") return openSeeing(about, path, options);
  const writes = can.includes("generate");
  const opened = writes ? await openLanguageModel(path, options) : await openEncoder(path, options);
  const { tokenizer } = opened;
  const shown = tokensShown(tokenizer);
  const writer = opened.kind === "encoder" ? undefined : writerOf(opened, live);
  let reader: Promise<OpenedEncoder> | undefined = opened.kind === "encoder" ? Promise.resolve(opened) : undefined;
  let readers: ReturnType<typeof adaptedReaders> | undefined;
  const inTurn = turns();
  const needWriter = (what: string): Writer => writer ?? cannot({ type: family, kind }, what, id);

  async function openReader(): Promise<OpenedEncoder> {
    reader ??= openEncoder(path, options);
    return reader.catch((error) => {
      reader = undefined;
      throw error;
    });
  }

  /** What reads texts, with an adapter or without; asked for in the turn that uses it. */
  async function reading(adapter: LoadedAdapter | undefined): Promise<() => Promise<EncodingModel>> {
    const open = await openReader();
    if (!adapter) return async () => open.encoder;
    readers ??= adaptedReaders(open);
    const own = readers;
    return () => own.of(adapter);
  }

  // Of a decoder both share the processor: what is read comes between steps of answers.
  const turnOf = (signal: AbortSignal): Turn => (writer ? (work) => writer.live.between(work, signal) : inTurn);

  return {
    tokenizer: () => tokenizer,
    shown,
    adapters: loadedAdapters(opened.folder, adapterBytes),
    template: opened.kind === "encoder" ? opened.folder.chatTemplate : opened.chatTemplates().get("default"),
    async prompt(asked) {
      if (writer) return writer.prompt(asked);
      if ("messages" in asked) cannot({ type: family, kind }, "be talked with", id);
      if ("ids" in asked) return { ids: asked.ids, text: tokenizer.decode(asked.ids), warnings: [] };
      const { ids } = tokenizer.encode(asked.text, { addSpecialTokens: asked.specialTokens ?? true });
      return { ids, text: asked.text, warnings: [] };
    },
    generate: (ask, signal, adapter) => generate(needWriter("generate text"), ask, signal, adapter),
    score: async (ask, signal, adapter) => score(needWriter("score answers"), shown, ask, signal, adapter),
    async embed(ask, signal, adapter) {
      if (!can.includes("embed")) cannot({ type: family, kind }, "give vectors of texts", id);
      return embed(await reading(adapter), tokenizer, turnOf(signal), ask, signal);
    },
    async predict(ask, signal, adapter) {
      if (kind === "encoder-decoder") cannot({ type: family, kind }, "tell classes", id);
      const read = await reading(adapter);
      return predict(read, await openReader(), turnOf(signal), ask, signal);
    },
    status: () => writer?.live.status(),
    async [Symbol.asyncDispose]() {
      await writer?.live[Symbol.asyncDispose]();
      await writer?.close();
      await inTurn(async () => {});
      await readers?.[Symbol.asyncDispose]();
      const open = await reader?.catch(() => undefined);
      if (open && open !== opened) await open[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}
