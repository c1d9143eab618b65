/** A model of images with what it takes to use it on files: how pictures are prepared, and its classes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "../base/read-node.ts";
import { fail } from "../errors.ts";
import type { NdArray } from "../graph/array.ts";
import type { Graph } from "../graph/graph.ts";
import { type Decoded, decodeBytes, decodePicture } from "../media/images/decode-node.ts";
import { evenly, type Frames, framesIn, openFrames } from "../media/images/frames-node.ts";
import type { Picture } from "../media/images/image.ts";
import { type ImageProcessor, prepareFrames, type Sides, stacked } from "../media/images/processor.ts";
import { cannot } from "../models/families.ts";
import type { ImageEncoderArchitecture } from "../models/family.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { compile } from "../runtime/compile-node.ts";
import type { Program } from "../runtime/program.ts";
import { type OpenedImageEncoder, type OpenOptions, openModel } from "../text/open-node.ts";
import { type ExplainOptions, type Explanation, explain } from "./explain.ts";
import { type FeatureOptions, featureGraph, layersGraph, logitsGraph, probabilities, rowsOf } from "./features.ts";
import { overSides, processorFrom } from "./sides.ts";
import { meanOfViews, threeCrops, type Views, windowsOf } from "./views.ts";

export interface VisionOptions extends OpenOptions {
  /** Other sides of pictures than the model was trained on: its positions are interpolated. */
  readonly sides?: { readonly height: number; readonly width: number } | undefined;
  /** Clips with fewer frames than the model takes show their last one again. */
  readonly repeatLast?: boolean | undefined;
}

interface Watched {
  readonly signal?: AbortSignal | undefined;
  readonly onDone?: (done: number) => void;
}

export interface VisionInput {
  readonly pixels: NdArray;
  /** The picture, or the clip's first frame, as it was decoded. */
  readonly picture: Picture;
  readonly notes: readonly string[];
}

export interface VisionModel extends AsyncDisposable {
  readonly opened: OpenedImageEncoder;
  readonly architecture: ImageEncoderArchitecture;
  readonly processor: ImageProcessor;
  /** What a person should know of how pictures are prepared. */
  readonly warnings: readonly string[];
  /** A file (of clips also a folder of frames) as the model takes it, and what was done that a person may not expect. */
  read(path: string): Promise<VisionInput>;
  /** The same of a file's bytes; `where` is what errors call it. */
  readBytes(bytes: Uint8Array, where: string): Promise<VisionInput>;
  /**
   * The same file in several views: windows of time times crops. Give them to `classify` as one.
   * @throws wrong_use for windows of a picture; bad_input for a clip shorter than a window
   */
  readViews(
    path: string,
    views: Views,
  ): Promise<{ readonly views: readonly NdArray[]; readonly notes: readonly string[] }>;
  /** The frames of a clip, or one picture. */
  prepare(frames: readonly Picture[]): NdArray;
  /**
   * Logits and probabilities of the classes, a row a picture. With `views`, so many pixels behind each other are views of
   * one, and their logits are averaged. @throws unsupported without a classifier
   */
  classify(
    pixels: readonly NdArray[],
    options?: Watched & { readonly views?: number | undefined },
  ): Promise<{ logits: Float32Array; scores: number[] }[]>;
  /** One vector a picture. */
  features(pixels: readonly NdArray[], options?: FeatureOptions & Watched): Promise<Float32Array[]>;
  /** The same of every layer, by `layer.N`, and of the last one behind its norm, `last`. */
  layers(
    pixels: readonly NdArray[],
    options?: Pick<FeatureOptions, "pool"> & Watched,
  ): Promise<Record<string, Float32Array[]>>;
  /** What in a picture a class rests on, or what attention looks at. */
  explain(pixels: NdArray, options?: ExplainOptions): Promise<Explanation>;
}

/** How the folder says that pictures are prepared. */
export function processorOf(
  folder: Pick<OpenedImageEncoder["folder"], "path" | "config">,
  sides: Sides,
): ImageProcessor {
  const file = join(folder.path, "preprocessor_config.json");
  return processorFrom(existsSync(file) ? readJsonFile(file) : undefined, folder.config, sides, {
    ...{ file, config: join(folder.path, "config.json") },
  });
}

/**
 * Open a model of images or clips: a folder or a name of the hub.
 * @throws unsupported for a model that is none; bad_input for sides that its patches do not fill
 */
export async function openVisionModel(name: string, options: VisionOptions = {}): Promise<VisionModel> {
  const { sides: asked, repeatLast, ...rest } = options;
  const opened = await openModel(name, rest);
  if (opened.kind !== "image-encoder") {
    await opened[Symbol.asyncDispose]();
    return cannot(opened.architecture, "tell what is in pictures", name);
  }
  const trained = opened.architecture;
  const { architecture, processor } = overSides(trained, processorOf(opened.folder, trained.image), asked, name);
  const { device, threads, prepack, spin } = rest;
  const given = Object.fromEntries(
    Object.entries({ device, threads, prepack, spin }).filter(([, v]) => v !== undefined),
  );
  const compileHere: Compile = (graph, more) => compile(graph, { ...given, ...more, weights: opened.weights });
  /** What was asked of it once is asked again. */
  const programs = new Map<string, Promise<Program>>();
  function kept(what: string, graphOf: () => Graph): Promise<Program> {
    const known = programs.get(what);
    if (known) return known;
    const made = Promise.resolve().then(() => compileHere(graphOf()));
    programs.set(what, made);
    made.catch(() => programs.delete(what));
    return made;
  }
  const { channels, frames } = architecture.image;
  const take = (pictures: readonly Picture[]) => prepareFrames(pictures, processor, { channels, frames });
  const single = ({ picture, notes }: Decoded): VisionInput => ({ pixels: take([picture]), picture, notes });
  const clip = async ({ count, frame }: Frames, where: string): Promise<VisionInput> => {
    const pictures: Picture[] = [];
    for (const i of evenly(count, frames!, where, repeatLast)) pictures.push((await frame(i)).picture);
    const notes = count === frames ? [] : [`${frames} of its ${count} frames are looked at`];
    return { pixels: take(pictures), picture: pictures[0]!, notes };
  };
  /** Each window of a clip, in three crops or as the processor cuts. */
  async function viewsOf(path: string, views: Views) {
    if (frames === undefined) {
      if (views.clips > 1) {
        fail("wrong_use", `${architecture.type} takes single pictures: they have no ${views.clips} windows of time`, {
          hint: `--views 1x${views.crops}`,
        });
      }
      const { picture, notes } = await decodePicture(path);
      return {
        views: views.crops === 3 ? threeCrops(picture, processor, architecture.image) : [take([picture])],
        notes,
      };
    }
    const { count, frame } = await openFrames(path);
    const windows = windowsOf(count, frames, views, path, repeatLast);
    const seen: NdArray[] = [];
    for (const window of windows) {
      const pictures: Picture[] = [];
      for (const i of window) pictures.push((await frame(i)).picture);
      if (views.crops === 1) seen.push(take(pictures));
      else {
        const crops = pictures.map((picture) => threeCrops(picture, processor, architecture.image));
        for (let k = 0; k < views.crops; k++) seen.push(stacked(crops.map((each) => each[k]!)));
      }
    }
    const [first, last] = [windows[0]!, windows.at(-1)!];
    const step = (first[1] ?? 0) - first[0]!;
    return {
      views: seen,
      notes: [
        `${windows.length} of ${frames} frames${step > 1 ? `, one in ${step}` : ""}, from ${first[0]} to ${last.at(-1)} of its ${count}`,
      ],
    };
  }
  return {
    ...{ opened, architecture, processor },
    warnings: processor.warnings,
    prepare: take,
    read: async (path) =>
      frames === undefined ? single(await decodePicture(path)) : clip(await openFrames(path), path),
    readBytes: async (bytes, where) =>
      frames === undefined ? single(await decodeBytes(bytes, where)) : clip(await framesIn(bytes, where), where),
    readViews: viewsOf,
    async classify(pixels, { views = 1, onDone, ...watched } = {}) {
      const program = await kept("classes", () => logitsGraph(architecture));
      const done = onDone && ((seen: number) => onDone(Math.floor(seen / views)));
      const { logits: rows } = await rowsOf(architecture, program, pixels, {
        ...watched,
        ...(done && { onDone: done }),
      });
      return meanOfViews(rows!, views).map((logits) => ({
        logits,
        scores: probabilities(logits, architecture.problem),
      }));
    },
    async features(pixels, how) {
      const program = await kept(`features ${how?.layer} ${how?.pool}`, () => featureGraph(architecture, how));
      return (await rowsOf(architecture, program, pixels, how)).features!;
    },
    async layers(pixels, how) {
      const program = await kept(`layers ${how?.pool}`, () => layersGraph(architecture, how?.pool));
      return rowsOf(architecture, program, pixels, how);
    },
    explain: (pixels, how) => explain(architecture, compileHere, pixels, how),
    async [Symbol.asyncDispose]() {
      for (const program of programs.values()) await (await program.catch(() => undefined))?.[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}
