/**
 * BART as a classifier (bart-large-mnli): the decoder reads the same text, shifted to the right, and its state at the
 * last end token tells the class. Text in, classes out: of the kind of encoders.
 */
import * as o from "../../../graph/operators.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { keepAll } from "../../../nn/attend.ts";
import { linear } from "../../../nn/linear.ts";
import { biasOf, causalMask } from "../../../nn/masks.ts";
import type { CrossPass, KeyValue, Pass } from "../../../nn/pass.ts";
import { normal, type Scope } from "../../../nn/scope.ts";
import type { Encoder, NetworkOptions } from "../../family.ts";
import type { BartConfig } from "./config.ts";
import { bartNetwork } from "./network.ts";

/** A decoder's pass over the row that `pass` reads: no token sees a later one, and all of them see the encoder's. */
function decoding(pass: Pass, memories: readonly KeyValue[]): CrossPass {
  const [query, key] = [pass.queries.shape[0]!, pass.keys.shape[0]!];
  const earlier = o.reshape(biasOf(causalMask(pass.queries, pass.keys)), [1, 1, query, key]);
  return {
    ...pass,
    self: (layer, q, k, v, options) => pass.self(layer, q, k, v, { ...options, bias: earlier }),
    cross: (layer, q, heads) => pass.self(layer, q, memories[layer]!.k, memories[layer]!.v, heads),
  };
}

/** The network over a scope. @param labels how many classes there are */
export function bartClassifier(scope: Scope, c: BartConfig, labels: number, options: NetworkOptions = {}): Encoder {
  const { dropout = keepAll } = options;
  const { encode, memory, decode } = bartNetwork(scope, c, options);
  const head = scope.at("classification_head");
  const dense = (name: string, x: Tensor, out: number) => linear(head.at(name), x, out, normal(c.std), { bias: true });
  return {
    encode(ids, _, pass) {
      const [rows] = ids.shape;
      const shifted = o.concat([o.filled("int64", c.start, [rows!, 1]), o.slice(ids, 1, 0, -1)], 1);
      return decode(shifted, decoding(pass, memory(encode(ids, pass))));
    },
    heads: {
      sequence(hidden, { ids }) {
        const [rows, length] = ids.shape;
        const isEnd = c.ends.map((end) => o.equal(ids, end)).reduce((a, b) => o.or(a, b));
        const places = o.reshape(o.iota(length!), [1, length!]);
        const last = o.max(o.where(isEnd, places, -1), [1], true);
        const chosen = o.reshape(o.cast(o.equal(places, last), "float32"), [rows!, 1, length!]);
        const state = o.reshape(o.matmul(chosen, hidden), [rows!, c.width]);
        return dense("out_proj", dropout(o.tanh(dense("dense", dropout(state), c.width))), labels);
      },
    },
  };
}
