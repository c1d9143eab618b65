/** What a fine-tuning starts from: a model's folder with a head for the person's classes, or an architecture alone. */
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { type ModelFolder, openModelFolder } from "../../folders/open-node.ts";
import { float32, type NdArray } from "../../graph/array.ts";
import { graph } from "../../graph/graph.ts";
import { parameter } from "../../graph/tensor.ts";
import { findModel } from "../../hub/find-node.ts";
import { processorOf } from "../../images/open-node.ts";
import { overSides } from "../../images/sides.ts";
import { type ImageProcessor, plainProcessor } from "../../media/images/processor.ts";
import { cannot, familyOf, readModel } from "../../models/families.ts";
import type { Architecture, ImageEncoderArchitecture, Stored } from "../../models/family.ts";
import { storedWithHead, withClasses, withImageSize } from "../../models/images/classes.ts";
import { compile } from "../../runtime/compile-node.ts";
import { toFloat32 } from "../../weights/convert.ts";
import { readStored } from "../../weights/safetensors-node.ts";
import { asStored } from "../../weights/stored.ts";
import type { StoredTensor, Weights } from "../../weights/weights.ts";
import type { VisionConfig } from "./config.ts";

export interface Start {
  /** With a classifier of the person's classes, over pictures of the sides that are learnt on. */
  readonly architecture: ImageEncoderArchitecture;
  readonly config: JsonObject;
  readonly processor: ImageProcessor;
  /** Whether pictures are prepared as the folder that it starts from says, or otherwise. */
  readonly prepared: "alike" | "anew";
  readonly folder: ModelFolder | undefined;
  /** By the network's names; positions as they were interpolated. None from scratch. */
  readonly weights: Weights;
  /** Sentences on what was left out or changed. */
  readonly notes: readonly string[];
}

function needImages(architecture: Architecture, where: string): ImageEncoderArchitecture {
  if (architecture.kind !== "image-encoder") return cannot(architecture, "learn classes of pictures", where);
  return architecture;
}

/** A stored tensor's numbers in memory of their own. */
export const floatsOf = (stored: StoredTensor): NdArray<"float32"> =>
  float32(stored.shape, (toFloat32(readStored(stored)).data as Float32Array).slice());

/** The tables of positions for other sides, computed once. */
async function interpolated(model: ImageEncoderArchitecture, weights: Weights): Promise<Map<string, NdArray>> {
  const tables = model.positions ?? [];
  if (tables.length === 0) return new Map();
  const outputs = tables.map(
    ({ name, shape, interpolated }, i) => [`table.${i}`, interpolated(parameter(name, shape))] as const,
  );
  await using program = await compile(graph<string>(Object.fromEntries(outputs)), { weights });
  const results = await program.run({});
  return new Map(tables.map(({ name }, i) => [name, results[`table.${i}`]!]));
}

async function fromFolder(name: string, labels: readonly string[], c: VisionConfig): Promise<Start> {
  const folder = openModelFolder(findModel(name).path);
  const { architecture: read, weights, family } = readModel(folder.config, folder.weights, folder.path, folder);
  const trained = needImages(read, name);
  const asked = c.size === undefined ? undefined : { height: c.size, width: c.size };
  const found = processorOf(folder, trained.image);
  const { architecture: over, processor } = overSides(trained, found, asked, name);
  const { height, width } = over.image;
  const resizes = over.positions !== undefined && (height !== trained.image.height || width !== trained.image.width);
  const tables = resizes ? await interpolated(over, weights) : new Map<string, NdArray>();
  const same = trained.labels?.length === labels.length && trained.labels.every((label, i) => label === labels[i]);
  const config = withClasses(resizes ? withImageSize(folder.config, over.image) : folder.config, labels);
  const stored: Stored = {
    has: (tensor) => weights.has(tensor),
    shape: (tensor) => weights.get(tensor)?.shape,
    same: (a, b) => folder.same(weights.get(a)!, weights.get(b)!),
  };
  const shapes = new Map([...tables].map(([tensor, { shape }]) => [tensor, shape]));
  const made = needImages(family.read(config, storedWithHead(stored, trained, shapes)), name);
  const kept = new Map([...weights].filter(([tensor]) => same || !trained.classifier.test(tensor)));
  for (const [tensor, table] of asStored(tables)) kept.set(tensor, table);
  const notes = [
    ...(trained.labels && !same
      ? [`its classifier of ${trained.labels.length} classes is left out: ${labels.length} others are learnt`]
      : []),
    ...(resizes ? [`positions are interpolated from ${trained.image.height} by ${trained.image.width} pixels`] : []),
  ];
  const sized = made.positions === undefined && made.resized ? made.resized({ height, width }) : made;
  return {
    ...{ architecture: sized, config, processor, folder, weights: kept, notes },
    prepared: processor === found ? "alike" : "anew",
  };
}

function fromScratch(json: JsonObject, labels: readonly string[], c: VisionConfig): Start {
  const config = withClasses(json, labels);
  const made = needImages(familyOf(config, "architecture").read(config), "architecture");
  const asked = c.size === undefined ? undefined : { height: c.size, width: c.size };
  const sides = asked ?? made.image;
  const { architecture, processor } = overSides(made, plainProcessor(sides), asked, "architecture");
  const rest = { folder: undefined, weights: new Map(), notes: [], prepared: "anew" } as const;
  return { architecture, config, processor, ...rest };
}

/** @throws unsupported for a model of something else; not_found; corrupt_file */
export async function openStart(c: VisionConfig, labels: readonly string[]): Promise<Start> {
  if (labels.length < 2) fail("bad_input", `${labels.length} class: there is nothing to tell apart`, { where: c.data });
  if (c.model !== undefined) return fromFolder(c.model, labels, c);
  return fromScratch(c.architecture as JsonObject, labels, c);
}
