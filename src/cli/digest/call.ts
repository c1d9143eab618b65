/** What the commands of a digest are called with. */

import type { Group, Series } from "../../digest/count/groups.ts";
import { groupOf } from "../../digest/count/groups.ts";
import type { FileSource } from "../../digest/ingest-node.ts";
import type { OaiPrefix } from "../../digest/sources/oai.ts";
import { fail } from "../../errors.ts";
import type { EngineFlags } from "../engine.ts";
import type { Output } from "../output.ts";

export interface Call {
  readonly path: string | undefined;
  readonly flags: EngineFlags & {
    readonly store?: string | undefined;
    readonly source?: FileSource | undefined;
    readonly set?: string | undefined;
    readonly prefix?: OaiPrefix | undefined;
    readonly from?: string | undefined;
    readonly until?: string | undefined;
    readonly days?: number | undefined;
    readonly query?: string | undefined;
    readonly pause?: number | undefined;
    readonly group?: string | undefined;
    readonly by?: "month" | "year" | undefined;
    readonly series?: Series | undefined;
    readonly table?: string | undefined;
    readonly approximate?: boolean | undefined;
    readonly plot?: string | undefined;
    readonly month?: string | undefined;
    readonly year?: string | undefined;
    readonly top?: number | undefined;
    readonly delay?: number | undefined;
    readonly months?: number | undefined;
    readonly weights?: readonly string[] | undefined;
    readonly interest?: readonly string[] | undefined;
    readonly pin?: readonly string[] | undefined;
    readonly ban?: readonly string[] | undefined;
    readonly surveys?: boolean | undefined;
    readonly misses?: number | undefined;
    readonly edits?: string | undefined;
    readonly extract?: boolean | undefined;
    readonly keepUnsupported?: boolean | undefined;
    readonly encoder?: string | undefined;
    readonly format?: readonly string[] | undefined;
    readonly out?: string | undefined;
    readonly site?: string | undefined;
    readonly mailFrom?: string | undefined;
    readonly mailTo?: string | undefined;
    readonly unsubscribe?: string | undefined;
    readonly seed?: number | undefined;
  };
  readonly output: Output;
  readonly signal: AbortSignal;
}

export const needStore = ({ flags: { store } }: Call): string =>
  store ??
  fail("wrong_use", "--store is needed: the file that holds the papers", { hint: "for example --store papers.db" });

export function chosenGroup({ flags: { group = "ai-ml", series } }: Call): Group {
  const known = groupOf(group);
  return series === undefined ? known : { ...known, series };
}

/** @throws wrong_use for a number out of its range */
export function within(name: string, value: number | undefined, least: number, most: number, instead: number): number {
  const number = value ?? instead;
  if (!(number >= least && number <= most)) fail("wrong_use", `--${name} ${number}: expected ${least} to ${most}`);
  return number;
}
