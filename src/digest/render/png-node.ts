/** A chart as a picture for mails, which show no SVG. */

/** Undefined where the package for images is not here: the mail goes without a picture. */
export async function pngOf(svg: string): Promise<Uint8Array | undefined> {
  try {
    const { default: sharp } = await import("sharp");
    return new Uint8Array(
      await sharp(Buffer.from(svg), { density: 144 })
        .flatten({ background: "#ffffff" })
        .png({ palette: true })
        .toBuffer(),
    );
  } catch {
    return undefined;
  }
}
