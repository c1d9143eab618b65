/** Tiny random models of images and clips against what transformers and timm compute (parity/vision.py). */
import { describe, expect, test } from "vitest";
import { float32, int64, type NdArray } from "../src/graph/array.ts";
import { gradients } from "../src/graph/differentiate.ts";
import { graph } from "../src/graph/graph.ts";
import * as o from "../src/graph/operators.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import type { ImageEncoderArchitecture, NetworkOptions } from "../src/models/family.ts";
import { pixelInput } from "../src/models/kinds/pixels.ts";
import { createScope } from "../src/nn/scope.ts";
import { compile } from "../src/runtime/compile-node.ts";
import type { StoredTensor } from "../src/weights/weights.ts";
import { expectClose, readFloats, readTensors } from "./support/fixtures.ts";
import { readFixture } from "./support/models/models.ts";

const cases = [
  ...["vit", "vivit", "vivit-factorised", "bit", "bit-same", "bit-bottleneck", "resnet", "resnet-bottleneck"],
  ...["timm-vit", "timm-vit-mean", "timm-mixer", "timm-bit", "timm-resnet"],
];

type Expected = ReturnType<typeof readTensors>;
const array = (stored: Expected, name: string): NdArray => {
  const tensor = stored.get(name)!;
  return float32(tensor.shape, readFloats(tensor));
};

/** The model over images of the sides that these have. */
function over(model: ImageEncoderArchitecture, pixels: NdArray): ImageEncoderArchitecture {
  const [height, width] = pixels.shape.slice(-2) as [number, number];
  const { image } = model;
  return image.height === height && image.width === width ? model : model.resized!({ height, width });
}

type Outputs = Record<string, Tensor>;

/** What the model computes of these images: logits, and what `more` writes of them. */
async function run(
  model: ImageEncoderArchitecture,
  weights: ReadonlyMap<string, StoredTensor>,
  pixels: NdArray,
  options: NetworkOptions = {},
  more: (logits: Tensor, scope: ReturnType<typeof createScope>) => Outputs = () => ({}),
) {
  const scope = createScope();
  const network = model.network(scope, options);
  const logits = network.classify!(network.encode(pixelInput(model.image)));
  await using program = await compile(graph<string>({ logits, ...more(logits, scope) }), { weights, threads: 1 });
  const labels = int64([2], [2, 0]);
  return program.run({ pixels, ...(program.inputs.includes("labels") && { labels }) });
}

describe.each(cases)("%s", (name) => {
  const folder = `vision/${name}`;
  const { architecture, weights } = readFixture(folder, "image-encoder");
  const expected = readTensors(folder, "expected.safetensors");
  const pixels = array(expected, "pixels");
  const same = (got: NdArray, key: string, floor?: number) =>
    expectClose(got.data as Float32Array, readFloats(expected.get(key)!), 1e-4, key, floor);
  const keysOf = (prefix: string) => [...expected.keys()].filter((key) => key.startsWith(prefix)).sort();

  test("logits, hidden states and attention", async () => {
    const seen: Outputs = {};
    let [hidden, attention] = [0, 0];
    const watch = {
      hidden(x: Tensor) {
        seen[`hidden.${hidden++}`] = x;
      },
      attention(p: Tensor) {
        seen[`attention.${attention++}`] = p;
      },
    };
    const results = await run(over(architecture, pixels), weights, pixels, { watch }, () => seen);
    same(results.logits!, "logits");
    // timm gives neither hidden states nor attention, and convolutions have no attention.
    for (const key of [...keysOf("hidden."), ...keysOf("attention.")]) same(results[key]!, key);
    expect(hidden).toBeGreaterThan(1);
  });

  test("the loss and every gradient", async () => {
    const keys = keysOf("grad.");
    const results = await run(over(architecture, pixels), weights, pixels, { training: true }, (logits, scope) => {
      const loss = o.mean(o.softmaxCrossEntropy(logits, input("labels", "int64", ["batch"])));
      const trained = [...scope.parameters.values()].filter(
        (p) => keys.length > 0 && !architecture.frozen?.test(p.name),
      );
      const found = gradients(
        loss,
        trained.map(({ tensor }) => tensor),
      );
      return { loss, ...Object.fromEntries(trained.map((p, i) => [`grad.${p.name}`, found[i]!])) };
    });
    same(results.loss!, "loss");
    expect(
      Object.keys(results)
        .filter((key) => key.startsWith("grad."))
        .sort(),
    ).toEqual(keys);
    // Of gradients that are zero in truth (biases of keys, say) rounding is all there is.
    for (const key of keys) same(results[key]!, key, 1e-2);
  });

  if (expected.has("larger.pixels")) {
    test("images of other sides, positions interpolated", async () => {
      const larger = array(expected, "larger.pixels");
      same((await run(over(architecture, larger), weights, larger)).logits!, "larger.logits");
    });
  }

  if (expected.has("batch.logits")) {
    test("in training, batch norms go by the batch and move their statistics", async () => {
      const next: Outputs = {};
      const track = (running: Tensor, after: Tensor) => {
        if (running.node.kind === "parameter") next[`next.${running.node.name}`] = after;
      };
      const results = await run(over(architecture, pixels), weights, pixels, { track }, () => next);
      same(results.logits!, "batch.logits");
      const keys = keysOf("next.");
      expect(Object.keys(next).sort()).toEqual(keys);
      for (const key of keys) same(results[key]!, key);
    });
  }
});

test("a Mixer takes the sides it was trained on alone, and patches must fill what a ViT is given", () => {
  expect(readFixture("vision/timm-mixer", "image-encoder").architecture.resized).toBeUndefined();
  const { architecture } = readFixture("vision/vit", "image-encoder");
  expect(() => architecture.resized!({ height: 12, width: 10 })).toThrow(
    expect.objectContaining({ code: "bad_input", message: expect.stringContaining("12 by 10 pixels are not filled") }),
  );
});
