/** What is known of a run: its tree with every summary, made again from the journal and the objects. */
import { sha256 } from "../../base/sha256.ts";
import type { Book } from "../book/book.ts";
import type { Tree, TreeNode } from "../book/tree.ts";
import { type Provenance, provenanceOf } from "../trace/provenance.ts";
import { between } from "../writers/prompts.ts";
import type { NodeLine, RunFile, RunReader } from "./record.ts";
import { inputOf, type Summary, slotOf, toldOf } from "./schedule.ts";

export interface RunState {
  /** How messages name it. */
  readonly where: string;
  readonly run: RunFile;
  readonly book: Book;
  readonly tree: Tree;
  /** By slot. */
  readonly known: Map<string, Summary>;
  /** What a person should know of the folder. */
  readonly warnings: readonly string[];
}

/** Summaries by slot, from the lines of a journal. */
function replay(reader: RunReader, lines: readonly NodeLine[], warnings: string[]): Map<string, Summary> {
  const made = new Map<string, Summary>();
  const human = new Map<string, string>();
  const records = new Map<string, Extract<NodeLine, { state: "done" }>>();
  for (const line of lines) {
    if (line.state === "edited") human.set(line.node, line.text);
    else if (line.state === "reverted") human.delete(line.node);
    else {
      records.set(slotOf(line.node, line.pass), line);
      // Asked for anew: the person's text was given up.
      if (line.pass !== 1) human.delete(line.node);
    }
  }
  for (const [slot, { key, input, context, contexts, take }] of records) {
    const object =
      key === undefined
        ? undefined
        : reader.object(key, (what) => warnings.push(`${what} is damaged: its answer is asked for again`));
    if (key !== undefined && !object) {
      if (!warnings.some((one) => one.includes(key.slice(2))))
        warnings.push(`the answer of ${slot} is gone: it is asked for again`);
      continue;
    }
    made.set(slot, { text: object?.text ?? "", by: "model", input, context, contexts, key, take, made: object });
  }
  for (const [node, text] of human) {
    const before = made.get(node);
    made.set(node, {
      text,
      by: "human",
      input: before?.input ?? "",
      context: before?.context ?? "",
      contexts: before?.contexts ?? 0,
      take: before?.take ?? 0,
    });
  }
  return made;
}

/** @throws not_found, corrupt_file */
export function stateOf(reader: RunReader): RunState {
  const { run, book, tree, lines, warnings: said } = reader.read();
  const warnings = [...said];
  return { where: reader.where, run, book, tree, known: replay(reader, lines, warnings), warnings };
}

export type NodeState = "pending" | "done" | "edited";
export type NodeFlag =
  | "context-stale"
  | "input-stale"
  | "degraded"
  | "truncated"
  | "empty"
  | "resplit"
  | "estimated"
  | "unsupported";

export interface NodeView {
  readonly node: TreeNode;
  readonly state: NodeState;
  readonly text: string | undefined;
  readonly flags: readonly NodeFlag[];
  readonly summary: Summary | undefined;
}

export interface RunView {
  readonly nodes: readonly NodeView[];
  readonly provenance: Provenance;
  readonly root: NodeView;
  /** Nodes without a summary, or with one of another text than their children's now. */
  readonly missing: readonly string[];
}

export const provenanceOfState = ({ book, tree, known }: RunState): Provenance =>
  provenanceOf({ text: book.text, tree, lines: book.lines, summaryOf: (id) => known.get(id)?.text });

/** One node after another as it stands, over the same links. */
export interface Viewer {
  readonly provenance: Provenance;
  view(node: TreeNode): NodeView;
}

export function viewerOf(state: RunState): Viewer {
  const { book, known, run } = state;
  const provenance = provenanceOfState(state);
  const told = toldOf(state.tree, run.settings.context, known);
  return {
    provenance,
    view(node) {
      const summary = known.get(node.id);
      if (!summary) return { node, state: "pending", text: undefined, flags: [], summary };
      const flags: NodeFlag[] = [...(summary.made?.flags ?? [])];
      if (summary.by === "model") {
        const input = inputOf(node, book.text, (id) => known.get(id)?.text);
        if (input === undefined || sha256(input) !== summary.input) flags.push("input-stale");
        if (sha256(told(node, summary).join(between)) !== summary.context) flags.push("context-stale");
      }
      if (provenance.sentences(node.id).some(({ supported }) => !supported)) flags.push("unsupported");
      return { node, state: summary.by === "human" ? "edited" : "done", text: summary.text, flags, summary };
    },
  };
}

/** Every node with what there is to say of it. */
export function viewOf(state: RunState): RunView {
  const { provenance, view } = viewerOf(state);
  const nodes = state.tree.nodes.map(view);
  const missing = nodes
    .filter(({ state: now, flags }) => now === "pending" || flags.includes("input-stale"))
    .map(({ node }) => node.id);
  return { nodes, provenance, root: nodes.at(-1)!, missing };
}
