/** NumPy's .npz: a zip of .npy files, each a header in Python's notation and then the numbers. */
import { unzipSync } from "fflate";
import { fail, ZerothError } from "../../errors.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { toFloat32 } from "../../weights/convert.ts";

/** Bytes of all arrays unpacked: those of the largest published checkpoints and some more. */
const mostBytes = 2 ** 32;
const mostArrays = 4096;

const types = { "<f4": ["float32", 4], "<f2": ["float16", 2], "|V2": ["bfloat16", 2], "<V2": ["bfloat16", 2] } as const;

/** The numbers of an .npy file as float32. @throws corrupt_file, unsupported for numbers of another type or order */
function parseNpy(bytes: Uint8Array, where: string): NdArray<"float32"> {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes.length < 12 || text(1, 6) !== "NUMPY" || bytes[0] !== 0x93)
    fail("corrupt_file", "is no .npy array", { where });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const begin = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (length > 2 ** 16 || begin + length > bytes.length) fail("corrupt_file", "ends within its header", { where });
  const header = text(begin, begin + length);
  const descr = /'descr':\s*'([^']{1,16})'/.exec(header)?.[1] ?? "";
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (/'fortran_order':\s*True/.test(header))
    fail("unsupported", "its axes are stored last first (Fortran's order)", { where });
  if (!Object.hasOwn(types, descr)) {
    fail("unsupported", `numbers of type ${descr || "unknown"}: expected ${Object.keys(types).join(", ")}`, { where });
  }
  if (shapeText === undefined) fail("corrupt_file", "its header names no shape", { where });
  const shape = shapeText!
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const [dtype, size] = types[descr as keyof typeof types];
  const count = shape.reduce((a, b) => a * b, 1);
  const data = bytes.subarray(begin + length);
  if (count * size !== data.length) {
    fail("corrupt_file", `${data.length} bytes of numbers, [${shape.join(", ")}] are ${count * size}`, { where });
  }
  const aligned = data.slice();
  const raw = dtype === "float32" ? new Float32Array(aligned.buffer) : new Uint16Array(aligned.buffer);
  const read = toFloat32({ dtype, shape, data: raw } as NdArray);
  return float32(shape, read.data as Float32Array);
}

/**
 * Arrays by their names, in float32; what names no number (an optimiser's step) is left out.
 * @throws corrupt_file naming the array; too_long for more than 4 GiB
 */
export function readNpz(bytes: Uint8Array, where: string): Map<string, NdArray<"float32">> {
  let total = 0;
  let count = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter({ name, originalSize }) {
        total += originalSize;
        count++;
        if (total > mostBytes || count > mostArrays) fail("too_long", `${count} arrays of ${total} bytes`, { where });
        return name.endsWith(".npy");
      },
    });
  } catch (cause) {
    if (cause instanceof ZerothError) throw cause;
    return fail("corrupt_file", "is no whole zip archive", { where, cause });
  }
  const arrays = Object.entries(files).map(([name, data]) => {
    const plain = name.replace(/\.npy$/, "");
    return [plain, parseNpy(data, `${where}: ${plain.slice(0, 200)}`)] as const;
  });
  if (arrays.length === 0) fail("corrupt_file", "holds no array", { where });
  return new Map(arrays);
}

/** The same numbers with their axes in another order. */
export function transposed({ shape, data }: NdArray<"float32">, order: readonly number[]): NdArray<"float32"> {
  const to = order.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const steps = order.map((axis) => strides[axis]!);
  const out = new Float32Array(data.length);
  const place = to.map(() => 0);
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = (data as Float32Array)[from]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++place[axis]! < to[axis]!) break;
      from -= steps[axis]! * to[axis]!;
      place[axis] = 0;
    }
  }
  return float32(to, out);
}
