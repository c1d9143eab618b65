/** A book made of sentences, and a writer whose answers follow from everything it is told, for tests of summaries. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunOptions, RunResult } from "../../src/summarize/run/run.ts";
import { startRun } from "../../src/summarize/run/run-node.ts";
import type { SummarizeOptions } from "../../src/summarize/run/settings.ts";
import { viewOf } from "../../src/summarize/run/state.ts";
import { readState } from "../../src/summarize/run/state-node.ts";
import type { Asked } from "../../src/summarize/writers/prompts.ts";
import { approximateTokens, extract, ruleWriter } from "../../src/summarize/writers/rules.ts";
import type { Writer } from "../../src/summarize/writers/writer.ts";

const sentence = (n: number) =>
  `The ${["keeper", "sailor", "miller", "weaver", "baker"][n % 5]} found ${["lamp", "rope", "wheel", "loom"][n % 4]} number ${n} under the ${["stair", "pier", "bridge"][n % 3]}.`;

export const paragraphOf = (n: number): string => Array.from({ length: n }, (_, i) => sentence(i)).join(" ");

/** Four chapters. */
export const bookOfSentences = Array.from(
  { length: 4 },
  (_, c) =>
    `CHAPTER ${c + 1}\n\n${Array.from({ length: 12 }, (_, p) => [0, 1, 2, 3].map((s) => sentence(c * 100 + p * 4 + s)).join(" ")).join("\n\n")}`,
).join("\n\n\n\n");

/** With them it is a tree of height 2. */
export const smallOptions: SummarizeOptions = { leafTokens: 120, limits: [40, 60, 80], context: "subtree" };

export interface CalledWriter extends Writer {
  readonly asked: Asked[];
  /** Most calls at once. */
  most(): number;
}

export function calledWriter(
  change: Partial<Writer> & { readonly answer?: (asked: Asked, n: number) => string | Promise<string> } = {},
): CalledWriter {
  const asked: Asked[] = [];
  let [now, most] = [0, 0];
  const {
    answer = ({ text, context }) =>
      `${extract(text, 24, "lead")} It has ${text.length} signs.${context.length > 0 ? ` After ${context.length} before.` : ""}`,
  } = change;
  return {
    ...ruleWriter("lead"),
    ...{
      identity: { kind: "test" },
      name: "test",
      style: "chat",
      window: 1200,
      encoderDecoder: false,
      concurrency: 4,
      asksOnce: false,
    },
    promptTokens: (one) =>
      approximateTokens(one.text) + one.context.reduce((sum, text) => sum + approximateTokens(text) + 2, 0) + 20,
    async write(one) {
      asked.push(one);
      most = Math.max(most, ++now);
      const text = await answer(one, asked.length);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return { text, cut: false, inTokens: approximateTokens(one.text), outTokens: approximateTokens(text) };
    },
    ...change,
    asked,
    most: () => most,
  };
}

/** A folder with the book, for runs by their names; it goes with the scope. */
export function shelf() {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-summarize-"));
  const path = join(folder, "book.txt");
  writeFileSync(path, bookOfSentences);
  const at = (name: string): string => join(folder, name);
  const showOf = (name: string) =>
    viewOf(readState(at(name))).nodes.map(({ node, text, state }) => [node.id, text, state] as const);
  return {
    path,
    at,
    showOf,
    start: (
      name: string,
      writer: Writer,
      more: SummarizeOptions = {},
      rest: Omit<RunOptions, "writer"> = {},
    ): Promise<RunResult> =>
      startRun({
        ...{ path, folder: at(name), options: { ...smallOptions, ...more }, source: { model: "test" }, writer },
        ...rest,
      }),
    textsOf: (name: string) => new Map(showOf(name).map(([id, text]) => [id, text])),
    close: () => rmSync(folder, { recursive: true }),
  };
}
