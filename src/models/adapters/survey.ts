/** Where a network can be adapted: its products and attentions, found by writing its graph once. */
import { fail } from "../../errors.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { type CrossPass, crossing, type Pass, wholeRow } from "../../nn/pass.ts";
import { createScope } from "../../nn/scope.ts";
import type { Architecture } from "../family.ts";
import type { CacheShape } from "./../kinds/cache.ts";
import { withProducts } from "./learnt.ts";

/** Where keys and values can be put before a row's own. A model with one stack has the site of its kind. */
export const sites = ["encoder", "decoder", "cross"] as const;

export type Site = (typeof sites)[number];

export interface Product {
  readonly in: number;
  readonly out: number;
}

export interface Survey {
  readonly attentions: { readonly [S in Site]?: CacheShape };
  /** Width of the embeddings as the first layer gets them. */
  readonly width: number;
  /** Products by the path of their weight, heads left out. */
  readonly products: ReadonlyMap<string, Product>;
  /** Parameters that the body asks for: what else a graph has belongs to a head. */
  readonly body: ReadonlySet<string>;
}

/** @throws unsupported for models of images, and where layers differ in the shape of their keys */
export function survey(model: Architecture): Survey {
  const products = new Map<string, Product>();
  const attentions: { -readonly [S in Site]?: CacheShape } = {};
  let width = 0;
  const root = createScope();
  const scope = withProducts(root, (path, x, out, plain) => {
    products.set(path, { in: x.shape.at(-1) as number, out });
    return plain();
  });
  const seen = (site: Site, layer: number, kvHeads: number, headWidth: number) => {
    const known = attentions[site];
    if (known && (known.kvHeads !== kvHeads || known.headWidth !== headWidth)) {
      fail("unsupported", `${model.type}: the keys of its layers differ in shape, so no prefix is laid out for them`);
    }
    attentions[site] = { layers: Math.max(known?.layers ?? 0, layer + 1), kvHeads, headWidth };
  };
  const watched = (site: "encoder" | "decoder", pass: Pass): Pass => ({
    ...pass,
    enter(embedded) {
      width ||= embedded.shape.at(-1) as number;
      return pass.enter(embedded);
    },
    self(layer, q, k, v, options) {
      const kvHeads = options.kvHeads ?? options.heads;
      seen(site, layer, kvHeads, (k.shape.at(-1) as number) / kvHeads);
      return pass.self(layer, q, k, v, options);
    },
  });
  const tokens = (name: string): Tensor => input(name, "int64", ["batch", "length"]);
  const row = (causal: boolean) => wholeRow("length", { causal });
  switch (model.kind) {
    case "encoder": {
      const network = model.network(scope);
      network.encode(tokens("ids"), tokens("types"), watched("encoder", row(false)));
      break;
    }
    case "decoder": {
      const network = model.network(scope);
      network.decode(tokens("ids"), watched("decoder", row(true)));
      break;
    }
    case "encoder-decoder": {
      const network = model.network(scope);
      const memory = network.memory(network.encode(tokens("ids"), watched("encoder", row(false))));
      const pass = crossing(row(true), memory, { batch: "batch", beams: 1 });
      const inner = watched("decoder", pass);
      const both: CrossPass = {
        ...inner,
        cross(layer, q, options) {
          const { k } = memory[layer]!;
          seen("cross", layer, k.shape[1] as number, k.shape[3] as number);
          return pass.cross(layer, q, options);
        },
      };
      network.decode(tokens("tokens"), both);
      break;
    }
    default:
      fail("unsupported", `${model.type} reads images: adapters are for models of text`);
  }
  return { attentions, width, products, body: new Set(root.parameters.keys()) };
}
