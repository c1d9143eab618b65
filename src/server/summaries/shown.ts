/** Summaries and their nodes as requests are answered with them. */
import type { z } from "@hono/zod-openapi";
import type { SummaryJob } from "../../state/summaries.ts";
import type { Estimate } from "../../summarize/run/estimate.ts";
import { type ShownNode, shownSources } from "../../summarize/run/shown.ts";
import type { PlanTold } from "./messages.ts";
import type { estimateSchema, nodeSchema, summarySchema, traceSchema, treeSchema } from "./schema.ts";
import type { AskedSummary } from "./summaries-node.ts";
import { progressOf } from "./work-node.ts";

/** A token of an answer takes so many times as long as one of a prompt, as everywhere else where time is foretold. */
const answerWeight = 8;
const workOf = (input: number, output: number): number => input + answerWeight * output;

/** Seconds for a token of a prompt, by summaries of the same model on this server; undefined where there are none. */
export function secondsPerToken(measured: readonly { readonly progress: string | null }[]): number | undefined {
  let [work, seconds] = [0, 0];
  for (const { progress } of measured) {
    const { in_tokens, out_tokens, seconds: took } = progressOf(progress);
    work += workOf(in_tokens, out_tokens);
    seconds += took;
  }
  return work > 0 && seconds > 0 ? seconds / work : undefined;
}

const secondsFor = ({ inputTokens, outputTokens }: Estimate, pace: number | undefined): number | null =>
  pace === undefined ? null : Math.ceil(pace * workOf(inputTokens, outputTokens));

export const shownEstimate = (
  model: string,
  { title, estimate, tokens, settings, trimmed }: PlanTold,
  pace?: number,
): z.infer<typeof estimateSchema> => ({
  ...{ object: "summary.estimate", model, title, calls: estimate.calls },
  ...{ input_tokens: estimate.inputTokens, output_tokens: estimate.outputTokens, seconds: secondsFor(estimate, pace) },
  heights: estimate.heights.map(({ height, nodes, calls, inputTokens, outputTokens }) => ({
    ...{ height, nodes, calls, input_tokens: inputTokens, output_tokens: outputTokens },
  })),
  ...{ tokens, settings: { ...settings }, trimmed: [...trimmed] },
});

interface Result {
  readonly summary: string | null;
  readonly sentences: number;
  readonly unsupported: number;
  readonly support: z.infer<typeof summarySchema>["support"];
}

export function shownSummary(job: SummaryJob): z.infer<typeof summarySchema> {
  const result = job.result === null ? undefined : (JSON.parse(job.result) as Result);
  const plan = job.estimate === null ? undefined : (JSON.parse(job.estimate) as PlanTold);
  const { options } = JSON.parse(job.asked) as AskedSummary;
  const { done, total, calls, in_tokens, out_tokens, seconds, tokens_per_second, eta_seconds } = progressOf(
    job.progress,
  );
  return {
    ...{ id: job.id, object: "summary", created_at: Math.floor(job.created_at), status: job.status },
    finished_at: job.finished_at === null ? null : Math.floor(job.finished_at),
    ...{ model: job.model, filename: job.filename, title: job.title, options: { ...options } },
    metadata: job.metadata === null ? null : JSON.parse(job.metadata),
    estimate: plan ? shownEstimate(job.model, plan) : null,
    progress: { done, total, calls, in_tokens, out_tokens, seconds, tokens_per_second, eta_seconds },
    ...{ summary: result?.summary ?? null, sentences: result?.sentences ?? null },
    ...{ unsupported: result?.unsupported ?? null, support: result?.support ?? null },
    error: job.error === null ? null : JSON.parse(job.error),
  };
}

const aboutNode = (node: ShownNode) => ({ ...node, children: [...node.children], flags: [...node.flags] });

export const shownTree = (nodes: readonly ShownNode[]): z.infer<typeof treeSchema> => ({
  object: "summary.tree",
  nodes: nodes.map((node) => ({
    ...aboutNode(node),
    sentences: node.sentences.length,
    unsupported: node.sentences.filter(({ supported }) => !supported).length,
  })),
});

export type NodeOf = (id: string) => ShownNode | undefined;

const sourcesOf = (nodeOf: NodeOf, id: string, i: number) =>
  shownSources(nodeOf, id, i).map((source) => ({ ...source, path: [...source.path] }));

export const shownNodeWith = (nodeOf: NodeOf, node: ShownNode): z.infer<typeof nodeSchema> => ({
  object: "summary.node",
  ...aboutNode(node),
  sentences: node.sentences.map((sentence, i) => ({
    ...{ ...sentence, links: sentence.links.map((link) => ({ ...link })), sources: sourcesOf(nodeOf, node.id, i) },
  })),
});

export const shownTrace = (
  nodeOf: NodeOf,
  node: ShownNode,
  book: string,
  only: number | undefined,
): z.infer<typeof traceSchema> => ({
  object: "list",
  data: node.sentences.flatMap(({ start, end, support }, i) => {
    if (only !== undefined && only !== i + 1) return [];
    const spans = sourcesOf(nodeOf, node.id, i).map((source) => ({
      ...source,
      text: book.slice(source.start, source.end),
    }));
    const text = (node.text ?? "").slice(start, end);
    return [{ sentence: i + 1, text, supported: spans.length > 0, support, spans }];
  }),
});
