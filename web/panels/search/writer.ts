/** An answer that a model writes over the passages that were found, with what of it they say and where. */
import { computed, signal } from "@preact/signals";
import { citeAnswer, fittingMessages } from "../../../src/retrieve/answers/answer.ts";
import { askingStops, type WriterKind } from "../../../src/retrieve/answers/prompt.ts";
import type { ChatMessage } from "../../../src/text/chat/messages.ts";
import { embedded } from "../../client/browser.ts";
import { type ModelCard, Problem, problemOf } from "../../client/client.ts";
import type { Passage, WrittenAnswer } from "../../client/search.ts";
import { stoppable } from "../../parts/run.ts";
import { client, model } from "../../state/session.ts";
import { place, results, searcher } from "./state.ts";

/** Models below it copy words that are asked for; what they write of a passage is not what it says. */
const fewestParameters = 60e6;

/** Passages that are read for an answer, and tokens of it at most. */
const [mostPassages, longestAnswer] = [4, 200];
/** Tokens that a model reads, where it does not say. */
const usualLongest = 512;

/** The model that would write, where the one in use is able to. */
export const writer = computed<ModelCard | undefined>(() => {
  const now = model.value;
  if (!now || now.id.split(":")[0] === embedded) return undefined;
  return (now.parameters ?? Infinity) >= fewestParameters ? now : undefined;
});

export interface Written {
  readonly query: string;
  readonly by: string;
  readonly state: "running" | "done" | "stopped" | "failed";
  readonly text: string;
  readonly answer?: WrittenAnswer;
  readonly problem?: Problem;
}

const made = signal<Written | undefined>(undefined);
/** Of the question that is shown. */
export const written = computed(() => (made.value?.query === results.value?.query ? made.value : undefined));

async function overPassages(
  asked: string,
  passages: readonly Passage[],
  { id, kind, longest = usualLongest }: ModelCard,
  told: (text: string) => void,
  stop: AbortSignal,
): Promise<WrittenAnswer> {
  const now = client.value!;
  const own: WriterKind = { kind: kind === "encoder-decoder" ? kind : "decoder", chat: false };
  const textOf = (messages: readonly ChatMessage[]) => String(messages[0]?.content);
  const fitting = await fittingMessages(passages.slice(0, mostPassages), {
    ...{ writer: own, question: asked, room: longest - (own.kind === "decoder" ? longestAnswer : 0) },
    count: (messages) => now.count(id, { text: textOf(messages) }, stop),
  });
  if (!fitting) {
    throw new Problem("The question leaves no room for a passage.", {
      hint: "Shorten it, or take a model with a longer text.",
    });
  }
  const settings = { temperature: 0, maxTokens: longestAnswer, stop: askingStops(own) };
  let said = "";
  for await (const one of now.answer({ model: id, prompt: { text: textOf(fitting.messages) }, settings }, stop)) {
    if (one.kind !== "token") continue;
    said += one.token.text;
    told(said);
  }
  const { text, found, sentences, citations } = citeAnswer(asked, said, fitting.passages);
  return {
    ...{ text, found, sentences },
    citations: citations.map(({ passage, ...rest }) => ({ ...rest, passage: passages[passage]! })),
  };
}

/** Has the model in use answer what was asked last. */
export async function write(): Promise<void> {
  const [now, by] = [results.value, writer.value];
  if (!now || !by) return;
  const { query, passages, documents } = now;
  const show = (more: Partial<Written>) => {
    made.value = { query, by: by.id, state: "running", text: made.value?.text ?? "", ...more };
  };
  made.value = undefined;
  show({ text: "" });
  try {
    await stoppable(async (stop) => {
      const own = searcher.value;
      let text = "";
      const more = (piece: string) => {
        text += piece;
        show({ text });
      };
      const answer =
        place.value === "server" && own.answer
          ? await own.answer({ query, ...(documents && { documents }) }, by.id, { text: more }, stop)
          : await overPassages(query, passages, by, (said) => show({ text: said }), stop);
      show(stop.aborted ? { state: "stopped" } : { state: "done", answer, text: answer.text });
    });
  } catch (error) {
    const problem = problemOf(error);
    show(problem.stopped ? { state: "stopped" } : { state: "failed", problem });
  }
}
