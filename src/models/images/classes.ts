/** A model of images with other classes, or for pictures of other sides: its config.json, and how that is read. */
import type { JsonObject } from "../../base/json.ts";
import { isJsonObject } from "../../base/json.ts";
import type { ImageEncoderArchitecture, Stored } from "../family.ts";
import { isTimm } from "./timm.ts";

/** The class of transformers that has a classifier. */
const classified: Readonly<Record<string, string>> = {
  vit: "ViTForImageClassification",
  vivit: "VivitForVideoClassification",
  bit: "BitForImageClassification",
  resnet: "ResNetForImageClassification",
};

const objectOr = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** config.json with these classes. */
export function withClasses(config: JsonObject, labels: readonly string[]): JsonObject {
  if (isTimm(config)) {
    const args = objectOr(config.model_args);
    return {
      ...config,
      num_classes: labels.length,
      label_names: [...labels],
      ...(args.num_classes !== undefined && { model_args: { ...args, num_classes: labels.length } }),
      pretrained_cfg: { ...objectOr(config.pretrained_cfg), num_classes: labels.length },
    };
  }
  const { num_labels: _, ...rest } = config;
  const made = classified[String(config.model_type)];
  return {
    ...rest,
    ...(made !== undefined && { architectures: [made] }),
    id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    problem_type: "single_label_classification",
  };
}

/** config.json of a model whose positions were interpolated for these sides. */
export function withImageSize(config: JsonObject, { height, width }: { height: number; width: number }): JsonObject {
  if (!isTimm(config)) return { ...config, image_size: height === width ? height : [height, width] };
  const pretrained = objectOr(config.pretrained_cfg);
  const [channels] = Array.isArray(pretrained.input_size) ? pretrained.input_size : [3];
  return {
    ...config,
    model_args: { ...objectOr(config.model_args), img_size: [height, width] },
    pretrained_cfg: { ...pretrained, input_size: [channels, height, width] },
  };
}

/** What is stored, as a model with a classifier of its own and these tables of positions sees it. */
export function storedWithHead(
  stored: Stored,
  { classifier, positions = [] }: Pick<ImageEncoderArchitecture, "classifier" | "positions">,
  tables: ReadonlyMap<string, readonly number[]>,
): Stored {
  const resized = new Set(positions.map(({ name }) => name));
  return {
    has: (name) => classifier.test(name) || (stored.has(name) && !/(^|\.)pooler\./.test(name)),
    shape: (name) => (resized.has(name) ? (tables.get(name) ?? stored.shape(name)) : stored.shape(name)),
    same: (name, other) => stored.same(name, other),
  };
}
