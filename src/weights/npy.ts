/** NumPy's files of one array (format 1.0 to 3.0): matrices of float32 in C's order, as trained prompts are published. */
import { fail } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const header =
  /^\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,15}, ?)*(?:\d{1,15})?)\), \} *\n$/;

/** @throws corrupt_file where the bytes are no such file; unsupported for other types of numbers and orders */
export function parseNpy(bytes: Uint8Array, where: string): NdArray<"float32"> {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    fail("corrupt_file", "does not begin as a .npy file does", { where });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  if (bytes[6]! > 3 || (wide && bytes.length < 12))
    fail("corrupt_file", `version ${bytes[6]} of the .npy format`, { where });
  const begin = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (length > 1 << 16 || begin + length > bytes.length)
    fail("corrupt_file", "its header is longer than the file", { where });
  const text = new TextDecoder("latin1").decode(bytes.subarray(begin, begin + length));
  const [, type, fortran, dims] = header.exec(text) ?? fail("corrupt_file", "its header is none of NumPy's", { where });
  if (type !== "<f4" || fortran !== "False") {
    fail("unsupported", `numbers of ${type}${fortran === "True" ? " in Fortran's order" : ""}: expected '<f4' in C's`, {
      where,
    });
  }
  const shape = dims!.split(",").flatMap((dim) => (dim.trim() === "" ? [] : [Number(dim)]));
  const count = shape.reduce((a, b) => a * b, 1);
  if (bytes.length - begin - length !== 4 * count) {
    fail("corrupt_file", `${bytes.length - begin - length} bytes of numbers, [${shape.join(", ")}] are ${4 * count}`, {
      where,
    });
  }
  return float32(shape, new Float32Array(bytes.slice(begin + length).buffer)) as NdArray<"float32">;
}

/** The same file as NumPy writes it (1.0, the header filled up to a multiple of 64 bytes). */
export function encodeNpy({ shape, data }: NdArray): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims}), }`;
  const length = 64 * Math.ceil((10 + fields.length + 1) / 64) - 10;
  const numbers = data as Float32Array;
  const bytes = new Uint8Array(10 + length + 4 * numbers.length);
  bytes.set([...magic, 1, 0, length & 255, length >> 8]);
  bytes.set(new TextEncoder().encode(`${fields.padEnd(length - 1)}\n`), 10);
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), 10 + length);
  return bytes;
}
