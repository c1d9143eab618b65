/** A model of images with what it takes to use it on files: how pictures are prepared, and its classes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import { decodePicture } from "../media/images/decode-node.ts";
import type { Picture } from "../media/images/image.ts";
import {
  type ImageProcessor,
  plainProcessor,
  prepare,
  readProcessor,
  readTimmProcessor,
  withSides,
} from "../media/images/processor.ts";
import { cannot } from "../models/families.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { compile } from "../runtime/compile-node.ts";
import { type OpenedImageEncoder, type OpenOptions, openModel } from "../text/open-node.ts";
import { type FeatureOptions, featureGraph, logitsGraph, probabilities, rowsOf } from "./features.ts";

export interface VisionOptions extends OpenOptions {
  /** Other sides of pictures than the model was trained on: its positions are interpolated. */
  readonly sides?: { readonly height: number; readonly width: number } | undefined;
}

interface Watched {
  readonly signal?: AbortSignal | undefined;
  readonly onDone?: (done: number) => void;
}

export interface VisionModel extends AsyncDisposable {
  readonly opened: OpenedImageEncoder;
  readonly architecture: ImageEncoderArchitecture;
  readonly processor: ImageProcessor;
  /** What a person should know of how pictures are prepared. */
  readonly warnings: readonly string[];
  /** A file as the model takes it, and what was done that a person may not expect. */
  read(path: string): Promise<{ readonly pixels: NdArray; readonly notes: readonly string[] }>;
  prepare(picture: Picture): NdArray;
  /** Logits and probabilities of the classes, a row a picture. @throws unsupported without a classifier */
  classify(pixels: readonly NdArray[], options?: Watched): Promise<{ logits: Float32Array; scores: number[] }[]>;
  /** One vector a picture. */
  features(pixels: readonly NdArray[], options?: FeatureOptions & Watched): Promise<Float32Array[]>;
}

/** How the folder says that pictures are prepared. */
function processorOf(opened: OpenedImageEncoder, sides: { height: number; width: number }): ImageProcessor {
  const { folder } = opened;
  const file = join(folder.path, "preprocessor_config.json");
  if (existsSync(file)) return readProcessor(readJsonFile(file), file);
  const timm = folder.config.pretrained_cfg;
  if (timm !== undefined && timm !== null) return readTimmProcessor(timm, join(folder.path, "config.json"));
  const warning = "the folder does not say how pictures are prepared (preprocessor_config.json): resized, from -1 to 1";
  return { ...plainProcessor(sides), warnings: [warning] };
}

/** The sides that a processor's pictures come out with, where it says. */
function sidesOf({ crop, resize }: ImageProcessor): { height: number; width: number } | undefined {
  if (crop) return crop;
  return resize && !("shortest" in resize.to) ? resize.to : undefined;
}

/**
 * Open a model of images: a folder or a name of the hub.
 * @throws unsupported for a model that is none, or one of clips; bad_input for sides that its patches do not fill
 */
export async function openVisionModel(name: string, options: VisionOptions = {}): Promise<VisionModel> {
  const { sides: asked, ...rest } = options;
  const opened = await openModel(name, rest);
  if (opened.kind !== "image-encoder") {
    await opened[Symbol.asyncDispose]();
    return cannot(opened.architecture, "tell what is in pictures", name);
  }
  const trained = opened.architecture;
  if (trained.image.frames !== undefined) {
    await opened[Symbol.asyncDispose]();
    return fail("unsupported", `${trained.type} takes clips of ${trained.image.frames} pictures, not single ones`, {
      where: name,
    });
  }
  const found = processorOf(opened, trained.image);
  // A network of convolutions takes any size, and its configuration says none: the processor does.
  const own = trained.image;
  const sides = asked ?? (trained.resized ? (sidesOf(found) ?? own) : own);
  const same = sides.height === own.height && sides.width === own.width;
  if (!same && !trained.resized) {
    fail("unsupported", `${trained.type} takes pictures of ${own.height} by ${own.width} alone`, { where: name });
  }
  const architecture = same ? trained : trained.resized!(sides);
  const out = sidesOf(found);
  const fits = out && out.height === sides.height && out.width === sides.width;
  const processor = fits ? found : withSides(found, sides);
  const { device, threads, prepack, spin } = rest;
  const given = Object.fromEntries(
    Object.entries({ device, threads, prepack, spin }).filter(([, v]) => v !== undefined),
  );
  const compileHere: Compile = (graph, more) => compile(graph, { ...given, ...more, weights: opened.weights });
  const take = (picture: Picture) => prepare(picture, processor, architecture.image.channels);
  return {
    ...{ opened, architecture, processor },
    warnings: processor.warnings,
    prepare: take,
    async read(path) {
      const { picture, notes } = await decodePicture(path);
      return { pixels: take(picture), notes };
    },
    async classify(pixels, watched) {
      const rows = await rowsOf(architecture, logitsGraph(architecture), compileHere, pixels, watched);
      return rows.map((logits) => ({ logits, scores: probabilities(logits, architecture.problem) }));
    },
    async features(pixels, how) {
      return rowsOf(architecture, featureGraph(architecture, how), compileHere, pixels, how);
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
