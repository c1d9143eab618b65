/** A model of the server's engine as a writer of summaries: its tokens are counted here, its answers are asked for. */
import { openModelFolder, openTokenizer } from "../../folders/open-node.ts";
import type { EnginePrompt } from "../../host/engine.ts";
import { drawing, type ModelHabits, styleOf, windowOf } from "../../summarize/writers/habits.ts";
import { type Asked, promptOf, promptVersion } from "../../summarize/writers/prompts.ts";
import { tokenCounts } from "../../summarize/writers/tokens.ts";
import type { Answer, Writer } from "../../summarize/writers/writer.ts";
import { fingerprintOf } from "../../text/adapters/files-node.ts";
import { trainedLength } from "../../text/lengths-node.ts";
import type { LiveSettings } from "../../text/live/request.ts";
import type { WriterSpec } from "./messages.ts";

export type AskEngine = (prompt: EnginePrompt, settings: LiveSettings, signal: AbortSignal) => Promise<Answer>;

/** Calls of one book at once: the engine puts them into one batch with everybody else's. */
const atOnce = 8;

/** @throws what opening a model's folder throws */
export function engineWriter(spec: Extract<WriterSpec, { kind: "engine" }>, ask: AskEngine): Writer {
  const { model: name, about, around, temperature } = spec;
  const folder = openModelFolder(spec.path);
  const { promptIds, ...counts } = tokenCounts(openTokenizer(folder));
  const habits: ModelHabits = {
    ...about,
    config: folder.config,
    longest: about.longest ?? trainedLength(folder.config, folder.tokenizerConfig),
  };
  const style = styleOf(habits);
  const messages = about.chat && style === "chat";
  const promptFor = (asked: Asked): EnginePrompt => {
    const { text } = promptOf(asked, style);
    return messages ? { messages: [{ role: "user", content: text }] } : { ids: promptIds(text) };
  };
  return {
    identity: {
      ...{ kind: "engine", model: name, family: about.family, fingerprint: fingerprintOf(folder) },
      ...{ style, prompts: promptVersion, temperature: temperature ?? 0 },
    },
    ...{ name, style, window: windowOf(habits), encoderDecoder: about.kind === "encoder-decoder", concurrency: atOnce },
    ...counts,
    promptTokens(asked) {
      const { text } = promptOf(asked, style);
      return messages ? counts.count(text) + around : promptIds(text).length;
    },
    write: (asked, { limit, seed, attempt, signal }) =>
      ask(promptFor(asked), { ...drawing(attempt, seed, temperature), maxNewTokens: limit }, signal),
    [Symbol.asyncDispose]: async () => {},
  };
}
