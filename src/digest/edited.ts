/** A digest with what a person changed of it. */
import type { Digest, Item, Miss, Sentence } from "./document.ts";
import type { Edits } from "./edits.ts";
import { extract } from "./write/extract.ts";

const own = (text: string): Sentence => ({ text, by: "person", spans: [] });

function edited(item: Item, { why, insights }: Edits): Item {
  const [newWhy, newInsights] = [why[item.id], insights[item.id]];
  return {
    ...item,
    ...(newWhy !== undefined && newWhy !== item.why.text && { why: own(newWhy) }),
    ...(newInsights !== undefined && {
      insights: newInsights.map((text) => item.insights.find((one) => one.text === text) ?? own(text)),
    }),
  };
}

/** A paper that came close as one of the digest, in its abstract's own sentences. */
const takenIn = ({ source, ...head }: Miss & { readonly source: string }): Item => ({
  ...{ ...head, source, rank: Number.MAX_SAFE_INTEGER, replaced: 0 },
  ...extract(head.title, source),
});

/** A digest with a person's edits; its order is theirs. What came close and is in their order is taken in. */
export function withEdits(digest: Digest, edits: Edits): Digest {
  const place = (id: string): number => {
    const at = edits.order.indexOf(id);
    return at < 0 ? edits.order.length : at;
  };
  const there = new Set(digest.items.map(({ id }) => id));
  const taken = digest.nearMisses.flatMap(({ source, ...head }) =>
    source !== undefined && edits.order.includes(head.id) && !there.has(head.id) ? [takenIn({ ...head, source })] : [],
  );
  const items = [...digest.items, ...taken]
    .filter(({ id }) => !edits.drop.includes(id))
    .map((item) => edited(item, edits))
    .sort((a, b) => place(a.id) - place(b.id) || a.rank - b.rank)
    .map((item, i) => ({ ...item, rank: i + 1 }));
  const shown = new Set(items.map(({ id }) => id));
  return { ...digest, items, nearMisses: digest.nearMisses.filter(({ id }) => !shown.has(id)) };
}

/** No edits of a digest. */
export const noEdits = ({ month, group }: Pick<Digest, "month" | "group">): Edits => ({
  ...{ format: "zeroth-digest-edits-1", month, group },
  ...{ order: [], drop: [], why: {}, insights: {} },
});

/** Edits with a paper of the shown digest exchanged for one that came close, at the same place. */
export function swapped(edits: Edits, shown: Pick<Digest, "items">, out: string, into: string): Edits {
  return {
    ...edits,
    order: shown.items.map(({ id }) => (id === out ? into : id)),
    drop: [...edits.drop.filter((id) => id !== into && id !== out), out],
  };
}
