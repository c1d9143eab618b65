/**
 * The network of BART and its relatives. Every product has a bias, scores are divided by √k, layer norms have an ε of
 * 1e-5, and the logits are the last layer's output by the table of words.
 */
import * as o from "../../../graph/operators.ts";
import { constant, type Tensor } from "../../../graph/tensor.ts";
import { activations } from "../../../nn/activations.ts";
import { keepAll } from "../../../nn/attend.ts";
import { embedding, linear, vocabularyLogits, wordVectors } from "../../../nn/linear.ts";
import { layerNorm } from "../../../nn/norms.ts";
import type { KeyValue, Pass } from "../../../nn/pass.ts";
import { sinusoids } from "../../../nn/positions.ts";
import { normal, type Scope, zerosInit } from "../../../nn/scope.ts";
import type { EncoderDecoder, NetworkOptions } from "../../family.ts";
import type { BartConfig } from "./config.ts";

type Stack = "encoder" | "decoder";

/** Learned positions are counted from the third row of their table: 0 and 1 once stood for padding. */
const offset = 2;

/** The network over a scope; every method writes its part of a graph. */
export function bartNetwork(scope: Scope, c: BartConfig, options: NetworkOptions = {}): EncoderDecoder {
  const { dropout = keepAll, training } = options;
  const { width, variant } = c;
  const start = normal(c.std);
  const bias = { bias: true };
  const stackAt = (stack: Stack) => scope.at(`model.${stack}`);
  const norm = (at: Scope, x: Tensor) => layerNorm(at, x, 1e-5);
  const heads = (stack: Stack) => ({ heads: c[stack].heads, scale: (width / c[stack].heads) ** -0.5 });

  const words = (stack: Stack) =>
    c.shared
      ? scope.param("model.shared.weight", [c[stack].vocabulary, width], start)
      : stackAt(stack).param("embed_tokens.weight", [c[stack].vocabulary, width], start);

  let waves: Tensor | undefined;
  const positions = (at: Scope, places: Tensor): Tensor => {
    if (variant.learned) {
      return embedding(at.at("embed_positions"), o.add(places, offset), c.positions + offset, width, start);
    }
    waves ??= constant(sinusoids(c.positions, width));
    return o.gather(waves, places);
  };

  const embed = (stack: Stack, ids: Tensor, pass: Pass): Tensor => {
    const at = stackAt(stack);
    const found = wordVectors(words(stack), ids, { padding: c.pad, training });
    const scaled = c.scaled ? o.mul(found, Math.sqrt(width)) : found;
    const placed = o.add(pass.enter(scaled), positions(at, pass.positions));
    return dropout(variant.embeddingNorm ? norm(at.at("layernorm_embedding"), placed) : placed);
  };

  /** x + f(norm(x)), or norm(x + f(x)). */
  const residual = (at: Scope, x: Tensor, f: (y: Tensor) => Tensor): Tensor =>
    variant.normFirst ? o.add(x, dropout(f(norm(at, x)))) : norm(at, o.add(x, dropout(f(x))));

  const project = (at: Scope, name: string, x: Tensor) => linear(at.at(`${name}_proj`), x, width, start, bias);

  const selfAttention = (stack: Stack, layer: Scope, i: number, x: Tensor, pass: Pass): Tensor =>
    residual(layer.at("self_attn_layer_norm"), x, (y) => {
      const at = layer.at("self_attn");
      const [q, k, v] = ["q", "k", "v"].map((name) => project(at, name, y)) as [Tensor, Tensor, Tensor];
      return project(at, "out", pass.self(i, q, k, v, heads(stack)));
    });

  const feedForward = (stack: Stack, layer: Scope, x: Tensor): Tensor =>
    residual(layer.at("final_layer_norm"), x, (y) => {
      const inner = activations[c.activation](linear(layer.at("fc1"), y, c[stack].inner, start, bias));
      return linear(layer.at("fc2"), inner, width, start, bias);
    });

  const ended = (stack: Stack, x: Tensor): Tensor => (variant.normFirst ? norm(stackAt(stack).at("layer_norm"), x) : x);

  return {
    encode(ids, pass) {
      let x = embed("encoder", ids, pass);
      for (let i = 0; i < c.encoder.layers; i++) {
        const layer = stackAt("encoder").at(`layers.${i}`);
        x = feedForward("encoder", layer, selfAttention("encoder", layer, i, x, pass));
      }
      return ended("encoder", x);
    },
    memory: (encoded) =>
      Array.from({ length: c.decoder.layers }, (_, i): KeyValue => {
        const at = stackAt("decoder").at(`layers.${i}.encoder_attn`);
        const part = (name: string) => o.splitHeads(project(at, name, encoded), c.decoder.heads);
        return { k: part("k"), v: part("v") };
      }),
    decode(ids, pass) {
      let x = embed("decoder", ids, pass);
      for (let i = 0; i < c.decoder.layers; i++) {
        const layer = stackAt("decoder").at(`layers.${i}`);
        x = selfAttention("decoder", layer, i, x, pass);
        x = residual(layer.at("encoder_attn_layer_norm"), x, (y) => {
          const at = layer.at("encoder_attn");
          return project(at, "out", pass.cross(i, project(at, "q", y), heads("decoder")));
        });
        x = feedForward("decoder", layer, x);
      }
      return ended("decoder", x);
    },
    logits(hidden) {
      const table = c.tied ? words("decoder") : scope.param("lm_head.weight", [c.decoder.vocabulary, width], start);
      const scores = vocabularyLogits(table, hidden);
      // A buffer of the reference: nothing learns it.
      return c.biased
        ? o.add(scores, o.stopGradient(scope.param("final_logits_bias", [1, c.decoder.vocabulary], zerosInit)))
        : scores;
    },
  };
}
