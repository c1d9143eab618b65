/** The tree of summaries, the root first; it grows while the book is summarised. */
import { useEffect, useState } from "preact/hooks";
import type { BookNode } from "../../client/books.ts";
import { Icon } from "../../parts/icon.tsx";
import { node, nodes, rootNode, selected } from "./state.ts";

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80).replace(/\s+\S*$/, "")}…` : text);

const markOf = ({ state, flags }: BookNode): string | undefined => {
  if (state === "edited") return "by hand";
  if (flags.includes("input-stale")) return "out of date";
  if (flags.includes("degraded")) return "poor";
  return flags.includes("unsupported") ? "?" : undefined;
};

const markSays: Readonly<Record<string, string>> = {
  "by hand": "A person wrote this.",
  "out of date": "What it was made of has changed.",
  poor: "No answer of the model was as it should be.",
  "?": "A sentence of it has no source.",
};

function Branch({ id, depth }: { readonly id: string; readonly depth: number }) {
  const one = nodes.value.get(id);
  const [wide, setWide] = useState(depth < 1);
  const current = node.value?.id === id;
  // What is shown is seen in the tree as well.
  useEffect(() => {
    if (node.value && node.value.id !== id && isBelow(node.value, id)) setWide(true);
  }, [node.value?.id]);
  if (!one) return null;
  const { children, heading, text, state } = one;
  const done = children.filter((child) => nodes.value.get(child)?.state !== "pending").length;
  const mark = markOf(one);
  return (
    <li data-node={id} data-state={state}>
      <div class="branch">
        {children.length > 0 ? (
          <button
            type="button"
            class="quiet fold"
            aria-expanded={wide}
            aria-label={`Parts of ${id}`}
            onClick={() => setWide(!wide)}
          >
            <Icon name={wide ? "down" : "right"} />
          </button>
        ) : (
          <span class="fold" />
        )}
        <button
          type="button"
          class="quiet label"
          aria-current={current ? "true" : undefined}
          onClick={() => {
            selected.value = id;
          }}
        >
          {heading && <strong>{heading} </strong>}
          {text === null ? (
            <span class="quiet">
              {id}
              {children.length > 0 && done > 0 ? `, ${done} of ${children.length} parts` : ""}
            </span>
          ) : (
            shortened(text) || <span class="quiet">{id}: nothing to say</span>
          )}
          {mark && (
            <small class="tag" title={markSays[mark] ?? ""}>
              {mark}
            </small>
          )}
        </button>
      </div>
      {wide && children.length > 0 && (
        <ul>
          {children.map((child) => (
            <Branch key={child} id={child} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}

function isBelow(one: BookNode, id: string): boolean {
  for (let at = one.parent; at !== null; at = nodes.value.get(at)?.parent ?? null) if (at === id) return true;
  return false;
}

export function TreeView() {
  const root = rootNode.value;
  if (!root) return null;
  return (
    <nav class="book-tree" aria-label="Parts of the summary">
      <ul>
        <Branch id={root.id} depth={0} />
      </ul>
    </nav>
  );
}
