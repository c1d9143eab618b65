/** One answer of the model in this browser, token by token, with their probabilities. */
import {
  type Chat,
  type ChatOptions,
  type GenerateOptions,
  type OpenedWebTextModel,
  ZerothError,
} from "../../src/browser.ts";
import type { Ask, Settings, Token, Told } from "../client/client.ts";
import { chanceOf, placedTexts, watcher } from "./watcher.ts";

export interface Running {
  readonly opened: OpenedWebTextModel;
  readonly chat: Chat;
}

/** The page's settings in the library's names. */
export function libraryOptions({ temperature = 0, topP, topK, minP, repetitionPenalty, ...rest }: Settings) {
  const { maxTokens, seed, stop } = rest;
  const draws = temperature > 0 ? { sample: true, temperature, topP, topK, minP, seed } : { sample: false };
  const all = { ...draws, repetitionPenalty, maxNewTokens: maxTokens, stop };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as GenerateOptions;
}

/** Token ids of the prompt, and what a person should know of how it was made. */
export function promptOf({ opened, chat }: Running, prompt: Ask["prompt"]) {
  if ("messages" in prompt) return chat.prompt(prompt.messages);
  const ids: readonly number[] = opened.tokenizer.encode(prompt.text).ids;
  return { ids, warnings: [] as readonly string[] };
}

/** Runs the ask to its end; tells tokens as they are chosen. */
export async function answer(
  running: Running,
  ask: Ask,
  signal: AbortSignal,
  tell: (told: Told) => void,
): Promise<void> {
  const { opened, chat } = running;
  const { tokenizer, model } = opened;
  const ends = "messages" in ask.prompt ? chat.ends : model.ends;
  const begun = (ask.begun ?? []).map(({ id }) => id);
  if (begun.includes(undefined)) throw new ZerothError("bad_input", "the tokens to go on from have no ids");
  const text = placedTexts((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
  const top = ask.top ?? 0;

  const started = performance.now();
  let told = 0;
  const steps = watcher(top, begun as number[], ({ answer }) => tellUpTo(answer));
  function tellUpTo(chosen: readonly number[]): void {
    for (; told < chosen.length; told++) {
      const id = chosen[told]!;
      const before = chosen.slice(0, told);
      const step = steps.step(told);
      const shown: Token = {
        id,
        text: ends.includes(id) ? "" : text(before, id),
        ...(step && { logprob: step.logprob(id) }),
        ...(step && top > 0 && { top: step.top.map(chanceOf((other) => text(before, other))) }),
      };
      tell({ kind: "token", token: shown });
    }
  }

  const options: GenerateOptions & ChatOptions = { ...libraryOptions(ask.settings), processors: [steps], signal };
  const stream =
    "messages" in ask.prompt ? chat.stream(ask.prompt.messages, options) : opened.text.stream(ask.prompt.text, options);
  let next = await stream.next();
  while (!next.done) next = await stream.next();
  const { tokens, finish, promptTokens } = next.value;
  // After a stop text the last tokens are not of the answer.
  if (finish !== "stop_string") tellUpTo(tokens);
  const notes = "warnings" in next.value ? next.value.warnings : [];
  const seconds = (performance.now() - started) / 1000;
  tell({ kind: "end", finish: finish === "length" ? "length" : "stop", promptTokens, seconds, notes });
}
