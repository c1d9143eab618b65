/** Every family of models, a row each; a new one is a file and a row. */
import { type JsonObject, shown } from "../base/json.ts";
import { fail } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { ParameterNode } from "../graph/tensor.ts";
import { canonicalNames, failMissing } from "../weights/names.ts";
import { sameInMemory } from "../weights/same.ts";
import type { StoredTensor, Weights } from "../weights/weights.ts";
import { gemma3 } from "./decoders/gemma3.ts";
import { gptNeo } from "./decoders/gpt-neo.ts";
import { gptNeox } from "./decoders/gpt-neox.ts";
import { gpt2 } from "./decoders/gpt2.ts";
import { gptj } from "./decoders/gptj.ts";
import { llama } from "./decoders/llama.ts";
import { mistral } from "./decoders/mistral.ts";
import { phi3 } from "./decoders/phi3.ts";
import { qwen2, qwen3 } from "./decoders/qwen.ts";
import { bart, marian, mbart, pegasus } from "./encoder-decoders/bart/family.ts";
import { t5 } from "./encoder-decoders/t5/family.ts";
import { bert } from "./encoders/bert.ts";
import { deberta } from "./encoders/deberta.ts";
import { distilbert } from "./encoders/distilbert.ts";
import { dpr } from "./encoders/dpr.ts";
import { electra } from "./encoders/electra.ts";
import { modernbert } from "./encoders/modernbert.ts";
import { mpnet } from "./encoders/mpnet.ts";
import { roberta } from "./encoders/roberta.ts";
import type { Architecture, Family, Kind } from "./family.ts";
import { bit } from "./images/bit.ts";
import { clip } from "./images/clip.ts";
import { mixer } from "./images/mixer.ts";
import { resnet } from "./images/resnet.ts";
import { timmType } from "./images/timm.ts";
import { timmVit } from "./images/timm-vit.ts";
import { vit } from "./images/vit.ts";
import { vivit } from "./images/vivit.ts";
import { wholeGraph } from "./kinds/whole.ts";
import { namedAs } from "./names.ts";

export const families: readonly Family[] = [
  ...[t5, bart, mbart, pegasus, marian],
  ...[gpt2, gptNeo, gptj, gptNeox, llama, mistral, qwen2, qwen3, gemma3, phi3],
  ...[bert, roberta, distilbert, electra, mpnet, modernbert, deberta, dpr],
  ...[vit, timmVit, vivit, mixer, bit, resnet, clip],
];

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

const typeOf = (config: JsonObject) => config.model_type ?? timmType(config);

/** The family of a config.json; undefined for one that does not open here. */
export const knownFamily = (config: JsonObject): Family | undefined =>
  families.find(({ types }) => types.some((known) => known === typeOf(config)));

/** The family of a config.json. @throws unsupported, naming those that there are */
export function familyOf(config: JsonObject, where: string): Family {
  const found = knownFamily(config);
  if (found) return found;
  return fail("unsupported", `model_type ${JSON.stringify(typeOf(config))} is not known here`, {
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

export interface ReadOptions {
  /** Tensors that the shard index names and no file has: for the message. */
  readonly absent?: ReadonlyMap<string, string> | undefined;
  /** Compares the numbers of two tensors, which may lie in files; without it those that do count as equal. */
  readonly same?: ((a: StoredTensor, b: StoredTensor) => boolean) | undefined;
  /** Tensors may lack: for those who count what is there. */
  readonly incomplete?: boolean;
  /** What will be asked of the model, whose tensors must be there. Default: everything. */
  readonly graph?: (model: Architecture) => Graph;
}

/** Every tensor that the network asks for must be there, in the shape that config.json gives it. */
function needShapes(parameters: readonly ParameterNode[], weights: Weights, where: string): void {
  for (const { name, outputs } of parameters) {
    const shape = outputs[0]!.shape.join(", ");
    const found = weights.get(name)!.shape.join(", ");
    if (found === shape) continue;
    fail("corrupt_file", `tensor ${shown(name)} is [${found}], by config.json it would be [${shape}]`, {
      where,
      hint: "the weights and config.json are of different models",
    });
  }
}

/**
 * What a folder holds: its architecture, and its weights by the names of the network.
 * @param where the folder
 * @throws unsupported for a family that is not there; corrupt_file for a configuration that does not fit, and for
 *   tensors that the network asks for and that are missing or of another shape
 */
export function readModel(
  config: JsonObject,
  stored: Weights,
  where: string,
  { absent, same = sameInMemory, incomplete = false, graph = wholeGraph }: ReadOptions = {},
): ReadModel {
  const family = familyOf(config, `${where}/config.json`);
  // The names follow from the family; which tensors are there may decide what the architecture is.
  const { names, ...first } = family.read(config);
  const architectureOf = (weights: Weights) =>
    family.read(config, {
      has: (name) => weights.has(name),
      shape: (name) => weights.get(name)?.shape,
      same: (name, other) => same(weights.get(name)!, weights.get(other)!),
    });
  const asked = (model: Architecture) => graph(model).parameters;
  const namesOf = (parameters: readonly ParameterNode[]) => parameters.map(({ name }) => name);

  let weights = namedAs(stored, names, () => namesOf(asked({ names, ...first })));
  let architecture = architectureOf(weights);
  if (incomplete) return { family, architecture, weights };
  let parameters = asked(architecture);
  const lacks = () => parameters.some(({ name }) => !weights.has(name));
  if (lacks()) {
    weights = namedAs(stored, names, () => namesOf(parameters), true);
    architecture = architectureOf(weights);
    parameters = asked(architecture);
  }
  if (lacks()) failMissing(canonicalNames(weights.keys(), namesOf(parameters), names), where, absent);
  needShapes(parameters, weights, where);
  return { family, architecture, weights };
}

/** Refuse what a model of this kind is not made for. @throws unsupported saying what the model is instead */
export function cannot({ type, kind }: Pick<Architecture, "type" | "kind">, what: string, where?: string): never {
  return fail("unsupported", `${type} is ${kindWords[kind]}: it cannot ${what}`, {
    ...(where !== undefined && { where }),
  });
}
