/** Every family of models, a row each; a new one is a file and a row. */
import type { JsonObject } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { Weights } from "../weights/weights.ts";
import { bert } from "./bert.ts";
import { clip } from "./clip.ts";
import type { Architecture, Family, Kind } from "./family.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { namedAs } from "./names.ts";
import { t5 } from "./t5/family.ts";
import { vit } from "./vit.ts";

export const families: readonly Family[] = [t5, bert, gpt2, llama, vit, clip];

/** Every `model_type` that opens. */
export const modelTypes: readonly string[] = families.flatMap(({ types }) => types);

/** What a kind does, for people. */
export const kindWords: Readonly<Record<Kind, string>> = {
  "encoder-decoder": "an encoder with a decoder",
  decoder: "a decoder",
  encoder: "an encoder without a decoder",
  "image-encoder": "an encoder of images",
  "two-towers": "an encoder of texts beside one of images",
};

/** The family of a config.json. @throws unsupported, naming those that there are */
export function familyOf(config: JsonObject, where: string): Family {
  const type = config.model_type;
  const found = families.find(({ types }) => types.some((known) => known === type));
  if (found) return found;
  return fail("unsupported", `model_type ${JSON.stringify(type)} is not known here`, {
    where,
    hint: `known: ${modelTypes.join(", ")}`,
  });
}

export interface ReadModel {
  readonly family: Family;
  readonly architecture: Architecture;
  /** Under the names that the network asks for. */
  readonly weights: Weights;
}

/**
 * What a folder holds: its architecture, and its weights by the names of the network.
 * @throws unsupported for a family that is not there; corrupt_file for a configuration that does not fit
 */
export function readModel(config: JsonObject, stored: Weights, where: string): ReadModel {
  const family = familyOf(config, where);
  // The names follow from the family; which tensors are there may decide what the architecture is.
  const first = family.read(config);
  const weights = namedAs(stored, first.names);
  const tensors = { has: (name: string) => weights.has(name), shape: (name: string) => weights.get(name)?.shape };
  return { family, architecture: family.read(config, tensors), weights };
}

/** Refuse what a model of this kind is not made for. @throws unsupported saying what the model is instead */
export function cannot({ type, kind }: Pick<Architecture, "type" | "kind">, what: string, where?: string): never {
  return fail("unsupported", `${type} is ${kindWords[kind]}: it cannot ${what}`, {
    ...(where !== undefined && { where }),
  });
}
