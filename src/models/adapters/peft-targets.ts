/** Which products PEFT's LoRA settings mean, and with what rank and scale. */
import { shown } from "../../base/json.ts";
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

function expression(pattern: string, what: string, where: string | undefined): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return fail(
      "bad_input",
      `${what}: ${shown(pattern)} is no regular expression`,
      where === undefined ? {} : { where },
    );
  }
}

const matching = (wanted: readonly string[] | string, what: string, where: string | undefined) => {
  if (typeof wanted !== "string") return (path: string) => wanted.some((name) => endsWith(path, name));
  const whole = expression(wanted, what, where);
  return (path: string) => whole.test(path);
};

/** A pattern's number for a path: patterns match the path or its end, the first of them counts. */
function numberFor(path: string, patterns: Readonly<Record<string, number>> | undefined, otherwise: number): number {
  for (const [pattern, value] of Object.entries(patterns ?? {})) {
    if (expression(`(?:.*\\.)?(?:${pattern})`, "a pattern of ranks or alphas", undefined).test(path)) return value;
  }
  return otherwise;
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
  return {
    method: "lora",
    products: new Map(
      found.map((path) => {
        const own = numberFor(path, given.ranks, rank);
        const scale = numberFor(path, given.alphas, alpha) / (root ? Math.sqrt(own) : own);
        return [path, { rank: own, scale }];
      }),
    ),
  };
}
