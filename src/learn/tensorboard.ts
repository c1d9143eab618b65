/**
 * TensorBoard event files: records of length, masked CRC-32C of the length, a protobuf Event, masked CRC-32C of it
 * (tensorboard/summary/writer/record_writer.py).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

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

/** Event { wall_time = 1, step = 2, … }. */
const event = (seconds: number, rest: BinaryWriter) =>
  record(new BinaryWriter().tag(1, WireType.Bit64).double(seconds).raw(rest.finish()).finish());

const delimited = (writer: BinaryWriter, field: number) => writer.tag(field, WireType.LengthDelimited);

/** The first record of a file: file_version = 3. */
export function eventFileHeader(seconds: number): Uint8Array {
  return event(seconds, delimited(new BinaryWriter(), 3).string("brain.Event:2"));
}

/** One number at one step: summary = 5 { value = 1 { tag = 1, simple_value = 2 } }. */
export function scalarEvent(tag: string, value: number, step: number, seconds: number): Uint8Array {
  const inner = delimited(new BinaryWriter(), 1).string(tag).tag(2, WireType.Bit32).float(Math.fround(value)).finish();
  const summary = delimited(new BinaryWriter(), 1).bytes(inner).finish();
  return event(seconds, delimited(new BinaryWriter().tag(2, WireType.Varint).int64(step), 5).bytes(summary));
}
