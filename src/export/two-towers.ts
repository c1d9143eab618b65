/** Two towers as ONNX, together and each alone, with the inputs and outputs that transformers.js knows. */
import type { Target } from "../graph/emit.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input } from "../graph/tensor.ts";
import type { TwoTowersArchitecture } from "../models/family.ts";
import { pixelInput } from "../models/kinds/pixels.ts";
import { scaledCosines, textPass, unit } from "../models/kinds/two-towers.ts";
import { createScope } from "../nn/scope.ts";
import { type ExportedFile, type ExportSource, ownFiles, sharedFiles } from "./files.ts";

const [texts, images] = ["text_batch_size", "image_batch_size"] as const;

const textOf = (model: TwoTowersArchitecture, network: ReturnType<TwoTowersArchitecture["network"]>) =>
  network.text(input("input_ids", "int64", [texts, "length"]), textPass(model, texts, { mask: "attention_mask" }));

const imageOf = ({ image }: TwoTowersArchitecture, network: ReturnType<TwoTowersArchitecture["network"]>) =>
  network.image(pixelInput(image, images, "pixel_values"));

/**
 * By file name. `model`: input_ids [texts, length] and pixel_values [images, channels, size, size] to text_embeds and
 * image_embeds of length 1 and their scaled cosines logits_per_image and logits_per_text. `text_model`, `vision_model`:
 * one tower to its embeds as the projection gives them, not of length 1.
 */
function graphs(model: TwoTowersArchitecture): Record<"model" | "text_model" | "vision_model", Graph> {
  const fresh = () => model.network(createScope());
  const both = fresh();
  const [text, image] = [unit(textOf(model, both)), unit(imageOf(model, both))];
  const perImage = scaledCosines(image, text, both.scale());
  return {
    model: graph({
      logits_per_image: perImage,
      logits_per_text: o.transpose(perImage, [1, 0]),
      text_embeds: text,
      image_embeds: image,
    }),
    text_model: graph({ text_embeds: textOf(model, fresh()) }),
    vision_model: graph({ image_embeds: imageOf(model, fresh()) }),
  };
}

/** Three files of standard operators over one file of fp32 weights. */
export function twoTowersOnnx(model: TwoTowersArchitecture, source: ExportSource): ExportedFile[] {
  const named = Object.entries(graphs(model)).map(([name, g]) => [`${name}.onnx`, g] as const);
  return sharedFiles(Object.fromEntries(named), "weights.onnx_data", source);
}

/** The same as `onnx/NAME.onnx`, each with its own weights: who uses one tower downloads no other. */
export const twoTowersTransformersJs = (
  model: TwoTowersArchitecture,
  source: ExportSource,
  target: Target,
): ExportedFile[] => Object.entries(graphs(model)).flatMap(([name, g]) => ownFiles(name, g, source, target));
