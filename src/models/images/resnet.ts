/** ResNet v1.5 (He et al. 2015, arXiv 1512.03385; the stride on the 3 × 3 kernel), as transformers and timm name it. */
import { z } from "zod";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { activations } from "../../nn/activations.ts";
import { convolution } from "../../nn/convolutions.ts";
import { batchNorm } from "../../nn/norms.ts";
import type { Scope } from "../../nn/scope.ts";
import { labelsOf, readConfig, refuse } from "../config.ts";
import type { Family, ImageEncoder, ImageSize, NetworkOptions, Stored } from "../family.ts";
import {
  classifierOf,
  convolvedArchitecture,
  convolvedSchema,
  globalMean,
  type Named,
  storedDepths,
  usualSide,
} from "./convolutional.ts";
import { isTimm, timmImage, timmLabels, timmSchema } from "./timm.ts";

const schema = convolvedSchema.extend({
  layer_type: z.enum(["basic", "bottleneck"]).default("bottleneck"),
  downsample_in_first_stage: z.boolean().default(false),
  downsample_in_bottleneck: z.boolean().default(false),
});

type Config = Omit<z.infer<typeof schema>, "id2label" | "num_labels" | "architectures">;

/** How a checkpoint names its parts: a convolution and the norm behind it. */
interface Parts {
  readonly stem: readonly [string, string];
  readonly block: (stage: number, block: number) => string;
  readonly layer: (layer: number) => readonly [string, string];
  readonly shortcut: readonly [string, string];
  readonly classifier: string;
}

const transformersParts: Parts = {
  stem: ["resnet.embedder.embedder.convolution", "resnet.embedder.embedder.normalization"],
  block: (stage, block) => `resnet.encoder.stages.${stage}.layers.${block}`,
  layer: (i) => [`layer.${i}.convolution`, `layer.${i}.normalization`],
  shortcut: ["shortcut.convolution", "shortcut.normalization"],
  classifier: "classifier.1",
};

const timmParts: Parts = {
  stem: ["conv1", "bn1"],
  block: (stage, block) => `layer${stage + 1}.${block}`,
  layer: (i) => [`conv${i + 1}`, `bn${i + 1}`],
  shortcut: ["downsample.0", "downsample.1"],
  classifier: "fc",
};

const epsilon = 1e-5;

function network(
  scope: Scope,
  c: Config,
  parts: Parts,
  classes: number | undefined,
  options: NetworkOptions,
): ImageEncoder {
  const act = activations[c.hidden_act];
  const { track, watch } = options;
  const layer = (
    at: Scope,
    [conv, norm]: readonly [string, string],
    x: Tensor,
    out: number,
    kernel: number,
    stride = 1,
  ) => {
    const pads = Math.floor(kernel / 2);
    return batchNorm(at.at(norm), convolution(at.at(conv), x, out, [kernel, kernel], { stride, pads }), {
      epsilon,
      track,
    });
  };

  function block(at: Scope, x: Tensor, out: number, stride: number): Tensor {
    const changes = x.shape[1] !== out || stride !== 1;
    const shortcut = changes ? layer(at, parts.shortcut, x, out, 1, stride) : x;
    if (c.layer_type === "basic") {
      const a = act(layer(at, parts.layer(0), x, out, 3, stride));
      return act(o.add(layer(at, parts.layer(1), a, out, 3), shortcut));
    }
    const middle = Math.floor(out / 4);
    const early = c.downsample_in_bottleneck;
    const a = act(layer(at, parts.layer(0), x, middle, 1, early ? stride : 1));
    const b = act(layer(at, parts.layer(1), a, middle, 3, early ? 1 : stride));
    return act(o.add(layer(at, parts.layer(2), b, out, 1), shortcut));
  }

  return {
    encode(pixels) {
      const stem = act(layer(scope, parts.stem, pixels, c.embedding_size, 7, 2));
      let x = o.maxPool(stem, 3, { stride: 2, pads: 1 });
      watch?.hidden?.(x);
      c.depths.forEach((depth, stage) => {
        const halves = stage > 0 || c.downsample_in_first_stage;
        for (let i = 0; i < depth; i++) {
          x = block(scope.at(parts.block(stage, i)), x, c.hidden_sizes[stage]!, i === 0 && halves ? 2 : 1);
        }
        watch?.hidden?.(x);
      });
      return x;
    },
    features: globalMean,
    ...(classes !== undefined && {
      classify: (hidden) => classifierOf(scope.at(parts.classifier), globalMean(hidden), classes, false),
    }),
  };
}

/** Blocks of a stage and whether they have three layers, of the sizes that names have. */
const named = {
  18: [[2, 2, 2, 2], false],
  34: [[3, 4, 6, 3], false],
  50: [[3, 4, 6, 3], true],
  101: [[3, 4, 23, 3], true],
  152: [[3, 8, 36, 3], true],
} as const;

function fromTimm(json: unknown, stored: Stored | undefined) {
  const t = readConfig(timmSchema, json, "ResNet");
  refuse(stored?.has("conv1.weight") === false, `${t.architecture}, a ResNet with another stem,`);
  refuse(stored?.shape("conv1.weight")?.[2] === 3, `${t.architecture}, a ResNet with a small stem,`);
  refuse(stored?.has("layer1.0.se.fc1.weight") === true, `${t.architecture}, a ResNet with squeezed channels,`);
  const found = storedDepths(stored, timmParts.block);
  const size = Number(/^resnet(\d+)/.exec(t.architecture)?.[1]) as keyof typeof named;
  const [usual, usuallyThree] = named[size] ?? named[50];
  const three = stored ? stored.has("layer1.0.conv3.weight") : usuallyThree;
  const depths = found.length > 0 ? found : [...usual];
  const last = three ? "conv3" : "conv2";
  const grouped = stored?.shape("layer1.0.conv2.weight");
  refuse(
    grouped !== undefined && three && grouped[1] !== grouped[0],
    `${t.architecture}, a ResNet with convolutions by groups,`,
  );
  const image = timmImage(t);
  const c: Config = {
    ...schema.parse({}),
    num_channels: image.channels,
    layer_type: three ? "bottleneck" : "basic",
    embedding_size: stored?.shape("conv1.weight")?.[0] ?? 64,
    depths,
    hidden_sizes: depths.map(
      (_, stage) => stored?.shape(`layer${stage + 1}.0.${last}.weight`)?.[0] ?? (three ? 256 : 64) * 2 ** stage,
    ),
  };
  return { c, image, labels: timmLabels(t, stored?.has("fc.weight")) };
}

const architecture = (c: Config, image: ImageSize, named: Omit<Named<Parts>, "anchor">) =>
  convolvedArchitecture(c, image, { ...named, anchor: `${named.parts.stem[0]}.weight` }, network);

export const resnet: Family = {
  title: "ResNet",
  types: ["resnet", "timm/resnet"],
  read(json, stored) {
    if (isTimm(json)) {
      const { c, image, labels } = fromTimm(json, stored);
      return architecture(c, image, { parts: timmParts, labels, type: "timm/resnet" });
    }
    const c = readConfig(schema, json, "ResNet");
    const classified = stored?.has("classifier.1.weight") ?? c.architectures?.[0] === "ResNetForImageClassification";
    const image = { channels: c.num_channels, height: usualSide, width: usualSide };
    const labels = classified ? labelsOf(c) : undefined;
    return architecture(c, image, { parts: transformersParts, labels, type: "resnet" });
  },
};
