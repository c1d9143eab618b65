/** Stored tensors under the names that a network asks for: prefixes that wrappers add or leave out, other names of one tensor. */
import type { StoredTensor, Weights } from "../weights/weights.ts";
import type { Names } from "./family.ts";

/** What stands before the anchor in the file (`module.`), or before the file's name in the anchor (`transformer.`). */
function prefixOf(weights: Weights, anchor: string): { readonly strip: string; readonly add: string } {
  if (weights.has(anchor)) return { strip: "", add: "" };
  for (const name of weights.keys()) {
    if (name.endsWith(`.${anchor}`)) return { strip: name.slice(0, -anchor.length), add: "" };
  }
  const parts = anchor.split(".");
  for (let i = 1; i < parts.length - 1; i++) {
    if (weights.has(parts.slice(i).join("."))) return { strip: "", add: `${parts.slice(0, i).join(".")}.` };
  }
  return { strip: "", add: "" };
}

/** The same weights by the network's names. */
export function namedAs(weights: Weights, { anchor, aliases = {}, renamed = [], ignored }: Names): Weights {
  const { strip, add } = prefixOf(weights, anchor);
  const named = new Map<string, StoredTensor>();
  for (const [name, stored] of weights) {
    const inner = strip && name.startsWith(strip) ? name.slice(strip.length) : name;
    const bare = renamed.reduce((old, [pattern, now]) => old.replace(pattern, now), inner);
    if (!ignored?.test(bare)) named.set(add + bare, stored);
  }
  for (const [name, others] of Object.entries(aliases)) {
    const other = named.has(name) ? undefined : others.find((alias) => named.has(alias));
    if (other !== undefined) named.set(name, named.get(other)!);
  }
  return named;
}
