/** A model on this machine as a writer of summaries: all calls of a moment in one running batch. */
import { fingerprintOf } from "../../text/adapters/files-node.ts";
import { createChat, withoutEnds } from "../../text/chat/chat.ts";
import { liveModel } from "../../text/live/live.ts";
import type { LiveSettings } from "../../text/live/request.ts";
import type { OpenedLanguageModel } from "../../text/open-node.ts";
import { type Asked, type PromptStyle, promptOf, promptVersion } from "./prompts.ts";
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
/** As the paper has it: more context costs more than it gives. */
const mostWindow = 2048;

/** Tokens that families were trained on, where neither folder nor positions say it. */
const trained: Readonly<Record<string, number>> = { t5: 512, mt5: 512, umt5: 512 };

const plainFamilies = /^(?:bart|pegasus|pegasus_x|led|longt5|mbart)$/;

function styleOf({ kind, architecture, config }: OpenedLanguageModel, templates: number): PromptStyle {
  if (kind === "decoder") return templates > 0 ? "chat" : "continue";
  if (plainFamilies.test(architecture.type)) return "plain";
  // T5 before its versions 1.1 and FLAN was taught by prefixes.
  const gated = String(config.feed_forward_proj ?? "relu").includes("gated");
  return architecture.type === "t5" && !gated ? "prefix" : "instruct";
}

/** How tokens are chosen: at each attempt further from what was tried before. */
function drawing(attempt: number, seed: number, temperature: number | undefined): LiveSettings {
  const draw = (t: number): LiveSettings => ({ sample: true, temperature: t, topP: 0.95, seed });
  if (attempt === 0) return temperature ? draw(temperature) : { seed };
  if (attempt === 1)
    return { ...(temperature ? draw(temperature) : { seed }), noRepeatNgram: 3, repetitionPenalty: 1.1 };
  return { ...draw(attempt === 2 ? 0.7 : 1), noRepeatNgram: 4 };
}

/** Closing it leaves the model open. */
export function localWriter(opened: OpenedLanguageModel, options: LocalOptions): Writer {
  const { tokenizer, architecture, compile, generation, folder, kind, weights } = opened;
  const { name, concurrency = usualConcurrency, temperature } = options;
  const chat = createChat(opened);
  const style = options.style ?? styleOf(opened, chat.templates.length);
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
  const longest = Math.min(
    opened.model.longest ?? Infinity,
    opened.trainedLength ?? trained[architecture.type] ?? Infinity,
  );
  const window = options.window ?? Math.min(mostWindow, longest);

  const counts = new Map<string, number>();
  const count = (text: string): number => {
    const known = counts.get(text);
    if (known !== undefined) return known;
    const tokens = tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).ids.length;
    if (counts.size > 5000) counts.clear();
    counts.set(text, tokens);
    return tokens;
  };
  const idsOf = (asked: Asked): readonly number[] => {
    const { text, chat: isMessage } = promptOf(asked, style);
    if (isMessage && chat.templates.length > 0) return chat.prompt([{ role: "user", content: text }]).ids;
    // Nothing that stands in a book becomes a special token.
    return tokenizer.encode(text, { plain: [[0, text.length]] }).ids;
  };

  return {
    identity: {
      ...{ kind: "local", family: architecture.type, fingerprint: fingerprintOf(folder), tensors: weights.size },
      ...{ style, prompts: promptVersion, temperature: temperature ?? 0, adapter: opened.adapter?.path ?? null },
    },
    ...{ name, style, window, encoderDecoder: kind === "encoder-decoder", concurrency, count },
    starts: (text) =>
      tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).offsets.map(([start]) => start),
    promptTokens: (asked) => idsOf(asked).length,
    unknownShare(text) {
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false });
      return ids.length === 0 ? 0 : ids.filter((id) => id === tokenizer.unknownId).length / ids.length;
    },
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
