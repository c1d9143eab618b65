/** Talking with a model: messages in, its answer out, over any model that writes text. */
import type { JsonObject } from "../../base/json.ts";
import { fail, ZerothError } from "../../errors.ts";
import type { LanguageModel } from "../../models/kinds/language.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import type { GenerationConfig } from "../generation-config.ts";
import { attempt, type JobOptions, orThrow } from "../jobs.ts";
import { textModel } from "../model.ts";
import type { Finish, Generated, GenerateOptions, TextCodec } from "../options.ts";
import type { ChatMessage } from "./messages.ts";
import { plainStops } from "./plain-form.ts";
import { type ChatPrompt, type PromptOptions, promptMaker } from "./prompt.ts";
import { turnEnd } from "./turn-end.ts";

/** What an open model has of what a chat needs; `openModel` gives it. */
export interface ChatSource {
  readonly kind: "encoder-decoder" | "decoder";
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly generation: GenerationConfig;
  /** config.json */
  readonly config: JsonObject;
  /** Chat templates by name, none for a model without. */
  chatTemplates(): ReadonlyMap<string, string>;
}

/** A conversation among others, with what its prompt is made with where that is its own. */
export interface ChatRow extends PromptOptions {
  readonly messages: readonly ChatMessage[];
}

/** Options of a prompt and of a generation. `sample: false` or `temperature: 0` is greedy whatever the makers say. */
export type ChatOptions = Omit<GenerateOptions, "promptEnd"> & PromptOptions;

export interface ChatAnswer {
  readonly message: { readonly role: "assistant"; readonly content: string };
  /** New ids, with the end token if it was produced. */
  readonly tokens: readonly number[];
  readonly finish: Finish;
  readonly promptTokens: number;
  /** Of a beam. */
  readonly score?: number;
  /** What the person should know of how the prompt was made. */
  readonly warnings: readonly string[];
}

export interface Chat {
  /** What was decided for this model and a person should know: how messages are written, which end was added, … */
  readonly notes: readonly string[];
  /** Names of the model's chat templates; empty for one without. */
  readonly templates: readonly string[];
  /** Tokens that end an answer: the model's own, and the template's turn end. */
  readonly ends: readonly number[];
  /** Tokens of conversation and answer together, where the model says so. */
  readonly longest: number | undefined;
  /** How tokens are drawn by default: the makers' recommendation; empty is greedy. */
  readonly drawing: GenerateOptions;
  /** The prompt that a conversation makes. */
  prompt(messages: readonly ChatMessage[], options?: PromptOptions): ChatPrompt;
  /** @throws too_long for a conversation beyond the model's length: nothing is ever cut */
  answer(messages: readonly ChatMessage[], options?: ChatOptions & JobOptions): Promise<ChatAnswer>;
  /** Many conversations, in batches; one that cannot be done gives its error. */
  answerAll(rows: readonly ChatRow[], options?: ChatOptions & JobOptions): Promise<(ChatAnswer | ZerothError)[]>;
  /** The answer piece by piece; returns the whole. */
  stream(messages: readonly ChatMessage[], options?: ChatOptions): AsyncGenerator<string, ChatAnswer>;
}

/** Tokens of an answer where nobody says anything: generation's own default. */
const usualLength = 256;

const drawingNames = ["sample", "temperature", "topK", "topP", "minP", "typicalP"] as const;

/** The makers' way of drawing, where they recommend to draw. */
function drawingOf({ defaults }: GenerationConfig): GenerateOptions {
  if (defaults.sample !== true) return {};
  const taken = drawingNames.filter((name) => defaults[name] !== undefined);
  return Object.fromEntries(taken.map((name) => [name, defaults[name]]));
}

/** Options as they are asked for, over the makers'. */
function generating(options: ChatOptions & JobOptions, drawing: GenerateOptions): GenerateOptions & JobOptions {
  const { temperature, ...rest } = options;
  if (options.sample === false || temperature === 0) return { ...rest, sample: false };
  if ((options.numBeams ?? 1) > 1) return options;
  const asked = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...drawing, ...Object.fromEntries(asked) };
}

/** The codec with the tokens that end a turn kept out of texts, special or not. */
export function withoutEnds(tokenizer: Tokenizer, ends: readonly number[]): TextCodec {
  const text = (ids: readonly number[]) => ids.filter((id) => !ends.includes(id));
  return {
    ...tokenizer,
    decode: (ids, options) => tokenizer.decode(text(ids), options),
    streamDecoder(options) {
      const decoder = tokenizer.streamDecoder(options);
      return { push: (id) => (ends.includes(id) ? "" : decoder.push(id)), flush: () => decoder.flush() };
    },
  };
}

const answerOf = (prompt: ChatPrompt, { text, tokens, finish, promptTokens, score }: Generated): ChatAnswer => ({
  message: { role: "assistant", content: text },
  tokens,
  finish,
  promptTokens,
  ...(score === undefined ? {} : { score }),
  warnings: prompt.warnings,
});

/**
 * A chat over an open model; closing the model is the caller's.
 * @throws bad_input with the line for a chat template that cannot be read; corrupt_file for files that hold none
 */
export function createChat(source: ChatSource): Chat {
  const { model, tokenizer, generation, config, kind } = source;
  const templates = source.chatTemplates();
  const maker = promptMaker({ tokenizer, config, templates });
  const usual = templates.has("default") ? maker.template() : undefined;
  const end = usual && turnEnd(usual, tokenizer);
  const added = end !== undefined && end.id < model.vocabulary && !model.ends.includes(end.id) ? end : undefined;
  const ends = added ? [...model.ends, added.id] : model.ends;
  const drawing = drawingOf(generation);
  const { longest } = model;
  const text = textModel({
    model: added ? { ...model, ends } : model,
    tokenizer: withoutEnds(tokenizer, ends),
    rules: generation.rules,
  });
  const notes = [
    ...(templates.size === 0
      ? [
          "the model has no chat template: one message is the prompt as it is, a conversation is written as User: … Assistant: …",
        ]
      : []),
    ...(added ? [`${added.content} ends a turn in the chat template: it was added to the model's end tokens`] : []),
  ];

  /** Options for a prompt: an answer ends where the model's length does. */
  const fitting = (prompt: ChatPrompt, options: GenerateOptions & JobOptions): GenerateOptions & JobOptions => {
    const plain = templates.size === 0 && kind === "decoder";
    const stop = plain ? [...(options.stop ?? []), ...plainStops] : options.stop;
    const room = longest === undefined ? Infinity : longest - prompt.ids.length;
    if (room <= 0) {
      fail("too_long", `the conversation has ${prompt.ids.length} tokens, the model's length is ${longest}`, {
        hint: "start anew, leave out earlier messages, or take a model with a longer text; nothing is ever cut",
      });
    }
    const { maxNewTokens, maxLength } = options;
    const most =
      maxNewTokens === undefined && maxLength !== undefined
        ? { maxLength: Math.min(maxLength, longest ?? Infinity) }
        : { maxNewTokens: Math.min(maxNewTokens ?? usualLength, room) };
    return { ...options, ...(stop && { stop }), ...most, promptEnd: false };
  };

  const chat: Chat = {
    notes,
    templates: [...templates.keys()],
    ends,
    longest,
    drawing,
    prompt: maker.prompt,
    async answer(messages, options = {}) {
      return orThrow((await chat.answerAll([{ messages }], options))[0]);
    },
    async answerAll(rows, options = {}) {
      const asked = generating(options, drawing);
      const jobs = rows.map(({ messages, ...own }) =>
        attempt(() => {
          const prompt = maker.prompt(messages, { ...options, ...own });
          return { prompt, fitted: fitting(prompt, asked) };
        }),
      );
      const most = options.maxNewTokens ?? (options.maxLength === undefined ? usualLength : undefined);
      const whole = (job: (typeof jobs)[number]) => !(job instanceof ZerothError) && job.fitted.maxNewTokens === most;
      const common = jobs.find(whole);
      // One without room for the longest answer is done alone. A row's number decides what it draws: places stay.
      const together = await text.generateAll(
        jobs.map((job) => (job instanceof ZerothError || !whole(job) ? [] : job.prompt.ids)),
        common instanceof ZerothError ? asked : (common?.fitted ?? asked),
      );
      const results: (ChatAnswer | ZerothError)[] = [];
      for (const [i, job] of jobs.entries()) {
        if (job instanceof ZerothError) results.push(job);
        else {
          const { prompt, fitted } = job;
          const alone = { ...fitted, firstRow: (options.firstRow ?? 0) + i };
          const made = whole(job) ? together[i]! : (await text.generateAll([prompt.ids], alone))[0]!;
          results.push(made instanceof ZerothError ? made : answerOf(prompt, made));
        }
      }
      return results;
    },
    async *stream(messages, options = {}) {
      const prompt = maker.prompt(messages, options);
      const made = yield* text.stream(prompt.ids, fitting(prompt, generating(options, drawing)));
      return answerOf(prompt, made);
    },
  };
  return chat;
}
