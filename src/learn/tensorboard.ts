/**
 * TensorBoard event files: records of length, masked CRC-32C of the length, a protobuf Event, masked CRC-32C of it
 * (tensorboard/summary/writer/record_writer.py). An Event here is small enough to be encoded by hand.
 */

const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return out;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const delimited = (field: number, bytes: ArrayLike<number>): number[] => [
  field * 8 + 2,
  ...varint(bytes.length),
  ...Array.from(bytes),
];

const fixed = (size: 4 | 8, value: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(size));
  if (size === 8) view.setFloat64(0, value, true);
  else view.setFloat32(0, value, true);
  return new Uint8Array(view.buffer);
};

/** Event { wall_time = 1, step = 2, … }. */
const event = (seconds: number, rest: readonly number[]) =>
  record(Uint8Array.from([1 * 8 + 1, ...fixed(8, seconds), ...rest]));

/** The first record of a file: file_version = 3. */
export function eventFileHeader(seconds: number): Uint8Array {
  return event(seconds, delimited(3, new TextEncoder().encode("brain.Event:2")));
}

/** One number at one step: summary = 5 { value = 1 { tag = 1, simple_value = 2 } }. */
export function scalarEvent(tag: string, value: number, step: number, seconds: number): Uint8Array {
  const inner = [...delimited(1, new TextEncoder().encode(tag)), 2 * 8 + 5, ...fixed(4, value)];
  return event(seconds, [2 * 8, ...varint(step), ...delimited(5, delimited(1, inner))]);
}
