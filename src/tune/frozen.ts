/**
 * Encoders that nothing learnt reaches: a head alone over a frozen body, or prefixes of a decoder and between it and its
 * encoder. Without dropout they say the same of a text in every epoch, so each text is read once and kept.
 */
import { throwIfAborted } from "../errors.ts";
import { float32, type NdArray } from "../graph/array.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { TaskHead } from "../models/adapters/heads.ts";
import type { AdapterSettings } from "../models/adapters/settings.ts";
import type { Architecture } from "../models/family.ts";
import { encoderGraph } from "../models/kinds/encoder.ts";
import { padded } from "../models/kinds/ids.ts";
import type { Example } from "../models/kinds/loss.ts";
import { wanted } from "../models/kinds/programs.ts";
import { wholeRow } from "../nn/pass.ts";
import { createScope } from "../nn/scope.ts";
import type { Program } from "../runtime/program.ts";

/** Whether the encoder's output depends on nothing that is learnt, and on no chance. */
export function isConstant(
  model: Architecture,
  settings: AdapterSettings,
  head: TaskHead | undefined,
  dropout: number,
) {
  if (dropout > 0) return false;
  if (model.kind === "encoder") return settings.method === "head" && head !== "choice";
  return (
    model.kind === "encoder-decoder" &&
    !model.unjoined &&
    settings.method === "prefix" &&
    !settings.sites.includes("encoder")
  );
}

/** A network whose encoder is an input: `encoded` [batch, length, width]. */
export function withEncoded(model: Architecture, width: number): Architecture {
  const encoded = (length: string) => input("encoded", "float32", ["batch", length, width]);
  switch (model.kind) {
    case "encoder":
      return {
        ...model,
        network: (scope, options) => ({ ...model.network(scope, options), encode: () => encoded("length") }),
      };
    case "encoder-decoder":
      return {
        ...model,
        network: (scope, options) => ({ ...model.network(scope, options), encode: () => encoded("sequence") }),
      };
    default:
      return model;
  }
}

/** ids, mask, and of an encoder alone types, [batch, length], to `hidden` [batch, length, width]. */
export function encodingGraph(model: Architecture): Graph {
  if (model.kind === "encoder") return encoderGraph(model);
  if (model.kind !== "encoder-decoder") return graph({});
  const rows = (name: string): Tensor => input(name, "int64", ["batch", "length"]);
  const pass = wholeRow("length", { causal: false, mask: rows("mask") });
  return graph({ hidden: model.network(createScope()).encode(rows("ids"), pass) });
}

/** Most bytes that are kept: past that, texts are read in every epoch. */
const mostBytes = 2 ** 30;

/** Whether what the encoder says of all these texts is kept. */
export const areKept = (examples: readonly Pick<Example, "input">[], width: number): boolean =>
  examples.reduce((sum, example) => sum + 4 * width * example.input.length, 0) <= mostBytes;

/** What the encoder said, by the text's ids. */
export interface Encodings {
  readonly graph: Graph;
  /** @throws interrupted */
  read(program: Program, examples: readonly Example[], signal: AbortSignal | undefined): Promise<void>;
  /** Of these texts together, filled up to `length`. */
  of(examples: readonly Example[], length: number): NdArray;
}

/** Texts that are read together. */
const together = 16;

export function encodings(model: Architecture, width: number, pad: number): Encodings {
  const kept = new Map<Example, Float32Array>();
  return {
    graph: encodingGraph(model),
    async read(program, examples, signal) {
      const sorted = [...examples].sort((a, b) => a.input.length - b.input.length);
      for (let at = 0; at < sorted.length; at += together) {
        throwIfAborted(signal);
        const batch = sorted.slice(at, at + together);
        const { ids, mask } = padded(
          batch.map((example) => example.input),
          pad,
        );
        const { ids: types } = padded(
          batch.map((example) => example.types ?? example.input.map(() => 0)),
          0,
        );
        const { hidden } = await program.run(wanted(program, { ids, mask, types }));
        const data = hidden!.data as Float32Array;
        const row = ids.shape[1]! * width;
        batch.forEach((example, i) => {
          kept.set(example, data.slice(i * row, i * row + example.input.length * width));
        });
      }
    },
    of(examples, length) {
      const data = new Float32Array(examples.length * length * width);
      examples.forEach((example, row) => {
        data.set(kept.get(example)!, row * length * width);
      });
      return float32([examples.length, length, width], data);
    },
  };
}
