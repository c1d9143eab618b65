/** A shape from sizes that a person typed. */
import { fail } from "../errors.ts";
import { checkShape, type Family, type Shape } from "./shapes.ts";

/** Sizes as options name them, in camel case. */
export interface Sizes {
  readonly width?: number;
  readonly feedForward?: number;
  readonly layers?: number;
  readonly decoderLayers?: number;
  readonly heads?: number;
  readonly headSize?: number;
  readonly keyHeads?: number;
  readonly vocabulary?: number;
  readonly positions?: number;
  readonly experts?: number;
  readonly sparseLayers?: number;
  readonly image?: number;
  readonly patch?: number;
  readonly classes?: number;
  readonly gated?: boolean;
  readonly tied?: boolean;
  readonly untied?: boolean;
}

/** What `--architecture` may be, as config.json calls them. A Switch Transformer is a T5 with experts. */
const architectures = ["t5", "switch_transformers", "gpt2", "llama", "bert", "vit"] as const;
type Architecture = (typeof architectures)[number];

/** Shorter names, and Megatron's layers, which are GPT-2's. */
const aliases: Readonly<Record<string, Architecture>> = {
  switch: "switch_transformers",
  gpt: "gpt2",
  megatron: "gpt2",
  mistral: "llama",
};

type Name = keyof Sizes;
const always: readonly Name[] = ["width", "layers", "heads"];
const optional: readonly Name[] = ["feedForward", "headSize"];

/** What each needs beside what all need, and what it may have. */
const wanted: Record<Architecture, { readonly needs: readonly Name[]; readonly may: readonly Name[] }> = {
  t5: { needs: ["vocabulary"], may: ["decoderLayers", "gated", "tied", "untied"] },
  switch_transformers: {
    needs: ["vocabulary", "experts"],
    may: ["decoderLayers", "sparseLayers", "gated", "tied", "untied"],
  },
  gpt2: { needs: ["vocabulary", "positions"], may: [] },
  llama: { needs: ["vocabulary", "feedForward"], may: ["keyHeads", "positions", "tied", "untied"] },
  bert: { needs: ["vocabulary", "positions"], may: [] },
  vit: { needs: ["patch"], may: ["image", "classes"] },
};

/** "--feed-forward" of feedForward. */
const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const families: Record<Architecture, Family> = {
  t5: "t5",
  switch_transformers: "t5",
  gpt2: "gpt",
  llama: "llama",
  bert: "bert",
  vit: "vit",
};

function build(architecture: Architecture, sizes: Sizes, get: (name: Name) => number): Shape {
  const [width, layers, heads] = [get("width"), get("layers"), get("heads")];
  const { feedForward = 4 * width, headSize = width / heads } = sizes;
  if (!Number.isInteger(headSize)) {
    fail("wrong_use", `a width of ${width} is not ${heads} heads of one size`, { hint: "give --head-size" });
  }
  const common = { width, feedForward, heads, headSize };
  const family = families[architecture];
  switch (family) {
    case "t5": {
      const { decoderLayers = layers, gated = false, untied = false, experts, sparseLayers } = sizes;
      return {
        family,
        ...common,
        encoderLayers: layers,
        decoderLayers,
        vocabulary: get("vocabulary"),
        gated,
        tied: !untied,
        buckets: 32,
        ...(experts !== undefined && {
          experts: {
            count: experts,
            sparseEncoder: sparseLayers ?? Math.max(1, layers >> 1),
            sparseDecoder: sparseLayers ?? Math.max(1, decoderLayers >> 1),
            bias: false,
          },
        }),
      };
    }
    case "llama": {
      const { keyHeads = heads, positions = 4096, tied = false } = sizes;
      return { family, ...common, layers, keyHeads, positions, tied, vocabulary: get("vocabulary") };
    }
    case "vit": {
      const { image = 224, classes = 0 } = sizes;
      return { family, ...common, layers, image, patch: get("patch"), classToken: true, classes };
    }
    case "bert":
      return { family, ...common, layers, vocabulary: get("vocabulary"), positions: get("positions"), types: 2 };
    default:
      return { family: "gpt", ...common, layers, vocabulary: get("vocabulary"), positions: get("positions") };
  }
}

/**
 * The shape of an architecture with these sizes. Left out: a feed-forward width of four times the width, heads that
 * share the width, as many decoder as encoder layers, every second layer sparse, T5 tied and Llama not.
 * @throws wrong_use naming the option that is missing, does not belong there, or is no size
 */
export function shapeOfSizes(architecture: string | undefined, sizes: Sizes): Shape {
  const given = Object.entries(sizes).filter(([, value]) => value !== undefined) as [Name, number | boolean][];
  const known = architectures.find((name) => name === (aliases[architecture ?? ""] ?? architecture));
  if (!known) {
    const what =
      architecture === undefined ? "--architecture is missing" : `--architecture ${architecture} is not known`;
    return fail("wrong_use", `${what}: one of ${architectures.join(", ")}`);
  }
  const { needs, may } = wanted[known];
  const allowed = new Set([...always, ...optional, ...needs, ...may]);
  for (const [name, value] of given) {
    if (!allowed.has(name)) fail("wrong_use", `${flag(name)} does not belong to ${known}`);
    if (
      typeof value === "number" &&
      (!Number.isInteger(value) || value < (name === "sparseLayers" || name === "classes" ? 0 : 1))
    ) {
      fail("wrong_use", `${flag(name)} ${value}: a size is a whole number above zero`);
    }
  }
  if (sizes.tied && sizes.untied) fail("wrong_use", "--tied and --untied contradict each other");
  const missing = [...always, ...needs].filter((name) => sizes[name] === undefined);
  if (missing.length > 0) {
    const moe = missing.includes("experts") ? ": a mixture of experts needs their number" : "";
    fail("wrong_use", `${missing.map(flag).join(", ")} missing for ${known}${moe}`);
  }
  return checkShape(
    build(known, sizes, (name) => sizes[name] as number),
    "wrong_use",
  );
}
