/** Which products PEFT's LoRA settings mean, and with what rank and scale. */
import { shown } from "../../base/json.ts";
import { wholeExpression } from "../../base/regex/pattern.ts";
import { fail } from "../../errors.ts";
import type { LoraSettings } from "./settings.ts";
import type { Product } from "./survey.ts";

export interface LoraTargets {
  /** A list of names, of which a path is or ends with one; a regular expression of the whole path; or `all-linear`. */
  readonly targets: readonly string[] | string;
  readonly excluded?: readonly string[] | string | undefined;
  readonly layers?: readonly number[] | undefined;
  readonly rank: number;
  readonly alpha: number;
  /** The scale is alpha by the root of the rank instead of by the rank (Kalajdzievski 2023). */
  readonly root?: boolean | undefined;
  /** Of single products, by the end of their paths. */
  readonly ranks?: Readonly<Record<string, number>> | undefined;
  readonly alphas?: Readonly<Record<string, number>> | undefined;
}

/** Products that LoRA is put beside by default, as PEFT has them, by the ends of their paths. */
export const usualTargets: readonly (readonly string[])[] = [
  ["query", "value"],
  ["q_lin", "v_lin"],
  ["query_proj", "value_proj"],
  ["q_proj", "v_proj"],
  ["c_attn"],
  ["query_key_value"],
  ["qkv_proj"],
  ["Wqkv"],
  ["attn.q", "attn.v"],
  ["q", "v"],
];

const endsWith = (path: string, name: string) => path === name || path.endsWith(`.${name}`);

/** The first of the usual names that the network has. */
export function usualOf(products: ReadonlyMap<string, Product>): readonly string[] {
  const paths = [...products.keys()];
  const found = usualTargets.find((names) => names.every((name) => paths.some((path) => endsWith(path, name))));
  return (
    found ??
    fail("unsupported", "none of the usual products is in this network", {
      hint: 'say which: --targets all-linear, or names like those of "zeroth inspect --tensors"',
    })
  );
}

/** Whether all of a path is what a pattern says: in linear time, as a stranger's folder may hold any pattern. */
function matcher(pattern: string, what: string, where: string | undefined): (path: string) => boolean {
  try {
    return wholeExpression(pattern, where ?? what);
  } catch (cause) {
    const { message } = cause as Error;
    return fail("bad_input", `${what}: ${shown(pattern)} is no regular expression`, {
      where: where ?? what,
      hint: message,
      cause,
    });
  }
}

const matching = (wanted: readonly string[] | string, what: string, where: string | undefined) =>
  typeof wanted === "string"
    ? matcher(wanted, what, where)
    : (path: string) => wanted.some((name) => endsWith(path, name));

/** Whether a path, or its end behind a dot, is what a pattern says. Most patterns are names, whose dots mean anything. */
function endMatcher(pattern: string, where: string | undefined): (path: string) => boolean {
  if (!/^[\w.]+$/.test(pattern)) return matcher(`(?:.*\\.)?(?:${pattern})`, "a pattern of ranks or alphas", where);
  const ends = new RegExp(`(?:^|\\.)${pattern}$`);
  return (path) => ends.test(path);
}

/** Numbers by patterns, the first of which that fits counts. */
function numbersFor(patterns: Readonly<Record<string, number>> | undefined, where: string | undefined) {
  const rows = Object.entries(patterns ?? {}).map(([pattern, value]) => ({ value, test: endMatcher(pattern, where) }));
  return (path: string, otherwise: number): number => rows.find(({ test }) => test(path))?.value ?? otherwise;
}

/** The number of the layer that a path lies in: the first part of it that is one. */
const layerOf = (path: string): number => Number(/\.(\d+)\./.exec(path)?.[1] ?? Number.NaN);

/**
 * @throws bad_input where the settings match no product, with the names that there are
 */
export function loraSettings(given: LoraTargets, products: ReadonlyMap<string, Product>, where?: string): LoraSettings {
  const { targets, excluded, layers, rank, alpha, root = false } = given;
  const wanted = targets === "all-linear" ? () => true : matching(targets, "target_modules", where);
  const left = excluded === undefined ? () => false : matching(excluded, "exclude_modules", where);
  const found = [...products.keys()].filter(
    (path) => wanted(path) && !left(path) && (!layers || layers.includes(layerOf(path))),
  );
  if (found.length === 0) {
    const ends = [...new Set([...products.keys()].map((path) => path.split(".").at(-1)!))];
    fail("bad_input", `target_modules ${shown(JSON.stringify(targets))} match no product of this network`, {
      ...(where !== undefined && { where }),
      hint: `its products are called ${ends.slice(0, 12).join(", ")}`,
    });
  }
  const [ranks, alphas] = [numbersFor(given.ranks, where), numbersFor(given.alphas, where)];
  return {
    method: "lora",
    products: new Map(
      found.map((path) => {
        const own = ranks(path, rank);
        const scale = alphas(path, alpha) / (root ? Math.sqrt(own) : own);
        return [path, { rank: own, scale }];
      }),
    ),
  };
}
