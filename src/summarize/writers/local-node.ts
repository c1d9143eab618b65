/** A model on this machine as a writer of summaries: all calls of a moment in one running batch. */
import { fingerprintOf } from "../../text/adapters/files-node.ts";
import { createChat, withoutEnds } from "../../text/chat/chat.ts";
import { liveModel } from "../../text/live/live.ts";
import type { OpenedLanguageModel } from "../../text/open-node.ts";
import { drawing, type ModelHabits, styleOf, windowOf } from "./habits.ts";
import { type Asked, type PromptStyle, promptOf, promptVersion } from "./prompts.ts";
import { tokenCounts } from "./tokens.ts";
import type { Writer } from "./writer.ts";

export interface LocalOptions {
  readonly name: string;
  /** Calls of a batch; 8 by default. */
  readonly concurrency?: number | undefined;
  /** Tokens of prompt and answer; what the model was made for by default, 2048 at most. */
  readonly window?: number | undefined;
  readonly style?: PromptStyle | undefined;
  /** Draw answers instead of taking the likeliest tokens. */
  readonly temperature?: number | undefined;
}

const usualConcurrency = 8;
const least = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);

/** Closing it leaves the model open. */
export function localWriter(opened: OpenedLanguageModel, options: LocalOptions): Writer {
  const { tokenizer, architecture, compile, generation, folder, kind, weights } = opened;
  const { name, concurrency = usualConcurrency, temperature } = options;
  const chat = createChat(opened);
  const habits: ModelHabits = {
    ...{ kind, family: architecture.type, config: opened.config, chat: chat.templates.length > 0 },
    longest: least(opened.model.longest, opened.trainedLength),
  };
  const style = options.style ?? styleOf(habits);
  const codec = withoutEnds(tokenizer, chat.ends);
  const live = liveModel(
    {
      architecture: { ...architecture, ends: chat.ends },
      compile,
      tokenizer: { ...codec, decode: tokenizer.decode },
      ...(generation.rules && { rules: generation.rules }),
    },
    { rows: concurrency },
  );
  const window = options.window ?? windowOf(habits);

  const { promptIds, ...counts } = tokenCounts(tokenizer);
  const idsOf = (asked: Asked): readonly number[] => {
    const { text, chat: isMessage } = promptOf(asked, style);
    if (isMessage && chat.templates.length > 0) return chat.prompt([{ role: "user", content: text }]).ids;
    return promptIds(text);
  };

  return {
    identity: {
      ...{ kind: "local", family: architecture.type, fingerprint: fingerprintOf(folder), tensors: weights.size },
      ...{ style, prompts: promptVersion, temperature: temperature ?? 0, adapter: opened.adapter?.path ?? null },
    },
    ...{ name, style, window, encoderDecoder: kind === "encoder-decoder", concurrency, ...counts },
    promptTokens: (asked) => idsOf(asked).length,
    async write(asked, { limit, seed, attempt, signal }) {
      const prompt = idsOf(asked);
      let text = "";
      let [outTokens, cut] = [0, false];
      const request = { prompt, settings: { ...drawing(attempt, seed, temperature), maxNewTokens: limit } };
      for await (const event of live.ask(request, signal)) {
        if (event.kind === "piece") {
          text += event.text;
          outTokens += event.tokens.length;
        } else if (event.kind === "end") cut = event.finish === "length";
      }
      return { text, cut, inTokens: prompt.length, outTokens };
    },
    [Symbol.asyncDispose]: () => live[Symbol.asyncDispose](),
  };
}
