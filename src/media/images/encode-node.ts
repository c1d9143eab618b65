/** Pictures as files. */
import type { Picture } from "./image.ts";

/** A picture as PNG. */
export async function encodePng({ width, height, channels, data }: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return new Uint8Array(await sharp(data, { raw: { width, height, channels } }).png().toBuffer());
}
