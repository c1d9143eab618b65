/** What a month's papers have to do with those before and after them, by the cosines of their texts. */
import { addTo, dotDense, type Sparse } from "./tfidf.ts";

/** Papers in the order of their days. */
export interface Dated {
  /** Days since 1970. */
  readonly days: readonly number[];
  readonly rows: readonly Sparse[];
  /** One more than the greatest number of a term. */
  readonly width: number;
}

export interface Signals {
  /** Mean cosine to the last 180 days by that to the last two years: how much the field goes where the paper is. */
  readonly momentum: number | undefined;
  /** Mean cosine to the next days by that to the last two years; undefined where too little of them is known. */
  readonly resonance: number | undefined;
}

const [halfYear, twoYears] = [180, 730];

/** The sum of the vectors of a range of days, which only moves forward. */
function slidingSum({ days, rows, width }: Dated) {
  const sum = new Float64Array(width);
  let [from, to] = [0, 0];
  return {
    /** Papers of days `first` to `last`, both included. */
    move(first: number, last: number): number {
      while (to < days.length && days[to]! <= last) addTo(sum, rows[to++]!);
      while (from < to && days[from]! < first) addTo(sum, rows[from++]!, -1);
      return to - from;
    },
    dot: (row: Sparse): number => dotDense(row, sum),
  };
}

/** Fewer papers are no field. */
const fewest = 10;

/**
 * @param targets papers that are asked for, by their places
 * @param ahead days that resonance looks ahead (60)
 * @param known the last day of which papers are known
 */
export function signalsOf(
  all: Dated,
  targets: readonly number[],
  { ahead = 60, known }: { readonly ahead?: number; readonly known: number },
): Signals[] {
  const [half, past, next] = [slidingSum(all), slidingSum(all), slidingSum(all)];
  const order = targets.map((target, at) => ({ target, at })).sort((a, b) => a.target - b.target);
  const signals = new Array<Signals>(targets.length);
  for (const { target, at } of order) {
    const [day, row] = [all.days[target]!, all.rows[target]!];
    const counts = {
      half: half.move(day - halfYear, day - 1),
      past: past.move(day - twoYears, day - 1),
      next: next.move(day + 1, day + ahead),
    };
    const before = past.dot(row) / counts.past;
    const usable = counts.past >= fewest && before > 0;
    signals[at] = {
      momentum: usable && counts.half >= fewest ? half.dot(row) / counts.half / before : undefined,
      resonance:
        usable && counts.next >= fewest && known >= day + ahead / 2 ? next.dot(row) / counts.next / before : undefined,
    };
  }
  return signals;
}

/** 1 − mean cosine to the ten nearest papers of the two years before: a term of diversity, and no sign of worth. */
export function noveltyOf(
  { days, rows, width }: Dated,
  targets: readonly number[],
  nearest = 10,
): (number | undefined)[] {
  const postings: { places: number[]; values: number[] }[] = Array.from({ length: width }, () => ({
    places: [],
    values: [],
  }));
  for (const [place, { terms, values }] of rows.entries()) {
    for (let i = 0; i < terms.length; i++) {
      const list = postings[terms[i]!]!;
      list.places.push(place);
      list.values.push(values[i]!);
    }
  }
  const cosines = new Float64Array(rows.length);
  return targets.map((target) => {
    const day = days[target]!;
    const [from, to] = [firstAt(days, day - twoYears), firstAt(days, day)];
    if (to - from < nearest) return undefined;
    cosines.fill(0, from, to);
    const { terms, values } = rows[target]!;
    for (let i = 0; i < terms.length; i++) {
      const { places, values: others } = postings[terms[i]!]!;
      for (let k = firstAt(places, from); k < places.length && places[k]! < to; k++)
        cosines[places[k]!]! += values[i]! * others[k]!;
    }
    const best = cosines.slice(from, to).sort().slice(-nearest);
    return 1 - best.reduce((sum, cosine) => sum + cosine, 0) / best.length;
  });
}

/** The place of the first number that is not less, in ascending ones. */
function firstAt(sorted: readonly number[], least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The share of the others that a value is above, ties half: 1 for the highest, ½ where there are none. */
export function percentiles(values: readonly (number | undefined)[]): (number | undefined)[] {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return values.map((value) => {
    if (value === undefined) return undefined;
    if (known.length === 1) return 0.5;
    const less = firstAt(known, value);
    let equal = less;
    while (equal < known.length && known[equal] === value) equal++;
    return (less + (equal - less - 1) / 2) / (known.length - 1);
  });
}
