/** Stored tensors under the names that a network asks for. */
import { canonicalNames, commonIgnored } from "../weights/names.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";
import type { Names } from "./family.ts";

/** Older spellings as today's; without the buffers that models once saved, and what the family does not read. */
function respelled(
  weights: Weights,
  { renamed = [], ignored = [] }: Pick<Names, "renamed" | "ignored">,
): Map<string, StoredTensor> {
  const now = ([name, stored]: readonly [string, StoredTensor]) =>
    [renamed.reduce((old, [pattern, spelling]) => old.replace(pattern, spelling), name), stored] as const;
  const unread = [...commonIgnored, ...ignored];
  return new Map([...weights].map(now).filter(([name]) => !unread.some((pattern) => pattern.test(name))));
}

/**
 * The same weights by the network's names. Where the anchor is at its place the names are taken as they are; else
 * `wanted` tells what the network asks for, and the prefix is looked for that was added or left out.
 * @param strictly look for a prefix whether the anchor is there or not
 */
export function namedAs(
  weights: Weights,
  { anchor, aliases = {}, prefixes = [], outside, ...spelling }: Names,
  wanted: () => Iterable<string>,
  strictly = false,
): Weights {
  const spelled = respelled(weights, spelling);
  if (spelled.has(anchor) && !strictly) {
    for (const [name, others] of Object.entries(aliases)) {
      const other = spelled.has(name) ? undefined : others.find((alias) => spelled.has(alias));
      if (other !== undefined) spelled.set(name, spelled.get(other)!);
    }
    return spelled;
  }
  const { stored, stripped, added } = canonicalNames(spelled.keys(), wanted(), { aliases, prefixes });
  const asked = new Set(stored.values());
  const rest = [...spelled].filter(([name]) => !asked.has(name));
  // What a model was saved without its head has lost from all of its names, asked for or not.
  const lost = [...spelled.keys()].some((name) => name.startsWith(stripped + added)) ? "" : added;
  const bare = (name: string) =>
    outside?.test(name) ? name : lost + (name.startsWith(stripped) ? name.slice(stripped.length) : name);
  return new Map([
    ...rest.map(([name, tensor]) => [bare(name), tensor] as const),
    ...[...stored].map(([name, found]) => [name, spelled.get(found)!] as const),
  ]);
}
