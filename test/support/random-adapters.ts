/** Adapters with drawn numbers, of every kind that a running batch takes. */
import { randomAt } from "../../src/base/rng.ts";
import { float32, type NdArray } from "../../src/graph/array.ts";
import type { Adapter } from "../../src/models/adapters/adapter.ts";
import { names } from "../../src/models/adapters/settings.ts";
import type { Site, Survey } from "../../src/models/adapters/survey.ts";

/** Numbers around zero. */
export function drawnArray(shape: readonly number[], seed: number, deviation = 1): NdArray {
  const random = randomAt(seed, 7);
  const size = shape.reduce((a, b) => a * b, 1);
  return float32(
    shape,
    Array.from({ length: size }, () => deviation * (random.below(2001) / 500 - 2)),
  );
}

export function drawnPrefix(
  { attentions }: Survey,
  sites: readonly Site[],
  length: number,
  seed: number,
  counted = true,
): Adapter {
  const values = sites.map((site, i): [string, NdArray] => {
    const { layers, kvHeads, headWidth } = attentions[site]!;
    return [names.matrix(site), drawnArray([length, 2 * layers * kvHeads * headWidth], 31 * seed + i)];
  });
  return { settings: { method: "prefix", length, sites, counted }, values: new Map(values) };
}

export const drawnPrompt = ({ width }: Survey, length: number, seed: number): Adapter => ({
  settings: { method: "prompt", length },
  values: new Map([[names.matrix("prompt"), drawnArray([length, width], seed)]]),
});

/** Beside the products that `chosen` names, all of them by default; deeper ones with a greater rank. */
export function drawnLora(
  { products }: Survey,
  rank: number,
  seed: number,
  chosen: (path: string) => boolean = () => true,
): Adapter {
  const paths = [...products.keys()].filter(chosen);
  const values = new Map<string, NdArray>();
  const settings = paths.map((path, i) => {
    const own = rank + (i % 2);
    const [a, b] = names.lora(path);
    const { in: width, out } = products.get(path)!;
    values.set(a, drawnArray([own, width], 100 * seed + 2 * i, 0.4));
    values.set(b, drawnArray([out, own], 100 * seed + 2 * i + 1, 0.4));
    return [path, { rank: own, scale: 0.5 + seed / 10 }] as const;
  });
  return { settings: { method: "lora", products: new Map(settings) }, values };
}
