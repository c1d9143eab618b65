/** The graphs a T5 model runs: encode, one cached step, and full decoding of given targets. */
import type { Dim } from "../graph/dims.ts";
import { type Graph, graph } from "../graph/graph.ts";
import * as o from "../graph/operators.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { createScope } from "../nn/scope.ts";
import { network } from "./switch.ts";
import type { KeyValue } from "./t5.ts";
import type { T5Config } from "./t5-config.ts";

const layers = (config: T5Config) => Array.from({ length: config.decoderLayers }, (_, i) => i);

const ids = () => input("ids", "int64", ["batch", "sequence"]);
const mask = (batch: Dim = "batch") => input("mask", "int64", [batch, "sequence"]);

function memoryInputs(config: T5Config, batch: Dim = "batch"): KeyValue[] {
  const shape = [batch, config.heads, "sequence", config.headWidth];
  return layers(config).map((i) => ({
    k: input(`memory.${i}.k`, "float32", shape),
    v: input(`memory.${i}.v`, "float32", shape),
  }));
}

const named = (prefix: string, values: readonly KeyValue[]): Record<string, Tensor> =>
  Object.fromEntries(
    values.flatMap(({ k, v }, i) => [[`${prefix}.${i}.k`, k] as const, [`${prefix}.${i}.v`, v] as const]),
  );

/** ids, mask to `encoded` [batch, sequence, width] and the memory of every decoder layer. */
export function encoderGraph(config: T5Config): Graph {
  const model = network(createScope(), config);
  const encoded = model.encode(ids(), mask());
  return graph({ encoded, ...named("memory", model.memory(encoded)) });
}

/**
 * tokens [batch, beams, 1] and the caches to `logits`, `best` and the caches with the new position in. A graph for a
 * single row knows its sizes, which lets it use a faster product for the logits.
 */
export function stepGraph(config: T5Config, single = false): Graph {
  const model = network(createScope(), config);
  const [batch, beams, rows] = single ? [1, 1, 1] : ["batch", "beams", "batch*beams"];
  const shape = [rows!, config.heads, "capacity", config.headWidth];
  const past = layers(config).map((i) => ({
    k: input(`past.${i}.k`, "float32", shape),
    v: input(`past.${i}.v`, "float32", shape),
  }));
  const tokens = input("tokens", "int64", [batch!, beams!, 1]);
  const positions = input("positions", "int64", ["total"]);
  const memory = memoryInputs(config, batch);
  const { logits, present } = model.decode(tokens, memory, mask(batch), { past, positions });
  return graph({ logits, best: o.argmax(logits), ...named("present", present) });
}

/** tokens [batch, beams, length], shifted right, and labels to the log-probability of every label (0 where -100). */
export function scoreGraph(config: T5Config): Graph {
  const model = network(createScope(), config);
  const tokens = input("tokens", "int64", ["batch", "beams", "length"]);
  const labels = input("labels", "int64", ["batch", "beams", "length"]);
  const { logits } = model.decode(tokens, memoryInputs(config), mask());
  return graph({ logits, scores: o.neg(o.softmaxCrossEntropy(logits, labels)) });
}

/**
 * The same for choices laid one after another in one row: tokens and labels [batch, 1, length], and segments [batch,
 * length] that tell the choices apart (0 is padding). No choice sees another. Positions need no restart: the bias
 * depends on key minus query, which inside a choice is the same in any place.
 */
export function packedScoreGraph(config: T5Config): Graph {
  const model = network(createScope(), config);
  const tokens = input("tokens", "int64", ["batch", 1, "length"]);
  const labels = input("labels", "int64", ["batch", 1, "length"]);
  const segments = input("segments", "int64", ["batch", "length"]);
  const [query, key] = [o.reshape(segments, ["batch", "length", 1]), o.reshape(segments, ["batch", 1, "length"])];
  const within = o.cast(o.equal(query, key), "int64");
  const { logits } = model.decode(tokens, memoryInputs(config), mask(), undefined, within);
  return graph({ scores: o.neg(o.softmaxCrossEntropy(logits, labels)) });
}
