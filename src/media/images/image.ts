/** Images as bytes. */

/** Rows from the top, pixels from the left, channels beside each other: red, green, blue, or grey alone. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Red, green and blue as one grey, as Pillow's `convert("L")` has it (ITU-R 601-2). */
export function toGrey(picture: Picture): Picture {
  if (picture.channels === 1) return picture;
  const { width, height, data } = picture;
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (data[3 * i]! * 19595 + data[3 * i + 1]! * 38470 + data[3 * i + 2]! * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: grey };
}

/** Grey as red, green and blue of the same value. */
export function toColour(picture: Picture): Picture {
  if (picture.channels === 3) return picture;
  const { width, height, data } = picture;
  const colour = new Uint8Array(3 * data.length);
  for (let i = 0; i < data.length; i++) colour.fill(data[i]!, 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: colour };
}

/** The part of a picture from a place on, of so many pixels; black where it lies outside. */
export function crop(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const { channels, data } = picture;
  const out = new Uint8Array(width * height * channels);
  const [first, last] = [Math.max(0, -left), Math.min(width, picture.width - left)];
  for (let row = Math.max(0, -top); row < Math.min(height, picture.height - top); row++) {
    if (last <= first) break;
    const from = ((row + top) * picture.width + left + first) * channels;
    out.set(data.subarray(from, from + (last - first) * channels), (row * width + first) * channels);
  }
  return { width, height, channels, data: out };
}

/** The middle of a picture: an origin of ⌊(size − wanted) / 2⌋, as transformers' processors have it. */
export const centreCrop = (picture: Picture, width: number, height: number): Picture =>
  crop(picture, Math.floor((picture.width - width) / 2), Math.floor((picture.height - height) / 2), width, height);

/** Left and right exchanged. */
export function mirrored(picture: Picture): Picture {
  const { width, height, channels, data } = picture;
  const out = new Uint8Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        out[(row * width + x) * channels + c] = data[(row * width + width - 1 - x) * channels + c]!;
      }
    }
  }
  return { width, height, channels, data: out };
}
