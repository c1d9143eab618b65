export interface Reader {
  readonly name: string;
  /** Well-formed inputs to start from. */
  readonly seeds: readonly unknown[];
  mutate(seed: unknown, random: unknown): unknown;
  /** Bytes of an input. */
  sizeOf(input: unknown): number;
  /** Must return, or throw an error for which `expected` says yes. */
  read(input: unknown): void | Promise<void>;
}
export interface Row {
  readonly name: string;
  cases: number;
  accepted: number;
  refused: number;
  slowestMs: number;
  largestBytes: number;
  failures: { readonly seed: number; readonly why: string; readonly input: string }[];
}
/** `library` is what library.js exports. */
export function readers(library: object, folder: string): Reader[];
export function fuzz(
  list: readonly Reader[],
  options: {
    /** For each reader. */
    cases: number;
    /** Number of the first case; those before it belong to another run. Default 0. */
    from?: number;
    seed: number;
    expected: (error: unknown) => boolean;
    /** A case that takes longer is a failure. Default 1000. */
    slowMs?: number;
    told?: (reader: number, caseSeed: number) => void;
  },
): Promise<Row[]>;
