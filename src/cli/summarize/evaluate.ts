/** `zeroth summarize eval`: runs in numbers, with their lengths beside them. */
import { readTextFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import { jsonLines } from "../../prefer/data/formats.ts";
import type { Question } from "../../summarize/evaluate/answerable.ts";
import { type DepthScores, evaluateRun } from "../../summarize/evaluate/evaluate.ts";
import type { Ask } from "../../summarize/evaluate/questions.ts";
import { viewOf } from "../../summarize/run/state.ts";
import { readState } from "../../summarize/run/state-node.ts";
import type { Output } from "../output.ts";
import { type Call, openWriter } from "./open.ts";

const most = 64 << 20;

/** Texts of a reference: a text file, or rows with "summary" (or "text"). */
function referencesIn(path: string | undefined): string[] {
  if (path === undefined) return [];
  const text = readTextFile(path, most);
  if (!path.endsWith(".jsonl")) return text.trim() === "" ? fail("bad_input", "is empty", { where: path }) : [text];
  return jsonLines(text, path).map(({ row, where }) => {
    const value = row.summary ?? row.text;
    return typeof value === "string" ? value : fail("bad_input", 'the row has no "summary"', { where });
  });
}

/** Questions with their answers, as NarrativeQA's rows have them, or {question, answers}. */
function questionsIn(path: string | undefined): Question[] {
  if (path === undefined) return [];
  return jsonLines(readTextFile(path, most), path).map(({ row, where }) => {
    const { question, answers, answer1, answer2 } = row;
    const list = Array.isArray(answers) ? answers : [answer1, answer2].filter((one) => one !== undefined);
    if (typeof question !== "string" || list.length === 0 || !list.every((one) => typeof one === "string")) {
      fail("bad_input", "no row of a question", { where, hint: '{"question": text, "answers": [text, …]}' });
    }
    return { question, answers: list as string[] };
  });
}

/** A model that is asked, on this machine or behind the endpoint. */
async function asking(
  model: string,
  { flags, output, signal }: Call,
): Promise<{ readonly ask: Ask } & AsyncDisposable> {
  const { bestOf: _, reward: __, ...plain } = flags;
  const writer = await openWriter({ ...plain, model, temperature: 0 }, output, signal);
  return {
    async ask(text) {
      const asked = { text, context: [], composed: false, words: 20, raw: true };
      return (await writer.write(asked, { limit: 48, seed: 0, attempt: 0, signal })).text;
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function show(scores: DepthScores, output: Output): void {
  const { depth, nodes, words, sentences, supported, coverage, density, compression } = scores;
  output.text(
    `depth ${depth}: ${nodes} summaries, ${words} words in ${sentences} sentences, ${percent(supported)} traced; ${percent(coverage)} copied in runs of ${density.toFixed(1)}, ${compression.toFixed(1)} words of its text for each\n`,
  );
  const { rouge, answerable, answers, booook } = scores;
  const told = [
    ...Object.entries(rouge ?? {}).map(([name, { f }]) => `${name} ${(100 * f).toFixed(1)}`),
    ...(answerable === undefined ? [] : [`answerable@3 ${percent(answerable)}`]),
    ...(answers
      ? [`answers: rougeL ${(100 * answers.rougeL).toFixed(1)}, F1 ${(100 * answers.f1).toFixed(1)} of ${answers.n}`]
      : []),
    ...(booook?.score === undefined || booook.score === null
      ? []
      : [`BooookScore ${percent(booook.score)} (${booook.unread} not read)`]),
  ];
  if (told.length > 0) output.text(`  at ${words} words: ${told.join("  ")}\n`);
}

/** Mean and spread of several runs of one book: other sectionings, other draws. */
function spread(all: readonly (readonly DepthScores[])[], output: Output): void {
  const depths = [...new Set(all.flat().map(({ depth }) => depth))];
  for (const depth of depths) {
    const own = all.flatMap((scores) => scores.filter((one) => one.depth === depth));
    const columns: [string, (one: DepthScores) => number | undefined][] = [
      ["words", (one) => one.words],
      ["supported", (one) => one.supported],
      ...["rouge1", "rouge2", "rougeL", "rougeLsum"].map((name): [string, (one: DepthScores) => number | undefined] => [
        name,
        (one) => one.rouge?.[name]?.f,
      ]),
      ["answerable", (one) => one.answerable],
    ];
    const row = Object.fromEntries(
      columns.flatMap(([name, of]) => {
        const values = own.flatMap((one) => of(one) ?? []);
        if (values.length < 2) return [];
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
        return [[name, { mean, deviation, low: Math.min(...values), high: Math.max(...values) }]];
      }),
    );
    output.row({ depth, runs: own.length, spread: row });
    const told = Object.entries(row).map(
      ([name, { mean, deviation }]) => `${name} ${mean.toPrecision(3)} ± ${deviation.toPrecision(2)}`,
    );
    output.text(`${own.length} runs, depth ${depth}: ${told.join("  ")}\n`);
  }
}

export async function evaluate(folders: readonly string[], call: Call): Promise<number> {
  const { flags, output, signal } = call;
  const { reader, judge } = flags;
  const references = referencesIn(flags.references);
  const questions = questionsIn(flags.questions);
  if (reader !== undefined && questions.length === 0)
    fail("wrong_use", "--reader answers --questions", { hint: "--questions FILE" });
  const states = folders.map(readState);
  const ask = async (name: string | undefined) => (name === undefined ? undefined : asking(name, call));
  await using reading = await ask(reader);
  await using judging = judge === reader ? undefined : await ask(judge);
  const judges = judge === undefined ? undefined : (judging ?? reading)?.ask;
  const all: DepthScores[][] = [];
  for (const [i, state] of states.entries()) {
    const depths = Array.from({ length: (flags.depth ?? 1) + 1 }, (_, depth) => depth);
    const { provenance } = viewOf(state);
    const scores = await evaluateRun(state, provenance, {
      ...{ references, questions, reader: reading?.ask, judge: judges, depths, signal },
    });
    if (scores.length === 0)
      fail("bad_input", "has no summary near its root yet", {
        where: folders[i]!,
        hint: "zeroth summarize resume goes on",
      });
    all.push(scores);
    for (const one of scores) {
      output.row({ run: folders[i], ...one });
      if (folders.length > 1 && one === scores[0]) output.text(`${output.bold(folders[i]!)}\n`);
      show(one, output);
    }
  }
  if (all.length > 1) spread(all, output);
  return 0;
}
