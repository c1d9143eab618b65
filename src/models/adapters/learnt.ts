/**
 * What has been learnt beside a frozen network, put into it from outside: keys and values before those of its rows,
 * vectors in the place of its first embeddings, additions to its products. Families know of none of it.
 */
import { fail } from "../../errors.ts";
import { type Dim, mulDims } from "../../graph/dims.ts";
import * as o from "../../graph/operators.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { CrossPass, Front, Pass } from "../../nn/pass.ts";
import type { Scope } from "../../nn/scope.ts";
import type {
  Architecture,
  DecoderArchitecture,
  EncoderArchitecture,
  EncoderDecoderArchitecture,
  NetworkOptions,
} from "../family.ts";

/** Vectors in the place of a row's first embeddings: the row begins with so many tokens of any kind. */
export interface Prompt {
  readonly length: number;
  /** [1 | rows, length, width]. */
  readonly vectors: Tensor;
  /** Places that a row has, int64 [rows, 1]: its first ones. All of them without. */
  readonly lengths?: Tensor | undefined;
}

/** Changes products by the path of their weight; see {@link Scope.product}. */
export type Products = (path: string, x: Tensor, out: number, plain: () => Tensor) => Tensor;

/** As tensors of one graph. Of a model without an encoder, `decoder` is its only stack. */
export interface Learnt {
  readonly encoder?: Front | undefined;
  readonly decoder?: Front | undefined;
  /** At the begin of what is read: the encoder's row, or the decoder's where there is no encoder. */
  readonly prompt?: Prompt | undefined;
  readonly products?: Products | undefined;
}

/** Writes what has been learnt into a graph, with parameters of the scope. */
export type Learn = (scope: Scope, options: NetworkOptions) => Learnt;

/** A scope whose products are changed. Parameters are those of the scope itself. */
export function withProducts(scope: Scope, products: Products): Scope {
  const under = (inner: Scope, prefix: string): Scope => ({
    at: (path) => under(inner.at(path), `${prefix}${path}.`),
    param: (name, shape, initial) => inner.param(name, shape, initial),
    product(x, out, plain) {
      const change = () => products(prefix.slice(0, -1), x, out, plain);
      return inner.product ? inner.product(x, out, change) : change();
    },
    parameters: inner.parameters,
  });
  return under(scope, "");
}

/** Embeddings [rows, length, width] with the prompt in the place of its first ones. */
function entered({ length, vectors, lengths }: Prompt, embedded: Tensor, positions: Tensor): Tensor {
  const [shared, , width] = vectors.shape as [Dim, number, number];
  const [rows] = embedded.shape as [Dim];
  const places = o.minimum(positions, length - 1);
  const flat = o.reshape(vectors, [mulDims(shared, length), width]);
  const own = shared === 1 ? places : o.add(places, o.reshape(o.mul(o.iota(rows), length), [rows, 1]));
  const within = o.less(positions, lengths ?? length);
  return o.where(o.reshape(within, [...within.shape, 1]), o.gather(flat, own), embedded);
}

function behind<P extends Pass>(pass: P, front: Front | undefined, prompt: Prompt | undefined): P {
  const moved = front
    ? ((pass.behind?.(front) ?? fail("internal", "a pass that takes nothing learnt before its row")) as P)
    : pass;
  if (!prompt) return moved;
  const enter = (embedded: Tensor) => moved.enter(entered(prompt, embedded, moved.positions));
  // Not a copy: some passes refuse to be asked for what they do not have.
  return Object.create(moved, { enter: { value: enter } }) as P;
}

type Network<A extends Architecture> = (scope: Scope, options?: NetworkOptions) => ReturnType<A["network"]>;

/** The network of an architecture with what has been learnt in it. @throws unsupported for a model of images */
export function withLearnt(model: Architecture, learn: Learn): Architecture {
  function changed<A extends Architecture>(
    { network }: { network: Network<A> },
    change: (made: ReturnType<A["network"]>, learnt: Learnt) => ReturnType<A["network"]>,
  ): Network<A> {
    return (scope, options = {}) => {
      const learnt = learn(scope, options);
      const inner = learnt.products ? withProducts(scope, learnt.products) : scope;
      return change(network(inner, options), learnt);
    };
  }
  switch (model.kind) {
    case "encoder":
      return {
        ...model,
        network: changed<EncoderArchitecture>(model, (made, { encoder, prompt }) => ({
          ...made,
          encode: (ids, types, pass) => made.encode(ids, types, behind(pass, encoder, prompt)),
        })),
      };
    case "decoder":
      return {
        ...model,
        network: changed<DecoderArchitecture>(model, (made, { decoder, prompt }) => ({
          ...made,
          decode: (ids, pass) => made.decode(ids, behind(pass, decoder, prompt)),
        })),
      };
    case "encoder-decoder":
      return {
        ...model,
        network: changed<EncoderDecoderArchitecture>(model, (made, { encoder, decoder, prompt }) => ({
          ...made,
          encode: (ids, pass) => made.encode(ids, behind(pass, encoder, prompt)),
          decode: (ids, pass) => made.decode(ids, behind<CrossPass>(pass, decoder, undefined)),
          front: () => (decoder?.past ? [...decoder.past] : undefined),
        })),
      };
    default:
      return fail("unsupported", `${model.type} reads images: adapters are for models of text`);
  }
}
