/** TensorBoard's records, read back by the format's own description. */
import { expect, test } from "vitest";
import { crc32c, eventFileHeader, scalarEvent } from "./tensorboard.ts";

/** The data of a record whose length and sums are right. */
function opened(record: Uint8Array): Uint8Array {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const length = Number(view.getBigUint64(0, true));
  expect(record.length).toBe(length + 16);
  const masked = (bytes: Uint8Array) => {
    const crc = crc32c(bytes);
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  };
  expect(view.getUint32(8, true)).toBe(masked(record.subarray(0, 8)));
  const data = record.subarray(12, 12 + length);
  expect(view.getUint32(12 + length, true)).toBe(masked(data));
  return data;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("the checksum is CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of checksums.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("events as protobuf writes them", () => {
  // wall_time = 1.5 (field 1, double), then file_version (field 3, text).
  expect(hex(opened(eventFileHeader(1.5)))).toBe(
    `09000000000000f83f1a0d${Buffer.from("brain.Event:2").toString("hex")}`,
  );
  // step = 300 (field 2), summary (5) of one value (1) with tag (1) "ä" and simple_value (2, float) 2.5.
  expect(hex(opened(scalarEvent("ä", 2.5, 300, 1.5)))).toBe("09000000000000f83f10ac022a0b0a090a02c3a41500002040");
  // Beyond the range of a float: infinite, as in any other program.
  expect(hex(opened(scalarEvent("ä", 1e60, 0, 1.5)))).toMatch(/150000807f$/);
});
