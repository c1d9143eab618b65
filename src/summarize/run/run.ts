/** Runs of summaries, wherever they are kept: begun, gone on with, corrected. */
import { canonicalJson } from "../../base/canonical.ts";
import { sha256 } from "../../base/sha256.ts";
import { fail } from "../../errors.ts";
import type { TreeNode } from "../book/tree.ts";
import { type SupportAt, supportByHeight } from "../trace/provenance.ts";
import { ask, type Made } from "../writers/ask.ts";
import type { Answer, Writer } from "../writers/writer.ts";
import { costOf, estimateOf, type Price } from "./estimate.ts";
import type { Planned } from "./plan.ts";
import { createProgress, type Progress } from "./progress.ts";
import { editedLine, type NodeLine, type RunFile, type RunStore, type WriterSource } from "./record.ts";
import { type Need, type Pass, runTree, type Summary, slotOf } from "./schedule.ts";
import { differences } from "./settings.ts";
import { type ShownNode, shownNode } from "./shown.ts";
import { provenanceOfState, type RunState, stateOf, type Viewer, viewerOf, viewOf } from "./state.ts";

/** Where a run stops by itself, so that it can be gone on with. */
export interface Budget {
  readonly maxCalls?: number | undefined;
  /** Dollars, of a `price`. */
  readonly usd?: number | undefined;
  readonly price?: Price | undefined;
}

export interface RunEvents {
  /** A node has its summary. */
  readonly node?: (progress: Progress) => void;
  /** A node's summary as it is shown, before its progress; of `two-pass` those of the second pass. */
  readonly shown?: (node: ShownNode) => void;
  readonly warn?: (text: string) => void;
}

export interface RunOptions {
  readonly writer: Writer;
  readonly signal?: AbortSignal | undefined;
  readonly budget?: Budget | undefined;
  readonly events?: RunEvents | undefined;
}

export interface RunResult {
  /** The root's text; undefined where it was not reached. */
  readonly summary: string | undefined;
  readonly nodes: number;
  /** Nodes that a model was asked about; asking one again because of its answer is no call more. */
  readonly calls: number;
  readonly retries: number;
  readonly inTokens: number;
  readonly outTokens: number;
  readonly cost?: number | undefined;
  /** Sentences of the summary, and those that could not be traced down to the book. */
  readonly sentences: number;
  readonly unsupported: number;
  readonly support: readonly SupportAt[];
  readonly warnings: readonly string[];
}

export interface BeginOptions extends RunOptions {
  readonly planned: Planned;
  /** What the book is read from. */
  readonly from: RunFile["source"];
  readonly source: WriterSource;
  /** Go on with a run of other options: what they leave as it was is kept. */
  readonly force?: boolean | undefined;
}

/**
 * Summarise a planned book; a store that holds a run of the same book and options is gone on with.
 * @throws what {@link resume} throws; bad_input where it holds another run, with what differs
 */
export async function begin(
  store: RunStore,
  { planned, from, source, force = false, ...given }: BeginOptions,
): Promise<RunResult> {
  const { book, settings, tree, body, tokens } = planned;
  const run: RunFile = {
    version: 1,
    source: from,
    title: book.title,
    settings,
    writer: source,
    identity: given.writer.identity,
    ...{ tokens, body, trimmed: book.trimmed, nodes: tree.nodes },
  };
  const before = store.has() ? store.read().run : undefined;
  if (before) needSame(before, run, force);
  if (!before || canonicalJson(before) !== canonicalJson(run)) await store.write(run, book);
  return await execute(store, given);
}

/** What two runs differ in. */
function needSame(before: RunFile, now: RunFile, force: boolean): void {
  const changed = [
    ...(before.source.sha256 === now.source.sha256 ? [] : ["the book is another file"]),
    ...differences(before.settings, now.settings),
    ...differences(before.identity, now.identity).map((one) => `model: ${one}`),
  ];
  if (changed.length === 0 || force) return;
  fail("bad_input", `the folder holds a run with other options: ${changed.join("; ")}`, {
    hint: "--force goes on with the new ones and keeps what they leave as it was; another --out begins anew",
  });
}

export interface ResumeOptions extends RunOptions {
  readonly force?: boolean | undefined;
  /** Make again also what was told of summaries that have changed since. */
  readonly strict?: boolean | undefined;
  /** Whether the ancestors of this node alone may be made, and the node itself anew where it is to be. */
  readonly above?: { readonly node: string; readonly again: boolean } | undefined;
}

/**
 * Go on with a run: exactly the calls that are missing are made.
 * @throws not_found, corrupt_file; busy where another process has it; bad_input for another model than before;
 *   check_failed where the budget is used up; interrupted; what the writer throws
 */
export async function resume(
  store: RunStore,
  { force = false, strict, above, ...given }: ResumeOptions,
): Promise<RunResult> {
  const { run, book } = store.read();
  const now: RunFile = { ...run, identity: given.writer.identity };
  needSame(run, now, force);
  if (canonicalJson(run) !== canonicalJson(now)) await store.write(now, book);
  if (above === undefined) return await execute(store, given, { strict });
  const { node, again } = above;
  const chain = strict ? undefined : new Set(ancestorsOf(stateOf(store), node).map(({ id }) => id));
  if (again) chain?.add(node);
  return await execute(store, given, { only: chain, strict, ...(again && { again: new Set([node]) }) });
}

const ancestorsOf = (state: RunState, id: string): TreeNode[] => {
  const chain: TreeNode[] = [];
  for (let node = state.tree.byId.get(id); node?.parent !== undefined; ) {
    node = state.tree.byId.get(node.parent)!;
    chain.push(node);
  }
  return chain;
};

/** @throws not_found naming the run's nodes */
export function needNode(state: RunState, id: string): TreeNode {
  const known = state.tree.byId.get(id);
  if (known) return known;
  const { root } = state.tree;
  return fail("not_found", `there is no node "${id.slice(0, 40)}"`, {
    where: state.where,
    hint: `h0.0 is the first leaf, ${root.id} the root`,
  });
}

export interface EditOptions extends Omit<RunOptions, "writer"> {
  /** Needed unless `later`. */
  readonly writer?: Writer | undefined;
  /** Leave the ancestors as they are until the run is gone on with. */
  readonly later?: boolean | undefined;
  /** Make again everything that was told of the old text, not the ancestors alone. */
  readonly strict?: boolean | undefined;
}

/** What happens to one node, and then to those above it. */
async function change(
  store: RunStore,
  id: string,
  { writer, later = false, strict = false, ...given }: EditOptions,
  line: NodeLine,
): Promise<RunResult> {
  const state = stateOf(store);
  needNode(state, id);
  await store.begin(state.run);
  if (!later) {
    if (!writer) return fail("internal", "an edit without a writer");
    needSame(state.run, { ...state.run, identity: writer.identity }, false);
    await store.note(line);
    return resume(store, { writer, ...given, strict, above: { node: id, again: false } });
  }
  await store.note(line);
  return resultOf(stateOf(store), noSpending());
}

/** Put a person's text in the place of a node's summary; the nodes above it are made again. */
export const edit = (store: RunStore, id: string, text: string, options: EditOptions): Promise<RunResult> =>
  change(store, id, options, editedLine(id, text));

/** Give up a person's text for the model's; the nodes above are made again. */
export async function revert(store: RunStore, id: string, options: EditOptions): Promise<RunResult> {
  const state = stateOf(store);
  needNode(state, id);
  if (state.known.get(id)?.by !== "human") fail("bad_input", "the node's text is the model's", { where: id });
  return change(store, id, options, { node: id, state: "reverted" });
}

/** Ask for a node anew, also for one that a person wrote, and for those above it. */
export async function redo(store: RunStore, id: string, given: RunOptions): Promise<RunResult> {
  needNode(stateOf(store), id);
  return resume(store, { ...given, above: { node: id, again: true } });
}

interface Spending {
  calls: number;
  retries: number;
  inTokens: number;
  outTokens: number;
  cost: number | undefined;
}

const noSpending = (): Spending => ({ calls: 0, retries: 0, inTokens: 0, outTokens: 0, cost: undefined });

/** What is decided by everything that a call's answer depends on. */
function keyOf(need: Need, { identity }: Writer): string {
  const { asked, limit, input, context, take, node } = need;
  const { question, words } = asked;
  return sha256(
    canonicalJson({
      schema: 1,
      identity,
      role: Math.min(node.height, 2),
      limit,
      words,
      input,
      context,
      question,
      take,
    }),
  );
}

async function execute(
  store: RunStore,
  { writer, signal = new AbortController().signal, budget = {}, events = {} }: RunOptions,
  {
    only,
    again,
    strict,
  }: {
    only?: ReadonlySet<string> | undefined;
    again?: ReadonlySet<string> | undefined;
    strict?: boolean | undefined;
  } = {},
): Promise<RunResult> {
  const state = stateOf(store);
  await store.begin(state.run);
  for (const warning of state.warnings) events.warn?.(warning);
  const { run, book, tree, known } = state;
  const { settings } = run;
  const spending = noSpending();
  if (budget.price) spending.cost = 0;
  const started = performance.now();
  const progress = createProgress({ state, only, estimate: estimateOf(book.text, tree, settings, writer) });

  const mayCall = () => {
    const { maxCalls, usd } = budget;
    const made = spending.calls + spending.retries;
    const out =
      maxCalls !== undefined && made > maxCalls
        ? `${maxCalls} calls`
        : usd !== undefined && (spending.cost ?? 0) >= usd
          ? `$${usd}`
          : undefined;
    if (out === undefined) return;
    fail("check_failed", `the budget of ${out} is used up`, {
      where: store.where,
      hint: "what is done is kept: zeroth summarize resume goes on",
    });
  };
  const spent = ({ inTokens, outTokens }: Answer) => {
    spending.inTokens += inTokens;
    spending.outTokens += outTokens;
    if (budget.price) spending.cost = costOf(spending.inTokens, spending.outTokens, budget.price);
  };

  let viewer: Viewer | undefined;
  const running = new Map<string, Promise<Made>>();
  const times = new Map<string, number>();
  async function make(need: Need): Promise<{ key: string; made: Made }> {
    const key = keyOf(need, writer);
    const kept = store.object(key, (what) => events.warn?.(`${what} is damaged: its answer is asked for again`));
    if (kept) return { key, made: kept };
    const asking = running.get(key);
    if (asking) return { key, made: await asking };
    const began = performance.now();
    const work = (async () => {
      spending.calls++;
      const seed = (Number.parseInt(key.slice(0, 8), 16) ^ settings.seed) >>> 0;
      const made = await ask(writer, need.asked, {
        ...{ limit: need.limit, seed, signal, spent },
        mayCall(retry) {
          if (retry) spending.retries++;
          mayCall();
        },
      });
      await store.keep(key, made);
      return made;
    })();
    running.set(key, work);
    try {
      const made = await work;
      times.set(slotOf(need.node.id, need.pass), performance.now() - began);
      return { key, made };
    } finally {
      running.delete(key);
    }
  }

  await runTree({
    ...{ text: book.text, tree, settings, writer, hash: sha256, known, make, only, again, strict, signal },
    async done(node: TreeNode, pass: Pass, { key, input, context, contexts, take }: Summary) {
      const ms = Math.round(times.get(slotOf(node.id, pass)) ?? 0);
      await store.note({
        node: node.id,
        ...(pass === 1 && { pass }),
        state: "done",
        key,
        input,
        context,
        contexts,
        take,
        ms,
      });
      if (pass === 2 && events.shown) {
        viewer ??= viewerOf(state);
        events.shown(shownNode(state, viewer.view(node), viewer.provenance));
      }
      events.node?.(progress.finished(node, pass, { ...spending, seconds: (performance.now() - started) / 1000 }));
    },
  });
  return resultOf(state, spending);
}

function resultOf(state: RunState, spending: Spending): RunResult {
  const { missing, root } = viewOf(state);
  const provenance = provenanceOfState(state);
  const sentences = provenance.sentences(root.node.id);
  const unsupported = sentences.filter((_, i) => provenance.sources(root.node.id, i).length === 0).length;
  return {
    summary: missing.length > 0 && root.text === undefined ? undefined : root.text,
    nodes: state.tree.nodes.length,
    ...spending,
    ...{
      sentences: sentences.length,
      unsupported,
      support: supportByHeight(state.tree, provenance),
      warnings: state.warnings,
    },
  };
}
