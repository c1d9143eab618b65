/** Models with an encoder alone: texts to their last layer's output, or to what the checkpoint's head gives. */
import { int64, type NdArray } from "../../graph/array.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import { input } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { EncoderArchitecture, Heads } from "../family.ts";
import { needTokens, padded } from "./ids.ts";
import { type Compile, disposeAll, lazily, wanted } from "./programs.ts";

/** One text, or a pair of texts, as ids; `types` tells the second text's tokens apart. */
export interface EncodedText {
  readonly ids: readonly number[];
  readonly types?: readonly number[] | undefined;
}

export interface EncoderModel extends AsyncDisposable {
  readonly vocabulary: number;
  readonly longest?: number | undefined;
  /** Texts together to the last layer's output [texts, length, width], and the mask [texts, length]. */
  encode(texts: readonly EncodedText[]): Promise<{ readonly hidden: NdArray; readonly mask: NdArray }>;
  /** Texts together to the output of the checkpoint's head, and the mask. There where the checkpoint has one. */
  answer?: (texts: readonly EncodedText[]) => Promise<{ readonly scores: NdArray; readonly mask: NdArray }>;
}

/** ids, types and mask [batch, length] to `hidden` [batch, length, width], or to `scores` of a head. */
export function encoderGraph(model: EncoderArchitecture, head?: keyof Heads): Graph {
  const network = model.network(createScope());
  const tokens = (name: string) => input(name, "int64", ["batch", "length"]);
  const ids = tokens("ids");
  const hidden = network.encode(ids, tokens("types"), wholeRow("length", { causal: false, mask: tokens("mask") }));
  const scores = head && network.heads[head]?.(hidden, ids);
  return scores ? graph({ scores }) : graph({ hidden });
}

/** A model over compiled programs, as {@link EncoderModel} has it. */
export function encoderModel(model: EncoderArchitecture, compile: Compile): EncoderModel {
  const { vocabulary, pad, head, longest } = model;
  const encoder = lazily(() => compile(encoderGraph(model)));
  const answering = lazily(() => compile(encoderGraph(model, head)));

  function feedsOf(texts: readonly EncodedText[]) {
    needTokens(
      texts.map(({ ids }) => ids),
      vocabulary,
      "a text is empty: there is nothing to encode",
    );
    const { ids, mask } = padded(
      texts.map((text) => text.ids),
      pad,
    );
    const width = ids.shape[1]!;
    const types = texts.flatMap((text) => Array.from({ length: width }, (_, i) => text.types?.[i] ?? 0));
    return { ids, mask, types: int64([texts.length, width], types) };
  }

  return {
    vocabulary,
    longest,
    async encode(texts) {
      const feeds = feedsOf(texts);
      const program = await encoder.get();
      return { hidden: (await program.run(wanted(program, feeds))).hidden!, mask: feeds.mask };
    },
    ...(head && {
      async answer(texts: readonly EncodedText[]) {
        const feeds = feedsOf(texts);
        const program = await answering.get();
        return { scores: (await program.run(wanted(program, feeds))).scores!, mask: feeds.mask };
      },
    }),
    [Symbol.asyncDispose]: () => disposeAll([encoder, answering]),
  };
}
