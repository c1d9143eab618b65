/** Keys and values that adapters put before a row's own, laid out for the caches of a running batch. */
import { fail } from "../../../errors.ts";
import { int64, type NdArray, zeros } from "../../../graph/array.ts";
import { type Graph, graph } from "../../../graph/graph.ts";
import * as o from "../../../graph/operators.ts";
import { createScope, normal } from "../../../nn/scope.ts";
import { adapted } from "../../adapters/adapter.ts";
import { fillerOf } from "../../adapters/fillers.ts";
import type { RowAdapter } from "../../adapters/rows.ts";
import { isBeside, keysOf, type PrefixSettings, prefixMatrix } from "../../adapters/settings.ts";
import type { Survey } from "../../adapters/survey.ts";
import type { DecoderArchitecture } from "../../family.ts";
import { type CacheShape, cacheNames } from "../cache.ts";
import { rowsGraph } from "../decoder.ts";
import type { Tables } from "../decoding/tables.ts";
import { named } from "../encoder-decoder.ts";
import { type Compile, programsBy, wanted } from "../programs.ts";
import type { KeptPart } from "./pool.ts";

export type CachedSite = "decoder" | "cross";

export type Fronts = { readonly [S in CachedSite]?: KeptPart };

/** Programs for adapters of so many structures stay open: they hold none of the network's weights. */
const mostPrograms = 8;

const cachedSites = ({ sites }: PrefixSettings) =>
  sites.filter((site): site is CachedSite => site === "decoder" || site === "cross");

/** A prefix as `SITE.LAYER.k` and `.v`, [1, kvHeads, length, k]. */
function prefixGraph(settings: PrefixSettings, attentions: Survey["attentions"]): Graph {
  const scope = createScope();
  const outputs = cachedSites(settings).map((site) => {
    const shape = attentions[site] ?? fail("wrong_use", `the network has no ${site} attention`);
    const matrix = prefixMatrix(scope, site, settings, shape, normal(0.02));
    return named(site, keysOf(o.reshape(matrix, [1, ...matrix.shape]), shape, settings.tied));
  });
  return graph(Object.assign({}, ...outputs) as ReturnType<typeof named>);
}

function partOf(values: Readonly<Record<string, NdArray>>, begin: string, shape: CacheShape): KeptPart {
  const arrays = cacheNames(shape).map((name) => values[`${begin}.${name}`]!);
  return { length: arrays[0]!.shape[2]!, arrays: arrays.map(({ data }) => data as Float32Array) };
}

/** Two rows' keys and values one after the other: of `heads` heads each. */
export function joinedParts(first: KeptPart | undefined, second: KeptPart, heads: number): KeptPart {
  if (!first || first.length === 0) return second;
  const length = first.length + second.length;
  const arrays = second.arrays.map((after, i) => {
    const before = first.arrays[i]!;
    const [left, right] = [before.length / heads, after.length / heads];
    const whole = new Float32Array(heads * (left + right));
    for (let head = 0; head < heads; head++) {
      whole.set(before.subarray(head * left, (head + 1) * left), head * (left + right));
      whole.set(after.subarray(head * right, (head + 1) * right), head * (left + right) + left);
    }
    return whole;
  });
  return { length, arrays };
}

export function createFronts(survey: () => Survey, compile: Compile) {
  const programs = programsBy(mostPrograms);
  return {
    /** Of a prefix, which lies before a row's own keys as it is. */
    async of(adapter: RowAdapter): Promise<Fronts> {
      const { settings, values } = adapter;
      if (settings.method !== "prefix" || cachedSites(settings).length === 0) return {};
      const { attentions } = survey();
      const program = await programs.of(adapter.structure, () =>
        compile(prefixGraph(settings, attentions), { trained: () => true }),
      );
      const found = await program.run(wanted(program, Object.fromEntries(values)));
      return Object.fromEntries(cachedSites(settings).map((site) => [site, partOf(found, site, attentions[site]!)]));
    },
    [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
  };
}

interface PromptParts {
  readonly model: DecoderArchitecture;
  readonly survey: () => Survey;
  readonly compile: Compile;
  readonly tables: () => Promise<Tables | undefined>;
}

/**
 * Of vectors before the text of a decoder: no later token changes what they become, so they are read once and are a
 * prefix from then on.
 */
export function createPromptFronts({ model, survey, compile, tables }: PromptParts) {
  const programs = programsBy(1);
  const known = new WeakMap<RowAdapter, KeptPart>();
  return {
    async of(adapter: RowAdapter): Promise<KeptPart> {
      const found = known.get(adapter);
      if (found) return found;
      const { settings, values, before } = adapter;
      const program = await programs.of(adapter.structure, () =>
        compile(rowsGraph(adapted(model, settings, survey()) as DecoderArchitecture, 1), { trained: isBeside }),
      );
      const { kvHeads, headWidth } = model.cache;
      const into = Object.fromEntries(
        cacheNames(model.cache).map((name) => [name, zeros("float32", [1, kvHeads, before, headWidth])]),
      );
      const under = (begin: string) =>
        Object.fromEntries(Object.entries(into).map(([name, array]) => [`${begin}.${name}`, array]));
      const present = under("present");
      await program.run(
        wanted(program, {
          ...Object.fromEntries(values),
          ...under("past"),
          ...(await (await tables())?.of(before)),
          asked: int64([1, 1], [before - 1]),
          // Of any kind: the vectors take their places.
          ids: int64([1, before], new Array<number>(before).fill(fillerOf(model))),
          starts: int64([1], [0]),
          ends: int64([1], [before]),
          lengths: int64([1], [before]),
        }),
        { outputs: Object.keys(present), into: present },
      );
      const part = partOf(present, "present", model.cache);
      known.set(adapter, part);
      return part;
    },
    [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
  };
}
