/** Rules of softmax, norms and cross-entropy. */
import { fail } from "../../errors.ts";
import type { Shape } from "../dims.ts";
import type { NodeReader } from "../onnx/node-reader.ts";
import * as o from "../operators.ts";
import type { Tensor } from "../tensor.ts";
import { masked, softmaxGradient, unary, unbroadcast, zero } from "./gradients.ts";
import { axisOf, int, names, written } from "./onnx.ts";
import type { Cotangent, Decomposition, Rows } from "./row.ts";

/** RMS norm: with r = 1/sqrt(mean x² + ε), x̂ = x r, h = g ⊙ w: dx = r (h − x̂ mean(h ⊙ x̂)), dw = Σ g ⊙ x̂. */
function rmsNormGradients({ g, x: [x, w], attributes: { epsilon } }: Cotangent<"RmsNorm">) {
  const r = o.reciprocal(o.sqrt(o.add(o.mean(o.square(x!), [-1], true), epsilon)));
  const normal = o.mul(x!, r);
  return [
    () => {
      const h = o.mul(g, w!);
      return o.mul(r, o.sub(h, o.mul(normal, o.mean(o.mul(h, normal), [-1], true))));
    },
    () => unbroadcast(o.mul(g, normal), w!.shape),
  ];
}

/** Layer norm: with x̂ = (x − μ) ι, h = g ⊙ w: dx = ι (h − mean h − x̂ mean(h ⊙ x̂)), dw = Σ g ⊙ x̂, db = Σ g. */
function layerNormGradients({ g, x: [x, w, b], attributes: { epsilon } }: Cotangent<"LayerNorm">) {
  const centred = o.sub(x!, o.mean(x!, [-1], true));
  const inverse = o.reciprocal(o.sqrt(o.add(o.mean(o.square(centred), [-1], true), epsilon)));
  const normal = o.mul(centred, inverse);
  return [
    () => {
      const h = o.mul(g, w!);
      const inner = o.sub(o.sub(h, o.mean(h, [-1], true)), o.mul(normal, o.mean(o.mul(h, normal), [-1], true)));
      return o.mul(inverse, inner);
    },
    () => unbroadcast(o.mul(g, normal), w!.shape),
    () => unbroadcast(g, b!.shape),
  ];
}

/** Cross-entropy: (softmax − one-hot) times the row's gradient; log-probabilities' own: g − softmax Σ g. */
function crossEntropyGradient({
  gs,
  x: [logits, labels],
  y,
  attributes: { ignore },
}: Cotangent<"SoftmaxCrossEntropy">): Tensor {
  const p = o.exp(y[1]!);
  const parts: Tensor[] = [];
  if (gs[0]) {
    const column: Shape = [...labels!.shape, 1];
    const valid = o.not(o.equal(labels!, ignore));
    const row = o.reshape(masked(valid, gs[0]), column);
    const place = o.reshape(o.where(valid, labels!, 0), column);
    parts.push(o.scatterAdd(o.mul(p, row), place, o.neg(row), -1));
  }
  if (gs[1]) parts.push(o.sub(gs[1], o.mul(p, o.sum(gs[1], [-1], true))));
  return parts.length === 1 ? parts[0]! : parts.length === 2 ? o.add(parts[0]!, parts[1]!) : zero(logits!);
}

const crossEntropy: Decomposition<"SoftmaxCrossEntropy"> = ([logits, labels], { ignore }) => {
  const logProbabilities = o.logSoftmax(logits!);
  const valid = o.not(o.equal(labels!, ignore));
  const place = o.reshape(o.where(valid, labels!, 0), [...labels!.shape, 1]);
  const picked = o.reshape(o.gatherElements(logProbabilities, place, -1), labels!.shape);
  return [o.where(valid, o.neg(picked), 0), logProbabilities];
};

function lastAxisOnly(node: NodeReader): Tensor {
  const x = node.tensor(0);
  if (axisOf(node, x.shape.length, -1) !== x.shape.length - 1) fail("unsupported", `${node.op} off the last axis`);
  node.fixed("stash_type", 1);
  return x;
}

const along = (node: NodeReader): readonly Tensor[] => {
  const x = node.tensor(0);
  return o.apply(node.op as "Softmax" | "LogSoftmax", [x], { axis: axisOf(node, x.shape.length, -1) });
};

const rows = {
  Softmax: {
    gradient: unary(({ g, y, attributes: { axis } }) => softmaxGradient(y[0]!, g, axis)),
    lower: written(({ attributes }) => ({ axis: int(attributes.axis) })),
    read: along,
  },
  LogSoftmax: {
    gradient: unary(({ g, y, attributes: { axis } }) => o.sub(g, o.mul(o.exp(y[0]!), o.sum(g, [axis], true)))),
    lower: written(({ attributes }) => ({ axis: int(attributes.axis) })),
    read: along,
  },
  RmsNorm: {
    gradient: rmsNormGradients,
    fused: {
      on: ["cpu", "cuda", "wasm", "webgpu"],
      lower: (emit, node, options) => {
        const attributes = { axis: int(-1), epsilon: { float: node.attributes.epsilon }, stash_type: int(1) };
        return emit.node("SimplifiedLayerNormalization", names(emit, node), attributes, options);
      },
    },
    decompose: ([x, w], { epsilon }) => [
      o.mul(o.mul(x!, o.reciprocal(o.sqrt(o.add(o.mean(o.square(x!), [-1], true), epsilon)))), w!),
    ],
    read: {
      SimplifiedLayerNormalization: (node) => [
        o.rmsNorm(lastAxisOnly(node), node.tensor(1), node.float("epsilon", 1e-5)),
      ],
    },
  },
  LayerNorm: {
    gradient: layerNormGradients,
    fused: {
      on: ["cpu", "cuda", "wasm", "webgpu", "onnx"],
      lower: (emit, node, options) => {
        const attributes = { axis: int(-1), epsilon: { float: node.attributes.epsilon } };
        return emit.node("LayerNormalization", names(emit, node), attributes, options);
      },
    },
    decompose: ([x, w, b], { epsilon }) => {
      const centred = o.sub(x!, o.mean(x!, [-1], true));
      const normal = o.div(centred, o.sqrt(o.add(o.mean(o.square(centred), [-1], true), epsilon)));
      return [o.add(o.mul(normal, w!), b!)];
    },
    read: {
      LayerNormalization: (node) => {
        const [x, w] = [lastAxisOnly(node), node.tensor(1)];
        const bias = node.optional(2) ?? o.filled(w.dtype, 0, w.shape);
        return [o.layerNorm(x, w, bias, node.float("epsilon", 1e-5))];
      },
    },
  },
  SoftmaxCrossEntropy: {
    gradient: (c) => [() => crossEntropyGradient(c), null],
    decompose: crossEntropy,
    read: null,
  },
} satisfies Rows;

export default rows;
