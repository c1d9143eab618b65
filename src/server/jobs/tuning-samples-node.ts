/** What an adapter in the making says to a few rows, for people to see. */
import { createChat } from "../../text/chat/chat.ts";
import type { ChatMessage } from "../../text/chat/messages.ts";
import { openEncoder, openLanguageModel } from "../../text/open-node.ts";
import type { Task } from "../../tune/options.ts";
import type { TuneRow } from "../../tune/rows.ts";
import type { Sample } from "./tuning-messages.ts";

/** Rows that are asked, and the length of a text that is shown. */
export const sampleRows = 3;
const longest = 400;
const mostTokens = 32;

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
};

const lastOf = (messages: unknown): string => {
  const last = (messages as readonly ChatMessage[]).at(-1)?.content;
  return typeof last === "string" ? last : JSON.stringify(last);
};

/** Answers of a model that reads, a row at a time. */
async function read(path: string, adapter: string, task: Task, rows: readonly TuneRow[], threads: number | undefined) {
  await using opened = await openEncoder(path, { adapter, ...(threads && { threads }) });
  const { encoder } = opened;
  const samples: Sample[] = [];
  for (const row of rows) {
    if (task === "token-cls" && encoder.tag) {
      const words = (row.tokens as readonly unknown[]).map(String);
      const tags = (await encoder.tag(words)).words.map(({ label }) => label);
      samples.push({
        input: shown(words.join(" ")),
        expected: shown((row.tags as string[]).join(" ")),
        output: shown(tags.join(" ")),
      });
    } else if (task === "qa" && encoder.answer) {
      const { text } = await encoder.answer(String(row.question), String(row.context));
      const expected = [(row.answers as { text?: unknown } | undefined)?.text].flat()[0];
      samples.push({ input: shown(row.question), expected: shown(expected ?? ""), output: shown(text) });
    } else if (task === "choice" && encoder.choose) {
      const choices = (row.choices as readonly unknown[]).map(String);
      const { choice } = await encoder.choose(String(row.text), choices);
      const expected = typeof row.label === "number" ? choices[row.label] : row.label;
      samples.push({ input: shown(row.text), expected: shown(expected), output: shown(choice) });
    } else if (task === "seq-cls" && encoder.classifyAll) {
      const text = String(row.text);
      const [found] = await encoder.classifyAll([row.text_pair === undefined ? text : [text, String(row.text_pair)]]);
      const output = found && "label" in found ? String(found.label) : "";
      samples.push({ input: shown(row.text), expected: shown(String(row.label)), output: shown(output) });
    }
  }
  return samples;
}

/** Answers of a model that writes: the likeliest ones, not long. */
async function write(path: string, adapter: string, rows: readonly TuneRow[], threads: number | undefined) {
  await using opened = await openLanguageModel(path, { adapter, ...(threads && { threads }) });
  const chat = createChat(opened);
  const samples: Sample[] = [];
  for (const row of rows) {
    if (row.reply !== undefined) {
      const options = { sample: false, maxNewTokens: mostTokens };
      const { message } = await chat.answer(row.messages as readonly ChatMessage[], options);
      samples.push({ input: shown(lastOf(row.messages)), expected: shown(row.reply), output: shown(message.content) });
    } else {
      const { text } = await opened.text.generate(String(row.prompt), { maxNewTokens: mostTokens });
      samples.push({ input: shown(row.prompt), expected: shown(row.target), output: shown(text) });
    }
  }
  return samples;
}

/** What the model at `path` with this adapter makes of the rows. */
export const samplesOf = (
  path: string,
  adapter: string,
  task: Task,
  rows: readonly TuneRow[],
  threads: number | undefined,
): Promise<Sample[]> =>
  task === "seq2seq" || task === "causal"
    ? write(path, adapter, rows, threads)
    : read(path, adapter, task, rows, threads);
