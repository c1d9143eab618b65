/** The network of an architecture in one graph, for what is asked of the network itself: which tensors, used how. */
import { type Graph, graph } from "../../graph/graph.ts";
import * as o from "../../graph/operators.ts";
import { input } from "../../graph/tensor.ts";
import { crossing, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { Architecture } from "../family.ts";
import { pixelInput } from "./pixels.ts";
import { textPass } from "./two-towers.ts";

/** Every tensor that an answer of this model may need, from inputs to outputs. */
export function wholeGraph(model: Architecture): Graph {
  const scope = createScope();
  const tokens = (name: string) => input(name, "int64", ["batch", "length"]);
  switch (model.kind) {
    case "encoder-decoder": {
      const network = model.network(scope);
      const encoded = network.encode(tokens("ids"), wholeRow("length", { causal: false }));
      const row = wholeRow("length", { causal: true });
      const pass = crossing(row, network.memory(encoded), { batch: "batch", beams: 1 });
      return graph({ logits: network.logits(network.decode(tokens("tokens"), pass)) });
    }
    case "decoder": {
      const network = model.network(scope);
      const hidden = network.decode(tokens("ids"), wholeRow("length", { causal: true }));
      if (!network.classify) return graph({ logits: network.logits(hidden) });
      const last = o.reshape(o.slice(hidden, 1, -1), ["batch", model.width]);
      return graph({ scores: network.classify(last) });
    }
    case "encoder": {
      const network = model.network(scope);
      const ids = tokens("ids");
      const hidden = network.encode(ids, tokens("types"), wholeRow("length", { causal: false }));
      const head = model.head && network.heads[model.head];
      if (head) return graph({ hidden: head(hidden, { ids }) });
      const { pooled } = network;
      return pooled ? graph<string>({ hidden, pooled: pooled(hidden) }) : graph({ hidden });
    }
    case "image-encoder": {
      const network = model.network(scope);
      const hidden = network.encode(pixelInput(model.image));
      if (network.classify) return graph({ hidden: network.classify(hidden) });
      return network.pooled ? graph<string>({ hidden, pooled: network.pooled(hidden) }) : graph({ hidden });
    }
    case "two-towers": {
      const network = model.network(scope);
      const text = network.text(tokens("ids"), textPass(model));
      return graph({ text, image: network.image(pixelInput(model.image)), scale: network.scale() });
    }
  }
}
