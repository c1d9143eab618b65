/**
 * Resizing 8-bit pictures exactly as Pillow does (src/libImaging/Resample.c): weights in fixed point, along rows first and
 * then along columns, with 8 bits in between. Models are trained on pictures that were prepared so.
 */
import { fail } from "../../errors.ts";
import type { Picture } from "./image.ts";

interface Filter {
  readonly radius: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function cubic(x: number): number {
  const t = Math.abs(x);
  const a = -0.5;
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

const filters = {
  box: { radius: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { radius: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    radius: 1,
    weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  },
  bicubic: { radius: 2, weight: cubic },
  lanczos: { radius: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Filter>;

export type Resample = keyof typeof filters | "nearest";

/** Pillow's numbers for them, as `resample` in preprocessor_config.json. */
export const resampleCodes: readonly Resample[] = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"];

/** Bits behind the point of a weight: 32, without 8 for the values and 2 that a sum may grow by. */
const bits = 22;

interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

function tapsOf(from: number, to: number, { radius, weight }: Filter): Taps {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  const support = radius * wide;
  const most = Math.ceil(support) * 2 + 1;
  const taps = { first: new Int32Array(to), count: new Int32Array(to), weights: new Int32Array(to * most), most };
  const row = new Float64Array(most);
  for (let place = 0; place < to; place++) {
    const centre = (place + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - low;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const one = weight((i + low - centre + 0.5) / wide);
      row[i] = one;
      total += one;
    }
    for (let i = 0; i < count; i++) {
      const share = (total === 0 ? row[i]! : row[i]! / total) * 2 ** bits;
      taps.weights[place * most + i] = share < 0 ? Math.trunc(share - 0.5) : Math.trunc(share + 0.5);
    }
    taps.first[place] = low;
    taps.count[place] = count;
  }
  return taps;
}

/** One pass: `lines` lines of pixels, `step` values apart, along an axis whose pixels are `stride` values apart. */
interface Axis {
  readonly lines: number;
  readonly step: number;
  readonly stride: number;
  readonly outStep: number;
  readonly outStride: number;
}

function pass(data: Uint8Array, out: Uint8Array, channels: number, to: number, taps: Taps, axis: Axis): void {
  for (let line = 0; line < axis.lines; line++) {
    for (let place = 0; place < to; place++) {
      const [first, count, base] = [taps.first[place]!, taps.count[place]!, place * taps.most];
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (bits - 1);
        let at = line * axis.step + first * axis.stride + c;
        for (let i = 0; i < count; i++, at += axis.stride) sum += data[at]! * taps.weights[base + i]!;
        const value = sum >> bits;
        out[line * axis.outStep + place * axis.outStride + c] = Math.max(0, Math.min(255, value));
      }
    }
  }
}

function nearest({ width, height, channels, data }: Picture, wide: number, tall: number): Uint8Array {
  const out = new Uint8Array(wide * tall * channels);
  const columns = Int32Array.from({ length: wide }, (_, x) => Math.floor(((x + 0.5) * width) / wide) * channels);
  for (let y = 0; y < tall; y++) {
    const row = Math.floor(((y + 0.5) * height) / tall) * width * channels;
    for (let x = 0; x < wide; x++) {
      for (let c = 0; c < channels; c++) out[(y * wide + x) * channels + c] = data[row + columns[x]! + c]!;
    }
  }
  return out;
}

/** A picture of other sides. @throws wrong_use for sides that are no whole numbers above 0 */
export function resizePicture(picture: Picture, width: number, height: number, resample: Resample): Picture {
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side <= 0 || side > 2 ** 16) fail("wrong_use", `a picture of ${width} by ${height}`);
  }
  const { channels } = picture;
  if (width === picture.width && height === picture.height) return picture;
  if (resample === "nearest") return { width, height, channels, data: nearest(picture, width, height) };
  const filter: Filter = filters[resample];
  let { data } = picture;
  if (width !== picture.width) {
    const wide = new Uint8Array(width * picture.height * channels);
    pass(data, wide, channels, width, tapsOf(picture.width, width, filter), {
      lines: picture.height,
      ...{ step: picture.width * channels, stride: channels, outStep: width * channels, outStride: channels },
    });
    data = wide;
  }
  if (height !== picture.height) {
    const tall = new Uint8Array(width * height * channels);
    const row = width * channels;
    pass(data, tall, channels, height, tapsOf(picture.height, height, filter), {
      lines: width,
      ...{ step: channels, stride: row, outStep: channels, outStride: row },
    });
    data = tall;
  }
  return { width, height, channels, data };
}
