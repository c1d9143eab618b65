/** GGUF files made in tests: what is wrong with one is put in by hand. */

type Scalar = readonly [type: number, value: number | bigint | string | boolean];
export type Entry =
  | Scalar
  | readonly [type: 9, element: number, values: readonly (number | bigint | string | boolean)[]];

export interface GgufTensorSpec {
  /** Outermost first. */
  readonly shape: readonly (number | bigint)[];
  /** ggml's number of the type. */
  readonly type: number;
  readonly data: Uint8Array;
  /** From the start of the data; default: behind the tensor before, aligned. */
  readonly offset?: number | bigint;
}

export interface GgufSpec {
  readonly version?: number;
  readonly alignment?: number;
  readonly metadata?: readonly (readonly [string, Entry])[];
  readonly tensors?: readonly (readonly [string, GgufTensorSpec])[];
  /** Instead of how many there are. */
  readonly counts?: { readonly tensors?: bigint; readonly keys?: bigint };
}

const encoder = new TextEncoder();

function number(bytes: number, value: bigint): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 255n));
}

const text = (value: string): number[] => {
  const bytes = encoder.encode(value);
  return [...number(8, BigInt(bytes.length)), ...bytes];
};

const widths = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

function scalar(type: number, value: number | bigint | string | boolean): number[] {
  if (typeof value === "string") return text(value);
  if (type === 6) return [...new Uint8Array(Float32Array.of(Number(value)).buffer)];
  if (type === 12) return [...new Uint8Array(Float64Array.of(Number(value)).buffer)];
  return number(widths[type] ?? 1, BigInt(value));
}

const isList = (entry: Entry): entry is readonly [9, number, readonly (number | bigint | string | boolean)[]] =>
  entry.length === 3;

function entry(given: Entry): number[] {
  if (!isList(given)) return [...number(4, BigInt(given[0])), ...scalar(given[0], given[1])];
  const [, element, values] = given;
  const head = [...number(4, 9n), ...number(4, BigInt(element)), ...number(8, BigInt(values.length))];
  return [...head, ...values.flatMap((value) => scalar(element, value))];
}

/** The bytes of a file. */
export function ggufBytes({
  version = 3,
  alignment = 32,
  metadata = [],
  tensors = [],
  counts = {},
}: GgufSpec): Uint8Array {
  let at = 0;
  const placed = tensors.map(([name, tensor]) => {
    const offset = tensor.offset ?? at;
    at = Math.ceil((at + tensor.data.length) / alignment) * alignment;
    return { name, ...tensor, offset };
  });
  const head = [
    ...encoder.encode("GGUF"),
    ...number(4, BigInt(version)),
    ...number(8, counts.tensors ?? BigInt(tensors.length)),
    ...number(8, counts.keys ?? BigInt(metadata.length)),
    ...metadata.flatMap(([key, value]) => [...text(key), ...entry(value)]),
    ...placed.flatMap(({ name, shape, type, offset }) => [
      ...text(name),
      ...number(4, BigInt(shape.length)),
      ...[...shape].reverse().flatMap((dim) => number(8, BigInt(dim))),
      ...number(4, BigInt(type)),
      ...number(8, BigInt(offset)),
    ]),
  ];
  const start = Math.ceil(head.length / alignment) * alignment;
  const bytes = new Uint8Array(start + at);
  bytes.set(head);
  let from = 0;
  for (const { data } of placed) {
    bytes.set(data.subarray(0, bytes.length - start - from), start + from);
    from = Math.ceil((from + data.length) / alignment) * alignment;
  }
  return bytes;
}
