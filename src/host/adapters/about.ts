/** What is told of an adapter: as a model that can be asked, and as what it is. */
import type { AdapterSummary } from "../../text/adapters/about-node.ts";
import type { AdapterAbout, ModelAbout } from "../engine.ts";
import type { AdapterPlace } from "./registry-node.ts";

/** An adapter as a model. With a head it tells what that was trained for, and nothing else of what its model can. */
export function aboutWith(base: ModelAbout, { id }: AdapterPlace, summary: AdapterSummary): ModelAbout {
  const { head, bytes, created } = summary;
  const { defaults, ...rest } = base;
  const can = head === undefined ? base.can : (["classify"] as const);
  return {
    ...rest,
    ...{ id, parent: base.id, bytes, created, can },
    ...(head === undefined && defaults && { defaults }),
  };
}

export function shownAdapter(
  { id, base, name }: AdapterPlace,
  { method, head, labels, bytes, created }: AdapterSummary,
  held: { readonly warnings: readonly string[] } | undefined,
): AdapterAbout {
  return {
    ...{ id, base, name, method, bytes, created },
    ...(head !== undefined && { head }),
    ...(labels && { labels }),
    held: held !== undefined,
    warnings: held?.warnings ?? [],
  };
}
