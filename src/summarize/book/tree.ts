/** The tree of a book: leaves in groups, groups in groups, until one is left. */
import { fail } from "../../errors.ts";
import type { CutKind } from "./boundaries.ts";
import type { Leaf } from "./chunk.ts";
import type { Span } from "./spans.ts";

export interface TreeNode {
  /** By height and place: "h1.7". */
  readonly id: string;
  /** Longest way down to a leaf; 0 for a leaf. */
  readonly height: number;
  /** Distance to the root. */
  readonly depth: number;
  /** Place among the nodes of its height. */
  readonly index: number;
  readonly span: Span;
  readonly children: readonly string[];
  readonly parent?: string | undefined;
  /** Of a leaf: what it was cut before. */
  readonly cut?: CutKind | undefined;
  /** Of a section: the heading it stands under. */
  readonly heading?: string | undefined;
}

export interface Tree {
  /** Children before their parents, in the book's order. */
  readonly nodes: readonly TreeNode[];
  readonly byId: ReadonlyMap<string, TreeNode>;
  readonly root: TreeNode;
}

/** A tree whose nodes have no names yet. */
export interface Draft {
  readonly span: Span;
  readonly height: number;
  readonly children: readonly Draft[];
  readonly cut?: CutKind | undefined;
  readonly heading?: string | undefined;
}

/** Most children: of leaves' parents, and of those above. */
export const fans = { leaves: 12, above: 8 } as const;

/** Tokens that a node of this height can read of so many summaries of the height below, at worst. */
export type Fits = (height: number, children: number) => boolean;

const joined = (children: readonly Draft[]): Draft => ({
  span: { start: children[0]!.span.start, end: children.at(-1)!.span.end },
  height: 1 + Math.max(...children.map(({ height }) => height)),
  children,
});

/** One level: groups of neighbours of about the same size. @throws too_long where not even two children fit */
function grouped(level: readonly Draft[], fan: number, fits: Fits): Draft[] {
  const height = 1 + Math.max(...level.map((one) => one.height));
  const n = level.length;
  if (!fits(height, 2)) {
    fail("too_long", `the model reads too little for two summaries of height ${height - 1} in one prompt`, {
      hint: "smaller --limits, or a model that reads longer texts",
    });
  }
  let groups = Math.ceil(n / fan);
  while (!fits(height, Math.ceil(n / groups))) groups++;
  return Array.from({ length: groups }, (_, i) =>
    joined(level.slice(Math.floor((i * n) / groups), Math.floor(((i + 1) * n) / groups))),
  );
}

/** The tree above some nodes. */
export function rootOf(level: readonly Draft[], fits: Fits, first: number = fans.leaves): Draft {
  let [nodes, fan] = [level, first];
  while (nodes.length > 1) {
    nodes = grouped(nodes, fan, fits);
    fan = fans.above;
  }
  return nodes[0]!;
}

export const leafDraft = ({ span, cut }: Leaf): Draft => ({ span, cut, height: 0, children: [] });

/**
 * Names, depths and parents for a draft.
 */
export function treeOf(draft: Draft): Tree {
  const order: { readonly draft: Draft; readonly depth: number }[] = [];
  const walk = (one: Draft, depth: number) => {
    for (const child of one.children) walk(child, depth + 1);
    order.push({ draft: one, depth });
  };
  walk(draft, 0);
  const counts = new Map<number, number>();
  const ids = new Map<Draft, string>();
  for (const { draft: one } of order) {
    const index = counts.get(one.height) ?? 0;
    counts.set(one.height, index + 1);
    ids.set(one, `h${one.height}.${index}`);
  }
  const parents = new Map(
    order.flatMap(({ draft: one }) => one.children.map((child) => [child, ids.get(one)!] as const)),
  );
  const nodes = order.map(({ draft: one, depth }): TreeNode => {
    const id = ids.get(one)!;
    return {
      id,
      height: one.height,
      depth,
      index: Number(id.slice(id.indexOf(".") + 1)),
      span: one.span,
      children: one.children.map((child) => ids.get(child)!),
      parent: parents.get(one),
      cut: one.cut,
      heading: one.heading,
    };
  });
  return treeFrom(nodes);
}

export function treeFrom(nodes: readonly TreeNode[]): Tree {
  const root = nodes.at(-1) ?? fail("corrupt_file", "a tree without nodes");
  return { nodes, byId: new Map(nodes.map((node) => [node.id, node])), root };
}

/** What is wrong with a tree; nothing where it is as it must be. */
export function faultsOfTree({ nodes, byId, root }: Tree, body: Span): string[] {
  const faults: string[] = [];
  const need = (holds: boolean, what: string) => {
    if (!holds) faults.push(what);
  };
  need(byId.size === nodes.length, "two nodes have one name");
  need(root.span.start === body.start && root.span.end === body.end, "the root does not span the text");
  let at = body.start;
  for (const { id, span, children, parent, height } of nodes) {
    if (children.length === 0) {
      need(height === 0, `${id} is a leaf above height 0`);
      need(
        span.start === at && (span.end > at || body.start === body.end),
        `${id} does not begin where the leaf before it ends`,
      );
      at = span.end;
    } else {
      const known = children.map((child) => byId.get(child));
      const spans = known.map((child) => child?.span ?? { start: NaN, end: NaN });
      const tiles = spans.every((one, i) => one.start === (i === 0 ? span.start : spans[i - 1]!.end));
      need(tiles && spans.at(-1)!.end === span.end, `the children of ${id} do not tile it`);
      need(
        known.every((child) => child?.parent === id),
        `a child of ${id} has another parent`,
      );
      need(
        height === 1 + Math.max(...known.map((child) => child?.height ?? NaN)),
        `the height of ${id} is not its children's`,
      );
    }
    need(
      id === root.id ? parent === undefined : byId.get(parent ?? "")?.children.includes(id) === true,
      `${id} has no parent`,
    );
  }
  need(at === body.end, "the leaves do not reach the end of the text");
  return faults;
}
