export interface Reader {
  readonly name: string;
  /** Well-formed inputs to start from. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Must return, or throw an error for which `expected` says yes. */
  read(input: string | Uint8Array): void;
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
export interface Library {
  createSentencePieceTokenizer(bytes: Uint8Array, settings: Readonly<Record<string, unknown>>): unknown;
  parseSafetensorsHeader(bytes: Uint8Array, size: number, name: string): unknown;
  readTorch(read: (offset: number, length: number) => Uint8Array, size: number, where: string): unknown;
  parseJsonObject(text: string, where: string): Readonly<Record<string, unknown>>;
  createTokenizer(json: Readonly<Record<string, unknown>>): {
    encode(text: string): { ids: number[]; readonly offsets: unknown };
    decode(ids: readonly number[]): string;
  };
}
export function readers(library: Library): Reader[];
export function fuzz(
  list: readonly Reader[],
  options: { cases: number; seed: number; expected: (error: unknown) => boolean },
): Row[];
