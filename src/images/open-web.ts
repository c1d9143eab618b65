/** A model of images in a page: its folder fetched, pictures given as pixels. */
import { jsonLimits, parseJsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import { type FetchFolderOptions, fetchModelParts } from "../folders/fetch-web.ts";
import type { Picture } from "../media/images/image.ts";
import type { Heat } from "../media/images/overlay.ts";
import { prepareFrames, type Region, regionSeen } from "../media/images/processor.ts";
import { cannot, readModel } from "../models/families.ts";
import type { Compile } from "../models/kinds/programs.ts";
import { compile } from "../runtime/compile-web.ts";
import type { Program } from "../runtime/program.ts";
import { explain } from "./explain.ts";
import { logitsGraph, probabilities, rowsOf } from "./features.ts";
import { overSides, processorFrom } from "./sides.ts";

export interface Look {
  /** All classes, the likeliest first; none of a model without a classifier. */
  readonly labels: readonly { readonly label: string; readonly score: number }[];
  /** The part of the picture that the model saw, and where it looked in it. */
  readonly region: Region;
  readonly where: Heat & { readonly way: "attention" | "gradient"; readonly label?: string | undefined };
}

export interface WebVisionModel {
  readonly type: string;
  readonly classes: number;
  readonly sides: { readonly height: number; readonly width: number };
  readonly warnings: readonly string[];
  look(picture: Picture): Promise<Look>;
}

/** @throws unsupported for a model of something else, or of clips; not_found, corrupt_file for a folder that is not whole */
export async function openVisionInPage(base: string, options: FetchFolderOptions = {}): Promise<WebVisionModel> {
  const parts = await fetchModelParts(base, options);
  const { architecture: read, weights } = readModel(parts.config, parts.weights, base);
  if (read.kind !== "image-encoder") return cannot(read, "tell what is in pictures");
  if (read.image.frames !== undefined) {
    fail("unsupported", `${read.type} takes clips of ${read.image.frames} pictures, not single ones`);
  }
  const name = "preprocessor_config.json";
  const bytes = await parts.file(name);
  const json = bytes && parseJsonObject(new TextDecoder().decode(bytes), name, jsonLimits.config);
  const found = processorFrom(json, parts.config, read.image, { file: name, config: "config.json" });
  const { architecture, processor } = overSides(read, found, undefined, base);
  const { channels, height, width } = architecture.image;
  const compileHere: Compile = (graph, more) => compile(graph, { ...more, weights });
  const labels = architecture.labels ?? [];
  let classifier: Promise<Program> | undefined;
  return {
    ...{ type: architecture.type, classes: labels.length, sides: { height, width } },
    warnings: [...(architecture.warnings ?? []), ...processor.warnings],
    async look(picture) {
      const pixels = prepareFrames([picture], processor, { channels });
      classifier ??= labels.length === 0 ? undefined : compileHere(logitsGraph(architecture));
      const { logits } = classifier ? await rowsOf(architecture, await classifier, [pixels]) : { logits: [] };
      const scores = logits?.[0] ? probabilities(logits[0], architecture.problem) : [];
      const seen = await explain(architecture, compileHere, pixels);
      const { way, rows, columns, heat, label } = seen;
      return {
        labels: scores.map((score, i) => ({ label: labels[i]!, score })).sort((a, b) => b.score - a.score),
        region: regionSeen(picture, processor),
        where: { way, rows, columns, heat, ...(label !== undefined && { label: labels[label] }) },
      };
    },
  };
}
