/** An adapter as this project holds it: how a frozen network was adapted, and the numbers that were learnt. */
import type { NdArray } from "../../graph/array.ts";
import type { Architecture } from "../family.ts";
import type { TaskHead } from "./heads.ts";
import { withLearnt } from "./learnt.ts";
import { type AdapterSettings, learning, type Starts } from "./settings.ts";
import type { Survey } from "./survey.ts";

export interface Adapter {
  readonly settings: AdapterSettings;
  /** float32, by the names that the adapted network asks for: what is beside it, and the head's. */
  readonly values: ReadonlyMap<string, NdArray>;
  readonly head?: TaskHead | undefined;
  /** Names of the head's classes. */
  readonly labels?: readonly string[] | undefined;
}

/** Tokens of any kind that a text must begin with, so that what was learnt takes their places. */
export interface Fillers {
  /** Where a row is read whole, and where it is read in pieces over a cache. */
  readonly whole: number;
  readonly cached: number;
}

/** Tokens before texts that are read with an adapter: prompts take places of every row, prefixes those of a cache. */
export function fillersOf({ kind }: Pick<Architecture, "kind">, settings: AdapterSettings): Fillers {
  if (settings.method === "prompt") return { whole: settings.length, cached: settings.length };
  return { whole: 0, cached: settings.method === "prefix" && kind === "decoder" ? settings.length : 0 };
}

/** Places of the model's own that an adapter takes. */
export function placesOf(settings: AdapterSettings): number {
  if (settings.method === "prompt") return settings.length;
  return settings.method === "prefix" && settings.counted ? settings.length : 0;
}

/** A frozen network with an adapter in it; its parameters are named as {@link Adapter.values} are. */
export function adapted(model: Architecture, settings: AdapterSettings, survey: Survey, starts?: Starts): Architecture {
  return withLearnt(model, learning(settings, survey, starts));
}
