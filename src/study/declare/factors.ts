/** Combinations of factors, in the order of the declaration: the last factor changes first. */
import { randomAt, shuffle } from "../../base/rng.ts";
import { fail } from "../../errors.ts";
import type { Factor, Factors, FactorValue, Only, Stage } from "./study.ts";

const isList = (factor: Factor): factor is readonly FactorValue[] => Array.isArray(factor);

/** Values of a factor, numbers in their shortest form and each once. @throws bad_input for what is no value */
function valuesOf(name: string, factor: Factor, where: string): readonly FactorValue[] {
  const given = isList(factor) ? factor : "from" in factor ? between(name, factor, where) : factor.values;
  const plain = given.map((value) => {
    if (typeof value === "number" && !Number.isFinite(value)) {
      fail("bad_input", `factor "${name}" has the value ${value}: expected a finite number`, { where });
    }
    return Object.is(value, -0) ? 0 : value;
  });
  return [...new Set(plain)];
}

function between(name: string, { from, to, count, scale }: Extract<Factor, { from: number }>, where: string): number[] {
  if (scale === "log" && !(from > 0 && to > 0)) {
    fail("bad_input", `factor "${name}" goes from ${from} to ${to}: a log scale needs numbers above 0`, { where });
  }
  const share = (i: number) => (count === 1 ? 0 : i / (count - 1));
  const exact = (i: number) => (scale === "log" ? from * (to / from) ** share(i) : from + share(i) * (to - from));
  // Twelve digits: what a machine's power function does in the last ones must not decide about identities.
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 && count > 1 ? to : Number(exact(i).toPrecision(12)),
  );
}

const onlyOf = (factor: Factor): Only | undefined => (isList(factor) ? undefined : factor.only);

/** Whether rows of factors or results have what a condition says. */
export const fulfils = (row: Readonly<Record<string, unknown>>, only: Only | undefined): boolean =>
  Object.entries(only ?? {}).every(([name, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).includes(row[name] as FactorValue),
  );

/**
 * The combinations of a stage's factors beside those that are given with the run it needs.
 * @param quick factors in the place of others
 */
export function combinations(
  { factors, where: wanted, sample }: Stage,
  given: Factors,
  quick: Readonly<Record<string, Factor>>,
  where: string,
): Factors[] {
  let found: Factors[] = [{}];
  for (const [name, declared] of Object.entries({ ...factors, ...quick })) {
    const values = valuesOf(name, declared, where);
    const only = onlyOf(factors[name] ?? declared);
    found = found.flatMap((own) =>
      fulfils({ ...given, ...own }, only) ? values.map((value) => ({ ...own, [name]: value })) : [own],
    );
  }
  const meant = wanted ? found.filter((own) => wanted({ ...given, ...own })) : found;
  if (!sample || sample.count >= meant.length) return meant;
  // Drawn by their places, and kept in their order.
  const order = shuffle(
    Array.from(meant, (_, i) => i),
    randomAt(sample.seed ?? 0, meant.length),
  );
  return order
    .slice(0, sample.count)
    .sort((a, b) => a - b)
    .map((i) => meant[i]!);
}
