/** Numbers between bounds as a grammar. Bounds are compared as decimal digits, so they are exact. */
import { fail } from "../../errors.ts";
import { all, any, chars, empty, none, optional, type Rule, repeat, set, text } from "./grammar.ts";
import { digit, integer, maxDigits, number } from "./json.ts";

export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Whether a bound itself is out. */
  readonly minOpen?: boolean | undefined;
  readonly maxOpen?: boolean | undefined;
}

const digitFrom = (low: number, high: number): Rule => set([0x30 + low, 0x30 + high]);
const zeros = (digits: string): boolean => /^0*$/.test(digits);

/**
 * Digits whose value is between two of the same length; undefined is no bound any more. With `fraction` they stand after
 * a point, and those left out at the end are zeros.
 */
function between(low: string | undefined, high: string | undefined, length: number, fraction: boolean): Rule {
  if (length === 0) return empty;
  if (low === undefined && high === undefined) return repeat(digit, fraction ? 0 : length, length);
  const from = low === undefined ? 0 : Number(low[0]);
  const to = high === undefined ? 9 : Number(high[0]);
  const rest = (a: string | undefined, b: string | undefined): Rule => between(a, b, length - 1, fraction);
  const ways: Rule[] = [];
  const middle: [number, number] = [from, to];
  if (low !== undefined && high !== undefined && from === to) {
    ways.push(all(digitFrom(from, from), rest(low.slice(1), high.slice(1))));
    middle[1] = from - 1;
  } else {
    if (low !== undefined) ways.push(all(digitFrom(middle[0]++, from), rest(low.slice(1), undefined)));
    if (high !== undefined) ways.push(all(digitFrom(middle[1]--, to), rest(undefined, high.slice(1))));
  }
  if (middle[0] <= middle[1]) ways.push(all(digitFrom(...middle), rest(undefined, undefined)));
  if (fraction && (low === undefined || zeros(low))) ways.push(empty);
  return any(...ways);
}

/** Whole numbers from `low` to `high`, neither below 0, without zeros in front. */
function wholes(low: bigint, high: bigint): Rule {
  const ways: Rule[] = [];
  for (let length = String(low).length; length <= String(high).length; length++) {
    const least = length === 1 ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const from = low > least ? low : least;
    const to = high < most ? high : most;
    if (from === least && to === most && length > 1)
      ways.push(all(set(...chars("1-9")), repeat(digit, length - 1, length - 1)));
    else ways.push(between(String(from), String(to), length, false));
  }
  return any(...ways);
}

/** Numbers of 10^-digits from `low` to `high`, neither below 0. */
function decimals(low: bigint, high: bigint, digits: number): Rule {
  if (digits === 0) return wholes(low, high);
  const unit = 10n ** BigInt(digits);
  const [first, last] = [low / unit, high / unit];
  const part = (value: bigint): string => String(value % unit).padStart(digits, "0");
  /** A point and digits after it, at least one; nothing where that is 0. */
  const after = (from: string | undefined, to: string | undefined): Rule => {
    const some = all(text("."), needOne(from, to, digits));
    return from === undefined || zeros(from) ? optional(some) : some;
  };
  if (first === last) return all(wholes(first, first), after(part(low), part(high)));
  const ways = [
    all(wholes(first, first), after(part(low), undefined)),
    all(wholes(last, last), after(undefined, part(high))),
  ];
  if (last - first > 1n) ways.push(all(wholes(first + 1n, last - 1n), after(undefined, undefined)));
  return any(...ways);
}

/** {@link between} for a fraction, without the possibility of no digit at all. */
function needOne(low: string | undefined, high: string | undefined, length: number): Rule {
  if (low === undefined && high === undefined) return repeat(digit, 1, length);
  const rule = between(low, high, length, true);
  return rule.type === "any" ? any(...rule.items.filter((item) => item !== empty)) : rule;
}

/** A number as a whole number of units of 10^-digits, and whether something was cut off below it. */
function scaled(value: number, digits: number): { floor: bigint; exact: boolean } {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const shift = digits + Number(exponent) - fraction.length;
  const all = BigInt(whole! + fraction) * (sign ? -1n : 1n);
  if (shift >= 0) return { floor: all * 10n ** BigInt(shift), exact: true };
  const unit = 10n ** BigInt(-shift);
  const rest = ((all % unit) + unit) % unit;
  return { floor: (all - rest) / unit, exact: rest === 0n };
}

const digitsOf = (value: bigint): number => String(value < 0n ? -value : value).length;

/** Places after the point that a number with bounds has, where the bounds have no more. */
const usualPlaces = 6;

const placesOf = (value: number): number => {
  const [, fraction = "", exponent = "0"] = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  return Math.max(0, fraction.length - Number(exponent));
};

/**
 * Numbers, or whole numbers, within bounds. Without bounds they have up to 15 digits before and after the point; with
 * bounds no exponent and, whole part included, up to 15 digits.
 * @throws unsupported for bounds with too many digits
 */
export function numberRule(
  { min, max, minOpen = false, maxOpen = false }: Bounds,
  whole: boolean,
  where: string,
): Rule {
  // Bounds beyond the numbers that are written bound nothing.
  if (min !== undefined && min <= -(10 ** maxDigits)) return numberRule({ max, maxOpen }, whole, where);
  if (max !== undefined && max >= 10 ** maxDigits) return numberRule({ min, minOpen }, whole, where);
  if (min === undefined && max === undefined) return whole ? integer : number;
  const given = [min, max].filter((bound) => bound !== undefined);
  const before = Math.max(...given.map((bound) => digitsOf(scaled(bound, 0).floor)));
  const wanted = whole ? 0 : Math.max(usualPlaces, ...given.map(placesOf));
  const places = whole ? 0 : Math.min(wanted, maxDigits - before);
  if (before > maxDigits || (!whole && Math.max(...given.map(placesOf)) > places)) {
    fail("unsupported", `bounds of more than ${maxDigits} digits`, { where });
  }
  const farthest = 10n ** BigInt(maxDigits) - 1n;
  let [low, high] = [-farthest, farthest];
  if (min !== undefined) {
    const { floor, exact } = scaled(min, places);
    low = exact && !minOpen ? floor : floor + 1n;
  }
  if (max !== undefined) {
    const { floor, exact } = scaled(max, places);
    high = exact && maxOpen ? floor - 1n : floor;
  }
  if (low > high) return none;
  const ways: Rule[] = [];
  if (high >= 0n) ways.push(decimals(low > 0n ? low : 0n, high, places));
  if (low < 0n) ways.push(all(text("-"), decimals(high < 0n ? -high : 1n, -low, places)));
  return any(...ways);
}
