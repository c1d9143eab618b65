/**
 * Dimensions that may be symbols. A Dim is a number, or a polynomial of names in canonical form such as
 * "batch", "batch*sequence" or "past+1", so that equal sizes compare equal as strings.
 */
import { fail } from "../errors.ts";

export type Dim = number | string;
export type Shape = readonly Dim[];

/** Monomial ("" for the constant, "a*b" with sorted names) to coefficient. */
type Polynomial = Map<string, number>;

const parsed = new Map<string, Polynomial>();

function polynomial(dim: Dim): Polynomial {
  if (typeof dim === "number") return new Map(dim === 0 ? [] : [["", dim]]);
  const known = parsed.get(dim);
  if (known) return known;
  const result: Polynomial = new Map();
  for (const term of dim.split("+")) {
    let coefficient = 1;
    const names: string[] = [];
    for (const factor of term.split("*")) {
      if (/^-?\d+$/.test(factor)) coefficient *= Number(factor);
      else if (/^[A-Za-z_]\w*$/.test(factor)) names.push(factor);
      else fail("wrong_use", `"${dim}" is no size: expected names, whole numbers, * and +`);
    }
    const monomial = names.sort().join("*");
    result.set(monomial, (result.get(monomial) ?? 0) + coefficient);
  }
  parsed.set(dim, result);
  return result;
}

/** Whether a text reads as a size: names and whole numbers, with * and +. */
export function isDim(text: string): boolean {
  return /^(-?\d{1,15}|[A-Za-z_]\w*)([*+](-?\d{1,15}|[A-Za-z_]\w*))*$/.test(text);
}

function canonical(terms: Polynomial): Dim {
  const kept = [...terms].filter(([, coefficient]) => coefficient !== 0);
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]![0] === "") return kept[0]![1];
  // The constant comes last, so that "past+1" reads as people write it.
  kept.sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  return kept.map(([m, c]) => (m === "" ? `${c}` : c === 1 ? m : `${c}*${m}`)).join("+");
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const sum = new Map(polynomial(a));
  for (const [monomial, coefficient] of polynomial(b)) sum.set(monomial, (sum.get(monomial) ?? 0) + coefficient);
  return canonical(sum);
}

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b;
  const product: Polynomial = new Map();
  for (const [ma, ca] of polynomial(a)) {
    for (const [mb, cb] of polynomial(b)) {
      const monomial = [...ma.split("*"), ...mb.split("*")].filter(Boolean).sort().join("*");
      product.set(monomial, (product.get(monomial) ?? 0) + ca * cb);
    }
  }
  return canonical(product);
}

export function subDims(a: Dim, b: Dim): Dim {
  return addDims(a, mulDims(b, -1));
}

/** The number of elements, as a number or a symbol. */
export function elements(shape: Shape): Dim {
  return shape.reduce<Dim>(mulDims, 1);
}

/** a / b when that is exact for every value of the symbols (a constant, or one common monomial), else undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const divisor = [...polynomial(b)];
  if (divisor.length !== 1) return a === b ? 1 : undefined;
  const [monomial, coefficient] = divisor[0]!;
  const quotient: Polynomial = new Map();
  for (const [m, c] of polynomial(a)) {
    const names = m.split("*").filter(Boolean);
    for (const name of monomial.split("*").filter(Boolean)) {
      const at = names.indexOf(name);
      if (at < 0) return undefined;
      names.splice(at, 1);
    }
    if (c % coefficient !== 0) return undefined;
    quotient.set(names.join("*"), c / coefficient);
  }
  return canonical(quotient);
}

/** The value of a size once its symbols are known. */
export function evaluateDim(dim: Dim, symbols: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  let total = 0;
  for (const [monomial, coefficient] of polynomial(dim)) {
    let term = coefficient;
    for (const name of monomial.split("*").filter(Boolean)) {
      term *= symbols.get(name) ?? fail("wrong_use", `size "${name}" is not bound by any input`);
    }
    total += term;
  }
  return total;
}

/** The terms of a size as [coefficient, names], for writing it as operators. */
export function terms(dim: Dim): [number, string[]][] {
  return [...polynomial(dim)].map(([m, c]) => [c, m.split("*").filter(Boolean)]);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The shape two operands broadcast to; a symbol broadcasts against itself and 1 only. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    return fail("wrong_use", `shapes ${showShape(a)} and ${showShape(b)} do not broadcast (${left} against ${right})`);
  });
}

/** A possibly negative axis as an index into a shape of this rank. */
export function normalAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(normal) || normal < 0 || normal >= rank) {
    fail("wrong_use", `axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return normal;
}
