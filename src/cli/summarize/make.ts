/** `zeroth summarize BOOK`, and what asks a model again: resume, edit, revert, redo. */
import { readFileSync } from "node:fs";
import { fail } from "../../errors.ts";
import { costOf, type Estimate, type Price } from "../../summarize/run/estimate.ts";
import type { Planned } from "../../summarize/run/plan.ts";
import { planBook } from "../../summarize/run/plan-node.ts";
import type { Progress } from "../../summarize/run/progress.ts";
import type { RunOptions, RunResult } from "../../summarize/run/run.ts";
import { editNode, redoNode, resumeRun, revertNode, startRun } from "../../summarize/run/run-node.ts";
import { hasRun, readRun } from "../../summarize/run/store-node.ts";
import { duration, type Output } from "../output.ts";
import { withHint } from "../report.ts";
import { type Call, flagsOf, openWriter, optionsOf, type SummarizeFlags, sourceOf } from "./open.ts";

const number = (n: number): string => n.toLocaleString("en");
const dollars = (n: number): string => `$${n < 0.1 ? n.toFixed(4) : n.toFixed(2)}`;

function priceOf({ price, budgetUsd }: SummarizeFlags): Price | undefined {
  const [input, output = input, more] = (price ?? []).map(Number);
  if (price === undefined) {
    if (budgetUsd !== undefined)
      fail("wrong_use", "--budget-usd needs --price", { hint: "--price 0.15,0.60: dollars for a million tokens" });
    return undefined;
  }
  if (more !== undefined || !(input! >= 0) || !(output! >= 0)) {
    fail("wrong_use", "--price takes two numbers", {
      hint: "--price 0.15,0.60: dollars for a million tokens of prompts, and of answers",
    });
  }
  return { input: input!, output: output! };
}

function sayEstimate({ calls, inputTokens, outputTokens, heights }: Estimate, price: Price | undefined): string {
  const levels = heights.map(({ nodes }) => number(nodes)).join(" → ");
  const cost = price ? `, about ${dollars(costOf(inputTokens, outputTokens, price))}` : "";
  return `${number(calls)} calls (${levels}), about ${number(inputTokens)} tokens of prompts and ${number(outputTokens)} of answers${cost}`;
}

function tellPlan({ book, estimate, tokens, settings }: Planned, output: Output, price: Price | undefined): void {
  for (const { span, why } of book.trimmed)
    output.say(`left out: ${why}, ${number(span.end - span.start)} characters (--keep-all keeps it)`);
  output.say(
    `${number(tokens)} tokens in leaves of about ${settings.leafTokens}, context ${settings.context}: ${sayEstimate(estimate, price)}`,
  );
}

const estimateRow = ({ estimate, tokens, settings, book }: Planned, price: Price | undefined): object => ({
  calls: estimate.calls,
  input_tokens: estimate.inputTokens,
  output_tokens: estimate.outputTokens,
  ...(price && { usd: costOf(estimate.inputTokens, estimate.outputTokens, price) }),
  heights: estimate.heights.map(({ height, nodes, calls, inputTokens, outputTokens }) => ({
    ...{ height, nodes, calls, input_tokens: inputTokens, output_tokens: outputTokens },
  })),
  ...{ tokens, leaf_tokens: settings.leafTokens, limits: settings.limits, context: settings.context },
  trimmed: book.trimmed.map(({ span, why }) => ({ ...span, why })),
});

function tellNode(
  { node, height, done, total, tokensPerSecond, etaSeconds, inTokens, outTokens, cost }: Progress,
  output: Output,
): void {
  output.row({
    node,
    height,
    done,
    total,
    in_tokens: inTokens,
    out_tokens: outTokens,
    tokens_per_second: tokensPerSecond,
    eta_seconds: etaSeconds,
    ...(cost !== undefined && { cost }),
  });
  const spent = cost === undefined ? "" : `  ${dollars(cost)}`;
  output.progress(
    `${number(done)} of ${number(total)} nodes  ${tokensPerSecond} tokens/s  ${duration(etaSeconds)} left${spent}`,
  );
}

function tellResult(
  { summary, nodes, calls, retries, unsupported, sentences, support, inTokens, outTokens, cost }: RunResult,
  output: Output,
): void {
  output.row({
    ...{ done: true, summary: summary ?? null, nodes, calls, unsupported, sentences, retries },
    ...{ input_tokens: inTokens, output_tokens: outTokens, support, ...(cost !== undefined && { usd: cost }) },
  });
  if (summary === undefined) return;
  output.answer(`${summary}\n`);
  const share = sentences === 0 ? "no sentence" : `${unsupported} of ${sentences} sentences`;
  output.say(
    `${number(calls)} calls${retries > 0 ? ` and ${number(retries)} more for answers that could not be taken` : ""}; ${share} of the summary cannot be traced to the book. A model may be wrong where it can be, too.`,
  );
}

function runOptions({ flags, output, signal }: Call): Omit<RunOptions, "writer"> {
  return {
    signal,
    budget: { maxCalls: flags.maxCalls, usd: flags.budgetUsd, price: priceOf(flags) },
    events: { node: (progress) => tellNode(progress, output), warn: (text) => output.say(`warning: ${text}`) },
  };
}

export async function summarize(path: string, call: Call): Promise<number> {
  const { flags, output, signal } = call;
  if (flags.sectionings !== undefined)
    return (await import("./sectionings.ts")).sectionings(path, call, runOptions(call));
  const options = optionsOf(flags);
  const source = sourceOf(flags);
  const price = priceOf(flags);
  const folder = flags.out;
  if (folder === undefined && !flags.estimate) {
    fail("wrong_use", "--out is needed: the run's folder", {
      hint: "for example --out book.run; --estimate needs none",
    });
  }
  await using writer = await openWriter(flags, output, signal);
  if (flags.estimate) {
    const planned = await planBook(path, writer, options);
    output.row(estimateRow(planned, price));
    output.text(`${sayEstimate(planned.estimate, price)}\n`);
    return 0;
  }
  const result = await withHint(`what is done is kept: zeroth summarize resume ${folder} goes on`, () =>
    startRun({
      ...runOptions(call),
      ...{ path, folder: folder!, options, source, writer, force: flags.force },
      planned: (planned) => tellPlan(planned, output, price),
    }),
  );
  tellResult(result, output);
  return 0;
}

const givenText = ({ text }: SummarizeFlags): string => {
  if (text === undefined)
    return fail("wrong_use", "--text is needed: the node's text from now on", {
      hint: '--text "…", or --text - for stdin',
    });
  return text === "-" ? readFileSync(0, "utf8") : text;
};

export async function change(
  action: "resume" | "edit" | "revert" | "redo",
  folder: string,
  node: string | undefined,
  call: Call,
): Promise<number> {
  const { output, signal } = call;
  if (!hasRun(folder)) readRun(folder);
  const flags = flagsOf(readRun(folder).run.writer, call.flags);
  if (node === undefined && action !== "resume" && action !== "redo") {
    fail("wrong_use", "which node?", {
      hint: `zeroth summarize ${action} RUN h0.3; zeroth summarize show RUN lists them`,
    });
  }
  const options = runOptions({ ...call, flags });
  const { later, strict, force } = flags;
  if (later && (action === "edit" || action === "revert")) {
    const result =
      action === "edit"
        ? await editNode(folder, node!, givenText(flags), { ...options, later })
        : await revertNode(folder, node!, { ...options, later });
    tellResult(result, output);
    return 0;
  }
  const text = action === "edit" ? givenText(flags) : "";
  await using writer = await openWriter(flags, output, signal);
  const work = (): Promise<RunResult> => {
    if (action === "edit") return editNode(folder, node!, text, { ...options, writer, strict });
    if (action === "revert") return revertNode(folder, node!, { ...options, writer, strict });
    if (action === "redo" && node !== undefined) return redoNode(folder, node, { ...options, writer });
    return resumeRun(folder, { ...options, writer, strict, force });
  };
  tellResult(await withHint(`what is done is kept: zeroth summarize resume ${folder} goes on`, work), output);
  return 0;
}
