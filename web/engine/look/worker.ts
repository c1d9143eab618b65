/** Pictures off the page's thread: decoded by the browser, resized as models were trained to see them, and looked at. */
import { fail } from "../../../src/errors.ts";
import { type Look, openVisionInPage, type WebVisionModel } from "../../../src/images/open-web.ts";
import type { Picture } from "../../../src/media/images/image.ts";
import { overlay } from "../../../src/media/images/overlay.ts";
import { failureOf } from "../failure.ts";
import { addressOf, type GivenModel, withoutAddress } from "../given.ts";
import { onlyOwnScripts } from "../own-scripts.ts";
import type { Looked, LookReport, LookRequest, OpenedLooker } from "./messages.ts";

onlyOwnScripts();

/** Of the largest file and picture: a small file may announce any number of pixels. */
const [mostBytes, mostPixels] = [2 ** 28, 2 ** 26];

/** Classes that are shown. */
const shown = 5;

let model: WebVisionModel | undefined;

async function decoded(file: Blob): Promise<Picture> {
  if (file.size > mostBytes) fail("too_long", "the picture's file has more than 256 MiB");
  // Turned as its EXIF says, in sRGB.
  const bitmap = await createImageBitmap(file).catch((cause: unknown) =>
    fail("corrupt_file", "is no picture that this browser reads", {
      ...{ cause, hint: "PNG, JPEG, WebP, GIF and AVIF files are read" },
    }),
  );
  const { width, height } = bitmap;
  if (width * height > mostPixels) fail("too_long", `a picture of ${width} by ${height} pixels; make it smaller first`);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return fail("unsupported", "this browser gives no canvas to read pictures with");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) pixels.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, channels: 3, data: pixels };
}

function opaque({ width, height, data }: Picture): Looked["overlay"] {
  const out = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) out.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, data: out };
}

async function open(given: GivenModel): Promise<OpenedLooker> {
  const { base, fetching } = addressOf(given);
  model = undefined;
  try {
    model = await openVisionInPage(base, fetching);
  } catch (error) {
    throw withoutAddress(error, base, given);
  }
  const { type, classes, sides, warnings } = model;
  return { type, classes, sides, warnings };
}

const opened = (): WebVisionModel => model ?? fail("wrong_use", "no model is open");

async function laid(file: Blob, look: (picture: Picture) => Look | Promise<Look>): Promise<Looked> {
  const picture = await decoded(file);
  const { labels, region, where } = await look(picture);
  return {
    ...{ width: picture.width, height: picture.height, labels: labels.slice(0, shown) },
    ...{ way: where.way, of: where.label, overlay: opaque(overlay(picture, region, where)) },
  };
}

const answers = {
  open: ({ model: given }: Extract<LookRequest, { kind: "open" }>) => open(given),
  look: ({ file }: Extract<LookRequest, { kind: "look" }>) => laid(file, opened().look),
  lay: ({ file, look }: Extract<LookRequest, { kind: "lay" }>) => laid(file, () => look),
};

const report = (message: LookReport) => postMessage(message);

addEventListener("message", async ({ data: order }: MessageEvent<LookRequest>) => {
  try {
    const answer = await answers[order.kind](order as never);
    report({ kind: "answer", id: order.id, answer });
  } catch (error) {
    report({ kind: "failed", id: order.id, failure: failureOf(error) });
  }
});
