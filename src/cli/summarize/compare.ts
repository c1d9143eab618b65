/** `zeroth summarize compare`: two summaries of the same text, which of them is better; blind, and written at once. */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { writeError } from "../../base/files-node.ts";
import { nameHash } from "../../base/hash.ts";
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import type { Comparison } from "../../prefer/data/comparison.ts";
import { readComparisons } from "../../prefer/data/read-node.ts";
import { type Choice, choicesOf } from "../../summarize/choose/choices.ts";
import { readState } from "../../summarize/run/state-node.ts";
import type { Output } from "../output.ts";
import type { Call } from "./open.ts";

/** Keys, and what they say. */
const keys = { a: 0, 1: 0, b: 1, 2: 1, c: 2, 3: 2, d: 3, 4: 3, t: "tie", s: "skip", q: "quit" } as const;
type Said = (typeof keys)[keyof typeof keys];

/** What a person or a pipe says, a key or a line each; undefined at its end. */
export interface Answers extends AsyncDisposable {
  next(): Promise<string | undefined>;
}

/** Keys of a terminal as they are pressed, else lines. */
export function answersOf(stdin: NodeJS.ReadStream, signal: AbortSignal): Answers {
  const waiting: ((value: string | undefined) => void)[] = [];
  const ready: string[] = [];
  let ended = false;
  const give = (value: string) => {
    const first = waiting.shift();
    if (first) first(value);
    else ready.push(value);
  };
  const end = () => {
    ended = true;
    for (const one of waiting.splice(0)) one(undefined);
  };
  const raw = stdin.isTTY === true;
  const onKey = (data: Buffer) => {
    for (const key of data.toString()) {
      // Ctrl-C and Ctrl-D arrive as characters while keys are read one by one.
      if (key === "\u0003" || key === "\u0004") return end();
      give(key);
    }
  };
  const lines = raw ? undefined : createInterface({ input: stdin });
  if (raw) {
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    stdin.resume();
  }
  lines?.on("line", give).once("close", end);
  signal.addEventListener("abort", end, { once: true });
  return {
    next: () =>
      new Promise((resolve) => {
        const first = ready.shift();
        if (first !== undefined || ended) resolve(first);
        else waiting.push(resolve);
      }),
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", end);
      lines?.close();
      if (!raw) return;
      stdin.off("data", onKey);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

const idOf = ({ node, candidates }: Choice): string =>
  `${node.id}-${nameHash(candidates.map(({ text }) => text).join("\n")).toString(16)}`;

/** A line that is on the disk when this returns. */
function append(path: string, row: Comparison): void {
  try {
    const file = openSync(path, "a");
    try {
      writeSync(file, `${JSON.stringify(row)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw writeError(cause, path);
  }
}

/** Candidates in an order that follows from the seed and the choice: their places say nothing. */
const shuffled = (choice: Choice, id: string, seed: number): Choice["candidates"] =>
  Array.from(
    shuffle(
      Uint32Array.from(choice.candidates, (_, i) => i),
      randomAt(seed, nameHash(id)),
    ),
    (i) => choice.candidates[i]!,
  );

function show(output: Output, { node, text }: Choice, shown: Choice["candidates"], place: string): void {
  output.text(`\n${output.bold(place)} ${output.dim(`${node.id}${node.heading ? ` ${node.heading}` : ""}`)}\n`);
  output.text(`${output.dim(text)}\n`);
  shown.forEach((candidate, i) => {
    output.text(`\n${output.bold("ABCD"[i] ?? String(i + 1))}  ${candidate.text}\n`);
  });
}

export interface CompareOptions {
  readonly file: string;
  readonly seed: number;
  readonly worker?: string | undefined;
  readonly now: () => number;
}

/**
 * Ask about each choice that has no answer yet. @returns how many were made, and how many are left
 */
export async function askAll(
  choices: readonly Choice[],
  answers: Pick<Answers, "next">,
  { file, seed, worker, now }: CompareOptions,
  output: Output,
): Promise<{ readonly made: number; readonly left: number }> {
  const done = new Set(
    existsSync(file) ? readComparisons(file).rows.map(({ id, worker: by }) => `${id} ${by ?? ""}`) : [],
  );
  const open = choices.filter((choice) => !done.has(`${idOf(choice)} ${worker ?? ""}`));
  let made = 0;
  for (const choice of open) {
    const id = idOf(choice);
    // More than four are not held in mind at once.
    const shown = shuffled(choice, id, seed).slice(0, 4);
    const place = `${made + 1} of ${open.length}`;
    show(output, choice, shown, place);
    output.row({ node: choice.node.id, text: choice.text, candidates: shown.map(({ text }) => ({ text })) });
    const last = "abcd"[shown.length - 1];
    const hint = `which is better for its length? a–${last}, t tie, s skip, q quit`;
    const began = now();
    let said: Said | undefined;
    while (said === undefined) {
      output.say(hint);
      const answer = await answers.next();
      if (answer === undefined) return { made, left: open.length - made };
      const known = keys[answer.trim().toLowerCase() as keyof typeof keys] as Said | undefined;
      if (typeof known !== "number" || known < shown.length) said = known;
    }
    if (said === "quit") return { made, left: open.length - made };
    append(file, {
      ...{ id, book: choice.book, node: choice.node.id, height: choice.node.height, text: choice.text },
      ...(choice.context.length > 0 && { context: [...choice.context] }),
      ...{ prompt: choice.prompt, ...(choice.chat && { chat: true }) },
      candidates: shown.map((one) => ({ ...one })),
      choice: said,
      seconds: Number(((now() - began) / 1000).toFixed(1)),
      ...(worker !== undefined && { worker }),
      time: new Date(now()).toISOString(),
    });
    made++;
  }
  return { made, left: open.length - made };
}

/** Compare what was drawn in a run, or two runs of one book. */
export async function compare(folders: readonly string[], { flags, output, signal }: Call): Promise<number> {
  const states = folders.map(readState);
  const [first] = states;
  const other = states.find(({ run }) => run.source.sha256 !== first!.run.source.sha256);
  if (other) fail("bad_input", "the runs are of two different books", { where: folders.join(", ") });
  const choices = choicesOf(states);
  if (choices.length === 0) {
    fail("bad_input", "there are no two summaries of the same text", {
      where: folders.join(", "),
      hint: "make a run with --best-of 2 or more, or give two runs of one book with equal leaves",
    });
  }
  if (flags.list) {
    for (const choice of choices) {
      const { book, node, text, context, prompt, chat, candidates } = choice;
      const row = {
        id: idOf(choice),
        book,
        node: node.id,
        height: node.height,
        text,
        context,
        prompt,
        chat,
        candidates,
      };
      output.row(row);
      output.text(`${JSON.stringify(row)}\n`);
    }
    return 0;
  }
  const file = flags.output ?? join(folders[0]!, "comparisons.jsonl");
  const { worker, seed = 0 } = flags;
  await using answers = answersOf(process.stdin, signal);
  const { made, left } = await askAll(choices, answers, { file, seed, worker, now: Date.now }, output);
  output.row({ done: left === 0, made, left, file });
  output.say(`${made} choices written to ${file}; ${left} left${left > 0 ? ": the same command goes on" : ""}`);
  return signal.aborted ? 130 : 0;
}
