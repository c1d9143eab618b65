/** `zeroth summarize BOOK --sectionings K`: the same book cut in other places, and how much that changes the summary. */
import { join } from "node:path";
import { fail } from "../../errors.ts";
import type { RunOptions, RunResult } from "../../summarize/run/run.ts";
import { startRun } from "../../summarize/run/run-node.ts";
import { rouge } from "../../text/metrics/rouge.ts";
import { withHint } from "../report.ts";
import { type Call, openWriter, optionsOf, sourceOf } from "./open.ts";

const most = 20;

interface Spread {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

/** Of numbers, of which there is one at least. */
export const spreadOf = (values: readonly number[]): Spread => ({
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  least: Math.min(...values),
  most: Math.max(...values),
});

const wordsOf = (text: string): number => text.match(/\S+/g)?.length ?? 0;

const unsupportedShare = ({ sentences, unsupported }: RunResult): number =>
  sentences === 0 ? 0 : unsupported / sentences;

/** How alike summaries are: ROUGE-L's F of every pair, stemmed. */
function alikeness(texts: readonly string[]): readonly number[] {
  return texts.flatMap((one, i) => texts.slice(i + 1).map((other) => rouge(one, other, "rougeL", { stem: true }).f));
}

const rounded = ({ mean, least, most: top }: Spread) => ({
  ...{ mean: Number(mean.toFixed(4)), least: Number(least.toFixed(4)), most: Number(top.toFixed(4)) },
});

const shown = ({ mean, least, most: top }: Spread, digits: number): string =>
  `${mean.toFixed(digits)} (${least.toFixed(digits)} to ${top.toFixed(digits)})`;

/**
 * Runs of seeds that follow one another, each in a folder of its own below `--out`. One that is there is gone on with.
 * @param runOptions what every run is told
 */
export async function sectionings(path: string, call: Call, runOptions: Omit<RunOptions, "writer">): Promise<number> {
  const { flags, output, signal } = call;
  const { sectionings: count = 1, out, seed = 0 } = flags;
  if (count < 2 || count > most) fail("wrong_use", `--sectionings ${count}: expected 2 to ${most}`);
  if (flags.estimate) fail("wrong_use", "--estimate counts one sectioning", { hint: "leave out --sectionings" });
  const folder = out ?? fail("wrong_use", "--out is needed: the runs' folder", { hint: "for example --out book.runs" });
  const options = optionsOf(flags);
  const source = sourceOf(flags);
  await using writer = await openWriter(flags, output, signal);
  const results: RunResult[] = [];
  for (let i = 0; i < count; i++) {
    const own = join(folder, `seed-${seed + i}`);
    const result = await withHint(`what is done is kept: the same command goes on`, () =>
      startRun({
        ...runOptions,
        ...{ path, folder: own, source, writer, force: flags.force, options: { ...options, seed: seed + i } },
      }),
    );
    results.push(result);
    const { summary = "", sentences, unsupported, calls } = result;
    const words = wordsOf(summary);
    output.row({ sectioning: seed + i, folder: own, summary, words, sentences, unsupported, calls });
    output.text(`${own}: ${words} words, ${unsupported} of ${sentences} sentences without a source\n`);
  }
  const texts = results.map(({ summary = "" }) => summary);
  const [words, share, alike] = [texts.map(wordsOf), results.map(unsupportedShare), alikeness(texts)].map(spreadOf) as [
    Spread,
    Spread,
    Spread,
  ];
  output.row({
    ...{ done: true, sectionings: count, words: rounded(words), unsupported: rounded(share) },
    rougeL_between: rounded(alike),
  });
  output.say(
    `${count} sectionings: ${shown(words, 0)} words; share of sentences without a source ${shown(share, 2)}; ROUGE-L between two of them ${shown(alike, 2)}`,
  );
  return 0;
}
