/** The models of images that bench/vision.js measures, as config.json has them, and their batches. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const labels = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i, `class ${i}`]));

export const batches = (tiny) =>
  tiny
    ? {
        resnet18: { count: 2, side: 32 },
        "vit-tiny": { count: 2, side: 32 },
        mixer: { count: 2, side: 32 },
        vivit: { count: 1, side: 32 },
      }
    : {
        resnet18: { count: 16, side: 64 },
        "vit-tiny": { count: 8, side: 224 },
        mixer: { count: 8, side: 224 },
        vivit: { count: 2, side: 64 },
      };

const vit = (side) => ({
  model_type: "vit",
  architectures: ["ViTForImageClassification"],
  ...{ hidden_size: 192, intermediate_size: 768, num_attention_heads: 3, num_hidden_layers: 12 },
  ...{ image_size: side, patch_size: 16, id2label: labels },
});

export function configs(tiny) {
  const sides = batches(tiny);
  return {
    resnet18: {
      model_type: "resnet",
      architectures: ["ResNetForImageClassification"],
      ...{ layer_type: "basic", embedding_size: 64, hidden_sizes: [64, 128, 256, 512], depths: [2, 2, 2, 2] },
      id2label: labels,
    },
    "vit-tiny": vit(sides["vit-tiny"].side),
    mixer: {
      ...{ architecture: "mixer_s16_224", num_classes: 10 },
      model_args: { img_size: sides.mixer.side, patch_size: 16, num_blocks: 8, embed_dim: 512 },
      pretrained_cfg: { input_size: [3, sides.mixer.side, sides.mixer.side] },
    },
    vivit: {
      model_type: "vivit",
      architectures: ["VivitForVideoClassification"],
      ...{ hidden_size: 192, intermediate_size: 768, num_attention_heads: 3, num_hidden_layers: 6 },
      ...{ image_size: sides.vivit.side, num_frames: 8, tubelet_size: [2, 16, 16], id2label: labels },
    },
  };
}

/** A folder with a fresh ViT. */
export async function writeVit(folder, tiny) {
  const { familyOf } = await import("../dist/models/families.js");
  const { pixelInput } = await import("../dist/models/kinds/pixels.js");
  const { createScope } = await import("../dist/nn/scope.js");
  const { initialValue } = await import("../dist/nn/initial.js");
  const { writeSafetensors } = await import("../dist/weights/safetensors-node.js");
  const config = configs(tiny)["vit-tiny"];
  const model = familyOf(config, "vit").read(config);
  const scope = createScope();
  const network = model.network(scope);
  network.classify(network.encode(pixelInput(model.image)));
  mkdirSync(folder, { recursive: true });
  const tensors = [...scope.parameters.values()].map((spec) => [spec.name, initialValue(spec, 0)]);
  await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const side = config.image_size;
  const processor = { image_processor_type: "ViTImageProcessor", size: { height: side, width: side }, resample: 2 };
  const rest = {
    do_resize: true,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify({ ...processor, ...rest }));
  return folder;
}
