/**
 * Models that read texts: texts to their last layer's output, to a vector each, or to what the checkpoint's head gives.
 * A decoder reads texts too: its tokens see those before them alone, and its head looks at the last one.
 */
import { fail } from "../../errors.ts";
import { int64, type NdArray } from "../../graph/array.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import { createScope, type Scope } from "../../nn/scope.ts";
import type { DecoderArchitecture, EncoderArchitecture, Heads, NetworkOptions } from "../family.ts";
import { needTokens, padded } from "./ids.ts";
import { type Readout, vectorsOf } from "./pooling.ts";
import { type Compile, disposeAll, lazily, wanted } from "./programs.ts";

export type ReaderArchitecture = EncoderArchitecture | DecoderArchitecture;

/** One text, or a pair of texts, as ids; `types` tells the second text's tokens apart. */
export interface EncodedText {
  readonly ids: readonly number[];
  readonly types?: readonly number[] | undefined;
  /** Tokens at the begin that its vector leaves out: those of a prompt. */
  readonly skipped?: number | undefined;
}

export interface EncoderModel extends AsyncDisposable {
  readonly vocabulary: number;
  readonly longest?: number | undefined;
  /** Texts together to the last layer's output [texts, length, width], and the mask [texts, length]. */
  encode(texts: readonly EncodedText[]): Promise<{ readonly hidden: NdArray; readonly mask: NdArray }>;
  /** Texts together to a vector each, [texts, any]. There where the model was opened with a readout. */
  vectors?: (texts: readonly EncodedText[]) => Promise<NdArray>;
  /** Texts together to the output of the checkpoint's head, and the mask. There where the checkpoint has one. */
  answer?: (texts: readonly EncodedText[]) => Promise<{ readonly scores: NdArray; readonly mask: NdArray }>;
  /** The same of a head of masked words at these places of every text alone: [texts, most places, vocabulary]. */
  answerAt?: (texts: readonly EncodedText[], places: readonly (readonly number[])[]) => Promise<NdArray>;
}

const tokens = (name: string): Tensor => input(name, "int64", ["batch", "length"]);

/** The last layer's output, and the head over it. */
function reading(model: ReaderArchitecture, scope: Scope, training: NetworkOptions = {}) {
  const [ids, mask] = [tokens("ids"), tokens("mask")];
  if (model.kind === "encoder") {
    const network = model.network(scope, training);
    const pass = wholeRow("length", { causal: false, mask, ...training });
    return { hidden: network.encode(ids, tokens("types"), pass), heads: network.heads, ids, mask };
  }
  const network = model.network(scope, training);
  // Positions of padding repeat the last one, so that a text's own length is the largest of its row.
  const row = wholeRow("length", { causal: true, mask, positions: tokens("positions"), ...training });
  const hidden = network.decode(ids, row);
  const { classify } = network;
  const last = (x: Tensor) => vectorsOf(scope, x, tokens("judged"), { pooling: ["last"], layers: [] });
  const heads: Heads = classify ? { sequence: (x) => classify(last(x)) } : {};
  return { hidden, heads, ids, mask };
}

/** The head of a checkpoint that reads texts; undefined where it has none. */
export function headOf(model: ReaderArchitecture): keyof Heads | undefined {
  if (model.kind === "encoder") return model.head;
  return model.network(createScope()).classify ? "sequence" : undefined;
}

/**
 * ids, types (positions of a decoder, and where it has a head `judged`, the tokens whose last one that looks at) and
 * mask [batch, length] to `hidden` [batch, length, width], or to `scores` of a head.
 */
export function encoderGraph(model: ReaderArchitecture, head?: keyof Heads): Graph {
  const { hidden, heads, ids, mask } = reading(model, createScope());
  const scores = head && heads[head]?.(hidden, { ids, mask });
  return scores ? graph({ scores }) : graph({ hidden });
}

/** The same, and `places` [batch, answers], to `scores` of a head of masked words at those places. */
function placesGraph(model: EncoderArchitecture): Graph {
  const { hidden, heads, ids, mask } = reading(model, createScope());
  const places = input("places", "int64", ["batch", "answers"]);
  const spread = o.expand(o.reshape(places, ["batch", "answers", 1]), ["batch", "answers", model.width]);
  return graph({ scores: heads.masked!(o.gatherElements(hidden, spread, 1), { ids, mask }) });
}

/**
 * Scores of a head of classes [batch, classes], over the inputs of {@link encoderGraph}.
 * @throws unsupported where the model has no such head
 */
export function classScores(model: ReaderArchitecture, scope: Scope, training: NetworkOptions = {}): Tensor {
  const { hidden, heads, ids, mask } = reading(model, scope, training);
  const score = heads.sequence ?? fail("unsupported", `${model.type} has no head for classes of texts`);
  return score(hidden, { ids, mask });
}

/** Texts as the inputs of the graphs here; `padding` as {@link EncoderOptions} has it. */
export function textFeeds(texts: readonly EncodedText[], pad: number, padding?: number) {
  const { ids, mask } = padded(
    texts.map((text) => text.ids),
    pad,
  );
  const width = ids.shape[1]!;
  const filled = (value: (text: EncodedText, place: number) => number) =>
    int64(
      [texts.length, width],
      texts.flatMap((text) => Array.from({ length: width }, (_, i) => value(text, i))),
    );
  return {
    ids,
    mask,
    types: filled((text, i) => text.types?.[i] ?? 0),
    positions: filled((text, i) => Math.min(i, text.ids.length - 1)),
    judged: filled(({ ids: own }, i) => Number(i < own.length && own[i] !== padding)),
    counted: filled(({ ids: own, skipped = 0 }, i) => Number(i >= skipped && i < own.length)),
  };
}

/** ids, types, mask and `counted` [batch, length], the tokens that are pooled, to `vectors` [batch, any]. */
export function vectorGraph(model: ReaderArchitecture, readout: Readout): Graph {
  const scope = createScope();
  const { hidden } = reading(model, scope);
  return graph({ vectors: vectorsOf(scope, hidden, tokens("counted"), readout) });
}

export interface EncoderOptions {
  /** How a text's tokens become one vector. Its layers' parameters are among the model's weights. */
  readonly readout?: Readout | undefined;
  /** The token of padding by config.json: a decoder's head looks at the last other one, also of a text that ends in it. */
  readonly padding?: number | undefined;
}

/** A model over compiled programs, as {@link EncoderModel} has it. */
export function encoderModel(
  model: ReaderArchitecture,
  compile: Compile,
  { readout, padding }: EncoderOptions = {},
): EncoderModel {
  const { vocabulary, pad, longest } = model;
  const head = headOf(model);
  const encoder = lazily(() => compile(encoderGraph(model)));
  const answering = lazily(() => compile(encoderGraph(model, head)));
  const filling = lazily(() => compile(placesGraph(model as EncoderArchitecture)));
  const pooling = lazily(() =>
    compile(vectorGraph(model, readout ?? fail("internal", "vectors without a readout were asked for"))),
  );

  function feedsOf(texts: readonly EncodedText[]) {
    needTokens(
      texts.map(({ ids }) => ids),
      vocabulary,
      "a text is empty: there is nothing to encode",
    );
    return textFeeds(texts, pad, padding);
  }

  return {
    vocabulary,
    longest,
    async encode(texts) {
      const feeds = feedsOf(texts);
      const program = await encoder.get();
      return { hidden: (await program.run(wanted(program, feeds))).hidden!, mask: feeds.mask };
    },
    ...(readout && {
      async vectors(texts: readonly EncodedText[]) {
        const program = await pooling.get();
        return (await program.run(wanted(program, feedsOf(texts)))).vectors!;
      },
    }),
    ...(head && {
      async answer(texts: readonly EncodedText[]) {
        const feeds = feedsOf(texts);
        const program = await answering.get();
        return { scores: (await program.run(wanted(program, feeds))).scores!, mask: feeds.mask };
      },
    }),
    ...(head === "masked" && {
      async answerAt(texts: readonly EncodedText[], places: readonly (readonly number[])[]) {
        const program = await filling.get();
        const feeds = { ...feedsOf(texts), places: padded(places, 0).ids };
        return (await program.run(wanted(program, feeds))).scores!;
      },
    }),
    [Symbol.asyncDispose]: () => disposeAll([encoder, answering, filling, pooling]),
  };
}
